"""Sketches of many pictures -> those that share a part with a given one.

An inverted index: under the first 18 bits of its word stands every point of every picture. The
points of the given picture, upright and mirrored, are looked up; those that differ in few of the
other bits are hits, and vote for their picture. Of the pictures with most votes the hits must lie
alike in both: as one turn, size and shift of the whole would have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.matching.fingerprint.describe import Flags, Floats, Places
from monitor.matching.fingerprint.keypoints import DIMENSIONS, STEP
from monitor.matching.fingerprint.sketch import CELL, TURN, Sketch, join, mirrored_sketch

# Of 48 bits. Of the points that two pictures share four in ten agree in the first 18, where a point
# meets 70 of 3 million others; 99 % of those four differ in at most 7 (docs/benchmarks.md).
_KEY_BITS: Final = 18
_MOST_DIFFERENT: Final = 7
# A point that is seen in more pictures than this counts less.
_COMMON: Final = 3.0
# Pictures, upright or mirrored, whose hits are looked at; and hits of each.
_LOOKED_AT: Final = 32
_HITS: Final = 32
_LEAST_VOTES: Final = 2.0
# Pixels of the working picture; growth as a logarithm; turns. A point's own size and angle are
# rough: the further from it, the more is allowed (share of the squared distance).
_TOLERANCE: Final = 8.0
_LOOSENESS: Final = 0.08
_GROWTH: Final = 0.5
_TURNED: Final = 0.1
# Hits in one square of this side are one: levels and doubled edges repeat a point.
_SQUARE: Final = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Hits of some pictures: (pictures, `_HITS`), NaN where there is none; pixels and radians."""

    our_x: Floats
    our_y: Floats
    their_x: Floats
    their_y: Floats
    growth: Floats
    turn: Floats


class PartIndex:
    """Pictures by their number. Not changed once made, so threads may share it.

    It takes 9 bytes a point (11 from 65,536 pictures on) and 1 MB.
    """

    def __init__(self, points: Sketch, counts: Sequence[int]) -> None:
        """`points` of all pictures, one after the other; `counts` says how many each has."""
        self._count = len(counts)
        keys = points.words >> np.uint64(DIMENSIONS - _KEY_BITS)
        self._ends = np.cumsum(
            np.bincount(keys.view(np.int64), minlength=1 << _KEY_BITS), dtype=np.uint32
        )
        # by key, then in their order; sorted as one number, which takes half the memory of argsort
        keys <<= np.uint64(32)
        keys |= np.arange(len(points), dtype=np.uint64)
        keys.sort()
        keys &= np.uint64(0xFFFFFFFF)
        order = keys.view(np.int64)
        self._rest = points.words.astype(np.uint32)[order]  # the last 32 bits: all the key leaves
        numbers = np.arange(len(counts), dtype=np.min_scalar_type(max(1, len(counts))))
        self._owner = np.repeat(numbers, counts)[order]
        self._x, self._y, self._turns = points.x[order], points.y[order], points.turns[order]

    def query(self, sketch: Sketch) -> dict[int, int]:
        """Number of a picture -> how many of its points agree, for those with more than one.

        At most 32 pictures, those with most votes, in this order.
        """
        if not len(self._rest) or not len(sketch):
            return {}
        both = join([sketch, mirrored_sketch(sketch)])
        point, place, different = self._hits(both)
        # a picture and its mirror image are two
        shown = self._owner[place].astype(np.intp) * 2 + (point >= len(sketch))
        chosen = self._elect(point, shown)
        if not len(chosen):
            return {}
        table = self._tabulate(both, chosen, shown, point, place, different)
        found: dict[int, int] = {}
        for number, agreeing in zip(chosen // 2, _count_agreeing(table), strict=True):
            found[int(number)] = max(found.get(int(number), 0), int(agreeing))
        return {number: agreeing for number, agreeing in found.items() if agreeing > 1}

    def _hits(self, sketch: Sketch) -> tuple[Places, Places, Places]:
        """(point of the sketch, place in the index, bits that differ), by point."""
        keys = (sketch.words >> np.uint64(DIMENSIONS - _KEY_BITS)).astype(np.intp)
        end = self._ends[keys].astype(np.intp)
        start = np.where(keys > 0, self._ends[keys - 1].astype(np.intp), 0)
        lengths = end - start
        point = np.repeat(np.arange(len(keys)), lengths)
        place = np.arange(len(point)) + np.repeat(start - (np.cumsum(lengths) - lengths), lengths)
        different = np.bitwise_count(self._rest[place] ^ sketch.words.astype(np.uint32)[point])
        hit = np.flatnonzero(different <= _MOST_DIFFERENT)
        return point[hit], place[hit], different[hit].astype(np.intp)

    def _elect(self, point: Places, shown: Places) -> Places:
        """Those pictures with most votes: each point has one for each picture that shows it."""
        pictures = 2 * self._count
        ballots = np.sort(point * pictures + shown)
        ballots = ballots[np.flatnonzero(np.diff(ballots, prepend=-1))]
        voter, elected = np.divmod(ballots, pictures)
        weight = np.minimum(1.0, _COMMON / np.bincount(voter)[voter])
        votes = np.bincount(elected, weight, minlength=pictures)
        enough = np.flatnonzero(votes >= _LEAST_VOTES)
        return enough[np.argsort(-votes[enough], kind="stable")[:_LOOKED_AT]]

    def _tabulate(
        self,
        sketch: Sketch,
        chosen: Places,
        shown: Places,
        point: Places,
        place: Places,
        different: Places,
    ) -> _Table:
        """The hits of the chosen pictures, of each the most alike."""
        row_of = np.full(2 * self._count, -1, dtype=np.intp)
        row_of[chosen] = np.arange(len(chosen))
        rows = row_of[shown]
        order = np.lexsort((different, rows))[np.count_nonzero(rows < 0) :]
        rows, point, place = rows[order], point[order], place[order]
        column = np.arange(len(rows)) - np.searchsorted(rows, rows)
        kept = column < _HITS
        rows, column, point, place = rows[kept], column[kept], point[kept], place[kept]
        ours, theirs = self._turns[place].astype(int), sketch.turns[point].astype(int)

        def fill(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Floats:
            table = np.full((len(chosen), _HITS), np.nan, dtype=np.float32)
            table[rows, column] = values
            return table

        return _Table(
            our_x=fill(self._x[place]) * np.float32(CELL),
            our_y=fill(self._y[place]) * np.float32(CELL),
            their_x=fill(sketch.x[point]) * np.float32(CELL),
            their_y=fill(sketch.y[point]) * np.float32(CELL),
            growth=fill((theirs // TURN - ours // TURN) * np.log(STEP)),
            turn=fill((theirs % TURN - ours % TURN) * (2 * np.pi / TURN)),
        )


def _count_agreeing(table: _Table) -> Places:
    """For each picture the most hits, in different places, that one hit's own map agrees with."""
    scale = np.exp(table.growth)
    cos, sin = (scale * np.cos(table.turn))[..., None], (scale * np.sin(table.turn))[..., None]
    x, y = _apart(table.our_x), _apart(table.our_y)
    off_x = cos * x - sin * y - _apart(table.their_x)
    off_y = sin * x + cos * y - _apart(table.their_y)
    allowed = (_TOLERANCE * np.maximum(scale, 0.3)) ** 2
    allowed = allowed[..., None] + _LOOSENESS * (x * x + y * y) * (scale * scale)[..., None]
    turned = _apart(table.turn) / np.float32(2 * np.pi)
    turned = np.abs(turned - np.rint(turned))
    agree = off_x * off_x + off_y * off_y < allowed  # never where there is none
    agree &= (turned < _TURNED) & (np.abs(_apart(table.growth)) < _GROWTH)
    best = agree.sum(axis=2).argmax(axis=1)
    agreeing = agree[np.arange(len(best)), best]
    return _count_squares(table, agreeing)


def _apart(values: Floats) -> Floats:
    """[picture, i, j]: value j less value i."""
    return np.asarray(values[:, None, :] - values[:, :, None])


def _count_squares(table: _Table, agreeing: Flags) -> Places:
    """In how many squares of each reference the agreeing hits lie."""
    column, row = table.our_x // _SQUARE, table.our_y // _SQUARE
    squares = np.sort(np.where(agreeing, row * 256 + column, -1.0), axis=1)
    first = squares[:, :1] >= 0
    changes = (squares[:, 1:] != squares[:, :-1]) & (squares[:, 1:] >= 0)
    return np.asarray(first[:, 0] + changes.sum(axis=1), dtype=np.intp)
