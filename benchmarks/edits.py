"""What copying sellers do to a picture, the light kinds: the same call gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Random: TypeAlias = np.random.Generator
Edit: TypeAlias = Callable[[Image.Image, Random], Image.Image]

_BANNER_TEXTS: Final = (
    "HOT SALE",
    "FREE SHIPPING WORLDWIDE",
    "FACTORY DIRECT  100% NEW",
    "WHOLESALE PRICE",
    "NEW 2026",
    "BUY 2 GET 1",
)
_BANNER_COLOURS: Final = (
    (200, 16, 32),
    (20, 90, 200),
    (250, 200, 30),
    (20, 20, 20),
    (245, 245, 245),
)


def encode(image: Image.Image, quality: int) -> bytes:
    """JPEG bytes of the quality a shop uses, 1..95."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def recompress(quality: int) -> Edit:
    def edit(image: Image.Image, _: Random) -> Image.Image:
        return Image.open(io.BytesIO(encode(image, quality))).convert("RGB")

    return edit


def resize(factor: float) -> Edit:
    def edit(image: Image.Image, _: Random) -> Image.Image:
        size = (max(16, round(image.width * factor)), max(16, round(image.height * factor)))
        return image.resize(size, Image.Resampling.BICUBIC)

    return edit


def crop(least: float, most: float) -> Edit:
    """Cut `least` to `most` (parts of the side) off each side, each on its own."""

    def edit(image: Image.Image, random: Random) -> Image.Image:
        left, top, right, bottom = random.uniform(least, most, 4)
        return image.crop(
            (
                round(left * image.width),
                round(top * image.height),
                round((1 - right) * image.width),
                round((1 - bottom) * image.height),
            )
        )

    return edit


def mirror(image: Image.Image, _: Random) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def draw_banner(width: int, height: int, random: Random) -> Image.Image:
    """One of 30 banners, so that pictures which have nothing else in common share one."""
    colour = _BANNER_COLOURS[int(random.integers(len(_BANNER_COLOURS)))]
    text = _BANNER_TEXTS[int(random.integers(len(_BANNER_TEXTS)))]
    banner = Image.new("RGB", (width, height), colour)
    ink = (255, 255, 255) if sum(colour) < 400 else (10, 10, 10)
    font = ImageFont.load_default(size=max(8, round(height * 0.6)))
    ImageDraw.Draw(banner).text((width * 0.05, height * 0.1), text, fill=ink, font=font)
    return banner


def banner_over(image: Image.Image, random: Random) -> Image.Image:
    """A banner over the top or bottom 8 to 15 % of the height."""
    height = max(1, round(float(random.uniform(0.08, 0.15)) * image.height))
    result = image.copy()
    place = 0 if random.integers(2) else image.height - height
    result.paste(draw_banner(image.width, height, random), (0, place))
    return result


def banner_added(image: Image.Image, random: Random) -> Image.Image:
    """A banner of 8 to 15 % of the height above or below the whole picture."""
    height = max(1, round(float(random.uniform(0.08, 0.15)) * image.height))
    result = Image.new("RGB", (image.width, image.height + height))
    banner = draw_banner(image.width, height, random)
    above = bool(random.integers(2))
    result.paste(banner, (0, 0 if above else image.height))
    result.paste(image, (0, height if above else 0))
    return result


def chain(*edits: Edit) -> Edit:
    def edit(image: Image.Image, random: Random) -> Image.Image:
        for step in edits:
            image = step(image, random)
        return image

    return edit


_LIGHT_CROP: Final = crop(0.02, 0.08)

EDITS: Final[dict[str, Edit]] = {
    "recompressed q30": recompress(30),
    "recompressed q50": recompress(50),
    "recompressed q80": recompress(80),
    "resized 0.25x": resize(0.25),
    "resized 0.5x": resize(0.5),
    "resized 2x": resize(2.0),
    "cropped 2 % a side": crop(0.02, 0.02),
    "cropped 2-8 % a side": _LIGHT_CROP,
    "cropped 8 % a side": crop(0.08, 0.08),
    "banner over 8-15 %": banner_over,
    "banner added 8-15 %": banner_added,
    "mirrored": mirror,
    "mirrored, q30, 0.5x": chain(mirror, resize(0.5), recompress(30)),
    "mirrored, cropped": chain(mirror, _LIGHT_CROP),
    "mirrored, banner over": chain(mirror, banner_over),
    "cropped, banner over": chain(_LIGHT_CROP, banner_over),
    "cropped, banner added, q50": chain(_LIGHT_CROP, banner_added, recompress(50)),
    "all: mirrored, cropped, banner, 0.5x, q50": chain(
        mirror, _LIGHT_CROP, banner_over, resize(0.5), recompress(50)
    ),
}
