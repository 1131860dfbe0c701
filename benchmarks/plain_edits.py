"""Edits that need no other picture and draw nothing: size, loss, geometry, colour."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

Random: TypeAlias = np.random.Generator
Pixels: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Picture: TypeAlias = Image.Image
Edit: TypeAlias = Callable[[Picture, Random, Sequence[Picture]], Picture]

WHITE: Final = (255, 255, 255)


def to_rgb(pixels: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Picture:
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def floats_of(image: Picture) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(image).astype(np.float64)


# -- size and loss


def recompressed(image: Picture, random: Random) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(random.integers(15, 45)))
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def resized(low: float, high: float) -> Edit:
    def edit(image: Picture, random: Random, _: Sequence[Picture]) -> Picture:
        factor = float(random.uniform(low, high))
        size = (max(16, round(image.width * factor)), max(16, round(image.height * factor)))
        return image.resize(size, Image.Resampling.BICUBIC)

    return edit


def tiny(image: Picture, random: Random) -> Picture:
    small = image.copy()
    small.thumbnail((int(random.integers(110, 160)),) * 2)
    return small


def stretched(image: Picture, random: Random) -> Picture:
    factor = float(random.uniform(0.7, 0.85))
    width, height = image.size
    if random.integers(2):
        return image.resize((max(16, round(width * factor)), height))
    return image.resize((width, max(16, round(height * factor))))


def blurred(image: Picture, random: Random) -> Picture:
    return image.filter(ImageFilter.GaussianBlur(max(image.size) * random.uniform(0.002, 0.006)))


def sharpened(image: Picture, random: Random) -> Picture:
    return ImageEnhance.Sharpness(image).enhance(float(random.uniform(3, 8)))


def noisy(image: Picture, random: Random) -> Picture:
    pixels = floats_of(image)
    return to_rgb(pixels + random.normal(0, random.uniform(10, 25), pixels.shape))


def posterised(image: Picture, random: Random) -> Picture:
    return image.quantize(int(random.integers(8, 24))).convert("RGB")


# -- geometry


def mirrored(image: Picture, _: Random) -> Picture:
    return ImageOps.mirror(image)


def cropped(low: float, high: float) -> Edit:
    """Keep `low` to `high` of both sides, anywhere."""

    def edit(image: Picture, random: Random, _: Sequence[Picture]) -> Picture:
        width = round(image.width * random.uniform(low, high))
        height = round(image.height * random.uniform(low, high))
        left = int(random.integers(image.width - width + 1))
        top = int(random.integers(image.height - height + 1))
        return image.crop((left, top, left + width, top + height))

    return edit


def rotated(low: float, high: float) -> Edit:
    def edit(image: Picture, random: Random, _: Sequence[Picture]) -> Picture:
        angle = float(random.uniform(low, high)) * (1 if random.integers(2) else -1)
        fill = WHITE if random.integers(2) else (0, 0, 0)
        resample = Image.Resampling.BICUBIC
        return image.rotate(angle, resample, expand=bool(random.integers(2)), fillcolor=fill)

    return edit


def turned(image: Picture, random: Random) -> Picture:
    turns = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    return image.transpose(turns[int(random.integers(3))])


def _map_corners(
    image: Picture, corners: Pixels | np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> Picture:
    width, height = image.size
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    pixels = cv2.warpPerspective(
        np.asarray(image), matrix, (width, height), flags=cv2.INTER_AREA, borderValue=WHITE
    )
    return Image.fromarray(np.asarray(pixels, dtype=np.uint8))


def perspective(image: Picture, random: Random) -> Picture:
    width, height = image.size
    moves = random.uniform(0, 0.12, (4, 2)) * ((1, 1), (-1, 1), (-1, -1), (1, -1))
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) + moves
    return _map_corners(image, (corners * (width, height)).astype(np.float32))


def sheared(image: Picture, random: Random) -> Picture:
    width, height = image.size
    shear = float(random.uniform(0.08, 0.2))
    corners = np.array([(shear, 0), (1, 0), (1 - shear, 1), (0, 1)])
    return _map_corners(image, (corners * (width, height)).astype(np.float32))


def waved(image: Picture, random: Random) -> Picture:
    y, x = np.mgrid[0 : image.height, 0 : image.width].astype(np.float32)
    depth = max(image.size) * random.uniform(0.004, 0.01)
    wave = depth * np.sin(2 * np.pi * y / image.height * random.uniform(1, 2.5))
    pixels = cv2.remap(
        np.asarray(image),
        (x + wave).astype(np.float32),
        y,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Image.fromarray(np.asarray(pixels, dtype=np.uint8))


# -- colour


def hue_shifted(image: Picture, random: Random) -> Picture:
    pixels = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2HSV).astype(np.int64)
    pixels[..., 0] = (pixels[..., 0] + int(random.integers(20, 160))) % 180
    return Image.fromarray(np.asarray(cv2.cvtColor(pixels.astype(np.uint8), cv2.COLOR_HSV2RGB)))


def grey(image: Picture, _: Random) -> Picture:
    return image.convert("L").convert("RGB")


def tinted(image: Picture, random: Random) -> Picture:
    return to_rgb(floats_of(image) * random.uniform(0.65, 1.25, 3) + random.uniform(-10, 20, 3))


def relit(image: Picture, random: Random) -> Picture:
    image = ImageEnhance.Brightness(image).enhance(float(random.choice((0.65, 0.8, 1.25, 1.4))))
    return ImageEnhance.Contrast(image).enhance(float(random.choice((0.6, 0.8, 1.3, 1.6))))


def gamma(image: Picture, random: Random) -> Picture:
    return to_rgb(255 * (floats_of(image) / 255) ** float(random.choice((0.5, 0.7, 1.6, 2.0))))


def vignetted(image: Picture, random: Random) -> Picture:
    y, x = np.mgrid[-1 : 1 : image.height * 1j, -1 : 1 : image.width * 1j]
    shade = 1 - random.uniform(0.3, 0.6) * np.clip((x**2 + y**2) / 1.5, 0, 1)
    return to_rgb(floats_of(image) * shade[..., None])


def shadowed(image: Picture, random: Random) -> Picture:
    y, x = np.mgrid[-1 : 1 : image.height * 1j, -1 : 1 : image.width * 1j]
    angle = random.uniform(0, 2 * np.pi)
    side = 1 / (1 + np.exp(-(x * np.cos(angle) + y * np.sin(angle)) * 6))
    return to_rgb(floats_of(image) * (1 - 0.5 * side[..., None]))
