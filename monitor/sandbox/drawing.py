"""Sample pictures drawn by code: brand pictures, what shops make of them, and other goods.

Everything follows from a seed, so that every rehearsal shows the same pictures.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

SIZE = 900
_PALETTES = (
    ("#264653", "#2a9d8f", "#e9c46a", "#f4a261", "#e76f51"),
    ("#0b132b", "#1c2541", "#3a506b", "#5bc0be", "#f2f7f2"),
    ("#590d22", "#a4133c", "#ff4d6d", "#ffb3c1", "#fff0f3"),
    ("#132a13", "#31572c", "#4f772d", "#90a955", "#ecf39e"),
    ("#3c096c", "#7b2cbf", "#c77dff", "#ffd60a", "#fdf0d5"),
    ("#001d3d", "#003566", "#ffc300", "#ffd60a", "#f8f9fa"),
    ("#6f1d1b", "#bb9457", "#432818", "#99582a", "#ffe6a7"),
)

Print = Callable[[ImageDraw.ImageDraw, random.Random, tuple[str, ...]], None]


def draw_product(seed: int) -> Image.Image:
    """A product photograph of sorts, SIZE x SIZE RGB: a printed thing on a soft background."""
    rng = random.Random(seed)  # noqa: S311 - a drawing, not a secret
    palette = tuple(rng.sample(_PALETTES[rng.randrange(len(_PALETTES))], 5))
    picture = _background(rng, palette)
    motif = Image.new("RGB", (SIZE, SIZE), palette[1])
    _PRINTS[rng.randrange(len(_PRINTS))](ImageDraw.Draw(motif), rng, palette)
    mask = Image.new("L", (SIZE, SIZE), 0)
    _SHAPES[rng.randrange(len(_SHAPES))](ImageDraw.Draw(mask), rng)
    shadow = mask.filter(ImageFilter.GaussianBlur(24)).point(lambda value: value // 3)
    picture.paste((20, 20, 20), (12, 22), shadow)
    picture.paste(motif, (0, 0), mask)
    return _grain(picture, seed)


def _background(rng: random.Random, palette: tuple[str, ...]) -> Image.Image:
    """A soft gradient between two light tones, in a direction of its own."""
    light = ImageOps.colorize(Image.linear_gradient("L"), palette[4], "#ffffff")
    turned = light.resize((2 * SIZE, 2 * SIZE)).rotate(rng.uniform(0, 360))
    half = SIZE // 2
    return turned.crop((half, half, half + SIZE, half + SIZE))


def _grain(picture: Image.Image, seed: int) -> Image.Image:
    """A little sensor noise: flat areas of pure colour exist in drawings only."""
    noise = np.random.default_rng(seed).normal(0, 3, (SIZE, SIZE, 1))
    pixels = np.asarray(picture, dtype=np.float32) + noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGB")


# -- what the thing is


def _mug(draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    top = rng.randint(180, 280)
    draw.ellipse((560, top + 90, 800, top + 380), outline=255, width=44)
    draw.rounded_rectangle((180, top, 640, top + 480), 50, fill=255)


def _shirt(draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    drop = rng.randint(0, 50)
    draw.polygon(
        [
            (310, 130),
            (590, 130),
            (840, 280 + drop),
            (760, 430 + drop),
            (660, 370),
            (660, 800),
            (240, 800),
            (240, 370),
            (140, 430 + drop),
            (60, 280 + drop),
        ],
        fill=255,
    )


def _poster(draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    inset = rng.randint(60, 150)
    draw.rectangle((inset + 40, inset, SIZE - inset - 40, SIZE - inset), fill=255)


def _plate(draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    radius = rng.randint(310, 390)
    draw.ellipse((450 - radius, 450 - radius, 450 + radius, 450 + radius), fill=255)


def _bag(draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    top = rng.randint(300, 360)
    draw.arc((300, top - 220, 600, top + 180), 180, 360, fill=255, width=36)
    draw.polygon([(200, top), (700, top), (760, 820), (140, 820)], fill=255)


def _bottle(draw: ImageDraw.ImageDraw, rng: random.Random) -> None:
    width = rng.randint(120, 190)
    draw.rectangle((400, 90, 500, 260), fill=255)
    draw.rounded_rectangle((450 - width, 230, 450 + width, 830), 70, fill=255)


_SHAPES = (_mug, _shirt, _poster, _plate, _bag, _bottle)


# -- what is printed on it


def _flower(draw: ImageDraw.ImageDraw, rng: random.Random, palette: tuple[str, ...]) -> None:
    petals = rng.randint(5, 13)
    for ring, radius in enumerate((300, 215, 130)):
        for petal in range(petals):
            angle = 2 * math.pi * (petal + ring / 2) / petals
            x, y = 450 + radius * math.cos(angle), 450 + radius * math.sin(angle)
            size = rng.randint(60, 105) - 15 * ring
            draw.ellipse((x - size, y - size, x + size, y + size), fill=palette[ring % 5])
    draw.ellipse((390, 390, 510, 510), fill=palette[4])


def _hills(draw: ImageDraw.ImageDraw, rng: random.Random, palette: tuple[str, ...]) -> None:
    x = rng.randint(250, 650)
    draw.ellipse((x - 110, 180, x + 110, 400), fill=palette[3])
    for layer in range(4):
        base, swing, phase = 380 + 110 * layer, rng.randint(30, 90), rng.uniform(0, 6)
        length = rng.uniform(60, 160)
        line = [(x, base + swing * math.sin(x / length + phase)) for x in range(0, SIZE + 1, 10)]
        draw.polygon([*line, (SIZE, SIZE), (0, SIZE)], fill=palette[(layer * 2) % 5])


def _tiles(draw: ImageDraw.ImageDraw, rng: random.Random, palette: tuple[str, ...]) -> None:
    step = rng.choice((90, 120, 150))
    for x in range(0, SIZE, step):
        for y in range(0, SIZE, step):
            box = (x, y, x + step, y + step)
            draw.rectangle(box, fill=rng.choice(palette))
            if rng.random() < 0.7:
                start = rng.choice((0, 90, 180, 270))
                draw.pieslice(box, start, start + rng.choice((90, 180)), fill=rng.choice(palette))


def _face(draw: ImageDraw.ImageDraw, rng: random.Random, palette: tuple[str, ...]) -> None:
    tilt = rng.randint(-60, 60)
    draw.polygon([(270, 420), (250 + tilt, 160), (430, 330)], fill=palette[0])
    draw.polygon([(630, 420), (660 + tilt, 170), (470, 330)], fill=palette[2])
    draw.ellipse((240, 290, 660, 710), fill=palette[3])
    for x in (355, 545):
        size = rng.randint(28, 62)
        draw.ellipse((x - size, 430 - size, x + size, 430 + size), fill=palette[4])
        draw.ellipse((x - 18, 412, x + 18, 448), fill=palette[0])
    draw.polygon([(415, 540), (485, 540), (450, 585)], fill=palette[0])
    draw.arc((350, 520, 550, 650), 20, 160, fill=palette[0], width=14)


def _burst(draw: ImageDraw.ImageDraw, rng: random.Random, palette: tuple[str, ...]) -> None:
    x, y, rays = rng.randint(250, 650), rng.randint(250, 650), rng.randint(7, 19)
    for ray in range(rays):
        first, last = 360 * ray / rays, 360 * (ray + rng.uniform(0.3, 0.8)) / rays
        draw.pieslice((x - 900, y - 900, x + 900, y + 900), first, last, fill=palette[ray % 5])
    size = rng.randint(70, 150)
    draw.ellipse((x - size, y - size, x + size, y + size), fill=palette[4])


def _shards(draw: ImageDraw.ImageDraw, rng: random.Random, palette: tuple[str, ...]) -> None:
    for _ in range(rng.randint(9, 18)):
        x, y = rng.randint(100, 800), rng.randint(100, 800)
        corners = [
            (x + rng.randint(-220, 220), y + rng.randint(-220, 220))
            for _ in range(rng.choice((3, 4)))
        ]
        draw.polygon(corners, fill=rng.choice(palette))


_PRINTS: tuple[Print, ...] = (_flower, _hills, _tiles, _face, _burst, _shards)


# -- what shops make of a picture


def _recompress(picture: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=45)
    return Image.open(buffer).convert("RGB")


def _resize(picture: Image.Image) -> Image.Image:
    return picture.resize((420, 420), Image.Resampling.LANCZOS)


def _crop(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return picture.crop((width // 25, height // 30, width - width // 30, height - height // 25))


def _banner(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    edited = picture.copy()
    draw = ImageDraw.Draw(edited)
    draw.rectangle((0, height - height // 11, width, height), fill="#d00000")
    draw.text(
        (width // 20, height - height // 13),
        "FREE SHIPPING  SALE -30 %",
        fill="white",
        font=ImageFont.load_default(height // 20),
    )
    return edited


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "recompressed": _recompress,
    "resized": _resize,
    "cropped": _crop,
    "banner": _banner,
    "mirrored": ImageOps.mirror,
}

_BRAND = {
    "Sunset shirt": 28,
    "Cat mug": 10,
    "Flower bag": 37,
    "Shard plate": 24,
    "Tile bottle": 29,
    "Burst poster": 27,
}
_OTHER_GOODS = 54


def draw_brand(folder: Path) -> list[Path]:
    """The brand's own pictures as JPEG files; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, seed in _BRAND.items():
        path = folder / f"{name}.jpg"
        draw_product(seed).save(path, quality=92)
        paths.append(path)
    return paths


def draw_shop(folder: Path, brand: list[Path]) -> Iterator[Path]:
    """A shop's listing pictures, one at a time: two copies of each brand picture, other goods."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(EDITS)
    for index, original in enumerate(brand):
        with Image.open(original) as opened:
            picture = opened.convert("RGB")
        for shift in (0, 2):
            edit = names[(index + shift) % len(names)]
            path = folder / f"copy_{original.stem.replace(' ', '_').lower()}_{edit}.jpg"
            EDITS[edit](picture).save(path, quality=82)
            yield path
    for number in range(_OTHER_GOODS):
        path = folder / f"other_goods_{number:02d}.jpg"
        draw_product(1_000 + number).save(path, quality=82)
        yield path
