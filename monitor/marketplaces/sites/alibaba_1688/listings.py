"""Answers of 1688's image searches -> listings. Pure.

Two interfaces with shapes of their own: `linkplus` gives prices in fen (integers), ids as text and
the seller's place; `crossborder` gives prices in yuan (text), ids as numbers, sales and companies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial

from monitor.marketplaces import plug_in as m
from monitor.marketplaces.sites.alibaba_1688.places import MAX_REGIONS, Region, make_region

SITE = "1688"
# Which of the prices is shown to everybody comes first; the others are of programmes.
_PRICES = ("price", "promotionPrice", "consignPrice", "jxhyPrice", "pfJxhyPrice")
_FEN = re.compile(r"[0-9]{1,15}")
_REGION = re.compile(r"([0-9]{1,5}),([0-9]{1,5}),([0-9]{1,5}),([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Parsed:
    """One page. `got` counts its items, also those that came twice or without an id.

    `page_size` is how many items the site says a page has, `regions` the parts of the picture that
    it takes for objects, without the one that it has searched.
    """

    observations: tuple[m.Observation, ...]
    total: int | None
    got: int
    page_size: int | None
    regions: tuple[Region, ...] = ()


def parse_crossborder(body: bytes, base: str, *, allow_loopback: bool, offset: int = 0) -> Parsed:
    """A page of `product.search.imageQuery`. Raises ProtocolError for another shape."""
    value = m.read_json(body)
    holders = (m.dig(value, *keys) for keys in _HOLDERS)
    holder = next((found for found in holders if isinstance(m.dig(found, "data"), list)), None)
    observe = partial(_observe_crossborder, base, allow_loopback=allow_loopback)
    items = m.dig(holder, "data")
    observations = m.collect(items, observe, place="result.result.data", offset=offset)
    parsed = _parsed(observations, items, holder, "totalRecords")
    _check_empty(value, items, None if offset else parsed.total, "result.result.data")
    return replace(parsed, regions=parse_regions(m.dig(holder, "picRegionInfo")))


# Public clients found the list a level deeper and a level higher than it is documented.
_HOLDERS = (("result", "result"), ("result", "result", "result"), ("result",), ())


def parse_linkplus(body: bytes, base: str, *, allow_loopback: bool, offset: int = 0) -> Parsed:
    """A page of `alibaba.cross.similar.offer.search`. Raises ProtocolError for another shape."""
    value = m.read_json(body)
    holder = m.dig(value, "result")
    observe = partial(_observe_linkplus, base, allow_loopback=allow_loopback)
    items = m.dig(holder, "result")
    observations = m.collect(items, observe, place="result.result", offset=offset)
    parsed = _parsed(observations, items, holder, "total")
    _check_empty(value, items, None if offset else parsed.total, "result.result")
    return parsed


def _parsed(
    observations: tuple[m.Observation, ...], items: m.Json, holder: m.Json, total_key: str
) -> Parsed:
    total, page_size = (m.parse_count(m.dig(holder, key)) for key in (total_key, "pageSize"))
    return Parsed(observations, total, len(m.listed(items)), page_size)


def _check_empty(value: m.Json, items: m.Json, total: int | None, place: str) -> None:
    """Both interfaces say `success`, at the top or in `result`."""
    flags = [m.parse_flag(m.dig(value, *keys)) for keys in (("success",), ("result", "success"))]
    m.check_empty(value, items, total, place=place, says_good=True in flags)


def parse_image_id(body: bytes) -> str | None:
    """The id of an uploaded picture; "" where the site says that it has none, None for no word.

    `"0"` and an empty id come with `success` and mean that the upload failed. The id may stand in
    an object of its own. Raises ProtocolError where the answer is of another shape.
    """
    result = m.dig(m.read_json(body), "result")
    if not isinstance(result, dict):
        raise m.ProtocolError("the answer to an upload has no result: the interface has changed")
    given = result.get("result")
    if isinstance(given, dict):
        given = given.get("imageId")
    if given is None:
        return None
    text = m.clean_text(given, 100)
    if text in ("", "0") and not isinstance(given, list | dict | bool):
        return ""
    if not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", text):
        raise m.ProtocolError("the answer to an upload has an id of unknown form")
    return text


def parse_regions(info: m.Json) -> tuple[Region, ...]:
    """The detected regions of `picRegionInfo`, in order, without the one that was searched."""
    texts = m.clean_text(m.dig(info, "yoloCropRegion"), 1000).split(";")
    regions = [region for text in texts if (region := _read_region(text)) is not None]
    current = _read_region(m.clean_text(m.dig(info, "currentRegion"), 100))
    return tuple(region for region in dict.fromkeys(regions) if region != current)[:MAX_REGIONS]


def _read_region(text: str) -> Region | None:
    found = _REGION.fullmatch(text.strip())
    return make_region(tuple(map(int, found.groups()))) if found else None


def _observe_crossborder(
    base: str, item: dict[str, m.Json], rank: int, *, allow_loopback: bool
) -> m.Observation | None:
    return m.observe_listing(
        _find_own_offer(item),
        m.picture_link(item.get("imageUrl"), base=base, allow_loopback=allow_loopback),
        title=m.clean_title(item.get("subject")) or item.get("subjectTrans"),
        price=_yuan(item.get("priceInfo")),
        seller=m.parse_seller(
            None, item.get("companyName") or m.dig(item, "sellerDataInfo", "companyName")
        ),
        sales=item.get("monthSold"),
        rank=rank,
    )


def _observe_linkplus(
    base: str, item: dict[str, m.Json], rank: int, *, allow_loopback: bool
) -> m.Observation | None:
    # `province` and `city` tell where a seller is, not who it is
    return m.observe_listing(
        _find_own_offer(item),
        m.picture_link(item.get("imageUrl"), base=base, allow_loopback=allow_loopback),
        title=item.get("subject"),
        price=_yuan_of_fen(item.get("oldPrice")),
        sales=item.get("monthSold"),
        rank=rank,
    )


def _find_own_offer(item: dict[str, m.Json]) -> m.SiteListing | None:
    """By its own field, else by the addresses and the trace that hold it too."""
    traced = m.find_traced_offer(m.clean_text(item.get("traceInfo"), 1000))
    given = (item.get(key) for key in ("offerId", "detailUrl", "promotionURL"))
    return m.find_listing_on(SITE, *given) or m.find_listing_on(SITE, traced)


def _yuan(info: m.Json) -> m.Price | None:
    """The first price that can be read. A bare value is taken for the price itself."""
    given = [info.get(key) for key in _PRICES] if isinstance(info, dict) else [info]
    return next((price for value in given if (price := m.parse_price(value)) is not None), None)


def _yuan_of_fen(value: m.Json) -> m.Price | None:
    """A whole number of fen (1/100 yuan); None for any other value."""
    text = m.clean_text(value, 20)
    if not _FEN.fullmatch(text):
        return None
    return m.parse_price(f"{int(text) // 100}.{int(text) % 100:02}")
