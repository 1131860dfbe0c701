"""Where one thumbnail lies in the other: a search over light crops, with banners left out.

A hypothesis says which part of one picture the other shows. Both axes are searched apart: a part
is a matrix that resamples rows times one that resamples columns, so a whole grid of hypotheses is
two matrix products. For each the correlation is taken over all rows and without those at the top
or bottom, so that a banner over the picture does not hide that the rest agrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

import numpy as np

from monitor.matching.fingerprint.describe import Floats
from monitor.matching.fingerprint.keypoints import GREY

# Left and right (or top and bottom) offsets of a part, in parts of the side; 0 is the whole.
Span = tuple[float, float]
# Rows looked at, as (first, one after the last): all, without a banner at the top or the bottom.
ROWS: Final = ((0, GREY), (5, GREY), (0, GREY - 5))
_COARSE: Final = (0.0, 0.04, 0.08)
_STEPS: Final = (0.02, 0.01)
# Grey levels below which what varies is noise; keeps the correlation of flat parts near zero.
_NOISE: Final = 4.0


@dataclass(frozen=True, slots=True)
class Alignment:
    """The best hypothesis: a part of one picture (offsets `x`, `y`) is the whole of the other.

    `is_first` tells whose part it is; `part` is that part, resampled, `whole` the other picture.
    `correlation` is that of the rows `rows` of both, -1..1.
    """

    correlation: float
    x: Span
    y: Span
    rows: tuple[int, int]
    part: Floats
    whole: Floats
    is_first: bool


def align(first: Floats, second: Floats) -> Alignment:
    """How the two lie best on each other, parts cut by up to about 11 % a side."""
    spans = tuple(product(_COARSE, _COARSE))
    best = max(
        _search(first, second, spans, spans, is_first=True),
        _search(second, first, spans, spans, is_first=False),
        key=lambda found: found.correlation,
    )
    source = first if best.is_first else second
    for step in _STEPS:
        xs, ys = _around(best.x, step), _around(best.y, step)
        best = _search(source, best.whole, xs, ys, is_first=best.is_first)
    return best


def _around(span: Span, step: float) -> tuple[Span, ...]:
    moves = (-step, 0.0, step)
    return tuple((round(span[0] + a, 3), round(span[1] + b, 3)) for a in moves for b in moves)


def _search(
    source: Floats, whole: Floats, xs: tuple[Span, ...], ys: tuple[Span, ...], *, is_first: bool
) -> Alignment:
    level = np.float32(whole.mean())  # in single precision, sums must stay near zero
    by_rows, columns = _resampling(ys) @ (source - level), _resampling(xs)
    correlations = _correlate_rows(by_rows, columns, whole - level)
    y, x, rows = np.unravel_index(int(correlations.argmax()), correlations.shape)
    return Alignment(
        correlation=float(correlations[y, x, rows]),
        x=xs[x],
        y=ys[y],
        rows=ROWS[rows],
        part=_cut(source, xs[x], ys[y]),
        whole=whole,
        is_first=is_first,
    )


def _cut(source: Floats, x: Span, y: Span) -> Floats:
    return np.asarray(_resampling((y,)) @ source @ _resampling((x,)).T, dtype=np.float32)


def _correlate_rows(by_rows: Floats, columns: Floats, whole: Floats) -> Floats:
    """Pearson's correlation of each part with `whole` over each of `ROWS`: (y, x, rows).

    A part is `by_rows[y] @ columns[x].T`, but only its squares need it written out: sums and
    products are linear in it.
    """
    count = by_rows.shape[0] // GREY
    # One product per y, not one for all: small ones are not split over threads, which costs more
    # than it brings.
    parts = (by_rows.reshape(count, GREY, GREY) @ columns.T).reshape(count, GREY, -1, GREY)
    cells = columns.reshape(-1, GREY, GREY)  # (x, cell of the part, cell of the source)
    lines = by_rows.reshape(count, GREY, GREY).transpose(1, 0, 2)  # (row, y, cell of the source)
    sums = lines @ cells.sum(axis=1).T  # (row, y, x)
    crossed = lines @ (whole @ cells).transpose(1, 2, 0)
    squares = np.einsum("yixj,yixj->iyx", parts, parts)
    counts = _ROW_CHOICE.sum(axis=0) * GREY
    total, product_, square = (
        np.tensordot(item, _ROW_CHOICE, axes=(0, 0)) for item in (sums, crossed, squares)
    )
    other = whole.sum(axis=1) @ _ROW_CHOICE
    other_square = np.einsum("ij,ij->i", whole, whole) @ _ROW_CHOICE
    noise = counts * _NOISE**2
    spread = square - total**2 / counts + noise
    other_spread = other_square - other**2 / counts + noise
    return np.asarray((product_ - total * other / counts) / np.sqrt(spread * other_spread))


def _choose_rows() -> Floats:
    choice = np.zeros((GREY, len(ROWS)), dtype=np.float32)
    for column, (start, stop) in enumerate(ROWS):
        choice[start:stop, column] = 1.0
    return choice


_ROW_CHOICE: Final = _choose_rows()


@lru_cache(maxsize=512)
def _resampling(spans: tuple[Span, ...]) -> Floats:
    """The matrices that resample each span to the full length, one below the other."""
    return np.concatenate([_resample(low, high) for low, high in spans])


def _resample(low: float, high: float) -> Floats:
    """Linear interpolation at the cell centres of the part; beyond the edge the edge repeats."""
    centres = (np.arange(GREY) + 0.5) / GREY
    places = np.clip((low + centres * (1 - low - high)) * GREY - 0.5, 0, GREY - 1)
    left = np.minimum(places.astype(int), GREY - 2)
    matrix = np.zeros((GREY, GREY), dtype=np.float32)
    matrix[np.arange(GREY), left] = 1 - (places - left)
    matrix[np.arange(GREY), left + 1] = places - left
    return matrix
