"""OneBound, a reseller of Chinese marketplaces' searches: 1688, Taobao, AliExpress, Alibaba.com.

The site loads the picture from a public address. Key and secret travel in the address of each call,
as nothing else is offered: no message or log here may hold a query.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal
from urllib.parse import quote, quote_plus

from monitor.errors import (
    BadImage,
    MarketplaceError,
    ProtocolError,
    QuotaExhausted,
    Throttled,
)
from monitor.marketplaces.base import Adapter, Outside, Page, Query
from monitor.marketplaces.kit.account import Account
from monitor.marketplaces.kit.client import Tally
from monitor.marketplaces.kit.identity import find_listing, find_listing_on
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
    MaxPages,
    PictureUrl,
    Secret,
    join,
    picture_address,
)
from monitor.marketplaces.kit.options import Options as SharedOptions
from monitor.marketplaces.kit.paging import read_cursor, write_cursor
from monitor.marketplaces.kit.picture_links import picture_link
from monitor.marketplaces.kit.refusals import meaning_of, refusal
from monitor.marketplaces.kit.values import (
    Json,
    clean_text,
    load_json,
    parse_count,
    parse_flag,
    parse_price,
    parse_seller,
)
from monitor.model import Observation, Price
from monitor.net.wire import Answer, Call

log = logging.getLogger(__name__)

DEFAULT_BASE_URL = "https://api-gw.onebound.cn"
_GOOD_CODES = ("0", "0000")
_TOTALS = ("real_total_results", "total_results")
# What prices are in where their text names no currency; the last two are unverified.
_CURRENCIES: Final = {"1688": "CNY", "taobao": "CNY", "aliexpress": "USD", "alibaba": "USD"}
# The reseller publishes no table of its codes, so its words are read. It sells calls by the day:
# a number of calls that is over, without a word of seconds, is the day's.
_CALLS_OVER = re.compile(r"次数.{0,12}(?:上限|超|限制)|overdue", re.IGNORECASE)
_FOR_NOW = re.compile(r"每秒|每分钟|并发|频|qps", re.IGNORECASE)
_CREDENTIALS = re.compile(r"\b(key|secret)=[^&\s]*", re.IGNORECASE)
_API_INFO = re.compile(r"today:\s*([0-9]{1,9})\b.*?max:\s*([0-9]{1,9})\b")


class Options(SharedOptions):
    """The keys of `[marketplaces.NAME]` with `type = "onebound"`."""

    base_url: Address = DEFAULT_BASE_URL
    api_key: Secret
    api_secret: Secret
    platform: Literal["1688", "taobao", "aliexpress", "alibaba"] = "1688"
    picture_url: PictureUrl
    max_pages: MaxPages = 5


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer. `pages` is how many the site has, `is_cached` whether it was made before."""

    observations: tuple[Observation, ...]
    total: int | None
    pages: int | None
    is_cached: bool


class OneBound(Account):
    """One account, searching one of the platforms."""

    def __init__(self, name: str, options: Options, outside: Outside) -> None:
        self._options = options
        self._key = options.api_key.get_secret_value()
        self._secret = options.api_secret.get_secret_value()
        # as they stand in an address too, which a site may repeat
        forms = (str, partial(quote, safe=""), quote_plus)
        secrets = [form(one) for one in (self._key, self._secret) for form in forms]
        super().__init__(name, options.base_url, outside, secrets)

    @property
    def site(self) -> str:
        """The platform, which is a site of that name."""
        return self._options.platform

    def search(self, query: Query) -> Page:
        """One page. Raises BadImage for a picture in no folder, MarketplaceError, Stopping."""
        address = picture_address(self._options.picture_url, query)
        if address is None:
            raise BadImage(f"{self.name}: this picture is in no folder, so it has no address")
        page, offset = read_cursor(query.cursor, 1, 0)
        if not 1 < page <= self._options.max_pages:  # of other options, or the first one
            page, offset = 1, 0
        tally = Tally()
        answer = self._send(partial(self._call, address, page), judge, tally)
        with self._reading():
            parsed = parse_answer(
                answer.body, answer.url, self.site, allow_loopback=self.is_loopback, offset=offset
            )
        self._tell(answer.body, parsed)
        seen = offset + len(parsed.observations)
        has_next = page < self._options.max_pages and seen > offset and _goes_on(parsed, page, seen)
        cursor = write_cursor(page + 1, seen) if has_next else None
        return Page(parsed.observations, parsed.total, cursor, tally.requests)

    def _call(self, address: str, page: int) -> Call:
        options = self._options
        params = {
            "key": self._key,
            "secret": self._secret,
            "imgid": address,
            "page": str(page),
            # the default is yes: answers of days ago, in which a new listing can't be
            "cache": "no",
            "result_type": "json",
            "lang": "cn",
        }
        url = join(options.base_url, f"{options.platform}/item_search_img/")
        return Call("GET", url, params=params)

    def _tell(self, body: bytes, parsed: Parsed) -> None:
        if parsed.is_cached:
            log.warning(
                "%s: the answer comes from the site's cache, though none was asked for", self.name
            )
        usage = find_usage(load_json(body))
        if usage is not None:
            log.info("%s: %d of today's %d calls are used", self.name, *usage)


def _goes_on(parsed: Parsed, page: int, seen: int) -> bool:
    if parsed.pages:
        return page < parsed.pages
    return parsed.total is not None and seen < parsed.total


def judge(answer: Answer) -> MarketplaceError | None:
    """The refusal in an answer's body, if it is one: both places for an error are looked at."""
    value = find_json(answer.body)
    if not isinstance(value, dict):
        return None
    code = clean_text(value.get("error_code"), 100)
    words = [_words(value.get("error")), _words(dig(value, "items", "error"))]
    is_code_good = code in ("", *_GOOD_CODES)
    # beside listings it may say anything; without them it is why there are none
    reason = "" if dig(value, "items", "item") else _words(value.get("reason"))
    if is_code_good and not any((*words, reason)):
        return None
    words.append(_words(value.get("reason")))
    return _refuse(" ".join(filter(None, words)), "" if is_code_good else code, value)


def _words(value: Json) -> str:
    """What a field says. Credentials of an address that it repeats are cut out as a whole: a later
    cut to length must not leave half of one."""
    text = _CREDENTIALS.sub(r"\1=***", clean_text(value, 10_000))[:200]
    return "" if text in ("0", "0000") else text


def _refuse(words: str, code: str, value: Json) -> MarketplaceError:
    kind = meaning_of(f"{code} {words}".strip())
    usage = find_usage(value)
    if kind is ProtocolError and usage is not None and usage[0] >= usage[1]:
        kind = QuotaExhausted
    is_for_now = _FOR_NOW.search(words) is not None
    if kind in (ProtocolError, Throttled) and _CALLS_OVER.search(words) and not is_for_now:
        kind = QuotaExhausted
    return refusal(words, code=code, codes={code: kind})


def find_usage(value: Json) -> tuple[int, int] | None:
    """(calls used today, calls of a day), as an answer tells them; None where it doesn't."""
    found = _API_INFO.search(clean_text(dig(value, "api_info"), 200))
    return (int(found[1]), int(found[2])) if found else None


def parse_answer(
    body: bytes, base: str, site: str, *, allow_loopback: bool, offset: int = 0
) -> Parsed:
    """The listings of a good answer on `site`; `offset` is how many listings came before.

    Raises ProtocolError where the shape is another one.
    """
    value = read_json(body)
    items = dig(value, "items", "item")
    if isinstance(items, dict) and items and all(key.isdecimal() for key in items):
        items = list(items.values())  # a list with gaps, as the site's language writes it
    totals = (parse_count(dig(value, "items", key)) for key in _TOTALS)
    total = next((total for total in totals if total is not None), None)
    says_good = clean_text(dig(value, "error_code"), 100) in _GOOD_CODES
    claimed = None if offset else total
    check_empty(value, items, claimed, place="items.item", says_good=says_good)
    observe = partial(_observe, base, site, allow_loopback=allow_loopback)
    return Parsed(
        collect(items, observe, place="items.item", offset=offset),
        total=total,
        pages=parse_count(dig(value, "items", "pagecount")),
        is_cached=parse_flag(dig(value, "cache")) is True,
    )


def _observe(
    base: str, site: str, item: dict[str, Json], rank: int, *, allow_loopback: bool
) -> Observation | None:
    """One listing, or None where it can't be told from others."""
    page = find_listing(item.get("detail_url"))
    listing = find_listing_on(site, item.get("num_iid"), item.get("detail_url"))
    # alibaba's addresses hold the product's name, which its id alone doesn't give
    if page and listing and (page.site, page.item_id) == (site, listing.item_id):
        listing = page
    return observe_listing(
        listing,
        picture_link(item.get("pic_url"), base=base, allow_loopback=allow_loopback),
        title=item.get("title"),
        price=_find_price(item, _CURRENCIES.get(site, "CNY")),
        seller=parse_seller(item.get("seller_id"), item.get("seller_nick")),
        sales=item.get("sales"),
        rank=rank,
    )


def _find_price(item: dict[str, Json], currency: str) -> Price | None:
    """What is asked for now: the promotion's price, where there is one above 0."""
    promoted = parse_price(item.get("promotion_price"), currency)
    if promoted is not None and promoted.maximum > 0:
        return promoted
    return parse_price(item.get("price"), currency)


ADAPTER = Adapter(
    Options,
    OneBound,
    account=lambda options: options.api_key.get_secret_value(),
    summary="1688, Taobao, AliExpress or Alibaba.com through the reseller OneBound",
    needs="api_key and api_secret of a OneBound account, and pictures at a public address",
)
