"""A picture -> its fingerprints, each stored under its algorithm's name.

All are taken from one working picture. A stored fingerprint is a file format: the layout and the
numbers below never change under this name; a better algorithm gets a new one.

Layout of `ALGORITHM` (big endian, 82 bytes):

    offset  size  what
         0    64  pHash of 4 parts (whole, middle, without top, without bottom), each of the
                  picture and of its mirror image: 4 x 2 x 64 bit
        64    16  dHash of the picture and of its mirror image: 2 x 64 bit
        80     2  detail: how much there is to see, in 1/256 of a grey level (see `_detail`)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

import imagehash
import numpy as np
from PIL import Image as PILImage

from monitor.errors import PictureError
from monitor.matching.decode import DecodedPicture
from monitor.matching.fingerprint.keypoints import KEYPOINTS, take_features
from monitor.matching.fingerprint.sketch import SKETCH, take_sketch
from monitor.matching.working_copy import Bytes, Working, opencv, to_working
from monitor.model import Fingerprints

ALGORITHM: Final = "hashes-1"
# All that a picture must have to be compared.
ALGORITHMS: Final = (ALGORITHM, KEYPOINTS, SKETCH)

# Parts whose pHash is kept, as (left, top, right, bottom) of a 128 x 128 copy. The middle finds
# pictures cropped by 2 to 8 % a side, the others those with a banner of 8 to 15 %.
PARTS: Final = ((0, 0, 128, 128), (6, 6, 122, 122), (0, 15, 128, 128), (0, 0, 128, 113))
_WORK: Final = 128
_LAYOUT: Final = struct.Struct(f">{2 * len(PARTS)}Q2QH")

Doubles: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Hashes: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint64]]
# Below this detail (grey levels) the bits of a hash are noise. Of 1,742 real pictures two were
# below, at 2.2, both blank to the eye; the next has 5.4.
MIN_DETAIL: Final = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """An unpacked fingerprint. Row 0 of `parts` is the picture, row 1 its mirror image."""

    parts: Hashes
    dhashes: tuple[int, int]
    detail: float


def fingerprint(decoded: DecodedPicture) -> dict[str, bytes]:
    """The picture's fingerprints by algorithm name. The same picture gives the same bytes."""
    working = to_working(decoded.image)
    return derive({ALGORITHM: take_hashes(working), KEYPOINTS: take_features(working)})


def derive(fingerprints: Fingerprints) -> dict[str, bytes]:
    """These, with those that follow from them without the picture, where they are missing."""
    derived = dict(fingerprints)
    if SKETCH not in derived and KEYPOINTS in derived:
        derived[SKETCH] = take_sketch(derived)
    return derived


def take_hashes(working: Working) -> bytes:
    """The fingerprint of `ALGORITHM`."""
    cv2 = opencv()
    square = np.asarray(cv2.resize(working.grey, (_WORK, _WORK), interpolation=cv2.INTER_AREA))
    small = [_shrink(cv2, square[top:low, left:right], 32, 32) for left, top, right, low in PARTS]
    upright, mirrored = _phashes(np.stack(small))
    narrow = _shrink(cv2, square, 9, 8)
    return _LAYOUT.pack(
        # the library's own bits for the picture as it is: those that others know
        _to_int(imagehash.phash(PILImage.fromarray(small[0]))),
        *upright[1:],
        *mirrored,
        _to_int(imagehash.dhash(PILImage.fromarray(narrow))),
        _to_bits(narrow[:, -2::-1] > narrow[:, :0:-1]),
        round(_detail(small[0]) * 256),
    )


def unpack(fingerprints: Fingerprints) -> Print:
    """The fingerprint of `ALGORITHM`. Raises PictureError if it is missing or damaged."""
    payload = fingerprints.get(ALGORITHM)
    if payload is None or len(payload) != _LAYOUT.size:
        raise PictureError(
            f"there is no sound fingerprint {ALGORITHM}; it must be taken from the picture again"
        )
    return _unpack(payload)


def is_blank(unpacked: Print) -> bool:
    """Whether there is too little to see for a hash to mean anything."""
    return unpacked.detail < MIN_DETAIL


# A scan compares the same reference pictures over and over; half a kilobyte each.
@lru_cache(maxsize=8192)
def _unpack(payload: bytes) -> Print:
    *numbers, detail = _LAYOUT.unpack(payload)
    parts = np.array(numbers[:-2], dtype=np.uint64).reshape(2, len(PARTS))
    return Print(parts=parts, dhashes=(numbers[-2], numbers[-1]), detail=detail / 256)


def _shrink(cv2: Any, picture: Bytes, width: int, height: int) -> Bytes:
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))


def _phashes(small: Bytes) -> tuple[list[int], list[int]]:
    """The pHashes of pictures of 32 x 32, and of their mirror images: `imagehash.phash`'s bits.

    Mirroring turns the sign of every odd frequency across, so one transform serves both.
    """
    low = _COSINES @ small.astype(np.float64) @ _COSINES.T
    return _to_hashes(low), _to_hashes(low * _TURN)


def _to_hashes(low: Doubles) -> list[int]:
    flat = low.reshape(len(low), 64)
    rows = np.packbits(flat > np.median(flat, axis=1)[:, None], axis=1)
    return [int.from_bytes(row.tobytes(), "big") for row in rows]


def _to_int(library_hash: imagehash.ImageHash) -> int:
    return int(str(library_hash), 16)


def _to_bits(flags: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    return int.from_bytes(np.packbits(flags).tobytes(), "big")


# The first 8 of 32 cosines of the discrete cosine transform, a row each.
_COSINES: Final = np.cos(np.pi * np.arange(8)[:, None] * (2 * np.arange(32)[None] + 1) / 64)
_TURN: Final = np.where(np.arange(8) % 2, -1.0, 1.0)


def _detail(small: Bytes) -> float:
    """What is left of the 32 x 32 picture when its best-fitting plane is taken away: the standard
    deviation in grey levels, 0 to about 128. Blank pictures and plain gradients have next to none,
    and the bits of their hashes are noise.
    """
    values = small.astype(np.float64)
    ramp = np.linspace(-1.0, 1.0, len(values))
    rest = values - values.mean()
    norm = len(values) * float(ramp @ ramp)
    rest = rest - float((rest @ ramp).sum()) / norm * ramp
    rest = rest - (float((ramp @ rest).sum()) / norm * ramp)[:, None]
    return float(rest.std())
