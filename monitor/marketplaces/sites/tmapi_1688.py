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

from monitor.marketplaces import plug_in as m

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
_CODES: dict[str, type[m.MarketplaceError]] = {
    **dict.fromkeys(("401", "4011"), m.AuthError),
    "403": m.PermissionDenied,
    **dict.fromkeys(("402", "439"), m.QuotaExhausted),
    **dict.fromkeys(("417", "499", "500", "502", "504"), m.Transient),
    **dict.fromkeys(("429", "503"), m.Throttled),
}
# "Failed to retrieve data" and "parameter error": where they name the picture, it is the cause.
_MAY_BE_PICTURE = ("417", "422")
_NAMES_PICTURE = re.compile(r"img|image|picture|\burl\b|图片", re.IGNORECASE)


class Options(m.Options):
    """The keys of `[marketplaces.NAME]` with `type = "tmapi_1688"`."""

    base_url: m.Address = DEFAULT_BASE_URL
    api_key: m.HeaderSecret
    picture_url: m.PictureUrl
    max_pages: m.MaxPages = 10


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer: its listings, how many items it holds, what it says of all and of more."""

    observations: tuple[m.Observation, ...]
    items: int
    total: int | None
    has_next: bool | None


class Tmapi1688(m.Account):
    """One key on the reseller's interface."""

    site = SITE

    def __init__(self, name: str, options: Options, outside: m.Outside) -> None:
        # the reseller asks for as much patience as a whole exchange may take
        limits = replace(outside.limits, read=outside.limits.total)
        secrets = (options.api_key.get_secret_value(),)
        super().__init__(name, options.base_url, replace(outside, limits=limits), secrets)
        self._options = options
        self._conversions = m.PictureIds(
            outside.memory,
            "converted",
            CONVERTED_LIFETIME,
            renewed_on=(m.BadImage,),
            # these may as well mean that the site fails: the next search will do
            dropped_on=(m.Transient, m.ProtocolError),
        )

    def search(self, query: m.Query) -> m.Page:
        """One page of a search. Raises MarketplaceError, Stopping."""
        page, seen = m.read_page(query.cursor, self._options.max_pages)
        tally = m.Tally()
        parsed = self._search(query, page, seen, tally)
        cursor = None
        if self._goes_on(parsed, page):
            cursor = m.write_cursor(page + 1, seen + len(parsed.observations))
        return m.Page(parsed.observations, parsed.total, cursor, tally.requests)

    def _goes_on(self, parsed: Parsed, page: int) -> bool:
        max_pages = self._options.max_pages
        if parsed.has_next is not None:
            return parsed.has_next and parsed.items > 0 and page < max_pages
        return m.has_more(
            page=page,
            got=parsed.items,
            page_size=PAGE_SIZE,
            total=parsed.total,
            max_pages=max_pages,
        )

    def _search(self, query: m.Query, page: int, seen: int, tally: m.Tally) -> Parsed:
        address = m.require_picture_address(self.name, self._options.picture_url, query)
        if m.is_on(address, *_ALIBABA_HOSTS):
            return self._look(address, page, seen, tally)
        return self._conversions.search(
            query.sha256,
            make_id=lambda: self._convert(address, tally),
            look=lambda converted: self._look(converted, page, seen, tally),
            is_believed=lambda parsed: parsed.items > 0 or page > 1,
        )

    def _look(self, picture: str, page: int, seen: int, tally: m.Tally) -> Parsed:
        answer = self._send(partial(self._search_call, picture, page), judge, tally)
        with self._reading():
            return parse_answer(
                answer.body, answer.url, allow_loopback=self.is_loopback, page=page, seen=seen
            )

    def _convert(self, address: str, tally: m.Tally) -> str:
        call = m.Call(
            "POST",
            m.join(self._options.base_url, _CONVERT_PATH),
            headers=self._headers(),
            json={"url": address, "search_api_endpoint": "/search/image"},
        )
        answer = self._send(lambda: call, judge, tally)
        with self._reading():
            return parse_converted(answer.body)

    def _search_call(self, picture: str, page: int) -> m.Call:
        return m.Call(
            "GET",
            m.join(self._options.base_url, _SEARCH_PATH),
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


def judge(answer: m.Answer) -> m.MarketplaceError | None:
    """The refusal in an answer's body, or its status: both know the reseller's own codes."""
    refused = find_refusal(m.find_json(answer.body))
    code = str(answer.status)
    is_own = answer.status != 200 and code in (*_CODES, *_MAY_BE_PICTURE)
    return find_refusal({"code": answer.status}) if refused is None and is_own else refused


def find_refusal(value: m.Json) -> m.MarketplaceError | None:
    """The error that `code` stands for; None where it is 200 or missing."""
    code = m.dig(value, "code")
    if code is None or m.parse_count(code) == 200:
        return None
    said = [m.clean_text(m.dig(value, key), 200) for key in ("msg", "message")]
    words, number = " ".join(filter(None, said)), m.clean_text(code, 20)
    if number in _MAY_BE_PICTURE and _NAMES_PICTURE.search(words):
        return m.BadImage(f"the site says: {m.quotable(f'{number} {words}')}")
    if number == "422":
        return m.ProtocolError(f"the site says: {m.quotable(f'{number} {words}'.strip())}")
    return m.refusal(words, code=number, codes=_CODES)


def parse_converted(body: bytes) -> str:
    """What stands for a picture in a search: an address, or a path such as `/search/imgextra/…`.

    Raises ProtocolError where the answer has none.
    """
    converted = m.dig(m.read_json(body, good_code=200), "data", "image_url")
    if not isinstance(converted, str) or not re.fullmatch(r"[^\s\x00-\x1f\x7f]{2,2000}", converted):
        raise m.ProtocolError("the answer has no data.image_url")
    return converted


def parse_answer(
    body: bytes, base: str, *, allow_loopback: bool, page: int = 1, seen: int = 0
) -> Parsed:
    """The listings of a good answer; `seen` is how many listings the search gave before.

    Raises ProtocolError where the shape is another one.
    """
    value = m.read_json(body, good_code=200)
    data = m.dig(value, "data")
    items, total = m.dig(data, "items"), m.parse_count(m.dig(data, "total_count"))
    m.check_empty(value, items, total if page == 1 else None, place="data.items")
    observe = partial(_observe, base, allow_loopback=allow_loopback)
    observations = m.collect(items, observe, place="data.items", offset=seen)
    return Parsed(
        observations,
        items=len(m.listed(items)),
        total=total,
        has_next=m.parse_flag(m.dig(data, "has_next_page")),
    )


def _observe(
    base: str, item: dict[str, m.Json], rank: int, *, allow_loopback: bool
) -> m.Observation | None:
    """One listing, or None where it can't be told from others."""
    on_sale = m.dig(item, "price_info", "sale_price")
    return m.observe_listing(
        m.find_offer(item.get("item_id"), item.get("product_url"), allow_loopback=allow_loopback),
        m.picture_link(item.get("img"), base=base, allow_loopback=allow_loopback),
        title=item.get("title"),
        price=m.parse_price(item.get("price")) or m.parse_price(on_sale),
        seller=_find_seller(item.get("shop_info")),
        sales=_find_sales(item.get("sale_info")),
        rank=rank,
    )


def _find_seller(shop: m.Json) -> m.Seller | None:
    ids = (m.parse_id(m.dig(shop, key)) for key in ("member_id", "login_id"))
    keys = ("company_name", "shop_name", "login_id")
    names = (m.clean_text(m.dig(shop, key), 200) for key in keys)
    return m.parse_seller(next(filter(None, ids), None), next(filter(None, names), None))


def _find_sales(sale: m.Json) -> int | None:
    sales = m.parse_count(m.dig(sale, "sale_quantity_int"))
    return sales if sales is not None else m.parse_count(m.dig(sale, "sale_quantity"))


ADAPTER = m.Adapter(
    Options,
    Tmapi1688,
    account=lambda options: options.api_key.get_secret_value(),
    summary="1688.com through the reseller TMAPI, by the address of a picture",
    needs="api_key of a prepaid account at tmapi.top, and a public address for your pictures",
)
