"""Other programs' fingerprints of the same pictures; what is not installed is left out."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module, util
from typing import Any, Final

import imagehash
import numpy as np
from PIL import Image, ImageOps

Hash = Any
Peer = tuple[Callable[[Image.Image], Hash], Callable[[Hash, Hash], float]]


def _bits(text: str) -> int:
    return int(text, 16)


def _hash_both_ways(function: Callable[[Image.Image], Any]) -> Callable[[Image.Image], Hash]:
    return lambda image: (_bits(str(function(image))), _bits(str(function(ImageOps.mirror(image)))))


def _upright(one: Hash, other: Hash) -> float:
    return -float((one[0] ^ other[0]).bit_count())


def _either(one: Hash, other: Hash) -> float:
    return -float(min((one[0] ^ value).bit_count() for value in other))


def _crop_resistant(image: Image.Image) -> Hash:
    return imagehash.crop_resistant_hash(image)


def _crop_resistant_alike(one: Hash, other: Hash) -> float:
    return -float(one - other)


def _pdq(image: Image.Image) -> Hash:
    pdqhash = import_module("pdqhash")
    hashes, _ = pdqhash.compute_dihedral(np.asarray(image))
    return [np.packbits(item) for item in hashes]


def _pdq_alike(one: Hash, other: Hash) -> float:
    return -float(min(np.bitwise_count(one[0] ^ turn).sum() for turn in other))


PEERS: Final[dict[str, Peer]] = {
    "imagehash.phash": (_hash_both_ways(imagehash.phash), _upright),
    "imagehash.phash, mirrored too": (_hash_both_ways(imagehash.phash), _either),
    "imagehash.dhash": (_hash_both_ways(imagehash.dhash), _upright),
    "pdqhash, 8 orientations": (_pdq, _pdq_alike),
    "imagehash.crop_resistant_hash": (_crop_resistant, _crop_resistant_alike),
}
# The mirrored column is another reading of the same hashes.
SHARED: Final = {"imagehash.phash, mirrored too": "imagehash.phash"}
# A third of a second a picture: only on every so many pictures.
SLOW: Final = {"imagehash.crop_resistant_hash"}


def available() -> tuple[list[str], list[str]]:
    """(names that can run here, words about those that can't)."""
    names, words = [], []
    for name in PEERS:
        if name.startswith("pdqhash") and util.find_spec("pdqhash") is None:
            words.append("pdqhash is not installed (it needs a compiler): left out")
        else:
            names.append(name)
    if util.find_spec("imagededup") is None:
        words.append("imagededup is not installed (it brings torch): left out")
    return names, words


def hash_with(names: list[str], image: Image.Image) -> dict[str, Hash]:
    """The picture's fingerprint by each peer."""
    return {name: PEERS[name][0](image) for name in names if name not in SHARED}


def alike(names: list[str], one: dict[str, Hash], other: dict[str, Hash]) -> dict[str, float]:
    """How alike the peers say the two are: the higher, the more."""
    found = {}
    for name in names:
        key = SHARED.get(name, name)
        if key in one and key in other:
            found[name] = PEERS[name][1](one[key], other[key])
    return found
