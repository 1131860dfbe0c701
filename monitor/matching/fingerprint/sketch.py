"""Points of a picture in nine bytes each: what finds it, or a part of it, among thousands.

Taken from the stored fingerprint of `KEYPOINTS`, without the picture. The points stand in the same
order: the first are the most worth.

Layout of `SKETCH` (big endian, n points):

    offset    size  what
         0       4  width of the working picture, n: 2 x 16 bit
         4      6n  signs of the 48 descriptor values, a bit each, the first value's bit first
    4 + 6n       n  x in 2 pixels of the working picture
    4 + 7n       n  y, likewise
    4 + 8n       n  level (3 bits), angle in 1/32 turn (5 bits)
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np

from monitor.errors import PictureError
from monitor.matching.fingerprint.describe import Floats, basis
from monitor.matching.fingerprint.keypoints import DIMENSIONS, STEP, unpack_features
from monitor.matching.working_copy import Bytes
from monitor.model import Fingerprints

Words: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint64]]

SKETCH: Final = "sketch-1"
# Pixels of the working picture in one step of a stored place.
CELL: Final = 2.0
# Steps of a stored angle in a whole turn.
TURN: Final = 32
_WORD: Final = DIMENSIONS // 8
_HEAD: Final = struct.Struct(">2H")


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """An unpacked sketch; x and y in steps of `CELL`, `width` in pixels of the working picture.

    `words` are the signs of a point's descriptor as one number of 48 bits; two points that look
    alike differ in few. `turns` holds level and angle as they are stored.
    """

    width: int
    words: Words
    x: Bytes
    y: Bytes
    turns: Bytes

    def __len__(self) -> int:
        return len(self.words)


def take_sketch(fingerprints: Fingerprints) -> bytes:
    """The fingerprint of `SKETCH`. Raises PictureError if that of `KEYPOINTS` is not sound."""
    features = unpack_features(fingerprints)
    level = np.rint(np.log(features.scale) / np.log(STEP)).astype(np.uint8)
    angle = np.rint(features.angle * (TURN / (2 * np.pi))).astype(int) % TURN
    return b"".join(
        (
            _HEAD.pack(features.width, len(features.xy)),
            np.packbits(features.descriptors > 0, axis=1).tobytes(),
            *(_to_cells(features.xy[:, axis]).tobytes() for axis in range(2)),
            (level << 5 | angle.astype(np.uint8)).tobytes(),
        )
    )


def _to_cells(pixels: Floats) -> Bytes:
    cells: Bytes = np.clip(np.rint(pixels / CELL), 0, 255).astype(np.uint8)
    return cells


def unpack_sketch(fingerprints: Fingerprints) -> Sketch:
    """The fingerprint of `SKETCH`. Raises PictureError if it is missing or damaged."""
    payload = fingerprints.get(SKETCH)
    if payload is None or not _is_sound(payload):
        raise PictureError(
            f"there is no sound fingerprint {SKETCH}; it must be taken from the picture again"
        )
    width, count = _HEAD.unpack_from(payload)
    start = _HEAD.size
    wide = np.zeros((count, 8), dtype=np.uint8)
    wide[:, 8 - _WORD :] = np.frombuffer(payload, np.uint8, count * _WORD, start).reshape(-1, _WORD)
    x, y, turns = (
        np.frombuffer(payload, np.uint8, count, start + (_WORD + place) * count)
        for place in range(3)
    )
    return Sketch(width, wide.view(">u8").ravel().astype(np.uint64), x, y, turns)


def _is_sound(payload: bytes) -> bool:
    if len(payload) < _HEAD.size:
        return False
    _, count = _HEAD.unpack_from(payload)
    return len(payload) == _HEAD.size + int(count) * (_WORD + 3)


def mirrored_sketch(sketch: Sketch) -> Sketch:
    """The sketch of the mirror image."""
    x = np.maximum((sketch.width - 1) / CELL - sketch.x, 0)
    angle = (TURN // 2 - (sketch.turns & (TURN - 1)).astype(int)) % TURN
    return Sketch(
        sketch.width,
        sketch.words ^ _flipped_in_the_mirror(),
        np.rint(x).astype(np.uint8),
        sketch.y,
        sketch.turns & ~np.uint8(TURN - 1) | angle.astype(np.uint8),
    )


@lru_cache(maxsize=1)
def _flipped_in_the_mirror() -> np.uint64:
    """The bits of a word that change with the mirror image."""
    return np.uint64(int.from_bytes(np.packbits(basis().mirror < 0).tobytes(), "big"))


def join(sketches: Sequence[Sketch]) -> Sketch:
    """The points of all, one after the other, as if of one picture of the first one's width."""
    return Sketch(
        sketches[0].width if sketches else 0,
        np.concatenate([np.zeros(0, np.uint64), *(sketch.words for sketch in sketches)]),
        np.concatenate([np.zeros(0, np.uint8), *(sketch.x for sketch in sketches)]),
        np.concatenate([np.zeros(0, np.uint8), *(sketch.y for sketch in sketches)]),
        np.concatenate([np.zeros(0, np.uint8), *(sketch.turns for sketch in sketches)]),
    )
