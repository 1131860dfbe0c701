"""A picture -> a few hundred bytes that are stored under the algorithm's name.

Every part is taken from one 256 x 256 copy of the picture, so the cost hardly grows with its size.
A stored fingerprint is a file format: the layout and the numbers below never change under this
name; a better algorithm gets a new one.

Layout of `ALGORITHM` (big endian, 1298 bytes):

    offset  size  what
         0    64  pHash of 4 parts (whole, middle, without top, without bottom), each of the
                  picture and of its mirror image: 4 x 2 x 64 bit
        64    16  dHash of the picture and of its mirror image: 2 x 64 bit
        80     2  detail: how much there is to see, in 1/256 of a grey level (see `_detail`)
        82  1024  the picture in grey, 32 x 32, row by row
      1106   192  the picture in colour, 8 x 8 x RGB, row by row
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import imagehash
import numpy as np
from PIL import Image as PILImage
from PIL.Image import Image

from monitor.errors import PictureError
from monitor.matching.decode import DecodedPicture
from monitor.matching.keypoints import KEYPOINTS, take_features
from monitor.matching.sketch import SKETCH, take_sketch
from monitor.model import Fingerprints

ALGORITHM: Final = "phash-thumb-2"
# All that a picture must have to be compared.
ALGORITHMS: Final = (ALGORITHM, KEYPOINTS, SKETCH)

# Sides of the grey and the colour thumbnail, in pixels.
GREY: Final = 32
COLOUR: Final = 8
# Parts whose pHash is kept, as (left, top, right, bottom) of the 256 x 256 copy. The middle finds
# pictures cropped by 2 to 8 % a side, the others those with a banner of 8 to 15 %.
PARTS: Final = ((0, 0, 256, 256), (13, 13, 243, 243), (0, 30, 256, 256), (0, 0, 256, 226))
# Grey levels; structure that varies less is noise, and pulls correlations to zero.
NOISE: Final = 2.0
_WORK: Final = 256
_LAYOUT: Final = struct.Struct(f">{2 * len(PARTS)}Q2QH{GREY * GREY}s{COLOUR * COLOUR * 3}s")

Floats: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Hashes: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint64]]


@dataclass(frozen=True, slots=True, eq=False)
class Print:
    """An unpacked fingerprint. Row 0 of the hashes is the picture, row 1 its mirror image.

    `structure` is `structure_of` the grey thumbnail in unit length: the product of two is their
    correlation.
    """

    parts: Hashes
    dhashes: tuple[int, int]
    detail: float
    grey: Floats
    structure: Floats
    colour: Floats


def fingerprint(decoded: DecodedPicture) -> dict[str, bytes]:
    """The picture's fingerprints by algorithm name. The same picture gives the same bytes."""
    prints = {ALGORITHM: take_hashes(decoded.image), KEYPOINTS: take_features(decoded.image)}
    return derive(prints)


def derive(fingerprints: Fingerprints) -> dict[str, bytes]:
    """These, with those that follow from them without the picture, where they are missing."""
    derived = dict(fingerprints)
    if SKETCH not in derived and KEYPOINTS in derived:
        derived[SKETCH] = take_sketch(derived)
    return derived


def take_hashes(image: Image) -> bytes:
    """The fingerprint of `ALGORITHM`."""
    work = image.resize((_WORK, _WORK), PILImage.Resampling.BILINEAR, reducing_gap=1.5)
    grey = work.convert("L")
    whole, *parts = (_phash(grey if box == PARTS[0] else grey.crop(box)) for box in PARTS)
    # the library's own bits for the picture as it is: those that others compute and compare with
    hashes = [(_to_int(imagehash.phash(grey)), whole[1]), *parts]
    small = grey.resize((GREY, GREY), PILImage.Resampling.BOX)
    tiny = work.resize((COLOUR, COLOUR), PILImage.Resampling.BOX)
    return _LAYOUT.pack(
        *(upright for upright, _ in hashes),
        *(mirrored for _, mirrored in hashes),
        _to_int(imagehash.dhash(grey)),
        _mirrored_dhash(grey),
        round(_detail(small) * 256),
        small.tobytes(),
        tiny.tobytes(),
    )


def unpack(fingerprints: Fingerprints) -> Print:
    """The fingerprint of `ALGORITHM`. Raises PictureError if it is missing or damaged."""
    payload = fingerprints.get(ALGORITHM)
    if payload is None or len(payload) != _LAYOUT.size:
        raise PictureError(
            f"there is no sound fingerprint {ALGORITHM}; it must be taken from the picture again"
        )
    return _unpack(payload)


# A scan compares the same reference pictures over and over; about 12 kB each.
@lru_cache(maxsize=4096)
def _unpack(payload: bytes) -> Print:
    *numbers, detail, grey, colour = _LAYOUT.unpack(payload)
    count = len(PARTS)
    pixels = np.frombuffer(grey, np.uint8).astype(np.float32).reshape(GREY, GREY)
    parts = np.array(numbers[: 2 * count], dtype=np.uint64).reshape(2, count)
    return Print(
        parts=parts,
        dhashes=(numbers[-2], numbers[-1]),
        detail=detail / 256,
        grey=pixels,
        structure=_to_unit(structure_of(pixels)),
        colour=np.frombuffer(colour, np.uint8).astype(np.float32).reshape(COLOUR, COLOUR, 3),
    )


def structure_of(grey: Floats) -> Floats:
    """Each cell less the mean of the 5 x 5 cells around it: edges and texture without the large
    light and dark areas, in which many product pictures agree by chance.
    """
    return np.asarray(grey - _AROUND @ grey @ _AROUND.T, dtype=np.float32)


def _to_unit(values: Floats) -> Floats:
    centred: Floats = values - values.mean()
    length = np.sqrt(np.vdot(centred, centred) + values.size * NOISE**2)
    return np.asarray(centred / length, dtype=np.float32)


def _mean_around(reach: int) -> Floats:
    """The matrix that takes the mean of the `reach` cells to both sides, fewer at the edge."""
    cells = np.arange(GREY)
    near = (np.abs(cells[:, None] - cells[None, :]) <= reach).astype(np.float32)
    mean: Floats = (near / near.sum(axis=1, keepdims=True)).astype(np.float32)
    return mean


_AROUND: Final = _mean_around(2)


def _phash(picture: Image) -> tuple[int, int]:
    """The pHash of the picture and of its mirror image, the same bits as `imagehash.phash`.

    Mirroring turns the sign of every odd frequency across, so one transform serves both.
    """
    pixels = np.asarray(picture.resize((32, 32), PILImage.Resampling.LANCZOS), dtype=np.float64)
    low = _COSINES @ pixels @ _COSINES.T
    return _to_bits(low > np.median(low)), _to_bits((low * _TURN) > np.median(low * _TURN))


def _mirrored_dhash(picture: Image) -> int:
    """The dHash of the mirror image, as `imagehash.dhash` would give it."""
    turned = np.asarray(picture.resize((9, 8), PILImage.Resampling.LANCZOS))[:, ::-1]
    return _to_bits(turned[:, 1:] > turned[:, :-1])


def _to_int(library_hash: imagehash.ImageHash) -> int:
    return int(str(library_hash), 16)


def _to_bits(flags: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    return int.from_bytes(np.packbits(flags).tobytes(), "big")


# The first 8 of 32 cosines of the discrete cosine transform, a row each.
_COSINES: Final = np.cos(np.pi * np.arange(8)[:, None] * (2 * np.arange(32)[None] + 1) / 64)
_TURN: Final = np.where(np.arange(8) % 2, -1.0, 1.0)


def _detail(small: Image) -> float:
    """What is left of the picture when its best-fitting plane is taken away: the standard
    deviation in grey levels, 0 to about 128. Blank pictures and plain gradients have next to none,
    and the bits of their hashes are noise.
    """
    values = np.asarray(small, dtype=np.float64)
    ramp = np.linspace(-1.0, 1.0, GREY)
    rest = values - values.mean()
    norm = GREY * float(ramp @ ramp)
    rest = rest - np.outer(np.ones(GREY), ramp) * (float((rest @ ramp).sum()) / norm)
    rest = rest - np.outer(ramp, np.ones(GREY)) * (float((ramp @ rest).sum()) / norm)
    return float(rest.std())
