"""Picture files named on the command line -> fingerprints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor import matching
from monitor.errors import InputError, PictureError
from monitor.model import Fingerprints


def fingerprint_file(path: Path, limits: matching.PictureLimits | None = None) -> Fingerprints:
    """The fingerprints of a picture file. Raises PictureError with the file and the reason."""
    with _naming(path):
        limits = limits or matching.PictureLimits()
        return matching.fingerprint(matching.decode_small(_read(path, limits), limits))


def decode_file(
    path: Path, limits: matching.PictureLimits | None = None
) -> matching.DecodedPicture:
    """The whole picture in a file. Raises PictureError with the file and the reason."""
    with _naming(path):
        limits = limits or matching.PictureLimits()
        return matching.decode(_read(path, limits), limits)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """What goes wrong inside becomes a PictureError that says with which file."""
    try:
        yield
    except PictureError as error:
        raise PictureError(f"{path}: {error}") from error
    except OSError as error:
        raise PictureError(f"{path}: can't be read: {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the name
        raise PictureError(f"{str(path)!r} is no file name: {error}") from error


def _read(path: Path, limits: matching.PictureLimits) -> bytes:
    """The file's bytes; a pipe or a device is not waited for, a huge file not read."""
    if not path.is_file():
        raise PictureError("there is no such file")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > limits.max_bytes:
            raise PictureError(f"{size:,} bytes are more than the {limits.max_bytes:,} allowed")
        return file.read()


def save_drawing(drawing: matching.Image, out: Path) -> None:
    """Write the drawing; the file's ending decides the format. Raises InputError."""
    try:
        drawing.save(out)
    except (OSError, ValueError) as error:
        raise InputError(f"{out} can't be written: {error}; name a .png or .jpg") from error
