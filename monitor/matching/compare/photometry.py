"""The candidate laid on the reference, pixel by pixel: does it show the same photograph there?

Both small pictures are drawn on one canvas, at the coarser resolution of the two, after the map
that the geometry found. One colour change over the whole is taken out; what is left is compared in
small windows: structure by correlation, colour by difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from monitor.matching.compare.colour import LUMA, match_colours
from monitor.matching.compare.geometry import Fit
from monitor.matching.fingerprint.describe import Flags, Floats
from monitor.matching.fingerprint.keypoints import Features, thumbnail
from monitor.matching.working_copy import WORK, Bytes, opencv

# Pixels of a window's side, and from one window to the next.
_WINDOW: Final = 9
_STRIDE: Final = 3
# Grey levels below which what varies is noise of compression.
_NOISE: Final = 5.0
_TEXTURED: Final = 7.0
_SAME_STRUCTURE: Final = 0.55
_OTHER_STRUCTURE: Final = 0.3
# Grey levels within which a window's colour stayed, and from which it is another.
_STILL, _FAR = 8.0, 25.0
# Fewer windows than this say nothing.
_LEAST: Final = 12


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """What the overlap shows; all but `textured` are parts of one, or grey levels.

    `reference_share` and `candidate_share` tell how much of each picture the overlap is,
    `structure` is the mean correlation of windows (weighted by how much there is to see),
    `best` the mean of the better half of the textured ones, `agreeing` the share of textured
    windows that agree, `core` the same in the middle of the overlap, `textured` the number of
    those that do, `replaced` the share of windows where both show something and it differs,
    `tint` and `colour` the mean colour difference where they agree, after a change per channel,
    and after a change that mixes all three; `split` how far the windows fall in two, those whose
    colour stayed and those whose colour is another, 0 to 0.5; `contrast` how unequally contrast
    grew or fell where they agree (standard deviation of its logarithm).
    """

    reference_share: float
    candidate_share: float
    structure: float
    best: float
    agreeing: float
    core: float
    textured: float
    replaced: float
    tint: float
    colour: float
    split: float
    contrast: float


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
) -> tuple[Floats, Flags]:
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
    cv2: Any, ours: Floats, theirs: Floats, mask: Flags, shares: tuple[float, float]
) -> Agreement:
    inside = mask[_GRID] if mask[_GRID].any() else np.ones_like(mask[_GRID])
    soft, other_soft = (cv2.blur(picture, (5, 5))[_GRID] for picture in (ours, theirs))
    change = match_colours(soft, other_soft, inside)
    one, other = ours @ LUMA, theirs @ LUMA
    structure, spread_one, spread_other = _correlate(cv2, one, other)
    # A change of hue turns light and dark around; a change of light over the picture does not.
    weights = change.to_grey()
    turned = (ours @ weights, other) if change.is_forward else (one, theirs @ weights)
    recoloured, _, _ = _correlate(cv2, *turned)
    if recoloured[mask].mean() > structure[mask].mean():
        structure = recoloured
    windows = _Windows(
        structure=structure[_GRID],
        least=np.minimum(spread_one, spread_other)[_GRID],
        most=np.maximum(spread_one, spread_other)[_GRID],
        colour=change.colour,
        tint=change.tint,
        apart=change.apart,
        growth=np.log((spread_other + _NOISE) / (spread_one + _NOISE))[_GRID]
        - np.log(change.light),
        inside=inside,
    )
    return _summarise(windows, shares)


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """One value a window, on a grid over the overlap's canvas; `inside` says which are in it."""

    structure: Floats
    least: Floats
    most: Floats
    colour: Floats
    tint: Floats
    apart: Floats
    growth: Floats
    inside: Flags


def _summarise(windows: _Windows, shares: tuple[float, float]) -> Agreement:
    inside = windows.inside
    textured = (windows.most > _TEXTURED) & inside
    both = (windows.least > _TEXTURED) & inside
    agrees = textured & (windows.structure > _SAME_STRUCTURE)
    weight = np.minimum(windows.most[inside], 40.0)
    seen = np.sort(windows.structure[textured])
    # Where something was put over it, its colours say nothing.
    shared = agrees if agrees.sum() >= _LEAST else inside
    middle = _middle_of(inside)
    total = float(inside.sum())
    return Agreement(
        reference_share=shares[0],
        candidate_share=shares[1],
        structure=float((weight * windows.structure[inside]).sum() / max(weight.sum(), 1e-6)),
        best=float(seen[len(seen) // 2 :].mean()) if len(seen) else 0.0,
        agreeing=_share(agrees, textured),
        core=_share(agrees & middle, textured & middle),
        textured=float(agrees.sum()),
        replaced=float((both & (windows.structure < _OTHER_STRUCTURE)).sum()) / total,
        tint=float(np.minimum(windows.tint[shared], 60).mean()),
        colour=float(np.minimum(windows.colour[shared], 60).mean()),
        split=_split(windows, agrees, textured),
        contrast=float(windows.growth[agrees].std()) if agrees.sum() >= _LEAST else 0.0,
    )


def _split(windows: _Windows, agrees: Flags, textured: Flags) -> float:
    """How far the windows fall in two: those that stayed as they were, and those far from it.

    Of what is flat only what changed counts, so that an empty ground doesn't hide a small thing;
    and only beside edges that agree, as those of a recoloured thing do and a banner's don't.
    """
    beside = _grow(agrees) & ~_grow(textured & ~agrees)
    flat = windows.inside & ~textured & beside
    far = (agrees | flat) & (windows.apart > _FAR)
    still = agrees & (windows.apart < _STILL)
    return float(np.sqrt(still.sum() * far.sum())) / max(1, int((agrees | far).sum()))


def _grow(flags: Flags) -> Flags:
    """With the windows around them."""
    return np.asarray(opencv().dilate(flags.astype(np.uint8), _AROUND) > 0)


def _share(some: Flags, whole: Flags) -> float:
    """Of few windows half is taken for granted."""
    return float((some.sum() + 0.5) / (whole.sum() + 1.0))


def _middle_of(inside: Flags) -> Flags:
    """The windows in the middle half of both sides of the overlap's box."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    middle = np.zeros_like(inside)
    top, low = _middle_half(int(rows[0]), int(rows[-1]))
    left, right = _middle_half(int(columns[0]), int(columns[-1]))
    middle[top:low, left:right] = True
    return middle & inside


def _middle_half(first: int, last: int) -> tuple[int, int]:
    quarter = (last - first + 1) // 4
    return first + quarter, last + 1 - quarter


def _correlate(cv2: Any, one: Floats, other: Floats) -> tuple[Floats, Floats, Floats]:
    """Correlation of grey in the window around each pixel, and what varies in either there."""
    size = (_WINDOW, _WINDOW)
    mean_one, mean_other = cv2.blur(one, size), cv2.blur(other, size)
    var_one = np.maximum(cv2.blur(one * one, size) - mean_one**2, 0)
    var_other = np.maximum(cv2.blur(other * other, size) - mean_other**2, 0)
    shared = cv2.blur(one * other, size) - mean_one * mean_other
    noise = _NOISE**2
    structure = shared / np.sqrt((var_one + noise) * (var_other + noise))
    return structure, np.sqrt(var_one), np.sqrt(var_other)


_AROUND: Final = np.ones((5, 5), dtype=np.uint8)
_GRID: Final = (slice(_STRIDE // 2, None, _STRIDE),) * 2
