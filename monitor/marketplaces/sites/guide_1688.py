"""1688 image search in the dialect of the public guide (api.1688.com/router/imageSearch).

The endpoint is documented by third parties only; `base_url` also fits a proxy that speaks the same
dialect. One search is one call: the guide knows no paging. It gives no seller.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Final, Literal

from pydantic import Field

from monitor.marketplaces import plug_in as m

SITE = "1688"
DEFAULT_BASE_URL = "https://api.1688.com/router/imageSearch"
SAME: Final = 1
SIMILAR: Final = 2


class Options(m.Options):
    """The keys of `[marketplaces.NAME]` with `type = "guide_1688"`."""

    base_url: m.Address = DEFAULT_BASE_URL
    app_key: m.Key
    app_secret: m.Secret
    search_type: Literal[1, 2, "both"] = SIMILAR
    # left out: by relevance
    sort_type: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] | None = None


class Guide1688(m.Account):
    """One account on the guide's interface."""

    site = SITE

    def __init__(self, name: str, options: Options, outside: m.Outside) -> None:
        secrets = (options.app_secret.get_secret_value(), options.app_key)
        super().__init__(name, options.base_url, outside, secrets)
        self._options = options
        kinds = {SAME: (SAME,), SIMILAR: (SIMILAR,), "both": (SIMILAR, SAME)}
        self._kinds = kinds[options.search_type]

    def search(self, query: m.Query) -> m.Page:
        """One search: a page for each search type asked for. Raises MarketplaceError, Stopping."""
        kind, offset = m.read_cursor(query.cursor, self._kinds[0], 0)
        if kind not in self._kinds:  # of other options
            kind, offset = self._kinds[0], 0
        tally = m.Tally()
        answer = self._send_picture(query.picture, partial(self._call, kind), judge, tally)
        with self._reading():
            parsed = parse_answer(
                answer.body, answer.url, allow_loopback=self.is_loopback, offset=offset
            )
        following = self._kinds[self._kinds.index(kind) + 1 :]
        seen = offset + len(parsed.observations)
        cursor = m.write_cursor(following[0], seen) if following else None
        return m.Page(parsed.observations, parsed.total, cursor, tally.requests)

    def _call(self, kind: int, data: bytes) -> m.Call:
        """A request signed with the time of now."""
        options = self._options
        timestamp = int(self._outside.now() * 1000)
        sign = m.sign_guide(options.app_secret.get_secret_value(), options.app_key, timestamp)
        params = {"search_type": str(kind)}
        if options.sort_type is not None:
            params["sort_type"] = options.sort_type
        return m.Call(
            "POST",
            options.base_url,
            params=params,
            headers={"appkey": options.app_key, "timestamp": str(timestamp), "sign": sign},
            files={"image": ("image.jpg", data, "image/jpeg")},
        )


def judge(answer: m.Answer) -> m.MarketplaceError | None:
    """The refusal in an answer's body, if it is one."""
    return find_refusal(m.find_json(answer.body))


def parse_answer(body: bytes, base: str, *, allow_loopback: bool, offset: int = 0) -> m.Parsed:
    """The listings of a good answer; `offset` is how many listings the search gave before.

    Raises ProtocolError where the shape is another one.
    """
    value = m.read_json(body)
    items = m.dig(value, "data", "items")
    total = m.parse_count(m.dig(value, "data", "total"))
    says_good = m.parse_flag(m.dig(value, "success")) is True
    # each search is one page
    m.check_empty(value, items, total, place="data.items", says_good=says_good)
    observe = partial(_observe, base, allow_loopback=allow_loopback)
    found = m.collect(items, observe, place="data.items", offset=offset)
    return m.Parsed(found, len(m.listed(items)), total)


def find_refusal(value: m.Json) -> m.MarketplaceError | None:
    """The error that an answer tells of in words, inside HTTP 200 too; None for no error."""
    if not isinstance(value, dict):
        return None
    nested = value.get("error_response")
    said = nested if isinstance(nested, dict) else value
    words = " ".join(_iter_words(said))
    if m.parse_flag(value.get("success")) is True or (not words and "success" not in value):
        return None
    if "success" not in value and "data" in value:
        return None
    return m.refusal(words)


_REASON_KEYS = (
    *("code", "error_code", "errorCode", "sub_code"),
    *("message", "msg", "error_message", "errorMessage", "errorMsg", "sub_msg"),
)


def _iter_words(said: dict[str, m.Json]) -> Iterator[str]:
    for key in _REASON_KEYS:
        if text := m.clean_text(said.get(key), 400):
            yield text


def _observe(
    base: str, item: dict[str, m.Json], rank: int, *, allow_loopback: bool
) -> m.Observation | None:
    """One listing, or None where it can't be told from others."""
    return m.observe_listing(
        m.find_offer(item.get("itemId"), item.get("detailUrl"), allow_loopback=allow_loopback),
        m.picture_link(item.get("imageUrl"), base=base, allow_loopback=allow_loopback),
        title=item.get("title"),
        price=m.parse_price(item.get("price")),
        rank=rank,
        score=item.get("similarity"),
    )


ADAPTER = m.Adapter(
    Options,
    Guide1688,
    account=lambda options: options.app_key,
    summary="1688.com by picture upload, in the dialect of the public guide (unverified endpoint)",
    needs="app_key and app_secret",
)
