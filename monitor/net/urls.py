"""Addresses as sites write them -> canonical listing URLs and full-size picture URLs.

The rules are in docs/addresses.md. Every function is idempotent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, urljoin, urlsplit, urlunsplit

from monitor.errors import FetchRefused
from monitor.net.addresses import is_loopback_host

MAX_URL = 4096
# Characters that stay as they are; "%" too, as what is escaped already must not be escaped twice.
_SAFE = "/%:@!$&'()*+,;=~-._"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://|([a-z][a-z0-9+-]*):(?![0-9])", re.IGNORECASE)
# `detail.1688.com/offer/1.html`: the guide's own sample lacks the scheme.
_BARE_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,24}(?::[0-9]{1,5})?/", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_DEFAULT_PORTS = {"http": 80, "https": 443}

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

_OFFER_PATH = re.compile(r"/(?:offer|offerdetail)/([0-9]{1,20})(?![0-9])", re.IGNORECASE)
_OFFER_KEYS = ("offerid", "offer_id")
_TRACE = re.compile(r"object_id@([0-9]{1,20})(?![0-9])")


@dataclass(frozen=True, slots=True)
class PictureLink:
    """Where a listing's picture is, or why nowhere. `fallback` is the address as the site gave it,
    where `url` was made of it and may be missing."""

    url: str | None
    fallback: str | None = None
    problem: str | None = None


def absolute_url(raw: str, *, base: str | None = None, allow_loopback: bool = False) -> str:
    """An https address without fragment, its host in ASCII, all else escaped.

    http is kept for loopback hosts where `allow_loopback`, and becomes https otherwise. Relative
    addresses count from `base`. Raises FetchRefused with the reason, which never quotes a query.
    """
    text = raw.strip()
    if len(text) > MAX_URL:
        raise FetchRefused(f"the address is longer than {MAX_URL} characters")
    if not text or _UNPRINTABLE.search(text):
        raise FetchRefused("the address is empty or holds characters that no address can have")
    try:
        parts = urlsplit(_with_scheme(text, base))
        port = parts.port
    except ValueError as error:
        raise FetchRefused("the address can't be read as a URL") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise FetchRefused(f"addresses with {parts.scheme[:20]}: are not followed")
    if parts.username is not None or parts.password is not None:
        raise FetchRefused("the address holds a user name")
    return _assemble(parts, port, allow_loopback=allow_loopback)


def is_on(url: str, *domains: str) -> bool:
    """Whether a URL's host is one of the domains or below it (`.1688.com`, not `evil1688.com`)."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


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


def offer_id_in(url: str) -> str | None:
    """The offer's id that an absolute 1688 URL holds; None elsewhere and for ad links."""
    if not is_on(url, "1688.com") or is_on(url, "dj.1688.com"):
        return None
    parts = urlsplit(url)
    if found := _OFFER_PATH.search(parts.path):
        return found[1]
    for key, value in parse_qsl(parts.query):
        if key.lower() in _OFFER_KEYS and re.fullmatch(r"[0-9]{1,20}", value):
            return value
        if found := _TRACE.search(value):
            return found[1]
    return None


def offer_url(item_id: str) -> str:
    """The canonical page of a 1688 offer."""
    return f"https://detail.1688.com/offer/{quote(item_id, safe='')}.html"


def _with_scheme(text: str, base: str | None) -> str:
    """An absolute address, http where none is said: `_assemble` turns it into https."""
    if text.startswith("//"):
        return f"http:{text}"
    if _SCHEME.match(text):
        return text
    if _BARE_HOST.match(text):
        return f"http://{text}"
    if base is None:
        raise FetchRefused("the address is relative")
    return urljoin(base, text)


def _assemble(parts: SplitResult, port: int | None, *, allow_loopback: bool) -> str:
    host = _ascii_host(parts.hostname or "")
    scheme = parts.scheme
    if port == _DEFAULT_PORTS[scheme]:
        port = None
    if not (allow_loopback and is_loopback_host(host)):
        scheme = "https"
    if port == _DEFAULT_PORTS[scheme]:
        port = None
    path = quote(parts.path or "/", safe=_SAFE)
    query = quote(parts.query, safe=f"{_SAFE}?")
    return urlunsplit((scheme, host if port is None else f"{host}:{port}", path, query, ""))


def _ascii_host(host: str) -> str:
    """A host name in ASCII without a last dot, an IPv6 address in brackets. Raises FetchRefused."""
    if ":" in host:
        return f"[{host}]"
    try:
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError as error:
        raise FetchRefused("the address has no host name that exists") from error
    if not _HOST.fullmatch(name):
        raise FetchRefused("the address has no host name that exists")
    return name
