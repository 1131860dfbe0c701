"""Learn the map from pooled gradients to short descriptors: descriptor_basis_1.npy.

    python benchmarks/learn_descriptor.py IMAGES OUT.npy       about a minute

Points of pictures of the tuning half are looked at again after a random turn, size, shear, light,
noise, blur and JPEG; where each point went is known. The map spreads all descriptors and draws
views of one point together: linear discriminant analysis, whitened. Rows are even or odd under
mirroring, each kind solved on its own, because both covariances are made to commute with it.
The file is part of the stored fingerprint's format: another map needs another algorithm name.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from corpus import TUNING, load, read_rows, sample, side_of

from monitor.matching import working_copy
from monitor.matching.fingerprint import keypoints
from monitor.matching.fingerprint.describe import RAW, Floats, Points, look_at_points, mirror_raw
from monitor.matching.working_copy import Bytes

_PICTURES: Final = 260
_POINTS: Final = 150
_VIEWS: Final = 3
# Part of the mean variance that is added to each direction: what was never seen varies too.
_RIDGE: Final = 0.01
Doubles = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def describe(work: Bytes, points: Points) -> Floats:
    return look_at_points(keypoints.levels_of(work), points)


def view(
    work: Bytes, points: Points, random: np.random.Generator
) -> tuple[Bytes, Points, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] | None:
    """The picture seen differently, its points there, and which of them have a level there."""
    size = float(np.exp(random.uniform(np.log(0.45), np.log(1.3))))
    turn = float(random.uniform(-np.pi, np.pi)) if random.random() < 0.5 else 0.0
    stretch, shear = float(np.exp(random.normal(0, 0.08))), float(random.normal(0, 0.05))
    cos, sin = np.cos(turn), np.sin(turn)
    linear = size * np.array(((stretch * cos, -sin), (sin, cos))) @ np.array(((1, shear), (0, 1)))
    height, width = work.shape
    corners = np.array(((0, 0), (width, 0), (width, height), (0, height))) @ linear.T
    shift = -corners.min(axis=0)
    canvas = np.ceil(corners.max(axis=0) + shift).astype(int)
    if canvas.max() > 1100:
        return None
    source = cv2.GaussianBlur(work, (0, 0), max(0.01, 0.4 * (1 / size - 1))) if size < 0.9 else work
    matrix = np.column_stack([linear, shift])
    shown = cv2.warpAffine(source, matrix, (int(canvas[0]), int(canvas[1])), borderValue=(255.0,))
    return spoil(np.asarray(shown, dtype=np.float64), random), *move(points, matrix, random)


def spoil(shown: Doubles, random: np.random.Generator) -> Bytes:
    lit = np.clip(shown * random.uniform(0.7, 1.3) + random.uniform(-20, 20), 0, 255)
    lit = 255 * (lit / 255) ** float(random.choice((0.7, 1.0, 1.0, 1.4)))
    if random.random() < 0.3:
        lit = lit + random.normal(0, random.uniform(3, 12), lit.shape)
    if random.random() < 0.3:
        lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), random.uniform(0.5, 1.6)))
    pixels = np.clip(lit, 0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(25, 90))]
    encoded = cv2.imencode(".jpg", pixels, quality)[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def move(
    points: Points, matrix: Doubles, random: np.random.Generator
) -> tuple[Points, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """Where the points went, as roughly as a detector would find them."""
    size = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    turn = float(np.arctan2(matrix[1, 0], matrix[0, 0]))
    count, scales = len(points), keypoints.SCALES
    wanted = np.log(points.scale * size) / np.log(keypoints.STEP) + random.normal(0, 0.35, count)
    level = np.rint(wanted).astype(int)
    is_there = (level >= 0) & (level < len(scales))
    xy = points.xy @ matrix[:, :2].T + matrix[:, 2]
    xy = xy + random.normal(0, 0.8, xy.shape) * points.scale[:, None] * size
    angle = points.angle + turn + random.normal(0, 0.12, count)
    chosen = np.take(scales, np.clip(level, 0, len(scales) - 1))
    return (
        Points(
            xy[is_there].astype(np.float32), chosen[is_there], angle[is_there].astype(np.float32)
        ),
        is_there,
    )


def collect(images: Path) -> tuple[Floats, Floats]:
    """(descriptors, descriptors of the same points seen differently)."""
    rows = [row for row in read_rows(images) if side_of(row) == TUNING]
    rows = [row for row in rows if row.role in ("original", "distractor")]
    random = np.random.default_rng(5)
    first, second = [], []
    for row in sample(rows, _PICTURES, 5):
        work = working_copy.to_working(load(row)).grey
        points = keypoints.points_of(keypoints.detect(work)[:_POINTS])
        plain = describe(work, points)
        for _ in range(_VIEWS):
            seen = view(work, points, random)
            if seen is not None and seen[2].any():
                first.append(plain[seen[2]])
                second.append(describe(seen[0], seen[1]))
    return np.concatenate(first), np.concatenate(second)


def learn(first: Floats, second: Floats) -> Floats:
    """The table of the file: the mean, then a row a dimension; the last column is the sign."""
    both = np.concatenate([first, mirror_raw(first)]).astype(np.float64)
    mean = both.mean(axis=0)
    apart = (first - second).astype(np.float64)
    apart = np.concatenate([apart, mirror_raw(apart.astype(np.float32))])
    total = (both - mean).T @ (both - mean) / len(both)
    within = apart.T @ apart / len(apart) / 2
    within += _RIDGE * np.trace(within) / RAW * np.eye(RAW)
    flip = mirror_raw(np.eye(RAW, dtype=np.float32)).astype(np.float64)
    found: list[tuple[float, float, Doubles]] = []
    for sign in (1.0, -1.0):
        values, vectors = np.linalg.eigh((flip + flip.T) / 2)
        space = vectors[:, np.isclose(values, sign, atol=1e-3)]
        root = np.linalg.inv(np.linalg.cholesky(space.T @ within @ space))
        spread, turned = np.linalg.eigh(root @ (space.T @ total @ space) @ root.T)
        rows = (space @ root.T @ turned / np.sqrt(spread)).T
        found += [(float(s), sign, row) for s, row in zip(spread, rows, strict=True)]
    found.sort(key=lambda item: -item[0])
    table = np.zeros((1 + keypoints.DIMENSIONS, RAW + 1), dtype=np.float32)
    table[0, :RAW] = mean
    for place, (_, sign, row) in enumerate(found[: keypoints.DIMENSIONS], 1):
        table[place, :RAW], table[place, RAW] = row, sign
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description="Learn the descriptor's map.")
    parser.add_argument("images", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    first, second = collect(arguments.images)
    np.save(arguments.out, learn(first, second))
    print(f"learnt from {len(first)} pairs of views")


if __name__ == "__main__":
    main()
