"""Yandex Search API, search by image: pages anywhere on the web that show the picture.

One account searches the whole web, or a list of sites one after the other. The request is by
yandex/cloud/searchapi/v2/img_search_service.proto (github.com/yandex-cloud/cloudapi); numbers of 64
bits are texts in its JSON.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field

from monitor.marketplaces import plug_in as m

# The proto limits the bytes of a picture to 3,145,728; whether the interface counts them before or
# after base64 is open, so they stay under it either way.
MAX_PICTURE_BYTES = 3_145_728 * 3 // 4 - 4
# All that an answer holds beside `images`, which is left out where it is empty.
_OTHER_KEYS = {"id", "page", "maxPage"}


class Options(m.Options):
    """The keys of `[marketplaces.NAME]` with `type = "yandex"`."""

    base_url: m.Address = "https://searchapi.api.cloud.yandex.net/v2"
    api_key: m.HeaderSecret
    folder_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,50}$")]
    hosts: m.Hosts = ()
    # none: one search of the whole web
    sites: m.Hosts = ()
    max_pages: m.MaxPages = 5


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer: its listings, how many pictures it held, the last page's number if it tells."""

    observations: tuple[m.Observation, ...]
    pictures: int
    last_page: int | None


class Yandex(m.Account):
    """One folder's account on the interface."""

    site = ""

    def __init__(self, name: str, options: Options, outside: m.Outside) -> None:
        super().__init__(name, options.base_url, outside, (options.api_key.get_secret_value(),))
        self._options = options
        self._parts: tuple[str | None, ...] = options.sites or (None,)
        # a site that is asked for by name and isn't known counts with all its pages
        asked = (site for site in options.sites if not m.is_known_host(site))
        self._hosts = (*options.hosts, *asked)

    def search(self, query: m.Query) -> m.Page:
        """One page of one site, or of the whole web. Raises MarketplaceError, Stopping."""
        part, page, offset = self._read_place(query.cursor)
        tally = m.Tally()
        build = partial(self._call, self._parts[part], page)
        answer = self._send_picture(query.picture, build, judge, tally, max_bytes=MAX_PICTURE_BYTES)
        with self._reading():
            parsed = parse_answer(
                answer.body, hosts=self._hosts, allow_loopback=self.is_loopback, offset=offset
            )
        seen = offset + len(parsed.observations)
        next_part = m.write_cursor(part + 1, 0, seen) if part + 1 < len(self._parts) else None
        more = _has_more(parsed, page, self._options.max_pages)
        cursor = m.write_cursor(part, page + 1, seen) if more else next_part
        return m.Page(parsed.observations, None, cursor, tally.requests, next_part=next_part)

    def _read_place(self, cursor: str | None) -> tuple[int, int, int]:
        """Which part, which page of it from 0, how many listings came before."""
        part, page, offset = m.read_cursor(cursor, 0, 0, 0)
        if part >= len(self._parts) or page >= self._options.max_pages:  # of other options
            return 0, 0, 0
        return part, page, offset

    def _call(self, site: str | None, page: int, data: bytes) -> m.Call:
        options = self._options
        asked = {
            "folderId": options.folder_id,
            "data": base64.b64encode(data).decode("ascii"),
            "page": str(page),
            # the default leaves pages out
            "familyMode": "FAMILY_MODE_NONE",
        }
        return m.Call(
            "POST",
            m.join(options.base_url, "image/search_by_image"),
            headers={"Authorization": f"Api-Key {options.api_key.get_secret_value()}"},
            json=asked if site is None else {**asked, "site": site},
        )


def judge(answer: m.Answer) -> m.MarketplaceError | None:
    """The refusal in an answer's body; a good answer has neither code nor message nor error."""
    value = m.find_json(answer.body)
    if not isinstance(value, dict) or not value.keys() & {"code", "message", "error"}:
        return None
    nested = value.get("error")
    is_whole = isinstance(nested, dict) or "message" not in value
    return m.status_error(nested if nested and is_whole else value, answer.status)


def parse_answer(
    body: bytes, *, hosts: Sequence[str], allow_loopback: bool, offset: int = 0
) -> Parsed:
    """The listings of a good answer; `offset` is how many the search gave before.

    Raises ProtocolError where the shape is another one.
    """
    value = m.read_json(body)
    images = _find_images(value)

    def observe(item: dict[str, m.Json], rank: int) -> m.Observation | None:
        return m.observe_page(
            item.get("pageUrl"),
            item.get("url"),
            title=item.get("pageTitle") or item.get("passage"),
            rank=rank,
            hosts=hosts,
            allow_loopback=allow_loopback,
        )

    found = m.collect_pages(images, observe, page_key="pageUrl", place="images", offset=offset)
    last = m.parse_count(m.dig(value, "maxPage"))
    return Parsed(found, len(m.listed(images)), last)


def _find_images(value: m.Json) -> m.Json:
    """The list of pictures; an empty one where the rest of the answer is as it should be."""
    if not isinstance(value, dict):
        raise m.ProtocolError("the answer is not a JSON object")
    if "images" in value:
        return value["images"]
    if value.keys() - _OTHER_KEYS or not m.clean_text(value.get("id"), 100):
        raise m.ProtocolError("the answer has no list images: the interface has changed")
    return []


def _has_more(parsed: Parsed, page: int, max_pages: int) -> bool:
    """Whether a page follows. `maxPage` is deprecated: 0 may mean that it is no longer set."""
    if parsed.pictures == 0 or page + 1 >= max_pages:
        return False
    return page < parsed.last_page if parsed.last_page else True


ADAPTER = m.Adapter(
    Options,
    Yandex,
    # the site counts by folder, whichever key it is
    account=lambda options: options.folder_id,
    summary="pages on the whole web, or on given sites, by the Yandex Search API",
    needs="api_key of a service account with search-api.webSearch.user, and its folder_id",
)
