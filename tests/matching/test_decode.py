"""decode: hostile bytes in, an upright RGB picture or a clear PictureError out."""

from __future__ import annotations

import contextlib
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from monitor.errors import PictureError
from monitor.matching import PictureLimits, decode
from tests.matching.drawing import draw, encode

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_allowed_format_is_decoded_and_named(name: str) -> None:
    decoded = decode(encode(draw(1), name))
    assert (decoded.format, decoded.width, decoded.height) == (name, 240, 180)
    assert decoded.image.mode == "RGB"
    difference = np.abs(np.asarray(decoded.image, int) - np.asarray(draw(1), int))
    assert difference.mean() < 12


def test_a_multi_picture_jpeg_is_a_jpeg() -> None:
    data = encode(draw(1), "MPO", save_all=True, append_images=[draw(2)])
    assert decode(data).format == "JPEG"


@pytest.mark.parametrize("name", ["PPM", "ICO", "TGA", "PCX", "EPS"])
def test_a_format_that_is_not_allowed_is_refused(name: str) -> None:
    with pytest.raises(PictureError, match="not a picture we can read"):
        decode(encode(draw(1, 64, 64), name))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>login</body></html>", "a web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"%PDF-1.7 ", "a PDF document"),
        (b'{"success": false}', "JSON text"),
        (b"\x00" * 100, "not a picture we can read"),
    ],
)
def test_what_is_no_picture_is_refused_with_what_it_looks_like(data: bytes, reason: str) -> None:
    with pytest.raises(PictureError, match=reason):
        decode(data)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(name: str, part: float) -> None:
    noise = np.random.default_rng(5).integers(0, 255, (90, 90, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), name)
    with pytest.raises(PictureError):
        decode(data[: int(len(data) * part)])


def test_the_content_decides_not_a_name() -> None:
    assert decode(encode(draw(1), "PNG")).format == "PNG"
    assert decode(encode(draw(1), "WEBP")).format == "WEBP"


# -- size


def png_claiming(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(b"\x00" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (10_001, 10_000), (2**31 - 1, 9)])
def test_a_bomb_is_refused_before_a_pixel_is_read(width: int, height: int) -> None:
    with pytest.raises(PictureError, match=r"pixels, more than the 100,000,000"):
        decode(png_claiming(width, height))


def test_no_bomb_warning_slips_out() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for size in (9_500, 12_000, 50_000):  # above Pillow's own warning and error limits
            with pytest.raises(PictureError):
                decode(png_claiming(size, size))
    assert not seen


def test_the_limits_are_the_callers() -> None:
    data = encode(draw(1))
    with pytest.raises(PictureError, match=r"43,200|240x180 pixels, more than the 40,000"):
        decode(data, PictureLimits(max_pixels=40_000))
    with pytest.raises(PictureError, match="bytes, more than the 100 allowed"):
        decode(data, PictureLimits(max_bytes=100))
    assert decode(data, PictureLimits(max_bytes=len(data), max_pixels=240 * 180)).width == 240


def test_a_picture_without_pixels_is_refused() -> None:
    with pytest.raises(PictureError):
        decode(png_claiming(0, 10))


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2)])
def test_tiny_and_extreme_pictures_are_decoded(size: tuple[int, int]) -> None:
    decoded = decode(encode(Image.new("RGB", size, (200, 10, 10))))
    assert (decoded.width, decoded.height) == size


# -- orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_is_turned_upright(orientation: int, name: str) -> None:
    upright = draw(3)
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(turns[orientation]) if orientation in turns else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encode(stored, name, exif=exif))
    assert (decoded.width, decoded.height) == upright.size
    assert np.abs(np.asarray(decoded.image, int) - np.asarray(upright, int)).mean() < 12


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # as the program runs
def test_damaged_exif_is_no_reason_to_refuse() -> None:
    data = encode(draw(3), "JPEG", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff\x01\x02")
    assert decode(data).width == 240


# -- modes


def grey_of(data: bytes) -> list[int]:
    """The first row of the red channel."""
    return [int(value) for value in np.asarray(decode(data).image)[0, :, 0]]


def test_alpha_lies_on_white() -> None:
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 255))
    image.putpixel((2, 0), (0, 0, 0, 128))
    first, second, third = grey_of(encode(image))
    assert (first, second) == (255, 0)
    assert 125 <= third <= 129


def test_grey_with_alpha_lies_on_white() -> None:
    image = Image.new("LA", (2, 1), (10, 0))
    image.putpixel((1, 0), (10, 255))
    assert grey_of(encode(image)) == [255, 10]


@pytest.mark.parametrize("name", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(name: str) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    assert grey_of(encode(image, name, transparency=0)) == [255, 0]


def test_a_transparent_colour_of_an_rgb_picture_is_white() -> None:
    image = Image.new("RGB", (2, 1), (10, 20, 30))
    image.putpixel((1, 0), (40, 20, 30))
    assert grey_of(encode(image, transparency=(10, 20, 30))) == [255, 40]


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk_is_not_inverted(name: str) -> None:
    image = draw(4).convert("CMYK")
    decoded = decode(encode(image, name))
    assert np.abs(np.asarray(decoded.image, int) - np.asarray(draw(4), int)).mean() < 8


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    values = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    for name in ("PNG", "TIFF"):
        assert grey_of(encode(Image.fromarray(values), name)) == [0, 1, 128, 255]


def test_32_bit_and_floating_point_grey_are_scaled() -> None:
    integers = np.array([[0, 32768, 65535]], dtype=np.int32)
    assert grey_of(encode(Image.fromarray(integers), "TIFF")) == [0, 128, 255]
    floats = np.array([[0.0, 0.5, 1.0]], dtype=np.float32)
    assert grey_of(encode(Image.fromarray(floats), "TIFF")) == [0, 128, 255]
    wild = np.array([[np.nan, np.inf, -np.inf, 3e38, -3e38]], dtype=np.float32)
    assert len(grey_of(encode(Image.fromarray(wild), "TIFF"))) == 5


@pytest.mark.parametrize("mode", ["1", "L", "P", "YCbCr", "LAB"])
def test_other_modes_become_rgb(mode: str) -> None:
    if mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(draw(4), *profiles, outputMode="LAB")
        assert image is not None
    else:
        image = draw(4).convert(mode)
    decoded = decode(encode(image, "TIFF"))
    assert decoded.image.mode == "RGB"
    if mode in ("YCbCr", "LAB"):
        assert np.abs(np.asarray(decoded.image, int) - np.asarray(draw(4), int)).mean() < 8


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_several_frames_the_first_counts(name: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((250, 0, 0), (0, 0, 250))]
    data = encode(frames[0], name, save_all=True, append_images=frames[1:])
    assert grey_of(data)[0] > 200


# -- hostile bytes


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.binary(max_size=400))
@example(b"GIF89a" + b"\xff" * 60)
@example(b"II*\x00\x08\x00\x00\x00\xff\xff" + b"\x01" * 60)
@example(b"RIFF\xff\xff\xff\xffWEBPVP8X" + b"\xff" * 40)
def test_random_bytes_raise_nothing_but_picture_error(data: bytes) -> None:
    with contextlib.suppress(PictureError):
        decode(data)


SOURCES = [encode(draw(7, 40, 30), name) for name in FORMATS]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(SOURCES),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8),
    st.floats(0.2, 1),
)
def test_damaged_files_raise_nothing_but_picture_error(
    source: bytes, changes: list[tuple[float, int]], part: float
) -> None:
    damaged = bytearray(source)
    for place, value in changes:
        damaged[int(place * (len(damaged) - 1))] = value
    with contextlib.suppress(PictureError):
        decoded = decode(
            bytes(damaged[: int(len(damaged) * part)]), PictureLimits(max_pixels=4_000_000)
        )
        assert decoded.image.size == (decoded.width, decoded.height)


def test_an_error_is_one_line() -> None:
    with pytest.raises(PictureError) as caught:
        decode(encode(draw(1), "JPEG")[:3000])
    assert "\n" not in str(caught.value)


def test_threads_decode_at_once() -> None:
    good, bad = encode(draw(1), "JPEG"), encode(draw(1), "JPEG")[:2000]

    def work(number: int) -> bool:
        try:
            return decode(bad if number % 3 == 0 else good).width == 240
        except PictureError:
            return False

    with ThreadPoolExecutor(max_workers=8) as pool:
        results = list(pool.map(work, range(120)))
    assert results == [number % 3 != 0 for number in range(120)]
