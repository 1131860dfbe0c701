"""Pages that a search of the whole web has found -> listings. Pure; for every such service.

A page becomes a listing where a known marketplace shows one listing on it, or where a config names
its host. Pages elsewhere are no listings: they are left out, which is no error.
"""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import AfterValidator

from monitor.errors import FetchRefused, ProtocolError
from monitor.marketplaces.kit.identity import find_listing, find_page
from monitor.marketplaces.kit.listings import Observe, collect, listed, observe_listing
from monitor.marketplaces.kit.picture_links import picture_link
from monitor.marketplaces.kit.values import Json, clean_title
from monitor.model import Observation, Price
from monitor.net.urls import absolute_url

log = logging.getLogger(__name__)

# What search services mark words with; other text in angle brackets may belong to a title.
_MARKS = re.compile(
    r"</?(?:b|i|u|em|strong|mark|span|br|wbr|hlword)(?:\s[^<>]*)?/?>", re.IGNORECASE
)


def _check_host(value: str) -> str:
    """A host name with a dot in it, in small letters and without dots around it."""
    host = value.strip().strip(".").lower()
    try:
        is_whole = absolute_url(f"https://{host}/").count("/") == 3
    except FetchRefused:
        is_whole = False
    if not is_whole or "." not in host or re.search(r"[\s/:?#@*\[\]]", host):
        raise ValueError("must be the name of a host, such as shop.example, without https:// and /")
    return host


# The host stands for all hosts below it too.
Host = Annotated[str, AfterValidator(_check_host)]
# For the option `hosts`: beside the known marketplaces, whose listings count in any case.
Hosts = tuple[Host, ...]


def observe_page(
    page: object,
    picture: object,
    *,
    title: object,
    rank: int,
    hosts: Sequence[str],
    allow_loopback: bool,
    fallback: object = None,
    price: Price | None = None,
) -> Observation | None:
    """The page at an address as a listing, None for one of another site (or for no address).

    `picture` is the address of the picture on it, `fallback` that of the same picture elsewhere or
    smaller: it stands in where the first can't be used, and is tried where that is missing. Never
    raises.
    """
    listing = find_listing(page) or find_page(page, hosts)
    if listing is None:
        return None
    link = picture_link(picture, base=listing.url, allow_loopback=allow_loopback)
    spare = picture_link(fallback, base=listing.url, allow_loopback=allow_loopback)
    if link.url is None and spare.url is not None:
        link = spare
    fallback_url = link.fallback or (spare.url if spare.url != link.url else None)
    return observe_listing(
        listing,
        replace(link, fallback=fallback_url),
        title=page_title(title),
        price=price,
        rank=rank,
    )


def collect_pages(
    items: Json, observe: Observe, *, page_key: str, place: str, offset: int = 0
) -> tuple[Observation, ...]:
    """The listings among the pages of an answer's list, ranked from `offset` + 1.

    `page_key` is where an item has the page's address, `place` names the list in messages. Raises
    ProtocolError where there is no list, or where none of its items has an address: left out as
    pages of other sites, they would read as no matches.
    """
    found = collect(items, observe, place=place, offset=offset, may_skip=True)
    pages = listed(items)
    bad = sum(not _has_address(item, page_key) for item in pages)
    if pages and bad == len(pages):
        raise ProtocolError(f"none of the {bad} pages has an address: the interface has changed")
    if bad:
        log.warning("%d of %d pages have no address and were left out", bad, len(pages))
    log.debug("%d listings on %d pages; the others are of other sites", len(found), len(pages))
    return found


def page_title(value: object) -> str:
    """A page's title without the marks and escapes of HTML, "" where there is none."""
    if not isinstance(value, str):
        return clean_title(value)
    text = _MARKS.sub("", value)
    try:
        return clean_title(html.unescape(text))
    except ValueError:  # a character's number of thousands of digits
        return clean_title(text)


def _has_address(item: Json, key: str) -> bool:
    raw = item.get(key) if isinstance(item, dict) else None
    try:
        return isinstance(raw, str) and bool(absolute_url(raw))
    except FetchRefused:
        return False
