"""A listing picture's address as sites write it -> where the picture is in full size.

What is known of the marketplaces' picture hosts is here; the rules are in docs/addresses.md. Every
function is idempotent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from monitor.errors import FetchRefused
from monitor.net.urls import absolute_url, is_on

# Alibaba's picture hosts answer 200 without a Referer and 403 with a foreign one; where they want
# one, it is this. It says what we look at, so it goes to nobody else.
PICTURE_REFERERS: Final[Mapping[str, str]] = dict.fromkeys(
    ("alicdn.com", "aliexpress-media.com", "1688.com", "taobao.com", "tmall.com", "alibaba.com"),
    "https://detail.1688.com/",
)

_THUMBNAIL_HOSTS = ("alicdn.com", "aliexpress-media.com")
# `x.jpg_400x400.jpg`, `x.jpg_.webp`: everything from the first such underscore on is a resizing.
_RESIZED = re.compile(r"(\.(?:jpg|jpeg|png|gif|webp|bmp))_.*", re.IGNORECASE)
# `x.220x220.jpg`, `x.search.jpg`
_SIZED = re.compile(r"\.(?:[0-9]+x[0-9]+|search|summ)(\.(?:jpg|jpeg|png|gif|webp|bmp))$", re.I)
# Mirrors of one place, by the country of who asks.
_ALIEXPRESS_MIRROR = re.compile(r"ae-pic-[a-z0-9-]+\.aliexpress-media\.com")
_ALIEXPRESS_ORIGIN = "ae01.alicdn.com"
# `s-l225.jpg` is scaled to 225 pixels at most; 1600 is the largest that the host makes.
_EBAY_SIZED = re.compile(r"/s-l([0-9]{2,4})(\.[a-z]+)$", re.IGNORECASE)
_EBAY_LARGEST = 1600


@dataclass(frozen=True, slots=True)
class PictureLink:
    """Where a listing's picture is, or why nowhere. `fallback` is the address as the site gave it,
    where `url` was made of it and may be missing."""

    url: str | None
    fallback: str | None = None
    problem: str | None = None


def picture_link(raw: object, *, base: str, allow_loopback: bool) -> PictureLink:
    """A listing's picture in full size. `base` is the address of the answer that names it."""
    if raw is None or raw == "":
        return PictureLink(None, problem="no picture given")
    if not isinstance(raw, str):
        return PictureLink(None, problem="the picture's address is not text")
    try:
        given = absolute_url(raw, base=base, allow_loopback=allow_loopback)
    except FetchRefused as error:
        return PictureLink(None, problem=f"picture refused: {error}")
    url = full_size(given)
    return PictureLink(url, fallback=given if given != url else None)


def full_size(url: str) -> str:
    """The original of a thumbnail on Alibaba's and eBay's hosts; other addresses as they are."""
    if is_on(url, "ebayimg.com"):
        return _largest_on_ebay(url)
    if not is_on(url, *_THUMBNAIL_HOSTS):
        return url
    parts = urlsplit(url)
    folder, _, name = parts.path.rpartition("/")
    name = _RESIZED.sub(r"\1", name)
    while (shorter := _SIZED.sub(r"\1", name)) != name:
        name = shorter
    is_mirror = folder == "/kf" and _ALIEXPRESS_MIRROR.fullmatch(parts.netloc)
    netloc = _ALIEXPRESS_ORIGIN if is_mirror else parts.netloc
    return urlunsplit((parts.scheme, netloc, f"{folder}/{name}", "", ""))


def _largest_on_ebay(url: str) -> str:
    parts = urlsplit(url)
    found = _EBAY_SIZED.search(parts.path)
    if found is None or int(found[1]) >= _EBAY_LARGEST:
        return url
    path = f"{parts.path[: found.start()]}/s-l{_EBAY_LARGEST}{found[2]}"
    return urlunsplit(parts._replace(path=path))
