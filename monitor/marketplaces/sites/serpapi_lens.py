"""Google Lens by way of SerpApi: pages that show the picture, read from Google's own result page.

The picture is uploaded first (`/image` -> `image_id`), then searched for (`/search.json`). The key
stands in the query: no message or log may hold an address.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from monitor.errors import (
    AuthError,
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
from monitor.marketplaces.kit.kept_ids import KeptIds
from monitor.marketplaces.kit.listings import check_empty, dig, find_json
from monitor.marketplaces.kit.options import Address, Secret, join
from monitor.marketplaces.kit.options import Options as SharedOptions
from monitor.marketplaces.kit.preparing import iter_uploads
from monitor.marketplaces.kit.refusals import Kind, meaning_of, refusal
from monitor.marketplaces.kit.values import (
    MAX_NUMBER_TEXT,
    Json,
    clean_text,
    parse_count,
    parse_price,
)
from monitor.marketplaces.kit.web_pages import Hosts, collect_pages, observe_page
from monitor.model import Observation, Price
from monitor.net.wire import Answer, Call

# The site takes 500 KB; the multipart frame is not part of it.
MAX_PICTURE_BYTES = 490_000
SMALLEST_PICTURE_BYTES = 60_000
# Uploads are forgotten after 10 minutes (serpapi.com/image-api); a search takes up to one.
UPLOAD_LIFETIME = timedelta(minutes=8)
MAX_IMAGE_ID = 1000

_NO_RESULTS = re.compile(r"hasn.?t returned any results|^no results", re.IGNORECASE)
# What the shared words would misread, and the site's own.
_MEANINGS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"throughput|hourly|per hour|too many|concurren", re.I), Throttled),
    (re.compile(r"run out of searches|searches .{0,30}exhausted|upgrade", re.I), QuotaExhausted),
    (re.compile(r"api.?key", re.I), AuthError),
    (re.compile(r"account .{0,40}(deleted|suspended|disabled|inactive)", re.I), PermissionDenied),
    (re.compile(r"size .{0,40}(exceed|limit|maximum|large)", re.I), PictureTooLarge),
    (re.compile(r"parameter|unsupported `", re.I), ProtocolError),
)
_BY_STATUS: dict[int, Kind] = {401: AuthError, 403: PermissionDenied}

# As Google writes them with hl=en; where several countries have one sign, see `_LOCAL`.
# fmt: off
_CURRENCIES = {
    "$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "JP¥": "JPY", "CN¥": "CNY",
    "元": "CNY", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "HK$": "HKD", "NZ$": "NZD",
    "S$": "SGD", "NT$": "TWD", "MX$": "MXN", "R$": "BRL", "₹": "INR", "₩": "KRW", "₽": "RUB",
    "₺": "TRY", "₫": "VND", "฿": "THB", "₱": "PHP", "₪": "ILS", "₴": "UAH", "zł": "PLN",
    "Kč": "CZK", "Ft": "HUF", "lei": "RON", "Rp": "IDR", "RM": "MYR",
}
# fmt: on
_LOCAL = {
    ("$", "au"): "AUD",
    ("$", "ca"): "CAD",
    ("$", "nz"): "NZD",
    ("$", "sg"): "SGD",
    ("$", "hk"): "HKD",
    ("$", "tw"): "TWD",
    ("$", "mx"): "MXN",
    ("¥", "cn"): "CNY",
    ("kr", "se"): "SEK",
    ("kr", "no"): "NOK",
    ("kr", "dk"): "DKK",
}

Search = Literal["exact_matches", "visual_matches", "products", "all"]


class Options(SharedOptions):
    """The keys of `[marketplaces.NAME]` with `type = "serpapi_lens"`."""

    base_url: Address = "https://serpapi.com"
    api_key: Secret
    hosts: Hosts = ()
    search: Search = "exact_matches"
    country: Annotated[str, Field(pattern=r"^[a-z]{2}$")] | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,4})?$")] | None = None
    no_cache: bool = False


class SerpapiLens(Account):
    """One account on the interface."""

    site = ""

    def __init__(self, name: str, options: Options, outside: Outside) -> None:
        self._key = options.api_key.get_secret_value()
        super().__init__(name, options.base_url, outside, (self._key,))
        self._options = options
        self._ids = KeptIds(outside.memory, "upload", UPLOAD_LIFETIME)

    def search(self, query: Query) -> Page:
        """One upload, unless it is remembered, and one search. Raises MarketplaceError, Stopping.

        An upload that the site has forgotten before its time is made again.
        """
        tally = Tally()
        return self._ids.search(
            query.sha256,
            make_id=lambda: self._upload(query, tally),
            look=lambda image_id: self._look(image_id, tally),
        )

    def probe(self) -> Standing:
        """What is left of the plan; the site doesn't count this call. Raises MarketplaceError."""
        answer = self._send(lambda: self._call("account.json", {}), judge_error, Tally())
        with self._reading():
            return parse_standing(answer.body)

    def _look(self, image_id: str, tally: Tally) -> Page:
        options = self._options
        params = {"engine": "google_lens", "type": options.search, "image_id": image_id}
        if options.country is not None:
            params["country"] = options.country
        if options.language is not None:
            params["hl"] = options.language
        if options.no_cache:
            params["no_cache"] = "true"
        answer = self._send(lambda: self._call("search.json", params), judge, tally)
        with self._reading():
            found = parse_answer(
                answer.body,
                search=options.search,
                country=options.country,
                hosts=options.hosts,
                allow_loopback=self.is_loopback,
            )
        return Page(found, None, None, tally.requests)

    def _call(self, path: str, params: dict[str, str]) -> Call:
        url = join(self._options.base_url, path)
        return Call("GET", url, params={**params, "api_key": self._key})

    def _upload(self, query: Query, tally: Tally) -> str:
        """The picture's id on the site."""

        def send(data: bytes) -> Answer:
            return self._send(partial(self._upload_call, data), judge_error, tally)

        uploads = iter_uploads(
            query.picture, max_bytes=MAX_PICTURE_BYTES, smallest_bytes=SMALLEST_PICTURE_BYTES
        )
        answer = self._send_fitting(uploads, send)
        with self._reading():
            return parse_upload(answer.body)

    def _upload_call(self, data: bytes) -> Call:
        url = join(self._options.base_url, "image")
        files = {"image": ("image.jpg", data, "image/jpeg")}
        return Call("POST", url, form={"api_key": self._key}, files=files)


def judge(answer: Answer) -> MarketplaceError | None:
    """The refusal in a search's body. "No results" stands under `error` too, and is none."""
    value = find_json(answer.body)
    status = dig(value, "search_metadata", "status")
    if answer.status == 200 and _is_empty(value):
        return None
    error = judge_error(answer)
    if status in ("Processing", "Queued"):
        return Transient(f"the search is not done yet: the site says {status}")
    if status == "Error" and (error is None or type(error) is ProtocolError):
        return Transient(str(error or "the site says that the search failed, without a reason"))
    return error


def judge_error(answer: Answer) -> MarketplaceError | None:
    """The refusal that a body holds under `error`, by its words, else by the HTTP status."""
    error = dig(find_json(answer.body), "error")
    if error is None:
        return None
    words = clean_text(error, 300)
    kind = next((kind for pattern, kind in _MEANINGS if pattern.search(words)), None)
    kind = kind or meaning_of(words)
    if kind is ProtocolError:
        kind = _BY_STATUS.get(answer.status, ProtocolError)
    code = "" if answer.status == 200 else f"HTTP {answer.status}"
    return refusal(words, code=code, codes={code: kind})


def parse_upload(body: bytes) -> str:
    """The id of an uploaded picture. Raises ProtocolError where there is none."""
    image_id = clean_text(dig(find_json(body), "image_id"), MAX_IMAGE_ID + 1)
    if not image_id or " " in image_id or len(image_id) > MAX_IMAGE_ID:
        raise ProtocolError("the upload's answer has no image_id: the interface has changed")
    return image_id


def parse_standing(body: bytes) -> Standing:
    """What an account has left. Raises ProtocolError where the answer doesn't say it."""
    value = find_json(body)
    left = parse_count(dig(value, "total_searches_left"))
    if left is None:
        raise ProtocolError("the account's answer has no total_searches_left")
    used = parse_count(dig(value, "this_month_usage"))
    hourly = parse_count(dig(value, "account_rate_limit_per_hour"))
    more = "" if used is None else f", {used} used this month"
    more += "" if hourly is None else f", at most {hourly} an hour"
    return Standing(f"{left} searches left{more}", left)


def parse_answer(
    body: bytes,
    *,
    search: Search,
    country: str | None,
    hosts: Sequence[str],
    allow_loopback: bool,
) -> tuple[Observation, ...]:
    """The listings of a good answer. Raises ProtocolError where the shape is another one.

    Answers of `Success` without any list were seen (serpapi/public-roadmap#4323): they are no
    empty ones, the site says "no results" where there are none.
    """
    value = find_json(body)
    key = "exact_matches" if search == "exact_matches" else "visual_matches"
    if not isinstance(value, dict):
        raise ProtocolError("the answer is not a JSON object")
    items = value.get(key)
    if not items and _is_empty(value):
        items, value = [], {**value, "error": None}
    check_empty(value, items, None, place=key)

    def observe(item: dict[str, Json], rank: int) -> Observation | None:
        picture, thumbnail = item.get("image"), item.get("thumbnail")
        return observe_page(
            item.get("link"),
            thumbnail if picture in (None, "") else picture,
            title=item.get("title"),
            rank=rank,
            hosts=hosts,
            allow_loopback=allow_loopback,
            fallback=thumbnail,
            price=parse_lens_price(item.get("price"), country),
        )

    return collect_pages(items, observe, page_key="link", place=key)


def parse_lens_price(value: Json, country: str | None) -> Price | None:
    """A price of `{value "$260*", extracted_value 260.0, currency "$"}`.

    None where the currency is none that is known for sure. `country` is where the search was made:
    its own dollars are written with a bare sign.
    """
    sign = clean_text(dig(value, "currency"), 10)
    currency = _LOCAL.get((sign, country or "")) or _CURRENCIES.get(sign)
    if currency is None and re.fullmatch(r"[A-Z]{3}", sign):
        currency = sign
    if currency is None:
        return None
    text = clean_text(dig(value, "value"), MAX_NUMBER_TEXT)
    # the number first: texts are written as the country does it, `1.299 €`
    price = parse_price(dig(value, "extracted_value")) or parse_price(text.rstrip("*"))
    return replace(price, currency=currency, text=text or price.text) if price else None


def _is_empty(value: Json) -> bool:
    """Whether a search found nothing: it succeeded, and says so under `error`."""
    words = clean_text(dig(value, "error"), 300)
    is_done = dig(value, "search_metadata", "status") == "Success"
    return is_done and _NO_RESULTS.search(words) is not None


ADAPTER = Adapter(
    Options,
    SerpapiLens,
    account=lambda options: options.api_key.get_secret_value(),
    summary="pages on the whole web that Google Lens finds, by way of SerpApi",
    needs="api_key of a SerpApi plan; every search is paid for",
)
