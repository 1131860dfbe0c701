"""Google Lens by way of SerpApi: pages that show the picture, read from Google's own result page.

The picture is uploaded first (`/image` -> `image_id`), then searched for (`/search.json`). The key
stands in the query: no message or log may hold an address.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from monitor.marketplaces import plug_in as m

# The site takes 500 KB; the multipart frame is not part of it.
MAX_PICTURE_BYTES = 490_000
SMALLEST_PICTURE_BYTES = 60_000
# Uploads are forgotten after 10 minutes (serpapi.com/image-api); a search takes up to one.
UPLOAD_LIFETIME = timedelta(minutes=8)
MAX_IMAGE_ID = 1000
MAX_PRICE_TEXT = 100

_NO_RESULTS = re.compile(r"hasn.?t returned any results|^no results", re.IGNORECASE)
# What the shared words would misread, and the site's own.
_MEANINGS: tuple[tuple[re.Pattern[str], m.ErrorKind], ...] = (
    (re.compile(r"throughput|hourly|per hour|too many|concurren", re.I), m.Throttled),
    (re.compile(r"run out of searches|searches .{0,30}exhausted|upgrade", re.I), m.QuotaExhausted),
    (re.compile(r"api.?key", re.I), m.AuthError),
    (re.compile(r"account .{0,40}(deleted|suspended|disabled|inactive)", re.I), m.PermissionDenied),
    (re.compile(r"size .{0,40}(exceed|limit|maximum|large)", re.I), m.PictureTooLarge),
    (re.compile(r"parameter|unsupported `", re.I), m.ProtocolError),
)
_BY_STATUS: dict[int, m.ErrorKind] = {401: m.AuthError, 403: m.PermissionDenied}

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


class Options(m.Options):
    """The keys of `[marketplaces.NAME]` with `type = "serpapi_lens"`."""

    base_url: m.Address = "https://serpapi.com"
    api_key: m.Secret
    hosts: m.Hosts = ()
    search: Search = "exact_matches"
    country: Annotated[str, Field(pattern=r"^[a-z]{2}$")] | None = None
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,4})?$")] | None = None
    no_cache: bool = False


class SerpapiLens(m.Account):
    """One account on the interface."""

    site = ""

    def __init__(self, name: str, options: Options, outside: m.Outside) -> None:
        self._key = options.api_key.get_secret_value()
        super().__init__(name, options.base_url, outside, (self._key,))
        self._options = options
        self._ids = m.PictureIds(outside.memory, "upload", UPLOAD_LIFETIME)

    def search(self, query: m.Query) -> m.Page:
        """One upload, unless it is remembered, and one search. Raises MarketplaceError, Stopping.

        An upload that the site has forgotten before its time is made again.
        """
        tally = m.Tally()
        return self._ids.search(
            query.sha256,
            make_id=lambda: self._upload(query, tally),
            look=lambda image_id: self._look(image_id, tally),
        )

    def probe(self) -> m.Standing:
        """What is left of the plan; the site doesn't count this call. Raises MarketplaceError."""
        answer = self._send(lambda: self._call("account.json", {}), judge_error, m.Tally())
        with self._reading():
            return parse_standing(answer.body)

    def _look(self, image_id: str, tally: m.Tally) -> m.Page:
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
        return m.Page(found, None, None, tally.requests)

    def _call(self, path: str, params: dict[str, str]) -> m.Call:
        url = m.join(self._options.base_url, path)
        return m.Call("GET", url, params={**params, "api_key": self._key})

    def _upload(self, query: m.Query, tally: m.Tally) -> str:
        """The picture's id on the site."""
        answer = self._send_picture(
            query.picture,
            self._upload_call,
            judge_error,
            tally,
            max_bytes=MAX_PICTURE_BYTES,
            smallest_bytes=SMALLEST_PICTURE_BYTES,
        )
        with self._reading():
            return parse_upload(answer.body)

    def _upload_call(self, data: bytes) -> m.Call:
        url = m.join(self._options.base_url, "image")
        files = {"image": ("image.jpg", data, "image/jpeg")}
        return m.Call("POST", url, form={"api_key": self._key}, files=files)


def judge(answer: m.Answer) -> m.MarketplaceError | None:
    """The refusal in a search's body. "No results" stands under `error` too, and is none."""
    value = m.find_json(answer.body)
    status = m.dig(value, "search_metadata", "status")
    if answer.status == 200 and _is_empty(value):
        return None
    error = judge_error(answer)
    if status in ("Processing", "Queued"):
        return m.Transient(f"the search is not done yet: the site says {status}")
    if status == "Error" and (error is None or type(error) is m.ProtocolError):
        return m.Transient(str(error or "the site says that the search failed, without a reason"))
    return error


def judge_error(answer: m.Answer) -> m.MarketplaceError | None:
    """The refusal that a body holds under `error`, by its words, else by the HTTP status."""
    error = m.dig(m.find_json(answer.body), "error")
    if error is None:
        return None
    words = m.clean_text(error, 300)
    kind = next((kind for pattern, kind in _MEANINGS if pattern.search(words)), None)
    kind = kind or m.meaning_of(words)
    if kind is m.ProtocolError:
        kind = _BY_STATUS.get(answer.status, m.ProtocolError)
    code = "" if answer.status == 200 else f"HTTP {answer.status}"
    return m.refusal(words, code=code, codes={code: kind})


def parse_upload(body: bytes) -> str:
    """The id of an uploaded picture. Raises ProtocolError where there is none."""
    image_id = m.clean_text(m.dig(m.find_json(body), "image_id"), MAX_IMAGE_ID + 1)
    if not image_id or " " in image_id or len(image_id) > MAX_IMAGE_ID:
        raise m.ProtocolError("the upload's answer has no image_id: the interface has changed")
    return image_id


def parse_standing(body: bytes) -> m.Standing:
    """What an account has left. Raises ProtocolError where the answer doesn't say it."""
    value = m.find_json(body)
    left = m.parse_count(m.dig(value, "total_searches_left"))
    if left is None:
        raise m.ProtocolError("the account's answer has no total_searches_left")
    used = m.parse_count(m.dig(value, "this_month_usage"))
    hourly = m.parse_count(m.dig(value, "account_rate_limit_per_hour"))
    more = "" if used is None else f", {used} used this month"
    more += "" if hourly is None else f", at most {hourly} an hour"
    return m.Standing(f"{left} searches left{more}", left)


def parse_answer(
    body: bytes,
    *,
    search: Search,
    country: str | None,
    hosts: Sequence[str],
    allow_loopback: bool,
) -> tuple[m.Observation, ...]:
    """The listings of a good answer. Raises ProtocolError where the shape is another one.

    Answers of `Success` without any list were seen (serpapi/public-roadmap#4323): they are no
    empty ones, the site says "no results" where there are none.
    """
    value = m.find_json(body)
    key = "exact_matches" if search == "exact_matches" else "visual_matches"
    if not isinstance(value, dict):
        raise m.ProtocolError("the answer is not a JSON object")
    items = value.get(key)
    if not items and _is_empty(value):
        items, value = [], {**value, "error": None}
    m.check_empty(value, items, None, place=key)

    def observe(item: dict[str, m.Json], rank: int) -> m.Observation | None:
        picture, thumbnail = item.get("image"), item.get("thumbnail")
        return m.observe_page(
            item.get("link"),
            thumbnail if picture in (None, "") else picture,
            title=item.get("title"),
            rank=rank,
            hosts=hosts,
            allow_loopback=allow_loopback,
            fallback=thumbnail,
            price=parse_lens_price(item.get("price"), country),
        )

    return m.collect_pages(items, observe, page_key="link", place=key)


def parse_lens_price(value: m.Json, country: str | None) -> m.Price | None:
    """A price of `{value "$260*", extracted_value 260.0, currency "$"}`.

    None where the currency is none that is known for sure. `country` is where the search was made:
    its own dollars are written with a bare sign.
    """
    sign = m.clean_text(m.dig(value, "currency"), 10)
    currency = _LOCAL.get((sign, country or "")) or _CURRENCIES.get(sign)
    if currency is None and re.fullmatch(r"[A-Z]{3}", sign):
        currency = sign
    if currency is None:
        return None
    text = m.clean_text(m.dig(value, "value"), MAX_PRICE_TEXT)
    # the number first: texts are written as the country does it, `1.299 €`
    price = m.parse_price(m.dig(value, "extracted_value")) or m.parse_price(text.rstrip("*"))
    return replace(price, currency=currency, text=text or price.text) if price else None


def _is_empty(value: m.Json) -> bool:
    """Whether a search found nothing: it succeeded, and says so under `error`."""
    words = m.clean_text(m.dig(value, "error"), 300)
    is_done = m.dig(value, "search_metadata", "status") == "Success"
    return is_done and _NO_RESULTS.search(words) is not None


ADAPTER = m.Adapter(
    Options,
    SerpapiLens,
    account=lambda options: options.api_key.get_secret_value(),
    summary="pages on the whole web that Google Lens finds, by way of SerpApi",
    needs="api_key of a SerpApi plan; every search is paid for",
)
