"""Banners over and beside a picture; from a small set, so that many pictures share one."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageDraw, ImageFont
from plain_edits import Random

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
