"""eBay by picture: `search_by_image` of the Browse API, with an application's own token.

One search for each country's marketplace, one after the other. Prices are the seller's own, not
those converted for a country: they would change with every exchange rate.
"""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from monitor.marketplaces import plug_in as m
from monitor.marketplaces.sites.ebay.answers import (
    SITE,
    OffsetRefused,
    Parsed,
    judge,
    parse_answer,
    parse_limits,
    parse_token,
)

log = logging.getLogger(__name__)

DEFAULT_BASE_URL = "https://api.ebay.com"
SCOPE = "https://api.ebay.com/oauth/api_scope"
# The site's own default. It must not change within a search: offsets count in whole pages.
PAGE_SIZE: Final = 50
# The site names no limit; a JPEG of 1600 pixels is rarely larger.
MAX_UPLOAD_BYTES = 2_000_000
_GRANT_PATH = "/identity/v1/oauth2/token"
_SEARCH_PATH = "/buy/browse/v1/item_summary/search_by_image"
_LIMITS_PATH = "/developer/analytics/v1_beta/rate_limit/"


def _check_distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError("must name each marketplace once")
    return values


MarketplaceId = Annotated[str, Field(pattern=r"^EBAY_[A-Z]{2}$|^EBAY_MOTORS_US$")]


class Options(m.Options):
    """The keys of `[marketplaces.NAME]` with `type = "ebay"`."""

    base_url: m.Address = DEFAULT_BASE_URL
    client_id: m.Key
    client_secret: m.Secret
    marketplace_ids: Annotated[
        tuple[MarketplaceId, ...], Field(min_length=1), AfterValidator(_check_distinct)
    ] = ("EBAY_US",)
    # for each marketplace id
    max_pages: m.MaxPages = 10


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a search stands: marketplace (from 0), its page (from 1), listings given before."""

    marketplace: int
    page: int
    seen: int

    @property
    def offset(self) -> int:
        return (self.page - 1) * PAGE_SIZE

    def cursor(self) -> str:
        return m.write_cursor(self.marketplace, self.page, self.seen)


class Ebay(m.Account):
    """One application's keys on eBay's interface."""

    site = SITE

    def __init__(self, name: str, options: Options, outside: m.Outside) -> None:
        secret = options.client_secret.get_secret_value()
        pair = base64.b64encode(f"{options.client_id}:{secret}".encode()).decode()
        super().__init__(name, options.base_url, outside, (pair, secret, options.client_id))
        self._options = options
        self._basic = f"Basic {pair}"
        # threads of one account: one asks for a token, the others take it
        self._token_turn = threading.Lock()

    def search(self, query: m.Query) -> m.Page:
        """One page of one marketplace. Raises MarketplaceError, Stopping."""
        place = self._read_place(query.cursor)
        tally = m.Tally()
        try:
            parsed = self._search(query, place, tally)
        except OffsetRefused as error:
            if place.page == 1:
                raise
            log.warning("%s; taken for the end of the search", error)
            parsed = Parsed((), None, has_next=False)
        return self._page(parsed, place, tally)

    def probe(self) -> m.Standing:
        """Fetch a token, and ask what is left of the day. Raises MarketplaceError, Stopping."""
        tally = m.Tally()
        token = self._fetch_token(tally, None).access
        try:
            left = self._ask_limits(token, tally)[0]
        except m.MarketplaceError as error:
            return m.Standing(f"eBay gave a token, but not how many calls are left ({error})")
        return m.Standing("eBay gave a token", left)

    def _page(self, parsed: Parsed, place: _Place, tally: m.Tally) -> m.Page:
        seen = place.seen + len(parsed.observations)
        has_more = parsed.has_next and place.page < self._options.max_pages
        is_last = place.marketplace + 1 == len(self._options.marketplace_ids)
        part = None if is_last else _Place(place.marketplace + 1, 1, seen).cursor()
        cursor = _Place(place.marketplace, place.page + 1, seen).cursor() if has_more else part
        return m.Page(parsed.observations, parsed.total, cursor, tally.requests, part)

    def _read_place(self, cursor: str | None) -> _Place:
        place = _Place(*m.read_cursor(cursor, 0, 1, 0))
        is_ours = place.marketplace < len(self._options.marketplace_ids)
        return place if is_ours and 1 <= place.page <= self._options.max_pages else _Place(0, 1, 0)

    def _search(self, query: m.Query, place: _Place, tally: m.Tally) -> Parsed:
        def send(data: bytes) -> m.Answer:
            return self._send_with_token(partial(self._call, data, place), tally)

        uploads = m.iter_uploads(query.picture, max_bytes=MAX_UPLOAD_BYTES)
        answer = self._send_fitting(uploads, send)
        with self._reading():
            return parse_answer(
                answer.body,
                answer.url,
                allow_loopback=self.is_loopback,
                page=place.page,
                seen=place.seen,
            )

    def _call(self, data: bytes, place: _Place, token: str) -> m.Call:
        return m.Call(
            "POST",
            m.join(self._options.base_url, _SEARCH_PATH),
            params={"limit": str(PAGE_SIZE), "offset": str(place.offset)},
            headers={
                "Authorization": f"Bearer {token}",
                "X-EBAY-C-MARKETPLACE-ID": self._options.marketplace_ids[place.marketplace],
            },
            json={"image": base64.b64encode(data).decode()},
        )

    def _send_with_token(self, build: Callable[[str], m.Call], tally: m.Tally) -> m.Answer:
        """The answer to a call; a token that the site refuses is renewed once."""
        token = self._token(tally)
        try:
            return self._send_once(build, token, tally)
        except m.AuthError as error:
            log.info("%s; asking for another token", error)
        return self._send_once(build, self._token(tally, refused=token), tally)

    def _send_once(self, build: Callable[[str], m.Call], token: str, tally: m.Tally) -> m.Answer:
        try:
            return self._send(partial(build, token), judge, tally)
        except m.Throttled as error:
            raise self._used_up(token, tally) or error from error

    def _token(self, tally: m.Tally, refused: str | None = None) -> str:
        tokens = m.Tokens(
            self.name,
            self._outside,
            secret=self._options.client_secret.get_secret_value(),
            start=None,
            refresh=partial(self._fetch_token, tally),
        )
        with self._token_turn:
            return tokens.current() if refused is None else tokens.renew(refused)

    def _fetch_token(self, tally: m.Tally, _: m.Token | None) -> m.Token:
        call = m.Call(
            "POST",
            m.join(self._options.base_url, _GRANT_PATH),
            headers={"Authorization": self._basic},
            form={"grant_type": "client_credentials", "scope": SCOPE},
        )
        answer = self._send(lambda: call, judge, tally)
        with self._reading():
            return parse_token(answer.body, self._outside.now())

    def _ask_limits(self, token: str, tally: m.Tally) -> tuple[int | None, str]:
        call = m.Call(
            "GET",
            m.join(self._options.base_url, _LIMITS_PATH),
            params={"api_context": "buy", "api_name": "browse"},
            headers={"Authorization": f"Bearer {token}"},
        )
        answer = self._send(lambda: call, judge, tally)
        with self._reading():
            return parse_limits(answer.body)

    def _used_up(self, token: str, tally: m.Tally) -> m.QuotaExhausted | None:
        """Whether "too many requests" means the day's: the site says the same of both."""
        try:
            left, reset_at = self._ask_limits(token, tally)
        except m.MarketplaceError as error:
            log.warning("%s; so it is not known whether the day's calls are used up", error)
            return None
        if left != 0:
            return None
        return m.QuotaExhausted(
            f"{self.name}: eBay's calls of the day are used up until {reset_at}"
        )


ADAPTER = m.Adapter(
    Options,
    Ebay,
    account=lambda options: options.client_id,
    summary="eBay by picture upload, through the official Browse API",
    needs="client_id and client_secret of a production keyset at developer.ebay.com that may "
    "use the Buy APIs",
)
