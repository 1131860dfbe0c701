"""Addresses as anybody writes them -> absolute https URLs. Every function is idempotent."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

from monitor.errors import FetchRefused
from monitor.net.addresses import is_loopback_host

MAX_URL = 4096
# Characters that stay as they are; "%" too, as what is escaped already must not be escaped twice.
_SAFE = "/%:@!$&'()*+,;=~-._"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://|([a-z][a-z0-9+-]*):(?![0-9])", re.IGNORECASE)
# `shop.example/offer/1.html`: some answers leave the scheme out.
_BARE_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,24}(?::[0-9]{1,5})?/", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


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
    """Whether a URL's host is one of the domains or below it (not `evilshop.example`)."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def is_web_address(text: str) -> bool:
    """Whether a text is an http or https address with a host."""
    try:
        parts = urlsplit(text)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_place and parts.scheme in ("http", "https")


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
