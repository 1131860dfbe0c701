"""AliExpress image search for dropshippers, on the official open platform.

Two methods: V2 takes the picture as base64 in JSON, V1 (called deprecated in places) as a file of
at most 100 kB. The documentation shows three shapes of answers and doesn't say which method gives
which, so a shape is told by itself.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Final, Literal

from pydantic import Field

from monitor.marketplaces import plug_in as m
from monitor.marketplaces.sites.iop.gateway import (
    MAX_BASE64_BYTES,
    IopAccount,
    IopOptions,
    UnsignedCall,
    find_refusal,
    is_good,
    refuse,
)

log = logging.getLogger(__name__)

SITE = "aliexpress"
DEFAULT_BASE_URL = "https://api-sg.aliexpress.com"
V1: Final = "aliexpress.ds.image.search"
V2: Final = "aliexpress.ds.image.searchV2"
# V1's documented limit is 100 kB.
MAX_FILE_BYTES = 100_000
SMALLEST_FILE_BYTES = 40_000
# V1's documented limit; it has no pages.
PRODUCTS = 150
# How long `auto` leaves V2 alone after it was refused: permissions are granted in working hours.
_REFUSED_FOR = timedelta(days=1)
_REFUSED_KEY = "aliexpress: V2 refused"
_ROW_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Options(IopOptions):
    """The keys of `[marketplaces.NAME]` with `type = "aliexpress"`."""

    base_url: m.Address = DEFAULT_BASE_URL
    method: Literal["aliexpress.ds.image.searchV2", "aliexpress.ds.image.search", "auto"] = V2
    search_type: Literal["same", "similar"] = "similar"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2}(_[A-Za-z]{2})?$")] = "en"
    # left out: the site's own choice
    ship_to: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    max_pages: m.MaxPages = 5


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer. `page` is which one the site says it is, `has_next` whether another follows,
    `next_key` what it wants to be told for that one."""

    observations: tuple[m.Observation, ...]
    total: int | None
    page: int | None
    has_next: bool
    next_key: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search stands: the page from 1, the listings before it, and the site's own key."""

    page: int = 1
    offset: int = 0
    key: str | None = None


class AliExpress(IopAccount):
    """One app with the consent of one account."""

    site = SITE

    def __init__(self, name: str, options: Options, outside: m.Outside) -> None:
        super().__init__(name, options, outside, rest_url=m.join(options.base_url, "rest"))
        self._options = options
        self._url = m.join(options.base_url, "sync")

    def search(self, query: m.Query) -> m.Page:
        """One page, by the method of the options. Raises MarketplaceError, Stopping."""
        place = self._read_place(query.cursor)
        tally = m.Tally()
        method = self._method()
        try:
            answer = self._search(method, query, place, tally)
        except m.PermissionDenied as error:
            if self._options.method != "auto" or method == V1 or place.page > 1:
                raise
            log.warning("%s; %s is used for a day", error, V1)
            self._outside.memory.keep(_REFUSED_KEY, "1", _REFUSED_FOR)
            method = V1
            answer = self._search(method, query, place, tally)
        with self._reading():
            parsed = parse_answer(
                answer.body,
                answer.url,
                allow_loopback=self.is_loopback,
                offset=place.offset,
                currency=self._options.currency,
            )
        return self._page(parsed, place, tally, may_go_on=method == V2)

    def _method(self) -> str:
        if self._options.method != "auto":
            return self._options.method
        return V2 if self._outside.memory.find(_REFUSED_KEY) is None else V1

    def _search(self, method: str, query: m.Query, place: Place, tally: m.Tally) -> m.Answer:
        if method == V1:
            uploads = m.iter_uploads(
                query.picture, max_bytes=MAX_FILE_BYTES, smallest_bytes=SMALLEST_FILE_BYTES
            )
            return self._send_fitting(uploads, lambda data: self._ask(self._v1(data), judge, tally))
        uploads = m.iter_uploads(query.picture, max_bytes=MAX_BASE64_BYTES)
        return self._send_fitting(
            uploads, lambda data: self._ask(self._v2(data, place), judge, tally)
        )

    def _v1(self, data: bytes) -> UnsignedCall:
        options = self._options
        fields = {
            "method": V1,
            "target_currency": options.currency,
            "target_language": options.language[:2].upper(),
            "product_cnt": str(PRODUCTS),
        }
        if options.ship_to is not None:
            fields["shpt_to"] = options.ship_to  # the site's spelling
        files = {"image_file_bytes": ("image.jpg", data, "image/jpeg")}
        return UnsignedCall(self._url, fields, "session", files=files)

    def _v2(self, data: bytes, place: Place) -> UnsignedCall:
        options = self._options
        asked: dict[str, object] = {
            "search_type": options.search_type,
            "image_base64": base64.b64encode(data).decode(),
            "currency": options.currency,
            "lang": options.language,
        }
        if options.ship_to is not None:
            asked["ship_to"] = options.ship_to
        if place.page > 1:
            # named as in the answers; no document lists them among what may be asked
            asked["page_no"] = place.page
        if place.key is not None:
            asked["start_row_key"] = place.key
        fields = {"method": V2, "param0": json.dumps(asked, separators=(",", ":"))}
        return UnsignedCall(self._url, fields, "session")

    def _page(self, parsed: Parsed, place: Place, tally: m.Tally, *, may_go_on: bool) -> m.Page:
        if parsed.page is not None and parsed.page != place.page and place.page > 1:
            log.warning(
                "%s: the site gave page %d again when it was asked for page %d: "
                "max_pages = %d saves that call",
                self.name,
                parsed.page,
                place.page,
                place.page - 1,
            )
            return m.Page((), parsed.total, None, tally.requests)
        got = len(parsed.observations)
        has_next = may_go_on and parsed.has_next and got > 0
        cursor = None
        if has_next and place.page < self._options.max_pages:
            cursor = _write_place(Place(place.page + 1, place.offset + got, parsed.next_key))
        return m.Page(parsed.observations, parsed.total, cursor, tally.requests)

    def _read_place(self, cursor: str | None) -> Place:
        """The place of a cursor; the start where it is one of another kind or of other options."""
        numbers, _, key = (cursor or "").partition("@")
        page, offset = m.read_page(numbers, self._options.max_pages)
        is_known = page > 1 and (not key or _ROW_KEY.fullmatch(key))
        return Place(page, offset, key or None) if is_known else Place()


def _write_place(place: Place) -> str:
    numbers = m.write_cursor(place.page, place.offset)
    return numbers if place.key is None else f"{numbers}@{place.key}"


def judge(answer: m.Answer) -> m.MarketplaceError | None:
    """The refusal in an answer's body, if it is one: the gateway's or the method's own."""
    value = m.find_json(answer.body)
    failure = find_refusal(value)
    if failure is not None:
        return failure
    for said in _iter_levels(value):
        if m.parse_flag(said.get("ret")) is False or m.parse_flag(said.get("success")) is False:
            return refuse(said)
        for key in ("rsp_code", "code"):
            if not is_good(said.get(key)):
                return refuse(said, m.clean_text(said.get(key), 100))
    return None


def parse_answer(
    body: bytes, base: str, *, allow_loopback: bool, offset: int = 0, currency: str = "USD"
) -> Parsed:
    """The listings of a good answer in any of its shapes; `offset` is how many came before.

    V1: `data.products.traffic_image_product_d_t_o[]`; V2: `result.data[]`, or
    `result.data.products[]` with `pagination`. `currency` holds where a price names none. Raises
    ProtocolError where the shape is another one.
    """
    value = m.read_json(body)
    levels = _iter_levels(value) or [{}]
    inner = levels[-1]
    data = inner.get("data")
    items = _find_items(inner, data)
    observe = partial(_observe, base, currency, allow_loopback=allow_loopback)
    observations = m.collect(items, observe, place="of products", offset=offset)
    parsed = _with_paging(observations, data if isinstance(data, dict) else {}, inner)
    claimed = None if offset else parsed.total
    says_good = any(map(_says_good, levels))
    m.check_empty(value, items, claimed, place="of products", says_good=says_good)
    return parsed


def _says_good(level: Mapping[str, m.Json]) -> bool:
    codes = [level[key] for key in ("rsp_code", "code") if level.get(key) is not None]
    return m.parse_flag(level.get("ret")) is True or (bool(codes) and all(map(is_good, codes)))


def _iter_levels(value: m.Json) -> list[Mapping[str, m.Json]]:
    """The layers around `data`, from the outside: the whole, `..._response`, `result`."""
    if not isinstance(value, dict):
        return []
    levels: list[Mapping[str, m.Json]] = [value]
    named = (part for key, part in value.items() if key.endswith("_response"))
    wrapped = next((part for part in named if isinstance(part, dict)), None)
    if wrapped is not None:
        levels.append(wrapped)
    result = levels[-1].get("result")
    if isinstance(result, dict):
        levels.append(result)
    return levels


def _find_items(inner: Mapping[str, m.Json], data: m.Json) -> m.Json:
    """The list of products in one of its three places; [] where the site says there are none."""
    if isinstance(data, list):
        return data
    products = m.dig(data, "products")
    if isinstance(products, dict) and products:
        return products.get("traffic_image_product_d_t_o")
    if isinstance(products, list):
        return products
    says_none = m.parse_flag(inner.get("empty")) is True
    says_none = says_none or m.parse_count(m.dig(data, "total_record_count")) == 0
    return [] if says_none and not products else None


def _with_paging(
    observations: tuple[m.Observation, ...], data: Mapping[str, m.Json], inner: Mapping[str, m.Json]
) -> Parsed:
    """The paging stands in `data` or beside it: copies of the documentation disagree."""

    def first(*keys: str) -> m.Json:
        found = (level.get(key) for key in keys for level in (data, inner))
        return next((part for part in found if part is not None), None)

    paging = first("pagination")
    page, pages = (m.parse_count(m.dig(paging, key)) for key in ("page_no", "page_count"))
    key = m.clean_text(first("next_start_row_key"), 100)
    has_next = m.parse_flag(m.dig(paging, "has_next"))
    if has_next is None:
        has_next = page < pages if page is not None and pages is not None else bool(key)
    total = m.parse_count(first("total_record_count", "total_count"))
    return Parsed(observations, total, page, has_next, key if _ROW_KEY.fullmatch(key) else None)


def _observe(
    base: str, currency: str, item: dict[str, m.Json], rank: int, *, allow_loopback: bool
) -> m.Observation | None:
    """One listing, or None where it can't be told from others."""
    address = m.first_given(item, "product_main_image_url", "image_url")
    return m.observe_listing(
        m.find_listing_on(SITE, item.get("product_id"), item.get("product_detail_url")),
        m.picture_link(address, base=base, allow_loopback=allow_loopback),
        title=m.first_given(item, "product_title", "title"),
        price=next(_iter_prices(item, currency), None),
        seller=m.parse_seller(item.get("shop_id"), None),
        sales=m.first_given(item, "lastest_volume", "latest_volume", "volume"),
        rank=rank,
        score=item.get("similarity_score"),
    )


def _iter_prices(item: dict[str, m.Json], currency: str) -> Iterator[m.Price]:
    """What it costs now, then what it cost before a discount, as far as they can be read."""
    for flat, nested in (("target_sale_price", "sale"), ("target_original_price", "original")):
        amount, unit = item.get(flat), item.get(f"{flat}_currency")
        if amount is None:
            amount = m.dig(item.get("price"), nested, "value")
            unit = m.dig(item.get("price"), nested, "currency")
        code = m.clean_text(unit, 10).upper()
        price = m.parse_price(amount, code if re.fullmatch(r"[A-Z]{3}", code) else currency)
        if price is not None:
            yield price


ADAPTER = m.Adapter(
    Options,
    AliExpress,
    account=lambda options: options.app_key,
    summary="AliExpress by picture upload, on the official open platform (dropshipping interface)",
    needs="app_key, app_secret and access_token of an app with the dropshipping permission",
)
