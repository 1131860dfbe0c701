"""Two fingerprints -> how alike the pictures are, and why."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from monitor.matching.fingerprint import unpack
from monitor.matching.index import is_blank
from monitor.model import Fingerprints, Relation, Similarity

METHOD: Final = "hash-thumb-1"
_SAME_FROM: Final = 0.5


def compare(reference: Fingerprints, candidate: Fingerprints) -> Similarity:
    """first version"""
    one, other = unpack(reference), unpack(candidate)
    if is_blank(one) or is_blank(other):
        return Similarity(0.001, Relation.NONE, METHOD, reasons={"blank": 1.0})
    bits = np.bitwise_count(one.parts[0][None, :, None] ^ other.parts[:, None, :])
    least = bits.reshape(2, -1).min(axis=1)
    mirrored = bool(least[1] < least[0])
    distance = int(least.min())
    score = 1 / (1 + math.exp((distance - 11) * 0.6))
    return Similarity(
        score,
        Relation.SAME if score >= _SAME_FROM else Relation.NONE,
        METHOD,
        mirrored=mirrored,
        reasons={"phash_distance": float(distance)},
    )
