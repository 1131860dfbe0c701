"""bytes -> an upright RGB picture, or PictureError. The bytes are hostile input.

Pillow's own size check is a warning at one limit and an error at twice that; here the size is
checked against `PictureLimits` after the header is read and before any pixel is, so the warning is
off.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageCms,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)
from PIL import Image as PILImage
from PIL.Image import Image

from monitor.errors import PictureError
from monitor.matching.working_copy import WORK

# The plug-ins are imported so that Pillow doesn't load all of its others at the first unknown file.
_PLUGINS: Final = (
    JpegImagePlugin.JpegImageFile,
    PngImagePlugin.PngImageFile,
    WebPImagePlugin.WebPImageFile,
    GifImagePlugin.GifImageFile,
    BmpImagePlugin.BmpImageFile,
    TiffImagePlugin.TiffImageFile,
    AvifImagePlugin.AvifImageFile,
)
FORMATS: Final = tuple(plugin.format for plugin in _PLUGINS)

# Once, at import: `PictureLimits` is the guard. catch_warnings would not be safe with threads.
PILImage.MAX_IMAGE_PIXELS = None
# What Pillow says about damaged metadata is no news to anyone here.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\..*")

# Everything Pillow's decoders were seen to raise on damaged files, and what their code may.
# Warning: under `-W error` a remark on metadata is raised.
_DAMAGE: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    PILImage.DecompressionBombError,
    Warning,
)

_ORIENTATION_TAG: Final = 0x0112
_UPRIGHT: Final = {
    2: PILImage.Transpose.FLIP_LEFT_RIGHT,
    3: PILImage.Transpose.ROTATE_180,
    4: PILImage.Transpose.FLIP_TOP_BOTTOM,
    5: PILImage.Transpose.TRANSPOSE,
    6: PILImage.Transpose.ROTATE_270,
    7: PILImage.Transpose.TRANSVERSE,
    8: PILImage.Transpose.ROTATE_90,
}
_SWAPPING: Final = {
    PILImage.Transpose.TRANSPOSE,
    PILImage.Transpose.ROTATE_270,
    PILImage.Transpose.TRANSVERSE,
    PILImage.Transpose.ROTATE_90,
}
# What people and marketplaces send instead of a picture we take.
_FOREIGN: Final = (
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"%pdf", "a PDF document"),
    (b"ftyphei", "a HEIC picture"),
    (b"8bps", "a Photoshop file"),
    (b'{"', "JSON text"),
)


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """How large a picture may be: the file in bytes, the picture in pixels (width x height)."""

    max_bytes: int = 50_000_000
    max_pixels: int = 100_000_000


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """An upright RGB picture; `format` is the file's, `width` and `height` are the upright file's.

    `image` may be smaller, see `decode_small`.
    """

    image: Image
    format: str
    width: int
    height: int


_DEFAULT_LIMITS: Final = PictureLimits()


def decode(data: bytes, limits: PictureLimits = _DEFAULT_LIMITS) -> DecodedPicture:
    """The picture in `data`: first frame, upright by its EXIF, on white where transparent, RGB.

    The content decides the format, not a name. Raises PictureError with the reason.
    """
    return _decode(data, limits, None)


def decode_small(data: bytes, limits: PictureLimits = _DEFAULT_LIMITS) -> DecodedPicture:
    """As `decode`, no larger than fingerprints need: they are always taken from this.

    A JPEG is decoded at a half, a quarter or an eighth of its size while its longest side keeps
    `WORK` pixels; other formats come whole. `width` and `height` are the file's all the same.
    Raises PictureError.
    """
    return _decode(data, limits, WORK)


def _decode(data: bytes, limits: PictureLimits, enough: int | None) -> DecodedPicture:
    if not data:
        raise PictureError("the file is empty")
    if len(data) > limits.max_bytes:
        raise PictureError(
            f"the file has {len(data):,} bytes, more than the {limits.max_bytes:,} allowed"
        )
    try:
        with PILImage.open(io.BytesIO(data), formats=FORMATS) as opened:
            _check_size(opened, limits)
            size = opened.size
            if enough is not None:
                _draft(opened, enough)
            opened.load()
            picture_format = "JPEG" if opened.format == "MPO" else str(opened.format)
            turn = _upright_turn(opened)
            image = _to_rgb(opened if turn is None else opened.transpose(turn))
    except UnidentifiedImageError as error:
        raise PictureError(_explain_unknown(data)) from error
    except _DAMAGE as error:
        raise PictureError(f"the picture is damaged or cut off: {_one_line(error)}") from error
    width, height = size[::-1] if turn in _SWAPPING else size
    return DecodedPicture(image, picture_format, width, height)


def _draft(opened: Image, enough: int) -> None:
    """Ask the JPEG decoder for less; it keeps at least the size asked for in both directions."""
    longest = max(opened.size)
    width, height = (max(1, side * enough // longest) for side in opened.size)
    opened.draft(None, (width, height))


def _check_size(image: Image, limits: PictureLimits) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise PictureError(f"the picture has no pixels ({width}x{height})")
    if width * height > limits.max_pixels:
        raise PictureError(
            f"the picture has {width}x{height} pixels, more than the "
            f"{limits.max_pixels:,} in all that are allowed"
        )


def _explain_unknown(data: bytes) -> str:
    head = data[:512].lower()
    seen = next((f"it looks like {name}; " for mark, name in _FOREIGN if mark in head), "")
    return f"not a picture we can read: {seen}JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF are"


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or "no details given"
    return f"{type(error).__name__}: {text[:200]}"


def _upright_turn(image: Image) -> PILImage.Transpose | None:
    """Damaged EXIF data is no reason to refuse a picture: it counts as upright."""
    try:
        return _UPRIGHT.get(image.getexif().get(_ORIENTATION_TAG, 1))
    except _DAMAGE:
        return None


# -- any mode -> RGB


def _to_rgb(image: Image) -> Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _scale_to_grey(image).convert("RGB")
    if image.mode == "LAB":
        return _lab_to_rgb(image)
    if image.has_transparency_data:
        return _put_on_white(image.convert("RGBA"))
    # A copy where it is RGB already: the opened file goes away with its plug-in.
    return image.copy() if image.mode == "RGB" else image.convert("RGB")


def _scale_to_grey(image: Image) -> Image:
    """16 and 32 bit and floating-point grey to 8 bit by scale; Pillow itself would clip at 255."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0.0, neginf=0.0)
    values = np.clip(values, -1e30, 1e30)  # the arithmetic below must not overflow
    top = _white_of(image.mode, values)
    low = min(0.0, float(values.min()))
    scaled = (values - low) * (255.0 / (top - low))
    return PILImage.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))


def _white_of(mode: str, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    """The value that means white: by the mode, else the first usual scale that holds them all."""
    if mode.startswith("I;16"):
        return 65535.0
    largest = float(values.max())
    usual = (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0)
    return next((white for white in usual if largest <= white), largest)


def _lab_to_rgb(image: Image) -> Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if converted is None:
        raise PictureError("this Lab picture can't be converted; save it as RGB")
    return converted


def _put_on_white(image: Image) -> Image:
    ground = PILImage.new("RGB", image.size, (255, 255, 255))
    ground.paste(image, mask=image.getchannel("A"))
    return ground
