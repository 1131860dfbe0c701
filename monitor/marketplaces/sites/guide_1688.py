"""1688 image search in the dialect of the public guide (api.1688.com/router/imageSearch).

The endpoint is documented by third parties only; `base_url` also fits a proxy that speaks the same
dialect. One search is one call: the guide knows no paging. It gives no seller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, Literal

from pydantic import Field

from monitor.errors import MarketplaceError
from monitor.marketplaces.base import Adapter, Outside, Page, Query
from monitor.marketplaces.kit.account import Account
from monitor.marketplaces.kit.client import Tally
from monitor.marketplaces.kit.identity import find_offer
from monitor.marketplaces.kit.listings import (
    check_empty,
    collect,
    dig,
    find_json,
    observe_listing,
    read_json,
)
from monitor.marketplaces.kit.options import Address, Key, Secret
from monitor.marketplaces.kit.options import Options as SharedOptions
from monitor.marketplaces.kit.paging import read_cursor, write_cursor
from monitor.marketplaces.kit.picture_links import picture_link
from monitor.marketplaces.kit.preparing import iter_uploads
from monitor.marketplaces.kit.refusals import refusal
from monitor.marketplaces.kit.signing import sign_guide
from monitor.marketplaces.kit.values import Json, clean_text, parse_count, parse_flag, parse_price
from monitor.model import Observation
from monitor.net.wire import Answer, Call

SITE = "1688"
DEFAULT_BASE_URL = "https://api.1688.com/router/imageSearch"
SAME: Final = 1
SIMILAR: Final = 2


class Options(SharedOptions):
    """The keys of `[marketplaces.NAME]` with `type = "guide_1688"`."""

    base_url: Address = DEFAULT_BASE_URL
    app_key: Key
    app_secret: Secret
    search_type: Literal[1, 2, "both"] = SIMILAR
    # left out: by relevance
    sort_type: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer: its listings, and how many the site claims to have."""

    observations: tuple[Observation, ...]
    total: int | None


class Guide1688(Account):
    """One account on the guide's interface."""

    site = SITE

    def __init__(self, name: str, options: Options, outside: Outside) -> None:
        secrets = (options.app_secret.get_secret_value(), options.app_key)
        super().__init__(name, options.base_url, outside, secrets)
        self._options = options
        kinds = {SAME: (SAME,), SIMILAR: (SIMILAR,), "both": (SIMILAR, SAME)}
        self._kinds = kinds[options.search_type]

    def search(self, query: Query) -> Page:
        """One search: a page for each search type asked for. Raises MarketplaceError, Stopping."""
        kind, offset = read_cursor(query.cursor, self._kinds[0], 0)
        if kind not in self._kinds:  # of other options
            kind, offset = self._kinds[0], 0
        tally = Tally()

        def send(data: bytes) -> Answer:
            return self._send(partial(self._call, data, kind), judge, tally)

        answer = self._send_fitting(iter_uploads(query.picture), send)
        with self._reading():
            parsed = parse_answer(
                answer.body, answer.url, allow_loopback=self.is_loopback, offset=offset
            )
        following = self._kinds[self._kinds.index(kind) + 1 :]
        seen = offset + len(parsed.observations)
        cursor = write_cursor(following[0], seen) if following else None
        return Page(parsed.observations, parsed.total, cursor, tally.requests)

    def _call(self, data: bytes, kind: int) -> Call:
        """A request signed with the time of now."""
        options = self._options
        timestamp = int(self._outside.now() * 1000)
        sign = sign_guide(options.app_secret.get_secret_value(), options.app_key, timestamp)
        params = {"search_type": str(kind)}
        if options.sort_type is not None:
            params["sort_type"] = options.sort_type
        return Call(
            "POST",
            options.base_url,
            params=params,
            headers={"appkey": options.app_key, "timestamp": str(timestamp), "sign": sign},
            files={"image": ("image.jpg", data, "image/jpeg")},
        )


def judge(answer: Answer) -> MarketplaceError | None:
    """The refusal in an answer's body, if it is one."""
    return find_refusal(find_json(answer.body))


def parse_answer(body: bytes, base: str, *, allow_loopback: bool, offset: int = 0) -> Parsed:
    """The listings of a good answer; `offset` is how many listings the search gave before.

    Raises ProtocolError where the shape is another one.
    """
    value = read_json(body)
    items = dig(value, "data", "items")
    total = parse_count(dig(value, "data", "total"))
    says_good = parse_flag(dig(value, "success")) is True
    # each search is one page
    check_empty(value, items, total, place="data.items", says_good=says_good)
    observe = partial(_observe, base, allow_loopback=allow_loopback)
    return Parsed(collect(items, observe, place="data.items", offset=offset), total)


def find_refusal(value: Json) -> MarketplaceError | None:
    """The error that an answer tells of in words, inside HTTP 200 too; None for no error."""
    if not isinstance(value, dict):
        return None
    nested = value.get("error_response")
    said = nested if isinstance(nested, dict) else value
    words = " ".join(_iter_words(said))
    if parse_flag(value.get("success")) is True or (not words and "success" not in value):
        return None
    if "success" not in value and "data" in value:
        return None
    return refusal(words)


_REASON_KEYS = (
    *("code", "error_code", "errorCode", "sub_code"),
    *("message", "msg", "error_message", "errorMessage", "errorMsg", "sub_msg"),
)


def _iter_words(said: dict[str, Json]) -> Iterator[str]:
    for key in _REASON_KEYS:
        if text := clean_text(said.get(key), 400):
            yield text


def _observe(
    base: str, item: dict[str, Json], rank: int, *, allow_loopback: bool
) -> Observation | None:
    """One listing, or None where it can't be told from others."""
    return observe_listing(
        find_offer(item.get("itemId"), item.get("detailUrl"), allow_loopback=allow_loopback),
        picture_link(item.get("imageUrl"), base=base, allow_loopback=allow_loopback),
        title=item.get("title"),
        price=parse_price(item.get("price")),
        rank=rank,
        score=item.get("similarity"),
    )


ADAPTER = Adapter(
    Options,
    Guide1688,
    account=lambda options: options.app_key,
    summary="1688.com by picture upload, in the dialect of the public guide (unverified endpoint)",
    needs="app_key and app_secret",
)
