"""Many fingerprints -> those near a given one, without comparing all pixels of all pairs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Generic, TypeVar

import numpy as np

from monitor.matching.fingerprint import ALGORITHM, PARTS, Hashes, Print, unpack
from monitor.model import Fingerprints

K = TypeVar("K")

# Below this detail (grey levels) the bits of a hash are noise. Of 1,742 real pictures two were
# below, at 2.2, both blank to the eye; the next has 5.4.
MIN_DETAIL: Final = 4.0
# Of 64 bits, over the kept parts in both orientations: 99.4 % of the lightly edited copies are
# within it, and 1.3 % of honest pairs (docs/benchmarks.md).
MAX_DISTANCE: Final = 16
_BANDS: Final = 4
_NEAR_PHASH: Final = 3
_NEAR_DHASH: Final = 6


class Index(Generic[K]):
    """Near-duplicates by the least distance of any kept part of one picture to any of another.

    Exact: it finds what a comparison with each would find, mirrored pictures too. Blank pictures
    are neither found nor find anything. Not changed after `build`, so threads may share it.
    """

    def __init__(self, keys: list[K], hashes: Hashes) -> None:
        self._keys = keys
        self._hashes = hashes  # (pictures, parts), upright

    @classmethod
    def build(cls, items: Iterable[tuple[K, Fingerprints]]) -> Index[K]:
        """An index of (key, fingerprints); what has no fingerprint of `ALGORITHM` is left out."""
        keys: list[K] = []
        rows: list[Hashes] = []
        for key, fingerprints in items:
            if ALGORITHM in fingerprints and not is_blank(unpacked := unpack(fingerprints)):
                keys.append(key)
                rows.append(unpacked.parts[0])
        hashes = np.array(rows, dtype=np.uint64).reshape(len(rows), len(PARTS))
        return cls(keys, hashes)

    def __len__(self) -> int:
        return len(self._keys)

    def query(
        self, fingerprints: Fingerprints, max_distance: int = MAX_DISTANCE
    ) -> list[tuple[K, int]]:
        """(key, distance in bits, 0..max_distance) of the near ones, nearest first.

        Equal distances come in the order of `build`. Raises PictureError for a damaged fingerprint.
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
            np.minimum(least, bits.min(axis=1), out=least)
        return least


def is_blank(unpacked: Print) -> bool:
    """Whether there is too little to see for a hash to mean anything."""
    return unpacked.detail < MIN_DETAIL


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
