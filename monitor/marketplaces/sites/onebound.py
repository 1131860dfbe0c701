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

from monitor.marketplaces import plug_in as m

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


class Options(m.Options):
    """The keys of `[marketplaces.NAME]` with `type = "onebound"`."""

    base_url: m.Address = DEFAULT_BASE_URL
    api_key: m.Secret
    api_secret: m.Secret
    platform: Literal["1688", "taobao", "aliexpress", "alibaba"] = "1688"
    picture_url: m.PictureUrl
    max_pages: m.MaxPages = 5


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer. `pages` is how many the site has, `is_cached` whether it was made before."""

    observations: tuple[m.Observation, ...]
    total: int | None
    pages: int | None
    is_cached: bool


class OneBound(m.Account):
    """One account, searching one of the platforms."""

    def __init__(self, name: str, options: Options, outside: m.Outside) -> None:
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

    def search(self, query: m.Query) -> m.Page:
        """One page. Raises BadImage for a picture in no folder, MarketplaceError, Stopping."""
        address = m.require_picture_address(self.name, self._options.picture_url, query)
        page, offset = m.read_page(query.cursor, self._options.max_pages)
        tally = m.Tally()
        answer = self._send(partial(self._call, address, page), judge, tally)
        with self._reading():
            parsed = parse_answer(
                answer.body, answer.url, self.site, allow_loopback=self.is_loopback, offset=offset
            )
        self._tell(answer.body, parsed)
        seen = offset + len(parsed.observations)
        has_next = page < self._options.max_pages and seen > offset and _goes_on(parsed, page, seen)
        cursor = m.write_cursor(page + 1, seen) if has_next else None
        return m.Page(parsed.observations, parsed.total, cursor, tally.requests)

    def _call(self, address: str, page: int) -> m.Call:
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
        url = m.join(options.base_url, f"{options.platform}/item_search_img/")
        return m.Call("GET", url, params=params)

    def _tell(self, body: bytes, parsed: Parsed) -> None:
        if parsed.is_cached:
            log.warning(
                "%s: the answer comes from the site's cache, though none was asked for", self.name
            )
        usage = find_usage(m.load_json(body))
        if usage is not None:
            log.info("%s: %d of today's %d calls are used", self.name, *usage)


def _goes_on(parsed: Parsed, page: int, seen: int) -> bool:
    if parsed.pages:
        return page < parsed.pages
    return parsed.total is not None and seen < parsed.total


def judge(answer: m.Answer) -> m.MarketplaceError | None:
    """The refusal in an answer's body, if it is one: both places for an error are looked at."""
    value = m.find_json(answer.body)
    if not isinstance(value, dict):
        return None
    code = m.clean_text(value.get("error_code"), 100)
    words = [_words(value.get("error")), _words(m.dig(value, "items", "error"))]
    is_code_good = code in ("", *_GOOD_CODES)
    # beside listings it may say anything; without them it is why there are none
    reason = "" if m.dig(value, "items", "item") else _words(value.get("reason"))
    if is_code_good and not any((*words, reason)):
        return None
    words.append(_words(value.get("reason")))
    return _refuse(" ".join(filter(None, words)), "" if is_code_good else code, value)


def _words(value: m.Json) -> str:
    """What a field says. Credentials of an address that it repeats are cut out as a whole: a later
    cut to length must not leave half of one."""
    text = _CREDENTIALS.sub(r"\1=***", m.clean_text(value, 10_000))[:200]
    return "" if text in ("0", "0000") else text


def _refuse(words: str, code: str, value: m.Json) -> m.MarketplaceError:
    kind = m.meaning_of(f"{code} {words}".strip())
    usage = find_usage(value)
    if kind is m.ProtocolError and usage is not None and usage[0] >= usage[1]:
        kind = m.QuotaExhausted
    is_for_now = _FOR_NOW.search(words) is not None
    if kind in (m.ProtocolError, m.Throttled) and _CALLS_OVER.search(words) and not is_for_now:
        kind = m.QuotaExhausted
    return m.refusal(words, code=code, codes={code: kind})


def find_usage(value: m.Json) -> tuple[int, int] | None:
    """(calls used today, calls of a day), as an answer tells them; None where it doesn't."""
    found = _API_INFO.search(m.clean_text(m.dig(value, "api_info"), 200))
    return (int(found[1]), int(found[2])) if found else None


def parse_answer(
    body: bytes, base: str, site: str, *, allow_loopback: bool, offset: int = 0
) -> Parsed:
    """The listings of a good answer on `site`; `offset` is how many listings came before.

    Raises ProtocolError where the shape is another one.
    """
    value = m.read_json(body)
    items = m.dig(value, "items", "item")
    if isinstance(items, dict) and items and all(key.isdecimal() for key in items):
        items = list(items.values())  # a list with gaps, as the site's language writes it
    totals = (m.parse_count(m.dig(value, "items", key)) for key in _TOTALS)
    total = next((total for total in totals if total is not None), None)
    says_good = m.clean_text(m.dig(value, "error_code"), 100) in _GOOD_CODES
    claimed = None if offset else total
    m.check_empty(value, items, claimed, place="items.item", says_good=says_good)
    observe = partial(_observe, base, site, allow_loopback=allow_loopback)
    return Parsed(
        m.collect(items, observe, place="items.item", offset=offset),
        total=total,
        pages=m.parse_count(m.dig(value, "items", "pagecount")),
        is_cached=m.parse_flag(m.dig(value, "cache")) is True,
    )


def _observe(
    base: str, site: str, item: dict[str, m.Json], rank: int, *, allow_loopback: bool
) -> m.Observation | None:
    """One listing, or None where it can't be told from others."""
    page = m.find_listing(item.get("detail_url"))
    listing = m.find_listing_on(site, item.get("num_iid"), item.get("detail_url"))
    # alibaba's addresses hold the product's name, which its id alone doesn't give
    if page and listing and (page.site, page.item_id) == (site, listing.item_id):
        listing = page
    return m.observe_listing(
        listing,
        m.picture_link(item.get("pic_url"), base=base, allow_loopback=allow_loopback),
        title=item.get("title"),
        price=_find_price(item, _CURRENCIES.get(site, "CNY")),
        seller=m.parse_seller(item.get("seller_id"), item.get("seller_nick")),
        sales=item.get("sales"),
        rank=rank,
    )


def _find_price(item: dict[str, m.Json], currency: str) -> m.Price | None:
    """What is asked for now: the promotion's price, where there is one above 0."""
    promoted = m.parse_price(item.get("promotion_price"), currency)
    if promoted is not None and promoted.maximum > 0:
        return promoted
    return m.parse_price(item.get("price"), currency)


ADAPTER = m.Adapter(
    Options,
    OneBound,
    account=lambda options: options.api_key.get_secret_value(),
    summary="1688, Taobao, AliExpress or Alibaba.com through the reseller OneBound",
    needs="api_key and api_secret of a OneBound account, and pictures at a public address",
)
