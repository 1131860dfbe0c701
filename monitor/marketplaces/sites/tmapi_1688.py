"""1688 by picture through TMAPI, a reseller: it loads the picture from an address of yours.

An address outside Alibaba's hosts is first made one that 1688 knows, which is a call of its own.
Answers come with HTTP 200 and a `code` that says whether they are any good.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final

from monitor.errors import (
    AuthError,
    BadImage,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.base import Adapter, Outside, Page, Query
from monitor.marketplaces.kit.account import Account
from monitor.marketplaces.kit.client import Tally
from monitor.marketplaces.kit.identity import find_offer
from monitor.marketplaces.kit.kept_ids import KeptIds
from monitor.marketplaces.kit.listings import (
    check_empty,
    collect,
    dig,
    find_json,
    observe_listing,
    read_json,
)
from monitor.marketplaces.kit.options import (
    Address,
    HeaderSecret,
    MaxPages,
    PictureUrl,
    join,
    picture_address,
)
from monitor.marketplaces.kit.options import Options as SharedOptions
from monitor.marketplaces.kit.paging import has_more, read_cursor, write_cursor
from monitor.marketplaces.kit.picture_links import picture_link
from monitor.marketplaces.kit.refusals import quote, refusal
from monitor.marketplaces.kit.values import (
    Json,
    clean_text,
    parse_count,
    parse_flag,
    parse_id,
    parse_price,
    parse_seller,
)
from monitor.model import Observation, Seller
from monitor.net.urls import is_on
from monitor.net.wire import Answer, Call

SITE = "1688"
DEFAULT_BASE_URL = "https://api.tmapi.top"
# The most that the interface gives.
PAGE_SIZE: Final = 20
# How long a converted address is good isn't published; the pages of one scan come within this.
CONVERTED_LIFETIME = timedelta(hours=3)
_SEARCH_PATH = "/1688/search/image"
_CONVERT_PATH = "/1688/tools/image/convert_url"
# Pictures here need no conversion.
_ALIBABA_HOSTS = ("alicdn.com", "1688.com", "alibaba.com", "aliexpress-media.com")

# From the interface's own pages; 503 is for too many calls at the same time.
_CODES: dict[str, type[MarketplaceError]] = {
    **dict.fromkeys(("401", "4011"), AuthError),
    "403": PermissionDenied,
    **dict.fromkeys(("402", "439"), QuotaExhausted),
    **dict.fromkeys(("417", "499", "500", "502", "504"), Transient),
    **dict.fromkeys(("429", "503"), Throttled),
}
# "Failed to retrieve data" and "parameter error": where they name the picture, it is the cause.
_MAY_BE_PICTURE = ("417", "422")
_NAMES_PICTURE = re.compile(r"img|image|picture|\burl\b|图片", re.IGNORECASE)


class Options(SharedOptions):
    """The keys of `[marketplaces.NAME]` with `type = "tmapi_1688"`."""

    base_url: Address = DEFAULT_BASE_URL
    api_key: HeaderSecret
    picture_url: PictureUrl
    max_pages: MaxPages = 10


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer: its listings, how many items it holds, what it says of all and of more."""

    observations: tuple[Observation, ...]
    items: int
    total: int | None
    has_next: bool | None


class Tmapi1688(Account):
    """One key on the reseller's interface."""

    site = SITE

    def __init__(self, name: str, options: Options, outside: Outside) -> None:
        # the reseller asks for as much patience as a whole exchange may take
        limits = replace(outside.limits, read=outside.limits.total)
        secrets = (options.api_key.get_secret_value(),)
        super().__init__(name, options.base_url, replace(outside, limits=limits), secrets)
        self._options = options
        self._conversions = KeptIds(
            outside.memory,
            "converted",
            CONVERTED_LIFETIME,
            renewed_on=(BadImage,),
            # these may as well mean that the site fails: the next search will do
            dropped_on=(Transient, ProtocolError),
        )

    def search(self, query: Query) -> Page:
        """One page of a search. Raises MarketplaceError, Stopping."""
        page, seen = read_cursor(query.cursor, 1, 0)
        if not 1 <= page <= self._options.max_pages:  # of other options
            page, seen = 1, 0
        tally = Tally()
        parsed = self._search(query, page, seen, tally)
        cursor = None
        if self._goes_on(parsed, page):
            cursor = write_cursor(page + 1, seen + len(parsed.observations))
        return Page(parsed.observations, parsed.total, cursor, tally.requests)

    def _goes_on(self, parsed: Parsed, page: int) -> bool:
        max_pages = self._options.max_pages
        if parsed.has_next is not None:
            return parsed.has_next and parsed.items > 0 and page < max_pages
        return has_more(
            page=page,
            got=parsed.items,
            page_size=PAGE_SIZE,
            total=parsed.total,
            max_pages=max_pages,
        )

    def _search(self, query: Query, page: int, seen: int, tally: Tally) -> Parsed:
        address = picture_address(self._options.picture_url, query)
        if address is None:
            raise BadImage(
                f"{self.name}: the picture is in no watch's folder, so picture_url gives it no "
                "address that the site could load it from"
            )
        if is_on(address, *_ALIBABA_HOSTS):
            return self._look(address, page, seen, tally)
        return self._conversions.search(
            query.sha256,
            make_id=lambda: self._convert(address, tally),
            look=lambda converted: self._look(converted, page, seen, tally),
            is_believed=lambda parsed: parsed.items > 0 or page > 1,
        )

    def _look(self, picture: str, page: int, seen: int, tally: Tally) -> Parsed:
        answer = self._send(partial(self._search_call, picture, page), judge, tally)
        with self._reading():
            return parse_answer(
                answer.body, answer.url, allow_loopback=self.is_loopback, page=page, seen=seen
            )

    def _convert(self, address: str, tally: Tally) -> str:
        call = Call(
            "POST",
            join(self._options.base_url, _CONVERT_PATH),
            headers=self._headers(),
            json={"url": address, "search_api_endpoint": "/search/image"},
        )
        answer = self._send(lambda: call, judge, tally)
        with self._reading():
            return parse_converted(answer.body)

    def _search_call(self, picture: str, page: int) -> Call:
        return Call(
            "GET",
            join(self._options.base_url, _SEARCH_PATH),
            params={
                "img_url": picture,
                "page": str(page),
                "page_size": str(PAGE_SIZE),
                "sort": "default",
            },
            headers=self._headers(),
        )

    def _headers(self) -> dict[str, str]:
        return {"apikey": self._options.api_key.get_secret_value()}


def judge(answer: Answer) -> MarketplaceError | None:
    """The refusal in an answer's body, or its status: both know the reseller's own codes."""
    refused = find_refusal(find_json(answer.body))
    code = str(answer.status)
    is_own = answer.status != 200 and code in (*_CODES, *_MAY_BE_PICTURE)
    return find_refusal({"code": answer.status}) if refused is None and is_own else refused


def find_refusal(value: Json) -> MarketplaceError | None:
    """The error that `code` stands for; None where it is 200 or missing."""
    code = dig(value, "code")
    if code is None or parse_count(code) == 200:
        return None
    said = [clean_text(dig(value, key), 200) for key in ("msg", "message")]
    words, number = " ".join(filter(None, said)), clean_text(code, 20)
    if number in _MAY_BE_PICTURE and _NAMES_PICTURE.search(words):
        return BadImage(f"the site says: {quote(f'{number} {words}')}")
    if number == "422":
        return ProtocolError(f"the site says: {quote(f'{number} {words}'.strip())}")
    return refusal(words, code=number, codes=_CODES)


def parse_converted(body: bytes) -> str:
    """What stands for a picture in a search: an address, or a path such as `/search/imgextra/…`.

    Raises ProtocolError where the answer has none.
    """
    converted = dig(_read_good(body), "data", "image_url")
    if not isinstance(converted, str) or not re.fullmatch(r"[^\s\x00-\x1f\x7f]{2,2000}", converted):
        raise ProtocolError("the answer has no data.image_url")
    return converted


def parse_answer(
    body: bytes, base: str, *, allow_loopback: bool, page: int = 1, seen: int = 0
) -> Parsed:
    """The listings of a good answer; `seen` is how many listings the search gave before.

    Raises ProtocolError where the shape is another one.
    """
    value = _read_good(body)
    data = dig(value, "data")
    items, total = dig(data, "items"), parse_count(dig(data, "total_count"))
    check_empty(value, items, total if page == 1 else None, place="data.items")
    observe = partial(_observe, base, allow_loopback=allow_loopback)
    observations = collect(items, observe, place="data.items", offset=seen)
    return Parsed(
        observations,
        items=len(items) if isinstance(items, list) else 0,
        total=total,
        has_next=parse_flag(dig(data, "has_next_page")),
    )


def _read_good(body: bytes) -> Json:
    """An answer that says that it is good."""
    value = read_json(body)
    if parse_count(dig(value, "code")) != 200:
        raise ProtocolError("the answer doesn't say code 200")
    return value


def _observe(
    base: str, item: dict[str, Json], rank: int, *, allow_loopback: bool
) -> Observation | None:
    """One listing, or None where it can't be told from others."""
    price = parse_price(item.get("price")) or parse_price(dig(item, "price_info", "sale_price"))
    return observe_listing(
        find_offer(item.get("item_id"), item.get("product_url"), allow_loopback=allow_loopback),
        picture_link(item.get("img"), base=base, allow_loopback=allow_loopback),
        title=item.get("title"),
        price=price,
        seller=_find_seller(item.get("shop_info")),
        sales=_find_sales(item.get("sale_info")),
        rank=rank,
    )


def _find_seller(shop: Json) -> Seller | None:
    ids = (parse_id(dig(shop, key)) for key in ("member_id", "login_id"))
    names = (clean_text(dig(shop, key), 200) for key in ("company_name", "shop_name", "login_id"))
    return parse_seller(next(filter(None, ids), None), next(filter(None, names), None))


def _find_sales(sale: Json) -> int | None:
    sales = parse_count(dig(sale, "sale_quantity_int"))
    return sales if sales is not None else parse_count(dig(sale, "sale_quantity"))


ADAPTER = Adapter(
    Options,
    Tmapi1688,
    account=lambda options: options.api_key.get_secret_value(),
    summary="1688.com through the reseller TMAPI, by the address of a picture",
    needs="api_key of a prepaid account at tmapi.top, and a public address for your pictures",
)
