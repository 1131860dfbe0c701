"""The candidate laid on the reference, pixel by pixel: does it show the same photograph there?

Both small pictures are drawn on one canvas, at the coarser resolution of the two, after the map
that the geometry found. One colour change over the whole is taken out; what is left is compared in
small windows: structure by correlation, colour by difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from monitor.matching.describe import Bytes
from monitor.matching.geometry import Fit, Flags
from monitor.matching.keypoints import WORK, Features, opencv, thumbnail

Singles: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

# Pixels of a window's side, and from one window to the next.
_WINDOW: Final = 9
_STRIDE: Final = 3
# Grey levels below which what varies is noise of compression.
_NOISE: Final = 5.0
_TEXTURED: Final = 7.0
_SAME_STRUCTURE: Final = 0.55
_OTHER_STRUCTURE: Final = 0.3
_SAME_COLOUR: Final = 26.0
# Terms of a colour change: three channels, a constant, five of the light over the picture.
_TERMS: Final = 9
_UNCHANGED: Final = 255 * np.eye(_TERMS, 3, dtype=np.float32)
_SAMPLES: Final = 2000
_ROUNDS: Final = 3
# Fewer windows than this say nothing.
_LEAST: Final = 12


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """What the overlap shows; all but `textured` are parts of one, or grey levels.

    `reference_share` and `candidate_share` tell how much of each picture the overlap is,
    `structure` is the mean correlation of windows (weighted by how much there is to see),
    `best` the mean of the better half of the textured ones, `agreeing` the share of textured
    windows that agree, `textured` the number of those that do,
    `solid` the share of all windows that agree in structure or, where there is none, in colour,
    `replaced` the share of windows where both show something and it differs,
    `tint` and `colour` the mean colour difference where they agree, after a change per channel,
    and after a linear change of all three; `change` what the latter moved.
    """

    reference_share: float
    candidate_share: float
    structure: float
    best: float
    agreeing: float
    textured: float
    solid: float
    replaced: float
    tint: float
    colour: float
    change: float


def agree(reference: Features, candidate: Features, fit: Fit, *, flipped: bool) -> Agreement | None:
    """Compare the overlap under `fit`; None where there is too little of it.

    `flipped` says that the fit leads to the candidate's mirror image.
    """
    cv2 = opencv()
    one, other = thumbnail(reference.jpeg), thumbnail(candidate.jpeg)
    if flipped:
        other = np.ascontiguousarray(other[:, ::-1])
    seen = (other.shape[1] / candidate.width, other.shape[0] / candidate.height)
    growth = float(np.sqrt(abs(np.linalg.det(fit.matrix[:, :2]))))
    scale = growth * max(seen) * max(reference.width, reference.height) / max(one.shape)
    one, other = _shrink(cv2, one, min(1.0, scale)), _shrink(cv2, other, min(1.0, 1 / scale))
    drawn, mask = _draw(cv2, one, other, reference, candidate, fit)
    if mask.sum() < _LEAST * _STRIDE**2:
        return None
    # Both are drawn at one resolution now, so pixels of one are pixels of the other.
    area = float(mask.sum()) / (other.shape[0] * other.shape[1])
    shares = (float(mask.mean()), min(1.0, area))
    return _compare(cv2, one.astype(np.float32), drawn, mask, shares)


def _shrink(cv2: Any, picture: Bytes, factor: float) -> Bytes:
    if factor == 1.0:
        return picture
    size = tuple(max(8, round(side * factor)) for side in picture.shape[1::-1])
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _draw(
    cv2: Any, one: Bytes, other: Bytes, reference: Features, candidate: Features, fit: Fit
) -> tuple[Singles, Flags]:
    """`other` on the canvas of `one`, and where it is."""
    height, width = one.shape[:2]
    # Centres of the canvas's pixels, in pixels of the reference's working picture.
    x = (np.arange(width) + 0.5) * (reference.width / width) - 0.5
    y = (np.arange(height) + 0.5) * (reference.height / height) - 0.5
    u, v = (x - reference.width / 2) / WORK, (y - reference.height / 2) / WORK
    places = []
    for axis, (size, whole) in enumerate(
        ((other.shape[1], candidate.width), (other.shape[0], candidate.height))
    ):
        along, down, shift = fit.matrix[axis]
        square, cross, upright = fit.bend[axis]
        row = along * x + shift + square * u * u
        column = down * y + upright * v * v
        place = row[None] + column[:, None] + cross * u[None] * v[:, None]
        places.append(((place + 0.5) * (size / whole) - 0.5).astype(np.float32))
    drawn = cv2.remap(other, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = (
        (places[0] > -0.5)
        & (places[0] < other.shape[1] - 0.5)
        & (places[1] > -0.5)
        & (places[1] < other.shape[0] - 0.5)
    )
    return np.asarray(drawn, dtype=np.float32), mask


def _compare(
    cv2: Any, ours: Singles, theirs: Singles, mask: Flags, shares: tuple[float, float]
) -> Agreement:
    tinted, mapped = _match_colours(ours, theirs, mask)
    structure, spread_one, spread_other = _correlate(cv2, ours, theirs)
    # A change of hue turns light and dark around; a change of light over the picture does not.
    recoloured, _, _ = _correlate(cv2, ours, mapped)
    if recoloured[mask].mean() > structure[mask].mean():
        structure = recoloured
    box = (_WINDOW // 2, _WINDOW // 2)
    difference = cv2.blur(np.abs(cv2.blur(ours, (3, 3)) - cv2.blur(mapped, (3, 3))) @ _EVEN, box)
    tint = cv2.blur(np.abs(cv2.blur(ours, (3, 3)) - cv2.blur(tinted, (3, 3))) @ _EVEN, box)
    change = np.abs(mapped - theirs) @ _EVEN
    grid = (slice(_STRIDE // 2, None, _STRIDE),) * 2
    inside = mask[grid]
    if not inside.any():
        inside = np.ones_like(inside)
    structure, spread_one, spread_other, difference, tint, change = (
        item[grid][inside]
        for item in (structure, spread_one, spread_other, difference, tint, change)
    )
    return _summarise(structure, spread_one, spread_other, difference, tint, change, shares)


def _summarise(
    structure: Singles,
    spread_one: Singles,
    spread_other: Singles,
    difference: Singles,
    tint: Singles,
    change: Singles,
    shares: tuple[float, float],
) -> Agreement:
    textured = np.maximum(spread_one, spread_other) > _TEXTURED
    both = np.minimum(spread_one, spread_other) > _TEXTURED
    agrees = textured & (structure > _SAME_STRUCTURE)
    flat = ~textured & (difference < _SAME_COLOUR)
    weight = np.minimum(np.maximum(spread_one, spread_other), 40.0)
    seen = np.sort(structure[textured])
    # Where something was put over it, its colours say nothing.
    shared = agrees if agrees.sum() >= _LEAST else np.ones_like(agrees)
    return Agreement(
        reference_share=shares[0],
        candidate_share=shares[1],
        structure=float((weight * structure).sum() / max(float(weight.sum()), 1e-6)),
        best=float(seen[len(seen) // 2 :].mean()) if len(seen) else 0.0,
        agreeing=float((agrees.sum() + 0.5) / (textured.sum() + 1.0)),
        textured=float(agrees.sum()),
        solid=float((agrees | flat).mean()),
        replaced=float((both & (structure < _OTHER_STRUCTURE)).mean()),
        tint=float(np.minimum(tint[shared], 60).mean()),
        colour=float(np.minimum(difference[shared], 60).mean()),
        change=float(change[shared].mean()),
    )


def _match_colours(ours: Singles, theirs: Singles, mask: Flags) -> tuple[Singles, Singles]:
    """`theirs` after the one colour change that brings most of it nearest to `ours`.

    The first: per channel a factor, a shift and a light that changes smoothly over the picture.
    The second: all that on a linear change of the three. Pixels that stay far off count little.
    """
    height, width = mask.shape
    down, along = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    light = theirs @ _GREY
    shades = (light * along, light * down, light * along * down, light * along**2, light * down**2)
    ones = np.full(mask.shape, 255.0, dtype=np.float32)
    design = np.dstack([theirs, ones, *shades]).reshape(-1, _TERMS).astype(np.float32)
    design *= np.float32(1 / 255)
    some = np.flatnonzero(mask.ravel())
    some = some[:: max(1, len(some) // _SAMPLES)]
    rows: Singles = design[some]
    rest: Singles = ours.reshape(-1, 3)[some] - rows @ _UNCHANGED
    ridge = np.float32(0.002 * len(rows)) * np.eye(_TERMS, dtype=np.float32)
    weighted: Singles = rows
    solved = np.zeros_like(_UNCHANGED)
    for _ in range(_ROUNDS):
        solved = np.linalg.solve(weighted.T @ rows + ridge, weighted.T @ rest)
        off = np.abs(rows @ solved - rest).mean(axis=1)
        weighted = (rows / (1 + (off / 20) ** 2)[:, None]).astype(np.float32)
    normal, target = weighted.T @ rows + ridge, weighted.T @ rest
    linear = np.linalg.solve(normal, target)
    plain = np.zeros_like(linear)
    for channel in range(3):
        kept = [channel, *range(3, _TERMS)]
        plain[kept, channel] = np.linalg.solve(normal[np.ix_(kept, kept)], target[kept, channel])
    changed = [np.clip(design @ (_UNCHANGED + each), -40, 295) for each in (plain, linear)]
    tinted, mapped = (each.reshape(theirs.shape).astype(np.float32) for each in changed)
    return tinted, mapped


def _correlate(cv2: Any, ours: Singles, theirs: Singles) -> tuple[Singles, Singles, Singles]:
    """Correlation of grey in the window around each pixel, and what varies in either there."""
    one, other = ours @ _GREY, theirs @ _GREY
    size = (_WINDOW, _WINDOW)
    mean_one, mean_other = cv2.blur(one, size), cv2.blur(other, size)
    var_one = np.maximum(cv2.blur(one * one, size) - mean_one**2, 0)
    var_other = np.maximum(cv2.blur(other * other, size) - mean_other**2, 0)
    shared = cv2.blur(one * other, size) - mean_one * mean_other
    noise = _NOISE**2
    structure = shared / np.sqrt((var_one + noise) * (var_other + noise))
    return structure, np.sqrt(var_one), np.sqrt(var_other)


_EVEN: Final = np.full(3, 1 / 3, dtype=np.float32)
_GREY: Final = np.array((0.299, 0.587, 0.114), dtype=np.float32)
