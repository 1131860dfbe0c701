"""What eBay's interface answers -> listings, tokens, limits and errors. Pure."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import partial

from monitor.errors import (
    AuthError,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.kit.identity import SiteListing, find_item_id, find_listing_on
from monitor.marketplaces.kit.listings import (
    check_empty,
    collect,
    dig,
    find_json,
    observe_listing,
    read_json,
)
from monitor.marketplaces.kit.picture_links import picture_link
from monitor.marketplaces.kit.refusals import quote, refusal
from monitor.marketplaces.kit.tokens import Token
from monitor.marketplaces.kit.values import Json, clean_text, parse_count, parse_price
from monitor.model import Observation, Price, Seller
from monitor.net.wire import Answer

log = logging.getLogger(__name__)

SITE = "ebay"
_LIMITED_RESOURCE = "buy.browse"

# errorId of the gateway and of the Browse API; `error` of the token's endpoint (RFC 6749, 5.2).
_CODES: dict[str, type[MarketplaceError]] = {
    **dict.fromkeys(("1001", "1002", "1003", "invalid_client"), AuthError),
    **dict.fromkeys(("1100", "invalid_scope", "unauthorized_client"), PermissionDenied),
    "2001": Throttled,
    **dict.fromkeys(("12000", "server_error", "temporarily_unavailable"), Transient),
}
_OFFSET_REFUSED = "12515"
_DAILY = re.compile(r"\bdaily\b|\bper day\b|24.hour|quota", re.IGNORECASE)
_ITEM_ID = re.compile(r"[1-9][0-9]{0,19}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_PICTURE_SIZE = re.compile(r"/s-l([0-9]{2,4})\.")


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer: its listings, how many the site claims to have, whether it names a next page."""

    observations: tuple[Observation, ...]
    total: int | None
    has_next: bool


class OffsetRefused(ProtocolError):
    """The site doesn't page so far: the end of a search, unless it is its first page."""


def judge(answer: Answer) -> MarketplaceError | None:
    """The refusal in an answer's body, if it is one."""
    return find_refusal(find_json(answer.body))


def find_refusal(value: Json) -> MarketplaceError | None:
    """The first of `errors`, or the `error` of the token's endpoint; None for no error."""
    if not isinstance(value, dict):
        return None
    code = clean_text(value.get("error"), 100)
    if code:
        words = clean_text(value.get("error_description"), 200)
        return refusal(words, code=code, codes=_CODES)
    errors = value.get("errors")
    if not errors:
        return None
    return _refusal_of(errors[0] if isinstance(errors, list) else errors)


def _refusal_of(error: Json) -> MarketplaceError:
    code, words = _read_error(error)
    text = f"the site says: {quote(f'{code} {words}')}"
    if code == _OFFSET_REFUSED or re.search(r"\boffset\b", words, re.IGNORECASE):
        return OffsetRefused(text)
    if _DAILY.search(words):
        return QuotaExhausted(text)
    found = refusal(words, code=code, codes=_CODES)
    if isinstance(found, ProtocolError) and dig(error, "category") == "APPLICATION":
        return Transient(text)  # "an exception in the application": on their side
    return found


def _read_error(error: Json) -> tuple[str, str]:
    """(errorId, what it says) of an error or a warning."""
    said = [clean_text(dig(error, key), 200) for key in ("message", "longMessage")]
    return clean_text(dig(error, "errorId"), 20), " ".join(dict.fromkeys(filter(None, said)))


def parse_token(body: bytes, now: float) -> Token:
    """The token in an answer that came at `now` (epoch seconds). Raises ProtocolError."""
    value = read_json(body)
    access, lifetime = dig(value, "access_token"), parse_count(dig(value, "expires_in"))
    if not isinstance(access, str) or not re.fullmatch(r"[\x21-\x7e]+", access) or lifetime is None:
        raise ProtocolError("the answer holds no access_token with expires_in")
    return Token(access, expires_at=now + lifetime)


def parse_limits(body: bytes) -> tuple[int | None, str]:
    """(calls left, when they are given anew) of the search; None where it isn't told.

    Of several limits the one of the longest time counts, which is the day's. Raises ProtocolError
    where the answer is not JSON.
    """
    value = read_json(body)
    rates = [
        rate
        for api in _items(dig(value, "rateLimits"))
        for resource in _items(dig(api, "resources"))
        if dig(resource, "name") == _LIMITED_RESOURCE
        for rate in _items(dig(resource, "rates"))
    ]
    longest = max(rates, key=lambda rate: parse_count(dig(rate, "timeWindow")) or 0, default=None)
    reset_at = clean_text(dig(longest, "reset"), 40) or "an unknown time"
    return parse_count(dig(longest, "remaining")), reset_at


def parse_answer(
    body: bytes, base: str, *, allow_loopback: bool, page: int = 1, seen: int = 0
) -> Parsed:
    """The listings of a good answer; `seen` is how many listings the search gave before.

    Raises ProtocolError where the shape is another one.
    """
    value = read_json(body)
    warnings = [quote(" ".join(_read_error(one))) for one in _items(dig(value, "warnings"))]
    for warning in warnings:
        log.warning("eBay warns: %s", warning)
    total = parse_count(dig(value, "total"))
    items = dig(value, "itemSummaries")
    if items is None and (total == 0 or (total is not None and page > 1)):
        items = []  # what has nothing to list may leave the list out
    check_empty(value, items, total if page == 1 else None, place="itemSummaries")
    if items == [] and page == 1 and warnings:
        raise ProtocolError(f"the answer lists nothing and warns: {warnings[0]}")
    observe = partial(_observe, base, allow_loopback=allow_loopback)
    observations = collect(items, observe, place="itemSummaries", offset=seen)
    has_next = bool(dig(value, "next")) and bool(observations)
    return Parsed(observations, total, has_next)


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _observe(
    base: str, item: dict[str, Json], rank: int, *, allow_loopback: bool
) -> Observation | None:
    """One listing, or None where it can't be told from others."""
    return observe_listing(
        _find_own_listing(item),
        picture_link(_find_picture(item), base=base, allow_loopback=allow_loopback),
        title=item.get("title"),
        price=_find_price(item),
        seller=_find_seller(item),
        rank=rank,
    )


def _find_own_listing(item: dict[str, Json]) -> SiteListing | None:
    """By the number in the listing's address: variations of one listing share it."""
    ids = (find_item_id(SITE, item.get(key)) for key in ("legacyItemId", "itemId"))
    item_id = next((one for one in ids if one is not None and _ITEM_ID.fullmatch(one)), None)
    return find_listing_on(SITE, item_id, item.get("itemWebUrl"))


def _find_picture(item: dict[str, Json]) -> Json:
    """The main picture, from whichever field gives it larger; else the first additional one."""
    main = dig(item, "image", "imageUrl")
    main_ones = [main, *(dig(one, "imageUrl") for one in _items(item.get("thumbnailImages"))[:1])]
    more = [dig(one, "imageUrl") for one in _items(item.get("additionalImages"))[:1]]
    for given in (main_ones, more):
        if addresses := [text for text in given if isinstance(text, str) and text]:
            return max(addresses, key=_told_size)
    return main


def _told_size(address: str) -> int:
    """The pixels that a picture's address names, such as `s-l225.jpg`; 0 for none."""
    found = _PICTURE_SIZE.search(address)
    return int(found[1]) if found else 0


def _find_price(item: dict[str, Json]) -> Price | None:
    """What the seller asks, or what is bid in an auction that has no other price."""
    for key in ("price", "currentBidPrice"):
        for value_key, currency_key in (
            ("convertedFromValue", "convertedFromCurrency"),
            ("value", "currency"),
        ):
            currency = dig(item, key, currency_key)
            if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
                continue
            if price := parse_price(dig(item, key, value_key), currency):
                return price
    return None


def _find_seller(item: dict[str, Json]) -> Seller | None:
    name = clean_text(dig(item, "seller", "username"), 200)
    return Seller(name, name) if name else None
