"""TinEye: pages anywhere on the web with a copy of a picture, whole, in part or edited.

It finds the same picture again, never one that merely shows the same thing. A match is one file;
each page that it was seen on is a backlink, and backlinks on known marketplaces are listings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from monitor.marketplaces import plug_in as m

DEFAULT_BASE_URL = "https://api.tineye.com/rest"
MAX_UPLOAD_BYTES = 1_000_000
# The `code` in the body, as the service's list of error messages has them.
_CODES: dict[str, type[m.MarketplaceError]] = {
    "401": m.AuthError,
    "402": m.QuotaExhausted,
    "403": m.PermissionDenied,
    "413": m.PictureTooLarge,
    "429": m.Throttled,
    **dict.fromkeys(("500", "502", "503", "504"), m.Transient),
}


class Options(m.Options):
    """The keys of `[marketplaces.NAME]` with `type = "tineye"`."""

    base_url: m.Address = DEFAULT_BASE_URL
    api_key: m.HeaderSecret
    hosts: m.Hosts = ()
    # exactly this host, without those below it
    domain: m.Host | None = None
    sort: Literal["score", "crawl_date", "size"] = "score"
    # matches on a page, and pages on which each was seen
    limit: Annotated[int, Field(ge=1, le=100)] = 100
    backlink_limit: Annotated[int, Field(ge=1, le=10_000)] | None = None
    max_pages: m.MaxPages = 5


class TinEye(m.Account):
    """One bundle of searches."""

    site = ""

    def __init__(self, name: str, options: Options, outside: m.Outside) -> None:
        super().__init__(name, options.base_url, outside, (options.api_key.get_secret_value(),))
        self._options = options

    def search(self, query: m.Query) -> m.Page:
        """One page of matches, often none of them a listing. Raises MarketplaceError, Stopping."""
        options = self._options
        page, seen = m.read_page(query.cursor, options.max_pages)
        tally = m.Tally()
        answer = self._send_picture(
            query.picture, partial(self._call, page), judge, tally, max_bytes=MAX_UPLOAD_BYTES
        )
        with self._reading():
            parsed = parse_answer(
                answer.body,
                hosts=options.hosts,
                allow_loopback=self.is_loopback,
                page=page,
                seen=seen,
            )
        goes_on = m.has_more(
            page=page,
            got=parsed.items,
            page_size=options.limit,
            total=parsed.total,
            max_pages=options.max_pages,
        )
        cursor = m.write_cursor(page + 1, seen + len(parsed.observations)) if goes_on else None
        return m.Page(parsed.observations, parsed.total, cursor, tally.requests)

    def probe(self) -> m.Standing:
        """Ask how many searches are left. Raises MarketplaceError, Stopping."""
        call = m.Call(
            "GET", m.join(self._options.base_url, "remaining_searches/"), headers=self._headers()
        )
        answer = self._send(lambda: call, judge, m.Tally())
        with self._reading():
            return parse_remaining(answer.body)

    def _call(self, page: int, data: bytes) -> m.Call:
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
        return m.Call(
            "POST",
            m.join(options.base_url, "search/"),
            headers=self._headers(),
            form=form,
            files={"image_upload": ("image.jpg", data, "image/jpeg")},
        )

    def _headers(self) -> dict[str, str]:
        return {"x-api-key": self._options.api_key.get_secret_value()}


def judge(answer: m.Answer) -> m.MarketplaceError | None:
    """The refusal in an answer's body, if it is one: its `code` stands beside the HTTP status."""
    value = m.find_json(answer.body)
    code = m.dig(value, "code")
    if code is None or m.parse_count(code) == 200:
        return None
    said = m.dig(value, "messages")
    words = " ".join(
        m.clean_text(text, 200) for text in (said if isinstance(said, list) else [said])
    )
    return _refusal_of(m.clean_text(code, 20), words.strip())


def _refusal_of(code: str, words: str) -> m.MarketplaceError:
    """400 is for bad pictures above all: "too simple to create a unique signature" is no key's."""
    if code == "400" and re.search(r"\b(image|url)\b", words, re.IGNORECASE):
        kind = m.PictureTooLarge if m.meaning_of(words) is m.PictureTooLarge else m.BadImage
        return kind(f"the site says: {m.quotable(words)}")
    return m.refusal(words, code=code, codes=_CODES)


def parse_answer(
    body: bytes, *, hosts: Sequence[str], allow_loopback: bool, page: int = 1, seen: int = 0
) -> m.Parsed:
    """The listings of a good answer; `seen` is how many listings the search gave before.

    Raises ProtocolError where the shape is another one.
    """
    value = m.read_json(body, good_code=200)
    matches = m.dig(value, "results", "matches")
    total = m.parse_count(m.dig(value, "stats", "total_results"))
    m.check_empty(value, matches, total if page == 1 else None, place="results.matches")

    def observe(link: dict[str, m.Json], rank: int) -> m.Observation | None:
        found = m.observe_page(
            link.get("backlink"),
            link.get("url"),
            title="",
            rank=rank,
            hosts=hosts,
            allow_loopback=allow_loopback,
            fallback=link.get("image_url"),
        )
        return found and replace(found, provider_score=_score(link.get("score")))

    observations = m.collect_pages(
        _list_backlinks(matches),
        observe,
        page_key="backlink",
        place="results.matches",
        offset=seen,
    )
    return m.Parsed(observations, len(m.listed(matches)), total)


def parse_remaining(body: bytes) -> m.Standing:
    """What is left of the account's bundles of searches. Raises ProtocolError."""
    value = m.read_json(body, good_code=200)
    left = m.parse_count(m.dig(value, "results", "total_remaining_searches"))
    if left is None:
        raise m.ProtocolError("the answer has no total_remaining_searches")
    bundles = m.dig(value, "results", "bundles")
    ends = [m.clean_text(m.dig(one, "expire_date"), 40) for one in m.listed(bundles)]
    last = max(ends, default="")
    expiry = f"; searches expire on {last}" if last else ""
    return m.Standing(f"TinEye knows the key{expiry}", left)


def _list_backlinks(matches: m.Json) -> m.Json:
    """Every page of every match, with the match's score and picture; an empty one for none."""
    if not isinstance(matches, list):
        return None
    found: list[m.Json] = []
    for match in matches:
        for link in m.listed(m.dig(match, "backlinks")) or [None]:
            said = link if isinstance(link, dict) else {}
            found.append({**said, **{key: m.dig(match, key) for key in ("score", "image_url")}})
    return found


def _score(value: m.Json) -> float | None:
    """The service's 0 to 100 as 0 to 1."""
    score = m.parse_score(value)
    return score / 100 if score is not None and 0 <= score <= 100 else None


ADAPTER = m.Adapter(
    Options,
    TinEye,
    account=lambda options: options.api_key.get_secret_value(),
    summary="pages on the whole web with the same picture, also edited, by TinEye",
    needs="api_key of a bundle of searches from services.tineye.com",
)
