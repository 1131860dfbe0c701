from __future__ import annotations

import io
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from monitor.marketplaces.kit.uploads import (
    MAX_UPLOAD_BYTES,
    SMALLEST_UPLOAD_BYTES,
    fit,
    iter_uploads,
)


def noise(width: int, height: int) -> Image.Image:
    """The picture that compresses worst."""
    return Image.frombytes("RGB", (width, height), random.Random(1).randbytes(width * height * 3))


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((800, 800), (800, 800)),
        ((50, 50), (50, 50)),
        ((1, 1), (1, 1)),
        ((1600, 1200), (1600, 1200)),
        ((4000, 4000), (1600, 1600)),
        ((4000, 3000), (1600, 1200)),
        ((3000, 1000), (2400, 800)),
        ((1000, 3000), (800, 2400)),
        ((5000, 300), (2400, 144)),
        ((30_000, 1), (2400, 1)),
    ],
)
def test_a_picture_is_fitted_without_enlarging(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert fit(size) == expected


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_every_size_keeps_the_rules(width: int, height: int) -> None:
    fitted = fit((width, height))
    assert max(fitted) <= 2400
    assert fitted[0] <= width
    assert fitted[1] <= height
    if min(width, height) >= 800 and max(width, height) <= 3 * min(width, height):
        assert min(fitted) >= 800
    scale = max(fitted) / max(width, height)
    assert abs(fitted[0] - width * scale) <= 1
    assert abs(fitted[1] - height * scale) <= 1


@pytest.mark.parametrize("size", [(5000, 300), (50, 50), (1, 1), (4000, 4000)])
def test_an_odd_picture_becomes_a_jpeg(size: tuple[int, int]) -> None:
    image = opened(next(iter_uploads(Image.new("RGB", size, "red"))))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert image.size == fit(size)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr"])
def test_every_kind_of_picture_becomes_colour(mode: str) -> None:
    image = opened(next(iter_uploads(Image.new("RGB", (60, 40), "white").convert(mode))))
    assert (image.mode, image.size) == ("RGB", (60, 40))


def test_transparency_becomes_white() -> None:
    image = opened(next(iter_uploads(Image.new("RGBA", (40, 40), (0, 0, 0, 0)))))
    assert image.getpixel((20, 20)) == (255, 255, 255)


def test_a_picture_is_uploaded_upright() -> None:
    source = Image.new("RGB", (60, 40), "red")
    exif = source.getexif()
    exif[0x0112] = 6  # turn by 90 degrees
    file = io.BytesIO()
    source.save(file, "JPEG", exif=exif)
    image = opened(next(iter_uploads(Image.open(file))))
    assert image.size == (40, 60)
    assert not image.getexif()


def test_the_worst_picture_stays_under_5_mb() -> None:
    assert len(next(iter_uploads(noise(2400, 2000)))) <= MAX_UPLOAD_BYTES


def test_each_smaller_version_is_at_most_half_and_the_last_about_200_kb() -> None:
    sizes = [len(data) for data in iter_uploads(noise(900, 900))]
    assert len(sizes) > 2
    for before, after in itertools.pairwise(sizes):
        assert after <= max(before // 2, SMALLEST_UPLOAD_BYTES)
    assert sizes[-1] <= SMALLEST_UPLOAD_BYTES
    assert sizes[-2] > SMALLEST_UPLOAD_BYTES


def test_a_small_picture_has_one_version_only() -> None:
    assert len(list(iter_uploads(Image.new("RGB", (300, 300), "blue")))) == 1


def test_the_source_is_left_as_it_is() -> None:
    source = Image.new("RGB", (3000, 3000), "blue")
    next(iter_uploads(source))
    assert source.size == (3000, 3000)
