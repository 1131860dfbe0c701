"""Pictures that callers send, or name by a URL: loaded from loopback, nowhere else."""

from __future__ import annotations

import io
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from PIL import Image

from monitor.net.addresses import is_loopback_host

_PATIENCE_SECONDS = 5.0


def open_picture(data: bytes) -> Image.Image | None:
    """A JPG or PNG picture; None for anything else."""
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return image


def load_picture(url: str, max_bytes: int) -> Image.Image | None:
    """The picture; None where the URL is not on loopback, or what comes is no picture.

    http.client follows no redirects and asks no proxy: nothing can lead out to the net.
    """
    try:
        data = _load(url, max_bytes + 1)
    except (OSError, ValueError, HTTPException):
        return None
    return open_picture(data) if len(data) <= max_bytes else None


def _load(url: str, max_bytes: int) -> bytes:
    """At most so many bytes. Raises OSError, ValueError or HTTPException."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not is_loopback_host(parts.hostname or ""):
        raise ValueError("the picture is not on loopback")
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", parts._replace(scheme="", netloc="", fragment="").geturl() or "/")
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"the picture came with HTTP {answer.status}")
        return answer.read(max_bytes)
    finally:
        connection.close()
