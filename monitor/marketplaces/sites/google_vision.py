"""Google Cloud Vision, feature WEB_DETECTION: pages anywhere on the web that show a picture.

One search is one call, there is no paging. Only pages with a copy count, whole or in part: what is
merely similar comes without a page. Failures of a picture stand inside HTTP 200.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from monitor.marketplaces import plug_in as m

# A request may have 10 MB of JSON and a picture 20 MB: as base64 this one takes 6.4 MB.
MAX_PICTURE_BYTES = 4_800_000
_PAGES = "pagesWithMatchingImages"
# Lists are absent where they are empty; beside other keys, the absence means another interface.
_WEB_KEYS = {
    *("webEntities", "fullMatchingImages", "partialMatchingImages", _PAGES),
    *("visuallySimilarImages", "bestGuessLabels"),
}


class Options(m.Options):
    """The keys of `[marketplaces.NAME]` with `type = "google_vision"`."""

    base_url: m.Address = "https://vision.googleapis.com/v1"
    api_key: m.HeaderSecret
    hosts: m.Hosts = ()
    max_results: Annotated[int, Field(ge=1, le=1000)] = 50


class GoogleVision(m.Account):
    """One key on the interface."""

    site = ""

    def __init__(self, name: str, options: Options, outside: m.Outside) -> None:
        super().__init__(name, options.base_url, outside, (options.api_key.get_secret_value(),))
        self._options = options

    def search(self, query: m.Query) -> m.Page:
        """One search, one page. Raises MarketplaceError, Stopping."""
        tally = m.Tally()
        answer = self._send_picture(
            query.picture, self._call, judge, tally, max_bytes=MAX_PICTURE_BYTES
        )
        with self._reading():
            found = parse_answer(
                answer.body, hosts=self._options.hosts, allow_loopback=self.is_loopback
            )
        return m.Page(found, None, None, tally.requests)

    def _call(self, data: bytes) -> m.Call:
        """The key goes into a header: addresses end up in logs on the way."""
        options = self._options
        feature = {"type": "WEB_DETECTION", "maxResults": options.max_results}
        image = {"content": base64.b64encode(data).decode("ascii")}
        return m.Call(
            "POST",
            m.join(options.base_url, "images:annotate"),
            headers={"X-Goog-Api-Key": options.api_key.get_secret_value()},
            json={"requests": [{"image": image, "features": [feature]}]},
        )


def judge(answer: m.Answer) -> m.MarketplaceError | None:
    """The refusal in an answer's body: of the whole request, or of its one picture."""
    value = m.find_json(answer.body)
    for said in (m.dig(value, "error"), m.dig(_first_response(value), "error")):
        if said not in (None, {}):
            return m.status_error(said, answer.status)
    return None


def parse_answer(
    body: bytes, *, hosts: Sequence[str], allow_loopback: bool
) -> tuple[m.Observation, ...]:
    """The listings of a good answer. Raises ProtocolError where the shape is another one.

    An answer without webDetection is no empty one: it is documented for errors only.
    """
    value = m.read_json(body)
    response = _first_response(value)
    web = m.dig(response, "webDetection")
    if not isinstance(web, dict):
        raise m.ProtocolError("the answer has neither webDetection nor an error")
    if _PAGES not in web:
        if strange := web.keys() - _WEB_KEYS:
            raise m.ProtocolError(
                f"the answer has no {_PAGES}, but {len(strange)} unknown keys: "
                "the interface has changed"
            )
        web = {**web, _PAGES: []}
    for said in (value, response):
        m.check_empty(said, web[_PAGES], None, place=f"webDetection.{_PAGES}")

    def observe(item: dict[str, m.Json], rank: int) -> m.Observation | None:
        picture, spare, *_ = [*_iter_pictures(item), None, None]
        return m.observe_page(
            item.get("url"),
            picture,
            title=item.get("pageTitle"),
            rank=rank,
            hosts=hosts,
            allow_loopback=allow_loopback,
            fallback=spare,
        )

    return m.collect_pages(web[_PAGES], observe, page_key="url", place=f"webDetection.{_PAGES}")


def _iter_pictures(page: dict[str, m.Json]) -> Iterator[m.Json]:
    """Addresses of the copies on a page, whole ones first."""
    for key in ("fullMatchingImages", "partialMatchingImages"):
        for picture in m.listed(page.get(key)):
            url = m.dig(picture, "url")
            if url not in (None, ""):
                yield url


def _first_response(value: m.Json) -> m.Json:
    """What is said of the one picture that a request holds."""
    return next(iter(m.listed(m.dig(value, "responses"))), None)


ADAPTER = m.Adapter(
    Options,
    GoogleVision,
    account=lambda options: options.api_key.get_secret_value(),
    summary="pages on the whole web with a copy of the picture, by Google Cloud Vision",
    needs="api_key of a Google Cloud project with the Vision API and billing enabled",
)
