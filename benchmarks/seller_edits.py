"""What copying sellers do to a picture: some forty kinds, the same call gives the same pixels.

`LISTED` are the kinds that sellers are known for; the score's numbers are fitted on these.
`UNSEEN` are kinds that nothing was ever fitted on. `DISGUISES` are put on honest pictures too, so
that a shared banner, frame, watermark, collage or template makes no match. An edit that needs
other pictures takes them from `others`, the pool of pictures that belong to nobody in the test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps
from plain_edits import WHITE, Edit, Picture, Random, floats_of, perspective, shadowed, to_rgb

_INKS: Final = ((220, 20, 40), (250, 210, 30), (20, 60, 180), (10, 10, 10), (240, 240, 240))
_WORDS: Final = ("SALE -50%", "HOT", "NEW", "100% COTTON", "FREE SHIP", "FACTORY", "XL XXL 3XL")
_SITES: Final = ("best-shop", "www.goods-direct", "TOP STORE", "quality first")


def chain(*edits: Edit) -> Edit:
    def edit(image: Picture, random: Random, others: Sequence[Picture]) -> Picture:
        for step in edits:
            image = step(image, random, others)
        return image

    return edit


def simple(function: Callable[[Picture, Random], Picture]) -> Edit:
    return lambda image, random, _: function(image, random)


def _pick(random: Random, items: Sequence[Picture]) -> Picture:
    return items[int(random.integers(len(items)))]


def _word(random: Random, words: Sequence[str] = _WORDS) -> str:
    return words[int(random.integers(len(words)))]


def _ink(random: Random) -> tuple[int, int, int]:
    return _INKS[int(random.integers(len(_INKS)))]


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=max(8, round(size)))


# -- put over it


def sticker(image: Picture, random: Random) -> Picture:
    result = image.copy()
    side = round(min(image.size) * random.uniform(0.2, 0.32))
    stamp = Image.new("RGBA", (side, side))
    ink, brush = _ink(random), ImageDraw.Draw(stamp)
    brush.ellipse((0, 0, side - 1, side - 1), fill=(*ink, 255), outline=(*WHITE, 255), width=3)
    text = (10, 10, 10) if sum(ink) > 400 else WHITE
    brush.text((side * 0.12, side * 0.36), _word(random), fill=text, font=_font(side * 0.18))
    place = (
        int(random.integers(image.width - side + 1)),
        int(random.integers(image.height - side + 1)),
    )
    result.paste(stamp, place, stamp)
    return result


def watermarked(image: Picture, random: Random) -> Picture:
    """One line of text, again and again, across the whole picture."""
    side = round(1.5 * max(image.size))
    layer = Image.new("RGBA", (side, side))
    brush, font = ImageDraw.Draw(layer), _font(max(image.size) / 22)
    ink = (*(WHITE if random.integers(2) else (90, 90, 90)), int(random.integers(80, 150)))
    text = _word(random, _SITES)
    for row in range(0, side, round(max(image.size) / 6)):
        brush.text((row % 90, row), (text + "     ") * 8, fill=ink, font=font)
    layer = layer.rotate(30)
    left, top = (side - image.width) // 2, (side - image.height) // 2
    result = image.convert("RGBA")
    result.alpha_composite(layer.crop((left, top, left + image.width, top + image.height)))
    return result.convert("RGB")


def stamped_large(image: Picture, random: Random) -> Picture:
    layer = Image.new("RGBA", image.size)
    ink = (*_ink(random), int(random.integers(100, 200)))
    place = (image.width * 0.06, image.height * random.uniform(0.3, 0.6))
    ImageDraw.Draw(layer).text(place, _word(random), fill=ink, font=_font(image.width / 6))
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def text_lines(image: Picture, random: Random) -> Picture:
    result = image.copy()
    brush, size = ImageDraw.Draw(result), image.height / 16
    left, top = image.width * random.uniform(0.02, 0.4), image.height * random.uniform(0.02, 0.5)
    for line in range(int(random.integers(3, 6))):
        place = (left, top + line * size * 1.3)
        brush.text(place, f"{_word(random)} {_word(random)}", fill=_ink(random), font=_font(size))
    return result


def price_tag(image: Picture, random: Random) -> Picture:
    result = image.copy()
    width, height = (
        image.width * random.uniform(0.3, 0.45),
        image.height * random.uniform(0.1, 0.16),
    )
    left = 0.0 if random.integers(2) else image.width - width
    top = image.height - height * 1.2
    brush = ImageDraw.Draw(result)
    brush.rectangle((left, top, left + width, top + height), fill=(220, 20, 40))
    price = f"$ {int(random.integers(3, 99))}.99"
    brush.text(
        (left + width * 0.1, top + height * 0.15), price, fill=WHITE, font=_font(height * 0.6)
    )
    return result


def confetti(image: Picture, random: Random) -> Picture:
    result = image.copy()
    brush, side = ImageDraw.Draw(result), max(image.size) / 40
    for _ in range(int(random.integers(60, 120))):
        x, y = random.uniform(0, image.width), random.uniform(0, image.height)
        brush.ellipse((x, y, x + side, y + side * random.uniform(0.4, 1)), fill=_ink(random))
    return result


def pixelated_part(image: Picture, random: Random) -> Picture:
    """A logo made unreadable: a quarter of the picture in coarse blocks."""
    result = image.copy()
    width, height = image.width // 2, image.height // 2
    left, top = int(random.integers(width + 1)), int(random.integers(height + 1))
    part = image.crop((left, top, left + width, top + height))
    small = part.resize((10, 10), Image.Resampling.BOX)
    result.paste(small.resize(part.size, Image.Resampling.NEAREST), (left, top))
    return result


def blended(image: Picture, random: Random, others: Sequence[Picture]) -> Picture:
    other = _pick(random, others).resize(image.size)
    return Image.blend(image, other, float(random.uniform(0.2, 0.35)))


# -- put into something


def framed(image: Picture, random: Random) -> Picture:
    edge = round(max(image.size) * random.uniform(0.04, 0.1))
    result = ImageOps.expand(image, edge, _ink(random))
    brush, half = ImageDraw.Draw(result), edge // 2
    brush.rectangle(
        (half, half, result.width - half, result.height - half), outline=_ink(random), width=3
    )
    brush.text((edge, edge * 0.1), _word(random, _SITES), fill=_ink(random), font=_font(edge * 0.7))
    return result


def collage(columns: int, rows: int) -> Edit:
    def edit(image: Picture, random: Random, others: Sequence[Picture]) -> Picture:
        side, gap = 800 // max(columns, rows), int(random.integers(0, 12))
        result = Image.new("RGB", (columns * side, rows * side), WHITE)
        mine = int(random.integers(columns * rows))
        for place in range(columns * rows):
            picture = image if place == mine else _pick(random, others)
            fitted = ImageOps.pad(picture, (side - gap, side - gap), color=WHITE)
            result.paste(fitted, (place % columns * side, place // columns * side))
        return result

    return edit


def pasted(low: float, high: float) -> Edit:
    """Into another picture, its longer side `low` to `high` of that one's shorter side."""

    def edit(image: Picture, random: Random, others: Sequence[Picture]) -> Picture:
        ground = ImageOps.contain(_pick(random, others).convert("RGB"), (900, 900))
        side = round(min(ground.size) * random.uniform(low, high))
        small = ImageOps.contain(image, (side, side))
        room = (ground.width - small.width + 1, ground.height - small.height + 1)
        ground.paste(small, (int(random.integers(room[0])), int(random.integers(room[1]))))
        return ground

    return edit


def cut_out(image: Picture, random: Random, others: Sequence[Picture]) -> Picture:
    """The product on another ground: what differs from the border, else an oval of the middle."""
    pixels = cv2.GaussianBlur(np.asarray(image), (5, 5), 0).astype(np.int64)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ground = np.median(edge, axis=0)
    if np.abs(edge - ground).mean() < 12:
        mask = (np.abs(pixels - ground).max(axis=2) > 18).astype(np.uint8) * 255
        mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)))
    else:
        oval = Image.new("L", image.size)
        width, height = image.size
        box = (width * 0.12, height * 0.12, width * 0.88, height * 0.88)
        ImageDraw.Draw(oval).ellipse(box, fill=255)
        mask = np.asarray(oval)
    other = ImageOps.fit(_pick(random, others).convert("RGB"), image.size)
    plain = Image.new("RGB", image.size, tuple(int(v) for v in random.integers(60, 250, 3)))
    return Image.composite(image, other if random.integers(2) else plain, Image.fromarray(mask))


def screenshot(image: Picture, random: Random) -> Picture:
    """A telephone's screen of a shop: bars, the picture in full width, price and text below."""
    screen = Image.new("RGB", (720, 1280), WHITE)
    brush = ImageDraw.Draw(screen)
    brush.rectangle((0, 0, 720, 90), fill=(245, 80, 30))
    brush.text((30, 30), "12:45      < Shop      search", fill=WHITE, font=_font(32))
    shown = ImageOps.contain(image, (720, 760))
    screen.paste(shown, ((720 - shown.width) // 2, 90))
    top = 110 + shown.height
    brush.text((30, top), f"$ {int(random.integers(5, 80))}.50", fill=(220, 20, 40), font=_font(52))
    for line in range(4):
        brush.text(
            (30, top + 80 + 50 * line),
            f"{_word(random)} {_word(random)}",
            fill=(30, 30, 30),
            font=_font(34),
        )
    brush.rectangle((0, 1190, 720, 1280), fill=(250, 160, 0))
    brush.text((240, 1210), "BUY NOW", fill=WHITE, font=_font(44))
    return screen


def polaroid(image: Picture, random: Random, others: Sequence[Picture]) -> Picture:
    card = ImageOps.expand(ImageOps.contain(image, (520, 520)), 24, WHITE)
    turned_card = card.convert("RGBA").rotate(float(random.uniform(-18, 18)), expand=True)
    table = ImageOps.fit(_pick(random, others).convert("RGB"), (900, 900))
    table = table.filter(ImageFilter.GaussianBlur(6))
    room = (900 - turned_card.width, 900 - turned_card.height)
    table.paste(
        turned_card,
        (int(random.integers(max(1, room[0]))), int(random.integers(max(1, room[1])))),
        turned_card,
    )
    return table


def photographed_screen(image: Picture, random: Random) -> Picture:
    """Perspective, the screen's lines, uneven light."""
    shown = floats_of(perspective(image, random))
    y, x = np.mgrid[0 : image.height, 0 : image.width]
    lines = 1 + 0.12 * np.sin(y * 2.1) + 0.08 * np.sin(x * 1.7 + y * 0.2)
    return shadowed(to_rgb(shown * lines[..., None] * 0.9 + 12), random)


def round_masked(image: Picture, _: Random) -> Picture:
    oval = Image.new("L", image.size)
    ImageDraw.Draw(oval).ellipse((0, 0, image.width - 1, image.height - 1), fill=255)
    return Image.composite(image, Image.new("RGB", image.size, WHITE), oval)


def another_print(image: Picture, random: Random, print_: Picture) -> Picture:
    """A mock-up: the same picture around it, 40 to 70 % of both sides in it something else."""
    result = image.copy()
    width = round(image.width * random.uniform(0.4, 0.7))
    height = round(image.height * random.uniform(0.4, 0.7))
    left = int(random.integers(image.width - width + 1))
    top = int(random.integers(image.height - height + 1))
    result.paste(ImageOps.fit(print_.convert("RGB"), (width, height)), (left, top))
    return result


def part_recoloured(image: Picture, random: Random) -> Picture | None:
    """A part in the middle in another colour, the rest as it was; None where it hardly shows."""
    pixels = np.asarray(image)
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV).astype(np.int64)
    hsv[..., 0] = (hsv[..., 0] + int(random.integers(25, 155))) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * random.uniform(0.8, 1.6), 0, 255)
    hsv[..., 2] = np.clip(hsv[..., 2] * random.uniform(0.6, 1.3), 0, 255)
    changed = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    y, x = np.mgrid[-1 : 1 : image.height * 1j, -1 : 1 : image.width * 1j]
    wide, high = random.uniform(0.3, 0.65, 2)
    left, top = random.uniform(-0.25, 0.25, 2)
    away = ((x - left) / wide) ** 2 + ((y - top) / high) ** 2
    # An empty ground keeps its colour, as in a shop's own picture of another colour.
    ground = np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]), axis=0)
    is_thing = np.abs(pixels - ground).max(axis=2) > 20
    mask = np.clip((1 - away) * 6, 0, 1) * cv2.GaussianBlur(is_thing.astype(np.float64), (3, 3), 0)
    result = pixels + (changed.astype(np.float64) - pixels) * mask[..., None]
    shows = np.abs(result - pixels).mean(axis=2) > 25
    return to_rgb(result) if shows.mean() > 0.05 * is_thing.mean() and shows.mean() > 0.02 else None
