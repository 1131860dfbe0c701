"""A picture -> points with descriptors and a small colour picture: what finds it in other pictures.

Layout of `KEYPOINTS` (big endian, n points; at most 47 KB):

    offset    size  what
         0       8  width and height of the working picture, n, bytes of the JPEG: 4 x 16 bit
         8      2n  x in 1/32 pixel of the working picture
    8 + 2n      2n  y, likewise
    8 + 4n       n  level: its scale is 1.2 to this power
    8 + 5n       n  angle in 1/256 turn
    8 + 6n     48n  descriptors, 48 signed bytes a point (see `monitor.matching.describe`)
    8 + 54n         the picture as JPEG, longest side 160 pixels
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from PIL import Image as PILImage
from PIL.Image import Image

from monitor.errors import PictureError
from monitor.matching.describe import (
    Bytes,
    Floats,
    Points,
    basis,
    describe,
    sample_patches,
    to_unit,
)
from monitor.model import Fingerprints

KEYPOINTS: Final = "keypoints-1"

# Longest side of the picture in which points are sought; smaller ones are doubled at most.
WORK: Final = 512
THUMB: Final = 160
MOST: Final = 640
DIMENSIONS: Final = 48
_LEVELS: Final = 8
STEP: Final = 1.2
SCALES: Final[Floats] = (STEP ** np.arange(_LEVELS)).astype(np.float32)
_DETECTED: Final = 2500
# With fewer corners than this, weaker ones are taken too.
_FEW: Final = 500
_GRID: Final = 8
_MOST_JPEG: Final = 12_000
_NARROWEST: Final = 8
_SMOOTH: Final = PILImage.Resampling.BILINEAR
_HEAD: Final = struct.Struct(">4H")
_PLACE: Final = 32.0


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """An unpacked fingerprint; coordinates in pixels of the working picture."""

    width: int
    height: int
    xy: Floats
    scale: Floats
    angle: Floats
    descriptors: Floats
    jpeg: bytes


@lru_cache(maxsize=1)
def opencv() -> Any:
    """OpenCV on one thread: whoever calls has threads of his own. Imported at the first picture."""
    import cv2

    cv2.setNumThreads(1)
    return cv2


def take_features(image: Image) -> bytes:
    """The fingerprint of an upright RGB picture. The same picture gives the same bytes."""
    cv2 = opencv()
    work = to_work(image)
    height, width = work.shape
    found = detect(cv2, work)
    patches = sample_patches(cv2, levels_of(cv2, work), points_of(found))
    descriptors = describe(patches)
    jpeg = _thumbnail(image)
    return b"".join(
        (
            _HEAD.pack(width, height, len(found), len(jpeg)),
            np.rint(found[:, 0] * _PLACE).astype(">u2").tobytes(),
            np.rint(found[:, 1] * _PLACE).astype(">u2").tobytes(),
            found[:, 2].astype(np.uint8).tobytes(),
            (np.rint(found[:, 3] / (2 * np.pi) * 256).astype(int) & 255).astype(np.uint8).tobytes(),
            descriptors.tobytes(),
            jpeg,
        )
    )


def to_work(image: Image) -> Bytes:
    """Grey, longest side `WORK`; small pictures are at most doubled, long ones at least 8 wide."""
    factor = min(2.0, WORK / max(image.size))
    grey = image.convert("L")
    if 1 <= factor < 1.5 and min(image.size) >= _NARROWEST:
        return np.asarray(grey)
    size = tuple(max(_NARROWEST, round(side * factor)) for side in image.size)
    # Above a gap of 2, Pillow first averages whole blocks of pixels, which is much faster.
    return np.asarray(grey.resize((size[0], size[1]), _SMOOTH, reducing_gap=2.0))


def detect(cv2: Any, work: Bytes) -> Floats:
    """Corners over 8 levels as (x, y, level, angle), spread over the picture: (n, 4).

    Corners in a cell of an 8 x 8 grid count the less the more stronger ones the cell has: text and
    banners must not take all.
    """
    found = _corners(cv2, work, 8)
    if len(found) < _FEW:
        found = _corners(cv2, work, 3)
    height, width = work.shape
    column = np.minimum(found[:, 0] * (_GRID / width), _GRID - 1).astype(int)
    row = np.minimum(found[:, 1] * (_GRID / height), _GRID - 1).astype(int)
    cell = column + _GRID * row
    order = np.lexsort((-found[:, 4], cell))
    counts = np.bincount(cell, minlength=_GRID * _GRID)
    rank = np.empty(len(found))
    rank[order] = np.arange(len(found)) - np.repeat(np.cumsum(counts) - counts, counts)
    worth = found[:, 4] / (1 + rank / 4) ** 2
    chosen = found[np.argsort(-worth, kind="stable")[:MOST]]
    chosen[:, 3] = np.deg2rad(chosen[:, 3])
    return chosen[:, :4]


def points_of(found: Floats) -> Points:
    """The points of rows of `detect`."""
    return Points(found[:, :2], np.take(SCALES, found[:, 2].astype(int)), found[:, 3])


def _corners(cv2: Any, work: Bytes, contrast: int) -> Floats:
    """(x, y, level, angle in degrees, strength) of corners of so much contrast, grey levels."""
    detector = cv2.ORB_create(
        _DETECTED,
        scaleFactor=STEP,
        nlevels=_LEVELS,
        edgeThreshold=16,
        patchSize=31,
        fastThreshold=contrast,
    )
    found = [
        (*point.pt, point.octave, point.angle, point.response) for point in detector.detect(work)
    ]
    return np.array(found, dtype=np.float32).reshape(-1, 5)


def levels_of(cv2: Any, work: Bytes) -> dict[float, Bytes]:
    """The picture at each scale, each made from the one before, and smoothed."""
    height, width = work.shape
    levels: dict[float, Bytes] = {}
    level = work
    for scale in map(float, SCALES):
        size = (max(1, round(width / scale)), max(1, round(height / scale)))
        level = work if scale == 1 else cv2.resize(level, size, interpolation=cv2.INTER_LINEAR)
        levels[scale] = cv2.GaussianBlur(level, (5, 5), 1.0)
    return levels


def _thumbnail(image: Image) -> bytes:
    """JPEG, longest side 160, at most 12 kB."""
    factor = THUMB / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    small = image.resize(size, _SMOOTH, reducing_gap=1.2)
    for quality in (85, 70, 50, 25):
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= _MOST_JPEG:
            break
    return buffer.getvalue()


def unpack_features(fingerprints: Fingerprints) -> Features:
    """The fingerprint of `KEYPOINTS`. Raises PictureError if it is missing or damaged."""
    payload = fingerprints.get(KEYPOINTS)
    if payload is None or not _is_sound(payload):
        raise PictureError(
            f"there is no sound fingerprint {KEYPOINTS}; it must be taken from the picture again"
        )
    return _unpack(payload)


def _is_sound(payload: bytes) -> bool:
    if len(payload) < _HEAD.size:
        return False
    *_, count, jpeg = _HEAD.unpack_from(payload)
    return len(payload) == _HEAD.size + int(count) * (6 + DIMENSIONS) + int(jpeg)


# A scan compares the same reference pictures over and over; about 170 kB each.
@lru_cache(maxsize=512)
def _unpack(payload: bytes) -> Features:
    width, height, count, _ = _HEAD.unpack_from(payload)
    start = _HEAD.size
    x, y = (
        np.frombuffer(payload, ">u2", count, start + 2 * count * axis).astype(np.float32) / _PLACE
        for axis in range(2)
    )
    level = np.frombuffer(payload, np.uint8, count, start + 4 * count)
    turn = np.frombuffer(payload, np.uint8, count, start + 5 * count)
    short = np.frombuffer(payload, np.int8, count * DIMENSIONS, start + 6 * count)
    return Features(
        width=width,
        height=height,
        xy=np.stack([x, y], axis=1),
        scale=np.take(SCALES, np.minimum(level, _LEVELS - 1)),
        angle=turn.astype(np.float32) * np.float32(2 * np.pi / 256),
        descriptors=to_unit(short.astype(np.float32).reshape(count, DIMENSIONS)),
        jpeg=payload[start + count * (6 + DIMENSIONS) :],
    )


def mirrored(features: Features) -> Features:
    """The features of the mirror image; its `jpeg` stays as it is."""
    xy = features.xy * np.array((-1, 1), np.float32) + np.array((features.width - 1, 0), np.float32)
    return Features(
        features.width,
        features.height,
        xy,
        features.scale,
        np.float32(np.pi) - features.angle,
        features.descriptors * basis().mirror,
        features.jpeg,
    )


# The same pictures' thumbnails are laid on each other over and over; about 75 kB each.
@lru_cache(maxsize=512)
def thumbnail(jpeg: bytes) -> Bytes:
    """The small picture, RGB. Raises PictureError if it is damaged."""
    try:
        with PILImage.open(io.BytesIO(jpeg), formats=("JPEG",)) as opened:
            return np.asarray(opened.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise PictureError(f"the fingerprint {KEYPOINTS} is damaged: {error}") from error
