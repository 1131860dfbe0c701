"""Two fingerprints -> how alike the pictures are, and why.

First the hashes: the least distance of any kept part of one picture to any of the other, also
mirrored. Only where that is small are the thumbnails laid on each other and the pixels compared.
The score is a logistic of that evidence; `benchmarks/hash_separation.py --fit` made its numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.matching.align import Alignment, Span, align
from monitor.matching.fingerprint import NOISE, Floats, Print, structure_of, unpack
from monitor.matching.index import is_blank
from monitor.model import Fingerprints, Polygon, Region, Relation, Similarity

METHOD: Final = "hash-thumb-1"

# Hash distance (bits of 64) up to which the thumbnails are compared: 5 % of honest pairs, and all
# but a few in a thousand of the lightly edited copies.
SECOND_LOOK: Final = 18
# Orientations whose distances differ by no more than this are both looked at.
_UNDECIDED: Final = 2
_AGREE_WITHIN: Final = 12.0  # grey levels
_SAME_FROM: Final = 0.5
_BLANK_SCORE: Final = 1e-6

# Logistic of the evidence. Fitted, then scaled so that on the fitting half of the pictures one
# honest pair in 10,000 reaches 0.60 and one in 100,000 reaches 0.85.
INTERCEPT: Final = -2.6846
WEIGHTS: Final = (5.1225, 1.8071, -1.3165, -3.0543)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the score is made of.

    `structure` is the correlation of edges and texture after alignment, -1..1; `agreement` the
    share of thumbnail cells that agree after one change of brightness and contrast, 0..1 (0 where
    only the hashes were looked at); `colour` the mean difference of hue, in levels 0..255.
    """

    distance: int
    structure: float
    agreement: float = 0.0
    colour: float = 0.0
    mirrored: bool = False
    alignment: Alignment | None = None

    def features(self) -> tuple[float, ...]:
        """What the logistic weighs, in the order of `WEIGHTS`."""
        # Fisher's z spreads correlations near 1 apart; the factor keeps it finite.
        strength = math.atanh(max(-0.999, min(0.999, self.structure)))
        return (strength, self.agreement, self.colour / 32, self.distance / 16)


def compare(reference: Fingerprints, candidate: Fingerprints) -> Similarity:
    """How alike the two pictures are: `same` from a score of 0.5, else `none`.

    A blank or near-uniform picture is `none` to everything: there is nothing to recognise.
    Raises PictureError if one lacks a sound fingerprint of `ALGORITHM`.
    """
    one, other = unpack(reference), unpack(candidate)
    if is_blank(one) or is_blank(other):
        detail = min(one.detail, other.detail)
        return Similarity(
            _BLANK_SCORE, Relation.NONE, METHOD, reasons={"blank": 1.0, "detail": detail}
        )
    evidence = gather(one, other)
    score = score_of(evidence)
    is_same = score >= _SAME_FROM
    return Similarity(
        score,
        Relation.SAME if is_same else Relation.NONE,
        METHOD,
        region=_region(evidence) if is_same else None,
        mirrored=is_same and evidence.mirrored,
        reasons=_reasons(evidence, one, other),
    )


def score_of(evidence: Evidence) -> float:
    """0..1, rising with structure and agreement, falling with distance and colour difference."""
    pairs = zip(WEIGHTS, evidence.features(), strict=True)
    return 1.0 / (1.0 + math.exp(-INTERCEPT - sum(weight * value for weight, value in pairs)))


def gather(one: Print, other: Print) -> Evidence:
    """The evidence of the better orientation; both must be worth a look (see `is_blank`)."""
    bits = np.bitwise_count(one.parts[0][None, :, None] ^ other.parts[:, None, :])
    upright, flipped = (int(least) for least in bits.reshape(2, -1).min(axis=1))
    nearest = min(upright, flipped)
    if nearest > SECOND_LOOK:
        return _glance(one, other, nearest, mirrored=flipped < upright)
    looks = [
        _look(one, other, distance, mirrored=mirrored)
        for distance, mirrored in ((upright, False), (flipped, True))
        if distance - nearest <= _UNDECIDED
    ]
    return max(looks, key=score_of)


def _glance(one: Print, other: Print, distance: int, *, mirrored: bool) -> Evidence:
    """The pictures as they are, without a search for where one lies in the other."""
    second = other.structure[:, ::-1] if mirrored else other.structure
    return Evidence(distance, float(np.vdot(one.structure, second)), mirrored=mirrored)


def _look(one: Print, other: Print, distance: int, *, mirrored: bool) -> Evidence:
    """Lay the thumbnails on each other, then compare what they show."""
    turn = slice(None, None, -1 if mirrored else 1)
    found = align(one.grey, other.grey[:, turn])
    rows = slice(*found.rows)
    structure = _correlate(structure_of(found.part)[rows], structure_of(found.whole)[rows])
    return Evidence(
        distance,
        structure,
        agreement=_agreement(found.part[rows], found.whole[rows]),
        colour=float(np.abs(_hue(one.colour) - _hue(other.colour[:, turn])).mean()),
        mirrored=mirrored,
        alignment=found,
    )


def _correlate(first: Floats, second: Floats) -> float:
    """Pearson's correlation, pulled to zero where there is hardly anything to correlate."""
    a, b = first - first.mean(), second - second.mean()
    noise = a.size * NOISE**2
    spread = (float(np.vdot(a, a)) + noise) * (float(np.vdot(b, b)) + noise)
    return float(np.vdot(a, b)) / math.sqrt(spread)


def _agreement(part: Floats, whole: Floats) -> float:
    """The share of cells within 12 grey levels after the best single brightness and contrast."""
    a, b = part - part.mean(), whole - whole.mean()
    gain = float(np.vdot(a, b)) / (float(np.vdot(a, a)) + 1e-6)
    return float((np.abs(b - gain * a) < _AGREE_WITHIN).mean())


def _hue(colour: Floats) -> Floats:
    """Red and blue less green, which a change of brightness leaves alone: (8, 8, 2)."""
    result: Floats = colour[..., ::2] - colour[..., 1:2]
    return result


# -- why


def _reasons(evidence: Evidence, one: Print, other: Print) -> dict[str, float]:
    orientation = int(evidence.mirrored)
    whole = int(one.parts[0, 0] ^ other.parts[orientation, 0]).bit_count()
    reasons = {
        "phash_distance": float(whole),
        "dhash_distance": float((one.dhashes[0] ^ other.dhashes[orientation]).bit_count()),
        "nearest_part_distance": float(evidence.distance),
        "structure": round(evidence.structure, 4),
    }
    if evidence.alignment is not None:
        reasons["agreement"] = round(evidence.agreement, 4)
        reasons["colour_difference"] = round(evidence.colour, 2)
    return reasons


def _region(evidence: Evidence) -> Region | None:
    found = evidence.alignment
    if found is None:
        return None
    whole = _rectangle((0.0, 0.0), (0.0, 0.0))
    # The mirror image was laid on the reference: back to the candidate as it is.
    turned = evidence.mirrored and not found.is_first
    part = _rectangle(found.x[::-1] if turned else found.x, found.y)
    return Region(part, whole) if found.is_first else Region(whole, part)


def _rectangle(x: Span, y: Span) -> Polygon:
    left, right = max(0.0, x[0]), 1.0 - max(0.0, x[1])
    top, bottom = max(0.0, y[0]), 1.0 - max(0.0, y[1])
    return ((left, top), (right, top), (right, bottom), (left, bottom))
