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
from typing import Any, Final, TypeAlias

import numpy as np

Floats: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Steps: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.int8]]
Bytes: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

# Samples per side of a patch; the outermost ring only serves the gradients.
SIDE: Final = 18
CELLS: Final = 4
HARMONICS: Final = 3
RAW: Final = CELLS * CELLS * (1 + 2 * HARMONICS)
# Distance of two samples, in pixels of the point's own level.
SPACING: Final = 2.0


@dataclass(frozen=True, slots=True)
class Points:
    """Points of a picture: place in its pixels, `scale` (1 = finest level), angle in radians."""

    xy: Floats
    scale: Floats
    angle: Floats

    def __len__(self) -> int:
        return len(self.xy)


def sample_patches(cv2: Any, levels: Mapping[float, Any], points: Points) -> Floats:
    """The patches, upright: (points, SIDE, SIDE), grey levels. `levels` holds a picture a scale."""
    patches = np.empty((len(points), SIDE, SIDE), dtype=np.float32)
    steps = (np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2) * np.float32(SPACING)
    for scale, picture in levels.items():
        chosen = np.flatnonzero(points.scale == np.float32(scale))
        if not len(chosen):
            continue
        cos, sin = np.cos(points.angle[chosen]), np.sin(points.angle[chosen])
        middle = (points.xy[chosen] + 0.5) / np.float32(scale) - 0.5
        x = (
            middle[:, 0, None, None]
            + cos[:, None, None] * steps
            - sin[:, None, None] * steps[:, None]
        )
        y = (
            middle[:, 1, None, None]
            + sin[:, None, None] * steps
            + cos[:, None, None] * steps[:, None]
        )
        shape = (len(chosen) * SIDE, SIDE)
        taken = cv2.remap(
            picture,
            x.reshape(shape).astype(np.float32),
            y.reshape(shape).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        patches[chosen] = taken.reshape(-1, SIDE, SIDE)
    return patches


def describe_raw(patches: Floats) -> Floats:
    """Pooled gradients, unit length: (points, RAW), cells before harmonics (1, cos, sin, ...)."""
    along = patches[:, 1:-1, 2:] - patches[:, 1:-1, :-2]
    down = patches[:, 2:, 1:-1] - patches[:, :-2, 1:-1]
    count = len(patches)
    gradient = (along + 1j * down).astype(np.complex64).reshape(count, (SIDE - 2) ** 2)
    strength = np.abs(gradient) + np.float32(1e-3)
    unit = gradient / strength
    turning = np.sqrt(strength).astype(np.complex64)
    pooling = _pooling()
    result = np.empty((count, 1 + 2 * HARMONICS, CELLS * CELLS), dtype=np.float32)
    result[:, 0] = turning.real @ pooling
    for order in range(1, HARMONICS + 1):
        turning = turning * unit
        result[:, 2 * order - 1] = np.ascontiguousarray(turning.real) @ pooling
        result[:, 2 * order] = np.ascontiguousarray(turning.imag) @ pooling
    flat = result.reshape(count, RAW)
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
    with resources.files("monitor.matching").joinpath("descriptor_basis_1.npy").open("rb") as file:
        table = np.load(file, allow_pickle=False)
    return Basis(table[0, :RAW], table[1:, :RAW], table[1:, RAW])


# One step of a stored descriptor: with unit length, values beyond +-0.4 hardly occur.
_STEPS: Final = 320.0


def describe(patches: Floats) -> Steps:
    """The short descriptors as they are stored: (points, dimensions), -127..127."""
    learnt = basis()
    short = np.asarray((describe_raw(patches) - learnt.mean) @ learnt.rows.T, dtype=np.float32)
    steps: Steps = np.clip(np.rint(to_unit(short) * _STEPS), -127, 127).astype(np.int8)
    return steps


def to_unit(rows: Floats) -> Floats:
    """Each row at length 1; rows of zeros stay."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-6), dtype=np.float32)
