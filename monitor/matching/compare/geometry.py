"""Points of two pictures -> where one picture lies in the other, if anywhere.

Every pair of alike points proposes a place: its sizes and angles say how large and how turned. The
proposals that most other pairs agree with are refined to affine maps. Nothing is drawn by lot, so
the same fingerprints give the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from monitor.matching.fingerprint.describe import Flags, Places
from monitor.matching.fingerprint.keypoints import Features
from monitor.matching.working_copy import WORK

Doubles: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

# Distance to the best over distance to the second best descriptor, at most.
_RATIO: Final = 0.95
_LEAST_ALIKE: Final = 0.5
_MOST_PAIRS: Final = 150
_PROPOSALS: Final = 4
# The most distinct pairs propose, all are asked.
_PROPOSERS: Final = 60
# Pixels of the working picture, from one round of refining to the next.
_TOLERANCES: Final = (16.0, 10.0, 6.0, 5.0, 5.0)
LEAST_INLIERS: Final = 3
_ENOUGH_TO_BEND: Final = 20
_STIFFNESS: Final = 0.001
_FLAT: Final = np.zeros((2, 3))


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """`matrix` (2 x 3) maps working pixels of the reference to those of the candidate.

    `bend` (2 x 3) is what is added for x^2, xy and y^2, in parts of the working size from the
    reference's middle: perspective and light waves. `reference` and `candidate` are the places of
    the point pairs that agree, `pairs` how many alike points there were in all.
    """

    matrix: Doubles
    bend: Doubles
    reference: Doubles
    candidate: Doubles
    pairs: int

    @property
    def inliers(self) -> int:
        return len(self.reference)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Points that look alike: their places, how much larger and how turned the candidate's are."""

    reference: Doubles
    candidate: Doubles
    growth: Doubles
    turn: Doubles

    def __len__(self) -> int:
        return len(self.reference)


def pair_points(reference: Features, candidate: Features) -> Pairs:
    """Up to 150 pairs of points, the most distinct first."""
    ours, theirs = _pair(reference, candidate)
    growth = candidate.scale[theirs].astype(np.float64) / reference.scale[ours]
    return Pairs(
        reference.xy[ours].astype(np.float64),
        candidate.xy[theirs].astype(np.float64),
        np.log(growth),
        candidate.angle[theirs].astype(np.float64) - reference.angle[ours],
    )


def find_fit(pairs: Pairs, reference: Features) -> Fit | None:
    """The map that most pairs agree on; None where fewer than three do."""
    best: tuple[Doubles, Flags] | None = None
    for proposal, agreeing, alike in _propose(pairs):
        refined = _refine(pairs.reference, pairs.candidate, proposal, agreeing, alike)
        if refined is not None and (best is None or refined[1].sum() > best[1].sum()):
            best = refined
        if best is not None and best[1].sum() > len(pairs) / 2:
            break
    if best is None:
        return None
    matrix, inside = best
    one, other = pairs.reference, pairs.candidate
    middle = np.array((reference.width, reference.height)) / 2
    matrix, bend, inside = _bend(one - middle, other, matrix, inside, middle)
    return Fit(matrix, bend, one[inside], other[inside], len(one))


def fit_of(matrix: Doubles, pairs: Pairs) -> Fit:
    """A map found otherwise, with the pairs that agree with it."""
    off = apply(matrix, pairs.reference) - pairs.candidate
    scale = np.clip(np.sqrt(abs(np.linalg.det(matrix[:, :2]))), 0.4, 1.5)
    near = np.hypot(off[:, 0], off[:, 1]) < 10.0 * scale
    return Fit(matrix, _FLAT, pairs.reference[near], pairs.candidate[near], len(pairs))


def _pair(reference: Features, candidate: Features) -> tuple[Places, Places]:
    """Points that are each other's nearest and clearly nearer than the next, best first."""
    if min(len(reference.xy), len(candidate.xy)) < LEAST_INLIERS:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    alike = reference.descriptors @ candidate.descriptors.T
    nearest = alike.argmax(axis=1)
    rows = np.arange(len(alike))
    first = alike[rows, nearest]
    mutual = first >= alike.max(axis=0)[nearest]
    alike[rows, nearest] = -1.0
    second = alike.max(axis=1)
    # Squared Euclidean distance of unit vectors is 2 - 2 x their product.
    ratio = np.sqrt(np.maximum(1 - first, 1e-6) / np.maximum(1 - second, 1e-6))
    kept = np.flatnonzero(mutual & (ratio < _RATIO) & (first > _LEAST_ALIKE))
    kept = kept[np.argsort(ratio[kept], kind="stable")[:_MOST_PAIRS]]
    return kept, nearest[kept]


def _propose(pairs: Pairs) -> list[tuple[Doubles, Flags, Flags]]:
    """The best proposals: (matrix, pairs that agree with it, pairs alike in size and angle)."""
    if len(pairs) < LEAST_INLIERS:
        return []
    one, other, growth, turn = pairs.reference, pairs.candidate, pairs.growth, pairs.turn
    first = slice(0, _PROPOSERS)
    scale = np.exp(growth[first])
    cos, sin = scale * np.cos(turn[first]), scale * np.sin(turn[first])
    moved, seen = one[None] - one[first, None], other[None] - other[first, None]
    off_x = cos[:, None] * moved[..., 0] - sin[:, None] * moved[..., 1] - seen[..., 0]
    off_y = sin[:, None] * moved[..., 0] + cos[:, None] * moved[..., 1] - seen[..., 1]
    # Squares throughout: roots of whole tables cost more than they bring.
    distance = (moved[..., 0] ** 2 + moved[..., 1] ** 2) * scale[:, None] ** 2
    turned = np.abs(np.mod(turn[None] - turn[first, None] + np.pi, 2 * np.pi) - np.pi)
    grown = np.abs(growth[None] - growth[first, None])
    # A point's own size and angle are rough: the further away, the more is allowed.
    allowed = (6.0 * np.maximum(scale, 0.3)[:, None]) ** 2 + 0.05 * distance
    agree = (off_x**2 + off_y**2 < allowed) & (grown < 0.45) & (turned < 0.5)
    alike = (grown < 0.6) & (turned < 0.7)
    counts = agree.sum(axis=1)
    proposals = []
    for place in np.argsort(-counts, kind="stable")[:_PROPOSALS]:
        if counts[place] < LEAST_INLIERS:
            break
        matrix = np.array(
            ((cos[place], -sin[place], 0.0), (sin[place], cos[place], 0.0)), dtype=np.float64
        )
        matrix[:, 2] = other[place] - matrix[:, :2] @ one[place]
        proposals.append((matrix, agree[place], alike[place]))
    return proposals


def _refine(
    one: Doubles, other: Doubles, matrix: Doubles, inside: Flags, alike: Flags
) -> tuple[Doubles, Flags] | None:
    for step, tolerance in enumerate(_TOLERANCES):
        chosen = np.flatnonzero(inside)
        if len(chosen) < LEAST_INLIERS:
            return None
        is_rough = step == 0 or len(chosen) < 6  # too few to tell shear from error
        solve = _fit_similarity if is_rough else _fit_affine
        matrix = solve(one[chosen], other[chosen])
        off = apply(matrix, one) - other
        scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        inside = (np.hypot(off[:, 0], off[:, 1]) < tolerance * np.clip(scale, 0.4, 1.5)) & alike
    long, short = np.linalg.svd(matrix[:, :2], compute_uv=False)
    is_possible = short > 0.08 and long < 8 and long < 2.2 * short
    return (matrix, inside) if is_possible and inside.sum() >= LEAST_INLIERS else None


def _bend(
    one: Doubles, other: Doubles, matrix: Doubles, inside: Flags, middle: Doubles
) -> tuple[Doubles, Doubles, Flags]:
    """A light bend on top of the affine map, where enough points show it.

    `one` counts from the reference's middle. Points further off than the affine map allows join.
    """
    flat, none = np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ middle]), _FLAT
    scale = float(np.clip(np.sqrt(abs(np.linalg.det(matrix[:, :2]))), 0.4, 1.5))
    design = np.column_stack([one, np.ones(len(one)), curves(one)])
    ridge = np.diag((0.0, 0.0, 0.0, *[_STIFFNESS] * 3))
    solution = np.column_stack([flat, none])
    near = inside
    for tolerance in (14.0, 8.0, 5.0):
        off = design @ solution.T - other
        near = np.hypot(off[:, 0], off[:, 1]) < tolerance * scale
        chosen = design[near]
        if len(chosen) < _ENOUGH_TO_BEND:
            return matrix, none, inside
        normal = chosen.T @ chosen + ridge * len(chosen)
        solution = np.linalg.solve(normal + 1e-6 * np.eye(6), chosen.T @ other[near]).T
    off = design @ solution.T - other
    near = np.hypot(off[:, 0], off[:, 1]) < 5.0 * scale
    if near.sum() <= inside.sum():
        return matrix, none, inside
    shift = solution[:, 2] - solution[:, :2] @ middle
    return np.column_stack([solution[:, :2], shift]), solution[:, 3:], near


def curves(places: Doubles) -> Doubles:
    """x^2, xy and y^2 of places that count from the middle, in parts of the working size."""
    x, y = places[:, 0] / WORK, places[:, 1] / WORK
    return np.column_stack([x * x, x * y, y * y])


def _fit_similarity(one: Doubles, other: Doubles) -> Doubles:
    """Least squares over turn, size and shift (Umeyama 1991, in complex numbers)."""
    from_middle, to_middle = one.mean(axis=0), other.mean(axis=0)
    source = (one - from_middle) @ np.array((1, 1j))
    target = (other - to_middle) @ np.array((1, 1j))
    factor = np.vdot(source, target) / max(float(np.vdot(source, source).real), 1e-9)
    linear = np.array(((factor.real, -factor.imag), (factor.imag, factor.real)))
    return np.column_stack([linear, to_middle - linear @ from_middle])


def _fit_affine(one: Doubles, other: Doubles) -> Doubles:
    padded = np.column_stack([one, np.ones(len(one))])
    return np.asarray(np.linalg.lstsq(padded, other, rcond=None)[0].T)


def apply(matrix: Doubles, places: Doubles) -> Doubles:
    """The places (n, 2) mapped by a 2 x 3 matrix, without the bend."""
    return np.asarray(places @ matrix[:, :2].T + matrix[:, 2])
