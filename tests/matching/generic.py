"""Pictures that no brand owns, drawn by code: size charts, pages of text, small logos, labels."""

from __future__ import annotations

import random
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

SIDE = 800
_WORDS = [
    *("cotton", "size", "shoulder", "chest", "waist", "length", "sleeve", "washing", "cold"),
    *("water", "bleach", "iron", "shipping", "worldwide", "days", "returns", "free", "quality"),
    *("guarantee", "material", "polyester", "fabric", "soft", "comfortable", "please", "allow"),
    *("error", "manual", "measurement", "colour", "differ", "screen", "contact", "feedback"),
    *("thank", "order", "payment", "customs", "parcel", "warehouse", "seller", "refund"),
]
_SIZES = ("S", "M", "L", "XL", "2XL", "3XL", "4XL", "5XL", "6XL", "7XL")


def size_chart(seed: int) -> Image.Image:
    """A table of sizes."""
    rng, look = random.Random(seed), random.Random(seed)
    image = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(image)
    columns, rows = look.randint(3, 7), look.randint(4, 10)
    left, top = look.randint(30, 120), look.randint(90, 220)
    right, bottom = SIDE - look.randint(30, 120), SIDE - look.randint(40, 220)
    title = look.choice(("SIZE CHART", "Size guide", "Measurements", "SIZE (cm)", "Fit table"))
    place = (left + look.randint(0, 200), look.randint(15, 50))
    pen.text(place, title, "black", font=_font(look.randint(30, 52)))
    head = _colour(look, 0x404040, 0xF0F0F0)
    pen.rectangle((left, top, right, top + (bottom - top) // rows), fill=head)
    for column in range(columns + 1):
        x = left + (right - left) * column // columns
        pen.line((x, top, x, bottom), fill="black", width=2)
    for row in range(rows + 1):
        y = top + (bottom - top) * row // rows
        pen.line((left, y, right, y), fill="black", width=2)
    words = rng.sample(_WORDS, columns)
    for column in range(columns):
        for row in range(rows):
            x = left + (right - left) * column // columns + 8
            y = top + (bottom - top) * row // rows + 8
            cell = _SIZES[row - 1] if column == 0 else str(rng.randint(20, 120))
            pen.text((x, y), cell if row else words[column], "black", font=_font(22))
    return image


def text_page(seed: int) -> Image.Image:
    """Lines of words, black on white."""
    rng = random.Random(seed)
    image = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(image)
    size, left, y = rng.randint(20, 40), rng.randint(25, 110), rng.randint(25, 120)
    step = round(size * rng.uniform(1.3, 2.1))
    while y < SIDE - 60:
        line = " ".join(rng.choice(_WORDS) for _ in range(rng.randint(2, 7)))
        pen.text((left, y), line[: (SIDE - left) * 2 // size], "black", font=_font(size))
        y += step
    return image


def small_logo(seed: int) -> Image.Image:
    """A blank page with a small mark in its middle."""
    rng = random.Random(seed)
    image = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(image)
    _mark(pen, rng, SIDE // 2, SIDE // 2, rng.randint(35, 60))
    return image


def carrier_label(seed: int) -> Image.Image:
    """A carrier's name and mark on its colour."""
    rng = random.Random(seed)
    image = Image.new("RGB", (SIDE, SIDE), _colour(rng, 0xA0A0A0, 0xFFFFFF))
    pen = ImageDraw.Draw(image)
    y, height = rng.randint(150, 450), rng.randint(110, 240)
    pen.rounded_rectangle(
        (rng.randint(40, 160), y, SIDE - rng.randint(40, 160), y + height),
        rng.randint(0, 60),
        fill=_colour(rng, 0x101010, 0x909090),
    )
    name = "".join(rng.choice("ABCDEFGHIKLMNOPRSTUVWXYZ") for _ in range(rng.randint(2, 6)))
    pen.text((rng.randint(180, 260), y + 10), name, "white", font=_font(rng.randint(70, 110)))
    _mark(pen, rng, rng.randint(120, 680), SIDE - 120, 70)
    pen.text((60, 60), " ".join(rng.sample(_WORDS, 3)), "black", font=_font(36))
    return image


def _mark(pen: ImageDraw.ImageDraw, rng: random.Random, x: int, y: int, reach: int) -> None:
    """A few shapes that make a mark of their own."""
    for _ in range(rng.randint(3, 5)):
        colour = _colour(rng, 0x000000, 0xC0C0C0)
        left, top = x + rng.randint(-reach, 0), y + rng.randint(-reach, 0)
        right, bottom = left + rng.randint(reach // 2, reach), top + rng.randint(reach // 2, reach)
        shape = rng.randrange(4)
        if shape == 0:
            pen.ellipse((left, top, right, bottom), fill=colour)
        elif shape == 1:
            pen.rectangle((left, top, right, bottom), fill=colour)
        elif shape == 2:
            pen.polygon([(left, bottom), ((left + right) // 2, top), (right, bottom)], fill=colour)
        else:
            pen.arc((left, top, right, bottom), rng.randint(0, 180), 360, fill=colour, width=9)


def _colour(rng: random.Random, low: int, high: int) -> str:
    return f"#{rng.randrange(low, high):06x}"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


KINDS: dict[str, Callable[[int], Image.Image]] = {
    "size chart": size_chart,
    "text page": text_page,
    "small logo": small_logo,
    "carrier label": carrier_label,
}
