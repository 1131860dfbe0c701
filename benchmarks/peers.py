"""Other programs' fingerprints of the same pictures; what is not installed is left out.

`make benchmark-env` installs them all. Distances of hashes are counted by one popcount for all,
which is quicker than their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import import_module, util
from pickle import UnpicklingError
from typing import Any, Final

import imagehash
import numpy as np
from PIL import Image, ImageOps

Hash = Any


@dataclass(frozen=True, slots=True)
class Taken:
    """What a program computed from a picture, and the seconds of CPU it took."""

    hash: Hash
    seconds: float


@dataclass(frozen=True, slots=True)
class Peer:
    """How a program says that two pictures are alike, from some of `HASHES`: more is more alike."""

    hashes: tuple[str, ...]
    alike: Callable[[Sequence[Hash], Sequence[Hash]], float]


# -- imagehash


def _imagehash(name: str, image: Image.Image) -> int:
    return int(str(getattr(imagehash, name)(image)), 16)


def _mirrored(image: Image.Image) -> int:
    return _imagehash("phash", ImageOps.mirror(image))


def _upright(one: Sequence[int], other: Sequence[int]) -> float:
    return -float((one[0] ^ other[0]).bit_count())


def _either(one: Sequence[int], other: Sequence[int]) -> float:
    return -float(min((one[0] ^ value).bit_count() for value in other))


def _crop_resistant_alike(one: Sequence[Hash], other: Sequence[Hash]) -> float:
    return -float(one[0] - other[0])


# -- pdqhash


def _pdq(image: Image.Image) -> list[int]:
    hashes, _ = import_module("pdqhash").compute_dihedral(np.asarray(image))
    return [int.from_bytes(np.packbits(bits).tobytes(), "big") for bits in hashes]


def _pdq_alike(one: Sequence[list[int]], other: Sequence[list[int]]) -> float:
    return -float(min((one[0][0] ^ turned).bit_count() for turned in other[0]))


# -- imagededup


@lru_cache(maxsize=8)
def _imagededup(name: str) -> Any:
    """One of its methods; for CNN with the weights, which it fetches at the first time."""
    import_module("torch").set_num_threads(1)  # the processes are the parallel part
    return getattr(import_module("imagededup.methods"), name)(verbose=False)


def _dedup(name: str, image: Image.Image) -> int:
    return int(_imagededup(name).encode_image(image_array=np.asarray(image)), 16)


def _cnn(image: Image.Image) -> Hash:
    vector = _imagededup("CNN").encode_image(image_array=np.asarray(image)).ravel()
    return vector / np.linalg.norm(vector)


def _cosine(one: Sequence[Hash], other: Sequence[Hash]) -> float:
    return float(one[0] @ other[0])


# -- all of them

CNN: Final = "imagededup.CNN"
HASHES: Final[dict[str, Callable[[Image.Image], Hash]]] = {
    "phash": partial(_imagehash, "phash"),
    "phash of the mirror image": _mirrored,
    "dhash": partial(_imagehash, "dhash"),
    "crop-resistant": imagehash.crop_resistant_hash,
    "pdq": _pdq,
    "dedup phash": partial(_dedup, "PHash"),
    "dedup dhash": partial(_dedup, "DHash"),
    "dedup whash": partial(_dedup, "WHash"),
    "dedup cnn": _cnn,
}
PEERS: Final[dict[str, Peer]] = {
    "imagehash.phash": Peer(("phash",), _upright),
    "imagehash.phash, mirrored too": Peer(("phash", "phash of the mirror image"), _either),
    "imagehash.dhash": Peer(("dhash",), _upright),
    "pdqhash, 8 orientations": Peer(("pdq",), _pdq_alike),
    "imagededup.PHash": Peer(("dedup phash",), _upright),
    "imagededup.DHash": Peer(("dedup dhash",), _upright),
    "imagededup.WHash": Peer(("dedup whash",), _upright),
    CNN: Peer(("dedup cnn",), _cosine),
    "imagehash.crop_resistant_hash": Peer(("crop-resistant",), _crop_resistant_alike),
}
# A third of a second a picture: only on every so many pictures.
SLOW: Final = {"imagehash.crop_resistant_hash"}


def available() -> tuple[list[str], list[str]]:
    """(names that can run here, words about those that can't)."""
    missing = dict(_missing())
    return [name for name in PEERS if name not in missing], list(dict.fromkeys(missing.values()))


def _missing() -> Iterator[tuple[str, str]]:
    for module, why in (("pdqhash", "it needs a compiler"), ("imagededup", "it brings torch")):
        if util.find_spec(module) is None:
            words = f"{module} is not installed ({why}): left out; see `make benchmark-env`"
            yield from ((name, words) for name in PEERS if name.startswith(module))
        elif module == "imagededup":
            yield from _missing_weights()


def _missing_weights() -> Iterator[tuple[str, str]]:
    try:
        _imagededup("CNN")
    except (OSError, RuntimeError, UnpicklingError) as error:  # no network, or a damaged file
        yield CNN, f"{CNN}: its weights can't be loaded ({error}): left out"


def hash_with(names: Sequence[str], image: Image.Image) -> dict[str, Taken]:
    """The picture's hashes that these peers rest on, by the names of `HASHES`."""
    return {key: _take(key, image) for name in names for key in PEERS[name].hashes}


def _take(key: str, image: Image.Image) -> Taken:
    start = time.process_time()
    found = HASHES[key](image)
    return Taken(found, time.process_time() - start)


def alike(names: Sequence[str], one: dict[str, Taken], other: dict[str, Taken]) -> dict[str, float]:
    """How alike the peers say the two are: the higher, the more."""
    found = {}
    for name in names:
        keys = PEERS[name].hashes
        if all(key in one and key in other for key in keys):
            hashes = [[side[key].hash for key in keys] for side in (one, other)]
            found[name] = PEERS[name].alike(*hashes)
    return found
