"""What eBay's interface answers -> listings, tokens, limits and errors. Pure."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import partial

from monitor.marketplaces import plug_in as m

log = logging.getLogger(__name__)

SITE = "ebay"
_LIMITED_RESOURCE = "buy.browse"

# errorId of the gateway and of the Browse API; `error` of the token's endpoint (RFC 6749, 5.2).
_CODES: dict[str, type[m.MarketplaceError]] = {
    **dict.fromkeys(("1001", "1002", "1003", "invalid_client"), m.AuthError),
    **dict.fromkeys(("1100", "invalid_scope", "unauthorized_client"), m.PermissionDenied),
    "2001": m.Throttled,
    **dict.fromkeys(("12000", "server_error", "temporarily_unavailable"), m.Transient),
}
_OFFSET_REFUSED = "12515"
_DAILY = re.compile(r"\bdaily\b|\bper day\b|24.hour|quota", re.IGNORECASE)
_ITEM_ID = re.compile(r"[1-9][0-9]{0,19}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_PICTURE_SIZE = re.compile(r"/s-l([0-9]{2,4})\.")


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer: its listings, how many the site claims to have, whether it names a next page."""

    observations: tuple[m.Observation, ...]
    total: int | None
    has_next: bool


class OffsetRefused(m.ProtocolError):
    """The site doesn't page so far: the end of a search, unless it is its first page."""


def judge(answer: m.Answer) -> m.MarketplaceError | None:
    """The refusal in an answer's body, if it is one."""
    return find_refusal(m.find_json(answer.body))


def find_refusal(value: m.Json) -> m.MarketplaceError | None:
    """The first of `errors`, or the `error` of the token's endpoint; None for no error."""
    if not isinstance(value, dict):
        return None
    code = m.clean_text(value.get("error"), 100)
    if code:
        words = m.clean_text(value.get("error_description"), 200)
        return m.refusal(words, code=code, codes=_CODES)
    errors = value.get("errors")
    if not errors:
        return None
    return _refusal_of(errors[0] if isinstance(errors, list) else errors)


def _refusal_of(error: m.Json) -> m.MarketplaceError:
    code, words = _read_error(error)
    text = f"the site says: {m.quotable(f'{code} {words}')}"
    if code == _OFFSET_REFUSED or re.search(r"\boffset\b", words, re.IGNORECASE):
        return OffsetRefused(text)
    if _DAILY.search(words):
        return m.QuotaExhausted(text)
    found = m.refusal(words, code=code, codes=_CODES)
    if isinstance(found, m.ProtocolError) and m.dig(error, "category") == "APPLICATION":
        return m.Transient(text)  # "an exception in the application": on their side
    return found


def _read_error(error: m.Json) -> tuple[str, str]:
    """(errorId, what it says) of an error or a warning."""
    said = [m.clean_text(m.dig(error, key), 200) for key in ("message", "longMessage")]
    return m.clean_text(m.dig(error, "errorId"), 20), " ".join(dict.fromkeys(filter(None, said)))


def parse_token(body: bytes, now: float) -> m.Token:
    """The token in an answer that came at `now` (epoch seconds). Raises ProtocolError."""
    value = m.read_json(body)
    access, lifetime = m.dig(value, "access_token"), m.parse_count(m.dig(value, "expires_in"))
    if not isinstance(access, str) or not re.fullmatch(r"[\x21-\x7e]+", access) or lifetime is None:
        raise m.ProtocolError("the answer holds no access_token with expires_in")
    return m.Token(access, expires_at=now + lifetime)


def parse_limits(body: bytes) -> tuple[int | None, str]:
    """(calls left, when they are given anew) of the search; None where it isn't told.

    Of several limits the one of the longest time counts, which is the day's. Raises ProtocolError
    where the answer is not JSON.
    """
    value = m.read_json(body)
    rates = [
        rate
        for api in m.listed(m.dig(value, "rateLimits"))
        for resource in m.listed(m.dig(api, "resources"))
        if m.dig(resource, "name") == _LIMITED_RESOURCE
        for rate in m.listed(m.dig(resource, "rates"))
    ]
    longest = max(
        rates, key=lambda rate: m.parse_count(m.dig(rate, "timeWindow")) or 0, default=None
    )
    reset_at = m.clean_text(m.dig(longest, "reset"), 40) or "an unknown time"
    return m.parse_count(m.dig(longest, "remaining")), reset_at


def parse_answer(
    body: bytes, base: str, *, allow_loopback: bool, page: int = 1, seen: int = 0
) -> Parsed:
    """The listings of a good answer; `seen` is how many listings the search gave before.

    Raises ProtocolError where the shape is another one.
    """
    value = m.read_json(body)
    warnings = [
        m.quotable(" ".join(_read_error(one))) for one in m.listed(m.dig(value, "warnings"))
    ]
    for warning in warnings:
        log.warning("eBay warns: %s", warning)
    total = m.parse_count(m.dig(value, "total"))
    items = m.dig(value, "itemSummaries")
    if items is None and (total == 0 or (total is not None and page > 1)):
        items = []  # what has nothing to list may leave the list out
    m.check_empty(value, items, total if page == 1 else None, place="itemSummaries")
    if items == [] and page == 1 and warnings:
        raise m.ProtocolError(f"the answer lists nothing and warns: {warnings[0]}")
    observe = partial(_observe, base, allow_loopback=allow_loopback)
    observations = m.collect(items, observe, place="itemSummaries", offset=seen)
    has_next = bool(m.dig(value, "next")) and bool(observations)
    return Parsed(observations, total, has_next)


def _observe(
    base: str, item: dict[str, m.Json], rank: int, *, allow_loopback: bool
) -> m.Observation | None:
    """One listing, or None where it can't be told from others."""
    return m.observe_listing(
        _find_own_listing(item),
        m.picture_link(_find_picture(item), base=base, allow_loopback=allow_loopback),
        title=item.get("title"),
        price=_find_price(item),
        seller=_find_seller(item),
        rank=rank,
    )


def _find_own_listing(item: dict[str, m.Json]) -> m.SiteListing | None:
    """By the number in the listing's address: variations of one listing share it."""
    ids = (m.find_item_id(SITE, item.get(key)) for key in ("legacyItemId", "itemId"))
    item_id = next((one for one in ids if one is not None and _ITEM_ID.fullmatch(one)), None)
    return m.find_listing_on(SITE, item_id, item.get("itemWebUrl"))


def _find_picture(item: dict[str, m.Json]) -> m.Json:
    """The main picture, from whichever field gives it larger; else the first additional one."""
    main = m.dig(item, "image", "imageUrl")
    main_ones = [
        main,
        *(m.dig(one, "imageUrl") for one in m.listed(item.get("thumbnailImages"))[:1]),
    ]
    more = [m.dig(one, "imageUrl") for one in m.listed(item.get("additionalImages"))[:1]]
    for given in (main_ones, more):
        if addresses := [text for text in given if isinstance(text, str) and text]:
            return max(addresses, key=_told_size)
    return main


def _told_size(address: str) -> int:
    """The pixels that a picture's address names, such as `s-l225.jpg`; 0 for none."""
    found = _PICTURE_SIZE.search(address)
    return int(found[1]) if found else 0


def _find_price(item: dict[str, m.Json]) -> m.Price | None:
    """What the seller asks, or what is bid in an auction that has no other price."""
    for key in ("price", "currentBidPrice"):
        for value_key, currency_key in (
            ("convertedFromValue", "convertedFromCurrency"),
            ("value", "currency"),
        ):
            currency = m.dig(item, key, currency_key)
            if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
                continue
            if price := m.parse_price(m.dig(item, key, value_key), currency):
                return price
    return None


def _find_seller(item: dict[str, m.Json]) -> m.Seller | None:
    name = m.clean_text(m.dig(item, "seller", "username"), 200)
    return m.Seller(name, name) if name else None
