"""Patches around points of a picture -> short descriptors that survive what sellers do.

A patch is turned upright by its point's angle and taken at its point's size; of its gradients the
magnitude (square root) is pooled in 4 x 4 soft cells over harmonics of the direction, as in
"Multiple-kernel local-patch descriptor" (Mukundan, Tolias, Chum, BMVC 2017). A linear map makes it
short; it is learnt so that views of one point come together and others apart.

The map commutes with mirroring: each of its rows is even or odd under a flip of the patch, so the
descriptor of the mirror image is the descriptor times `Basis.mirror` (+1 and -1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final, TypeAlias

import numpy as np

from monitor.matching.working_copy import Bytes, opencv

Floats: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Places: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.intp]]
Flags: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Steps: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.int8]]

# Samples per side of a patch; the outermost ring only serves the gradients.
SIDE: Final = 16
CELLS: Final = 4
HARMONICS: Final = 3
RAW: Final = CELLS * CELLS * (1 + 2 * HARMONICS)
# Distance of two samples, in pixels of the point's own level.
SPACING: Final = 2.2
_AT_ONCE: Final = 128


@dataclass(frozen=True, slots=True)
class Points:
    """Points of a picture: place in its pixels, `scale` (1 = finest level), angle in radians."""

    xy: Floats
    scale: Floats
    angle: Floats

    def __len__(self) -> int:
        return len(self.xy)

    def of(self, chosen: Places) -> Points:
        """Those at the given places."""
        return Points(self.xy[chosen], self.scale[chosen], self.angle[chosen])


def look_at_points(levels: Mapping[float, Bytes], points: Points) -> Floats:
    """The raw descriptors of all points: (points, RAW). `levels` holds a picture a scale."""
    raw = np.empty((len(points), RAW), dtype=np.float32)
    for scale, picture in levels.items():
        chosen = np.flatnonzero(points.scale == np.float32(scale))
        # A hundred patches at once stay in the processor's cache, which halves the time.
        for start in range(0, len(chosen), _AT_ONCE):
            some = chosen[start : start + _AT_ONCE]
            raw[some] = describe_raw(sample_patches(picture, points.of(some)))
    return raw


def sample_patches(picture: Bytes, points: Points) -> Floats:
    """The upright patches of points of one scale, taken from the picture at that scale.

    (points, SIDE, SIDE), grey levels.
    """
    cv2 = opencv()
    steps = (np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2) * np.float32(SPACING)
    middle = (points.xy + np.float32(0.5)) / points.scale[:, None] - np.float32(0.5)
    cos, sin = np.cos(points.angle)[:, None], np.sin(points.angle)[:, None]
    # A turned grid is a sum of a row and a column.
    x = (middle[:, :1] + cos * steps)[:, None, :] - (sin * steps)[:, :, None]
    y = (middle[:, 1:] + sin * steps)[:, None, :] + (cos * steps)[:, :, None]
    shape = (len(points) * SIDE, SIDE)
    taken = cv2.remap(
        picture,
        x.reshape(shape),
        y.reshape(shape),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(taken, dtype=np.float32).reshape(-1, SIDE, SIDE)


def describe_raw(patches: Floats) -> Floats:
    """Pooled gradients, unit length: (points, RAW), cells before harmonics (1, cos, sin, ...)."""
    cv2, count, samples = opencv(), len(patches), (SIDE - 2) ** 2
    along = (patches[:, 1:-1, 2:] - patches[:, 1:-1, :-2]).reshape(count, samples)
    down = (patches[:, 2:, 1:-1] - patches[:, :-2, 1:-1]).reshape(count, samples)
    if not count:
        return np.zeros((0, RAW), dtype=np.float32)
    strength = cv2.magnitude(along, down) + np.float32(1e-3)
    root = np.sqrt(strength)
    maps = np.empty((1 + 2 * HARMONICS, count, samples), dtype=np.float32)
    maps[0] = root
    cos, sin = along / strength, down / strength
    np.multiply(cos, root, out=maps[1])
    np.multiply(sin, root, out=maps[2])
    for order in range(2, HARMONICS + 1):
        # the next multiple of the angle, times the root of the strength
        before_cos, before_sin = maps[2 * order - 3], maps[2 * order - 2]
        np.subtract(before_cos * cos, before_sin * sin, out=maps[2 * order - 1])
        np.add(before_sin * cos, before_cos * sin, out=maps[2 * order])
    pooled = maps.reshape(-1, samples) @ _pooling()
    flat = pooled.reshape(1 + 2 * HARMONICS, count, -1).transpose(1, 0, 2).reshape(count, RAW)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(length, 1e-6), dtype=np.float32)


@lru_cache(maxsize=1)
def _pooling() -> Floats:
    """(samples, cells): a tent per cell, under a Gaussian over the whole patch."""
    inner = SIDE - 2
    places = np.arange(inner) - (inner - 1) / 2
    centres = (np.arange(CELLS) - (CELLS - 1) / 2) * inner / CELLS
    tents = np.clip(1 - np.abs(places[:, None] - centres[None, :]) / (inner / CELLS), 0, 1)
    window = np.exp(-0.5 * (places / (inner * 0.4)) ** 2)
    line = tents * window[:, None]
    grid = np.einsum("yr,xc->yxrc", line, line)
    return np.ascontiguousarray(grid.reshape(inner * inner, CELLS * CELLS), dtype=np.float32)


def mirror_raw(raw: Floats) -> Floats:
    """What `describe_raw` gives for the patches flipped upside down."""
    cells = raw.reshape(len(raw), 1 + 2 * HARMONICS, CELLS, CELLS)[:, :, ::-1].copy()
    cells[:, 2::2] *= -1
    return np.asarray(cells.reshape(len(raw), RAW), dtype=np.float32)


# -- raw -> short


@dataclass(frozen=True, slots=True)
class Basis:
    """The learnt map, `short = (raw - mean) @ rows.T`; `mirror` is +1 or -1 for each row."""

    mean: Floats
    rows: Floats
    mirror: Floats


@lru_cache(maxsize=1)
def basis() -> Basis:
    """The map of `benchmarks/learn_descriptor.py`; part of the stored fingerprint's format."""
    basis = resources.files("monitor.matching.fingerprint") / "descriptor_basis_1.npy"
    with basis.open("rb") as file:
        table = np.load(file, allow_pickle=False)
    return Basis(table[0, :RAW], table[1:, :RAW], table[1:, RAW])


# One step of a stored descriptor: with unit length, values beyond +-0.4 hardly occur.
_STEPS: Final = 320.0


def describe(levels: Mapping[float, Bytes], points: Points) -> Steps:
    """The short descriptors as they are stored: (points, dimensions), -127..127."""
    learnt = basis()
    raw = look_at_points(levels, points)
    short = np.asarray((raw - learnt.mean) @ learnt.rows.T, dtype=np.float32)
    steps: Steps = np.clip(np.rint(to_unit(short) * _STEPS), -127, 127).astype(np.int8)
    return steps


def to_unit(rows: Floats) -> Floats:
    """Each row at length 1; rows of zeros stay."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-6), dtype=np.float32)
