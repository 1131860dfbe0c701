"""A picture -> points with descriptors and a small colour picture: what finds it in other pictures.

Layout of `KEYPOINTS` (big endian, n points; at most 40 KB):

    offset    size  what
         0       8  width and height of the working picture, n, bytes of the JPEG: 4 x 16 bit
         8      2n  x in 1/32 pixel of the working picture
    8 + 2n      2n  y, likewise
    8 + 4n       n  level: its scale is 1.25 to this power
    8 + 5n       n  angle in 1/256 turn
    8 + 6n     48n  descriptors, 48 signed bytes a point (see describe.py)
    8 + 54n         the picture as JPEG, longest side 160 pixels
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from PIL import Image as PILImage

from monitor.errors import PictureError
from monitor.matching.fingerprint.describe import Floats, Places, Points, basis, describe, to_unit
from monitor.matching.working_copy import Bytes, Working, opencv
from monitor.model import Fingerprints

KEYPOINTS: Final = "keypoints-1"

THUMB: Final = 160
# Side of the grey thumbnail that is laid on another where the hashes propose a place.
GREY: Final = 32
MOST: Final = 512
DIMENSIONS: Final = 48
_LEVELS: Final = 7
STEP: Final = 1.25
SCALES: Final[Floats] = (STEP ** np.arange(_LEVELS)).astype(np.float32)
_DETECTED: Final = 1400
# With fewer corners than this, weaker ones are taken too.
_FEW: Final = 400
_CONTRAST, _LESS_CONTRAST = 8, 3
_GRID: Final = 8
_MOST_JPEG: Final = 12_000
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


def take_features(working: Working) -> bytes:
    """The fingerprint of `KEYPOINTS`."""
    height, width = working.grey.shape
    found = detect(working.grey)
    descriptors = describe(levels_of(working.grey), points_of(found))
    jpeg = _thumbnail(working.colour)
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


def detect(work: Bytes) -> Floats:
    """Corners over all levels as (x, y, level, angle), spread over the picture: (n, 4).

    Corners in a cell of an 8 x 8 grid count the less the more stronger ones the cell has: text and
    banners must not take all.
    """
    found = _corners(work, _CONTRAST)
    if len(found) < _FEW:
        found = _corners(work, _LESS_CONTRAST)
    height, width = work.shape
    xy = np.array(opencv().KeyPoint.convert(found), dtype=np.float32).reshape(-1, 2)
    column = np.minimum(xy[:, 0] * (_GRID / width), _GRID - 1).astype(int)
    row = np.minimum(xy[:, 1] * (_GRID / height), _GRID - 1).astype(int)
    strength = np.array([corner.response for corner in found], dtype=np.float32)
    chosen = _spread(column + _GRID * row, strength)
    rest = [(found[place].octave, found[place].angle) for place in chosen]
    level, angle = np.array(rest, dtype=np.float32).reshape(-1, 2).T
    return np.column_stack([xy[chosen], level, np.deg2rad(angle)])


def _spread(cell: Places, strength: Floats) -> Places:
    """The places of the `MOST` best, strong ones of crowded cells put back."""
    order = np.lexsort((-strength, cell))
    counts = np.bincount(cell, minlength=_GRID * _GRID)
    rank = np.empty(len(cell))
    rank[order] = np.arange(len(cell)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.argsort(-strength / (1 + rank / 4) ** 2, kind="stable")[:MOST]


def points_of(found: Floats) -> Points:
    """The points of rows of `detect`."""
    return Points(found[:, :2], np.take(SCALES, found[:, 2].astype(int)), found[:, 3])


def _corners(work: Bytes, contrast: int) -> Sequence[Any]:
    """OpenCV's key points for corners of so much contrast, grey levels."""
    detector = opencv().ORB_create(
        _DETECTED,
        scaleFactor=STEP,
        nlevels=_LEVELS,
        edgeThreshold=16,
        patchSize=31,
        fastThreshold=contrast,
    )
    corners: Sequence[Any] = detector.detect(work)
    return corners


def levels_of(work: Bytes) -> dict[float, Bytes]:
    """The picture at each scale, each made from the one before, and smoothed."""
    cv2 = opencv()
    height, width = work.shape
    levels: dict[float, Bytes] = {}
    level = work
    for scale in map(float, SCALES):
        size = (max(1, round(width / scale)), max(1, round(height / scale)))
        level = work if scale == 1 else cv2.resize(level, size, interpolation=cv2.INTER_LINEAR)
        levels[scale] = cv2.GaussianBlur(level, (5, 5), 1.0)
    return levels


def _thumbnail(colour: Bytes) -> bytes:
    """JPEG, longest side 160, at most 12 kB."""
    cv2 = opencv()
    factor = THUMB / max(colour.shape)
    size = tuple(max(1, round(side * factor)) for side in colour.shape[1::-1])
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = cv2.cvtColor(cv2.resize(colour, size, interpolation=way), cv2.COLOR_RGB2BGR)
    for quality in (85, 70, 50, 25):
        _, jpeg = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, quality))
        if len(jpeg) <= _MOST_JPEG:
            break
    return bytes(jpeg)


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


@lru_cache(maxsize=512)
def small_grey(jpeg: bytes) -> Floats:
    """The small picture in grey, `GREY` x `GREY`. Raises PictureError if it is damaged."""
    cv2 = opencv()
    grey = cv2.cvtColor(thumbnail(jpeg), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (GREY, GREY), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32)
