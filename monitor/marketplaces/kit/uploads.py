"""A reference picture -> bytes that a marketplace takes: an upright RGB JPEG within its rules."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

from PIL import Image, ImageOps

log = logging.getLogger(__name__)

# The guide's rules: under 5 MB (10^6, with room for the multipart frame), 800 px a side or more.
MAX_UPLOAD_BYTES = 4_800_000
GOOD_SIDE = 800
# A longer picture tells a search no more and costs time.
USUAL_LONGEST_SIDE = 1600
LONGEST_SIDE = 2400
# A picture this small is not refused for its size: what is refused then is the picture.
SMALLEST_UPLOAD_BYTES = 200_000
_QUALITIES = (90, 80, 70, 60)
_SHRINK = 0.8


def iter_uploads(
    picture: Image.Image,
    *,
    max_bytes: int = MAX_UPLOAD_BYTES,
    smallest_bytes: int = SMALLEST_UPLOAD_BYTES,
) -> Iterator[bytes]:
    """JPEG files of a picture: the best one first, then smaller ones, down to `smallest_bytes`.

    Each is made when it is asked for and has at most half the bytes of the one before, or
    `smallest_bytes`; none has more than `max_bytes`.
    """
    image = _flatten(picture)
    image = _resize(image, fit(image.size))
    image, data = _encode_within(image, max_bytes)
    yield data
    while len(data) > smallest_bytes:
        image, data = _encode_within(image, max(smallest_bytes, len(data) // 2))
        yield data


def fit(size: tuple[int, int]) -> tuple[int, int]:
    """The size in pixels to upload: aspect kept, never larger than the source.

    The longest side is at most 1600, or as much more (up to 2400) as the shortest needs for 800.
    """
    longest, shortest = max(size), min(size)
    wanted = max(USUAL_LONGEST_SIDE / longest, GOOD_SIDE / shortest)
    scale = min(1.0, wanted, LONGEST_SIDE / longest)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _flatten(picture: Image.Image) -> Image.Image:
    """Upright RGB with transparency on white."""
    image = ImageOps.exif_transpose(picture)
    if image.mode.startswith("I;16"):
        # 16-bit grey: `convert` would clip it to white
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def _encode_within(image: Image.Image, limit: int) -> tuple[Image.Image, bytes]:
    """The image, smaller where quality alone can't do it, with its JPEG file within `limit`."""
    while True:
        for quality in _QUALITIES:
            data = _encode(image, quality)
            if len(data) <= limit:
                log.debug("prepared %dx%d at quality %d", *image.size, quality)
                return image, data
        width, height = image.size
        image = _resize(image, (max(1, int(width * _SHRINK)), max(1, int(height * _SHRINK))))


def _encode(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()
