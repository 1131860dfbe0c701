"""Many fingerprints -> those worth comparing with a given one, without comparing all pairs.

Two parts: hashes find near-duplicates, points find pictures that share a part. Both rest on small
fingerprints (`INDEX_ALGORITHMS`); a comparison needs the others too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np

from monitor.matching.fingerprint.fingerprint import (
    ALGORITHM,
    PARTS,
    Hashes,
    Print,
    is_blank,
    unpack,
)
from monitor.matching.fingerprint.sketch import SKETCH, Sketch, join, unpack_sketch
from monitor.matching.index.part_index import PartIndex
from monitor.model import Fingerprints

# All that a picture must have to be in an index, or to ask one.
INDEX_ALGORITHMS: Final = (ALGORITHM, SKETCH)

K = TypeVar("K")

# Bits of 64, over the kept parts in both orientations: so near is worth comparing whatever the
# points say. Of 5,000 honest pictures 0.2 are (docs/benchmarks.md).
NEAR: Final = 8
# So near is enough where the points can't speak against it, because one of both has hardly any, or
# where some speak for it. 99.4 % of a set of lightly edited copies were so near.
MAX_DISTANCE: Final = 16
FEW_POINTS: Final = 60
# Points that agree: with so many a picture is worth comparing whatever the hashes say.
LEAST_AGREEING: Final = 5
# Among thousands of pictures so many may agree by chance: enough for the one picture that has
# most of them, and for those that the hashes speak for too.
SOME_AGREEING: Final = 3
_JOINED_AT_ONCE: Final = 128
_BANDS: Final = 4
_NEAR_PHASH: Final = 3
_NEAR_DHASH: Final = 6


class Candidate(NamedTuple, Generic[K]):
    """A picture worth comparing: distance of the hashes in bits, 0..64, and points that agree."""

    key: K
    distance: int
    points: int


class Index(Generic[K]):
    """Pictures to be found again: whole, mirrored, or a part of them in part of another.

    Blank pictures are neither found nor find anything. Not changed after `build`, so threads may
    share it.
    """

    def __init__(self, keys: list[K], hashes: Hashes, points: Sketch, counts: list[int]) -> None:
        self._keys = keys
        self._hashes = hashes  # (parts, pictures), upright
        self._is_bare = np.array(counts, dtype=np.intp) < FEW_POINTS
        self._parts = PartIndex(points, counts)

    @classmethod
    def build(cls, items: Iterable[tuple[K, Fingerprints]]) -> Index[K]:
        """An index of (key, fingerprints); what lacks one of `INDEX_ALGORITHMS` is left out.

        Of an iterator no more than a few hundred are held at once. Raises PictureError for a
        damaged fingerprint.
        """
        keys: list[K] = []
        rows: list[Hashes] = []
        counts: list[int] = []
        joined, waiting = [], []
        for key, fingerprints in items:
            if not fingerprints.keys() >= set(INDEX_ALGORITHMS):
                continue
            unpacked = unpack(fingerprints)
            if is_blank(unpacked):
                continue
            keys.append(key)
            rows.append(unpacked.parts[0])
            waiting.append(unpack_sketch(fingerprints))
            counts.append(len(waiting[-1]))
            if len(waiting) == _JOINED_AT_ONCE:
                joined.append(join(waiting))
                waiting.clear()
        points = join([*joined, *waiting])
        joined.clear()
        hashes = np.array(rows, dtype=np.uint64).reshape(len(rows), len(PARTS)).T.copy()
        return cls(keys, hashes, points, counts)

    def __len__(self) -> int:
        return len(self._keys)

    def query(self, fingerprints: Fingerprints) -> list[Candidate[K]]:
        """What is worth comparing, most points first, then nearest, then in the order of `build`.

        Raises PictureError if one of `INDEX_ALGORITHMS` is missing or damaged.
        """
        wanted, sketch = unpack(fingerprints), unpack_sketch(fingerprints)
        if not self._keys or is_blank(wanted):
            return []
        distances = self._distances(wanted)
        agreeing = np.zeros(len(self._keys), dtype=np.intp)
        sharing = self._parts.query(sketch)
        for place, points in sharing.items():
            agreeing[place] = points
        is_bare = self._is_bare | (len(sketch) < FEW_POINTS)
        is_some = agreeing >= SOME_AGREEING
        is_found = (distances <= NEAR) | (agreeing >= LEAST_AGREEING)
        is_found |= (distances <= MAX_DISTANCE) & (is_bare | is_some)
        best = max(sharing, key=sharing.__getitem__, default=0)
        is_found[best] |= is_some[best]
        found = np.flatnonzero(is_found)
        order = found[np.lexsort((distances[found], -agreeing[found]))]
        return [
            Candidate(self._keys[place], int(distances[place]), int(agreeing[place]))
            for place in order
        ]

    def near(self, fingerprints: Fingerprints, max_distance: int) -> list[tuple[K, int]]:
        """(key, distance in bits, 0..max_distance) of those near by their hashes, nearest first.

        Exact: what a comparison with each would find. Equal distances come in the order of `build`.
        Raises PictureError for a damaged fingerprint.
        """
        wanted = unpack(fingerprints)
        if not self._keys or is_blank(wanted):
            return []
        distances = self._distances(wanted)
        near = np.flatnonzero(distances <= max_distance)
        order = near[np.argsort(distances[near], kind="stable")]
        return [(self._keys[place], int(distances[place])) for place in order]

    def _distances(self, wanted: Print) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        least = np.full(len(self._keys), 64, dtype=np.uint8)
        for value in np.unique(wanted.parts):
            bits = np.bitwise_count(self._hashes ^ value)
            np.minimum(least, bits.min(axis=0), out=least)
        return least


def bands(fingerprints: Fingerprints) -> list[tuple[int, int]]:
    """(band 0..3, its 16 bits of the upright pHash), none for a blank picture.

    Two pictures within 3 bits share at least one band: three changed bits can't touch four bands.
    """
    unpacked = unpack(fingerprints)
    if is_blank(unpacked):
        return []
    value = int(unpacked.parts[0, 0])
    return [(band, value >> (48 - 16 * band) & 0xFFFF) for band in range(_BANDS)]


def near_identical(a: Fingerprints, b: Fingerprints) -> bool:
    """Whether two pictures look the same at a glance: recompressed or resized, not edited.

    Same orientation. Blank pictures are near-identical to nothing.
    """
    one, other = unpack(a), unpack(b)
    if is_blank(one) or is_blank(other):
        return False
    phash = int(one.parts[0, 0] ^ other.parts[0, 0]).bit_count()
    dhash = (one.dhashes[0] ^ other.dhashes[0]).bit_count()
    return phash <= _NEAR_PHASH and dhash <= _NEAR_DHASH
