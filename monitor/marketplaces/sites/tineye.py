"""TinEye: pages anywhere on the web with a copy of a picture, whole, in part or edited.

It finds the same picture again, never one that merely shows the same thing. A match is one file;
each page that it was seen on is a backlink, and backlinks on known marketplaces are listings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

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
from monitor.marketplaces.base import Adapter, Outside, Page, Query, Standing
from monitor.marketplaces.kit.account import Account
from monitor.marketplaces.kit.answers import PictureTooLarge
from monitor.marketplaces.kit.client import Tally
from monitor.marketplaces.kit.listings import check_empty, dig, find_json, read_json
from monitor.marketplaces.kit.options import Address, HeaderSecret, MaxPages, join
from monitor.marketplaces.kit.options import Options as SharedOptions
from monitor.marketplaces.kit.paging import has_more, read_cursor, write_cursor
from monitor.marketplaces.kit.preparing import iter_uploads
from monitor.marketplaces.kit.refusals import meaning_of, quote, refusal
from monitor.marketplaces.kit.values import Json, clean_text, parse_count, parse_score
from monitor.marketplaces.kit.web_pages import Host, Hosts, collect_pages, observe_page
from monitor.model import Observation
from monitor.net.wire import Answer, Call

DEFAULT_BASE_URL = "https://api.tineye.com/rest"
MAX_UPLOAD_BYTES = 1_000_000
# The `code` in the body, as the service's list of error messages has them.
_CODES: dict[str, type[MarketplaceError]] = {
    "401": AuthError,
    "402": QuotaExhausted,
    "403": PermissionDenied,
    "413": PictureTooLarge,
    "429": Throttled,
    **dict.fromkeys(("500", "502", "503", "504"), Transient),
}


class Options(SharedOptions):
    """The keys of `[marketplaces.NAME]` with `type = "tineye"`."""

    base_url: Address = DEFAULT_BASE_URL
    api_key: HeaderSecret
    hosts: Hosts = ()
    # exactly this host, without those below it
    domain: Host | None = None
    sort: Literal["score", "crawl_date", "size"] = "score"
    # matches on a page, and pages on which each was seen
    limit: Annotated[int, Field(ge=1, le=100)] = 100
    backlink_limit: Annotated[int, Field(ge=1, le=10_000)] | None = None
    max_pages: MaxPages = 5


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer: its listings, how many matches it holds, and how many there are in all."""

    observations: tuple[Observation, ...]
    matches: int
    total: int | None


class TinEye(Account):
    """One bundle of searches."""

    site = ""

    def __init__(self, name: str, options: Options, outside: Outside) -> None:
        super().__init__(name, options.base_url, outside, (options.api_key.get_secret_value(),))
        self._options = options

    def search(self, query: Query) -> Page:
        """One page of matches, often none of them a listing. Raises MarketplaceError, Stopping."""
        options = self._options
        page, seen = read_cursor(query.cursor, 1, 0)
        if not 1 <= page <= options.max_pages:  # of other options
            page, seen = 1, 0
        tally = Tally()

        def send(data: bytes) -> Answer:
            return self._send(partial(self._call, data, page), judge, tally)

        uploads = iter_uploads(query.picture, max_bytes=MAX_UPLOAD_BYTES)
        answer = self._send_fitting(uploads, send)
        with self._reading():
            parsed = parse_answer(
                answer.body,
                hosts=options.hosts,
                allow_loopback=self.is_loopback,
                page=page,
                seen=seen,
            )
        goes_on = has_more(
            page=page,
            got=parsed.matches,
            page_size=options.limit,
            total=parsed.total,
            max_pages=options.max_pages,
        )
        cursor = write_cursor(page + 1, seen + len(parsed.observations)) if goes_on else None
        return Page(parsed.observations, parsed.total, cursor, tally.requests)

    def probe(self) -> Standing:
        """Ask how many searches are left. Raises MarketplaceError, Stopping."""
        call = Call(
            "GET", join(self._options.base_url, "remaining_searches/"), headers=self._headers()
        )
        answer = self._send(lambda: call, judge, Tally())
        with self._reading():
            return parse_remaining(answer.body)

    def _call(self, data: bytes, page: int) -> Call:
        options = self._options
        form = {
            "offset": str((page - 1) * options.limit),
            "limit": str(options.limit),
            "sort": options.sort,
            "order": "desc",
        }
        if options.backlink_limit is not None:
            form["backlink_limit"] = str(options.backlink_limit)
        if options.domain is not None:
            form["domain"] = options.domain
        return Call(
            "POST",
            join(options.base_url, "search/"),
            headers=self._headers(),
            form=form,
            files={"image_upload": ("image.jpg", data, "image/jpeg")},
        )

    def _headers(self) -> dict[str, str]:
        return {"x-api-key": self._options.api_key.get_secret_value()}


def judge(answer: Answer) -> MarketplaceError | None:
    """The refusal in an answer's body, if it is one: its `code` stands beside the HTTP status."""
    value = find_json(answer.body)
    code = dig(value, "code")
    if code is None or parse_count(code) == 200:
        return None
    said = dig(value, "messages")
    words = " ".join(clean_text(text, 200) for text in (said if isinstance(said, list) else [said]))
    return _refusal_of(clean_text(code, 20), words.strip())


def _refusal_of(code: str, words: str) -> MarketplaceError:
    """400 is for bad pictures above all: "too simple to create a unique signature" is no key's."""
    if code == "400" and re.search(r"\b(image|url)\b", words, re.IGNORECASE):
        kind = PictureTooLarge if meaning_of(words) is PictureTooLarge else BadImage
        return kind(f"the site says: {quote(words)}")
    return refusal(words, code=code, codes=_CODES)


def parse_answer(
    body: bytes, *, hosts: Sequence[str], allow_loopback: bool, page: int = 1, seen: int = 0
) -> Parsed:
    """The listings of a good answer; `seen` is how many listings the search gave before.

    Raises ProtocolError where the shape is another one.
    """
    value = _read_good(body)
    matches = dig(value, "results", "matches")
    total = parse_count(dig(value, "stats", "total_results"))
    check_empty(value, matches, total if page == 1 else None, place="results.matches")

    def observe(link: dict[str, Json], rank: int) -> Observation | None:
        found = observe_page(
            link.get("backlink"),
            link.get("url"),
            title="",
            rank=rank,
            hosts=hosts,
            allow_loopback=allow_loopback,
            fallback=link.get("image_url"),
        )
        return found and replace(found, provider_score=_score(link.get("score")))

    observations = collect_pages(
        _list_backlinks(matches),
        observe,
        page_key="backlink",
        place="results.matches",
        offset=seen,
    )
    return Parsed(observations, len(matches) if isinstance(matches, list) else 0, total)


def parse_remaining(body: bytes) -> Standing:
    """What is left of the account's bundles of searches. Raises ProtocolError."""
    value = _read_good(body)
    left = parse_count(dig(value, "results", "total_remaining_searches"))
    if left is None:
        raise ProtocolError("the answer has no total_remaining_searches")
    bundles = dig(value, "results", "bundles")
    ends = [clean_text(dig(one, "expire_date"), 40) for one in _items(bundles)]
    last = max(ends, default="")
    return Standing("TinEye knows the key" + (f"; searches expire on {last}" if last else ""), left)


def _read_good(body: bytes) -> Json:
    value = read_json(body)
    if parse_count(dig(value, "code")) != 200:
        raise ProtocolError("the answer doesn't say code 200")
    return value


def _list_backlinks(matches: Json) -> Json:
    """Every page of every match, with the match's score and picture; an empty one for none."""
    if not isinstance(matches, list):
        return None
    found: list[Json] = []
    for match in matches:
        for link in _items(dig(match, "backlinks")) or [None]:
            said = link if isinstance(link, dict) else {}
            found.append({**said, **{key: dig(match, key) for key in ("score", "image_url")}})
    return found


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _score(value: Json) -> float | None:
    """The service's 0 to 100 as 0 to 1."""
    score = parse_score(value)
    return score / 100 if score is not None and 0 <= score <= 100 else None


ADAPTER = Adapter(
    Options,
    TinEye,
    account=lambda options: options.api_key.get_secret_value(),
    summary="pages on the whole web with the same picture, also edited, by TinEye",
    needs="api_key of a bundle of searches from services.tineye.com",
)
