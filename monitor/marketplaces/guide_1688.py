"""1688 image search in the dialect of the public guide (api.1688.com/router/imageSearch).

The endpoint is documented by third parties only; `base_url` also fits a proxy that speaks the same
dialect. One search is one call: the guide knows no paging. It gives no seller.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

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
from monitor.marketplaces.addresses import is_loopback_host
from monitor.marketplaces.answers import Answer, PictureTooLarge, auth_error
from monitor.marketplaces.base import Adapter, Outside, Page, Query
from monitor.marketplaces.http import Call, PoliteClient, Tally
from monitor.marketplaces.preparing import iter_uploads
from monitor.marketplaces.signing import sign_guide
from monitor.marketplaces.urls import offer_link, picture_link
from monitor.marketplaces.values import (
    Json,
    clean_text,
    clean_title,
    load_json,
    parse_count,
    parse_flag,
    parse_id,
    parse_price,
    parse_score,
)
from monitor.model import Observation

log = logging.getLogger(__name__)

SITE = "1688"
DEFAULT_BASE_URL = "https://api.1688.com/router/imageSearch"
SAME: Final = 1
SIMILAR: Final = 2


class Options(BaseModel):
    """The keys of `[marketplaces.NAME]` with `type = "guide_1688"`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str = DEFAULT_BASE_URL
    # it goes into a header as it is
    app_key: Annotated[str, Field(pattern=r"^[\x21-\x7e]+$")]
    app_secret: Annotated[SecretStr, Field(min_length=1)]
    search_type: Literal[1, 2, "both"] = SIMILAR
    # left out: by relevance
    sort_type: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] | None = None

    @field_validator("base_url")
    @classmethod
    def _is_endpoint(cls, value: str) -> str:
        """An http(s) address without user name or fragment."""
        try:
            parts = urlsplit(value)
            is_address = bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address or parts.scheme not in ("http", "https") or not value.isascii():
            raise ValueError("must be the whole endpoint, such as " + DEFAULT_BASE_URL)
        if parts.username is not None or parts.fragment or re.search(r"\s", value):
            raise ValueError("must hold no user name, no # and no spaces")
        return value


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer: its listings, and how many the site claims to have."""

    observations: tuple[Observation, ...]
    total: int | None


class Guide1688:
    """One account on the guide's interface."""

    site = SITE

    def __init__(self, name: str, options: Options, outside: Outside) -> None:
        self.name = name
        self.is_loopback = is_loopback_host(urlsplit(options.base_url).hostname or "")
        self._options = options
        self._outside = outside
        self._client = PoliteClient(name, outside)
        kinds = {SAME: (SAME,), SIMILAR: (SIMILAR,), "both": (SIMILAR, SAME)}
        self._kinds = kinds[options.search_type]

    def search(self, query: Query) -> Page:
        """One search: a page for each search type asked for. Raises MarketplaceError, Stopping."""
        kind, offset = self._position(query.cursor)
        tally = Tally()
        answer = self._upload(query, kind, tally)
        try:
            parsed = parse_answer(
                answer.body, answer.url, allow_loopback=self.is_loopback, offset=offset
            )
        except ProtocolError as error:
            raise ProtocolError(f"{self.name}: {error}") from error
        following = self._kinds[self._kinds.index(kind) + 1 :]
        cursor = f"{following[0]}:{offset + len(parsed.observations)}" if following else None
        return Page(parsed.observations, parsed.total, cursor, tally.requests)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _position(self, cursor: str | None) -> tuple[int, int]:
        """(search type, listings before it); a cursor of other options starts anew."""
        found = re.fullmatch(r"([0-9]):([0-9]{1,9})", cursor or "")
        if found is None or int(found[1]) not in self._kinds:
            return self._kinds[0], 0
        return int(found[1]), int(found[2])

    def _upload(self, query: Query, kind: int, tally: Tally) -> Answer:
        """The answer to the first version of the picture that is not too large."""
        size = 0
        for data in iter_uploads(query.picture):
            try:
                return self._client.send(partial(self._call, data, kind), self._judge, tally)
            except PictureTooLarge as error:
                size = len(data)
                log.info("%s (%d bytes); a smaller version follows", error, size)
        raise BadImage(f"{self.name}: refused as too large even at {size} bytes")

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

    def _judge(self, answer: Answer) -> MarketplaceError | None:
        """The refusal in a body, if it is one; the account's own secrets are never quoted."""
        try:
            value = load_json(answer.body)
        except ValueError:
            return None
        secrets = (self._options.app_secret.get_secret_value(), self._options.app_key)
        refusal = find_refusal(value, secrets)
        if isinstance(refusal, AuthError):
            return auth_error(str(refusal), answer, self._outside.now())
        return refusal


def parse_answer(body: bytes, base: str, *, allow_loopback: bool, offset: int = 0) -> Parsed:
    """The listings of a good answer; `offset` is how many listings the search gave before.

    Listings that come twice count once; one without any id is left out with a warning. Raises
    ProtocolError where the shape is another one, or where no listing at all has an id.
    """
    try:
        value = load_json(body)
    except ValueError as error:
        raise ProtocolError("the answer is not JSON") from error
    data = value.get("data") if isinstance(value, dict) else None
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(items, list):
        raise ProtocolError("the answer has no list data.items: the interface has changed")
    found: dict[str, Observation] = {}
    bad = 0
    for item in items:
        rank = offset + len(found) + 1
        observation = _observe(item, base, rank, allow_loopback=allow_loopback)
        if observation is None:
            bad += 1
        else:
            found.setdefault(observation.item_id, observation)
    if bad and not found:
        raise ProtocolError(f"none of the {bad} listings has an id: the interface has changed")
    if bad:
        log.warning("%d of %d listings have no id and were left out", bad, len(items))
    return Parsed(tuple(found.values()), parse_count(data.get("total")))


def find_refusal(value: Json, secrets: tuple[str, ...] = ()) -> MarketplaceError | None:
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
    message = _hide(words, secrets) or "no reason given"
    for pattern, kind in _MEANINGS:
        if pattern.search(words):
            return _error(kind, message)
    return ProtocolError(f"the site refuses the search: {message}")


_REASON_KEYS = (
    *("code", "error_code", "errorCode", "sub_code"),
    *("message", "msg", "error_message", "errorMessage", "errorMsg", "sub_msg"),
)

# What refusals say, in the order in which they are tried. Sources: error tables of the gateways of
# the same house, English and Chinese.
_MEANINGS: tuple[tuple[re.Pattern[str], type[MarketplaceError]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"usage ?left|quota|额度|余额|配额|次数已?用完", QuotaExhausted),
        (r"(image|picture|图片|图像).{0,40}(too (large|big)|exceed|过大|太大|超过)|^413\b",
         PictureTooLarge),
        (r"frequency|qos|too many|call ?limited|exceed.{0,20}(call|limit|rate)|throttl"
         r"|rate.?limit|limited-by|ban will last|频率|频繁|限流|流控|^429\b", Throttled),
        (r"permission|\bacl\b|acl.?decline|forbidden|unsupport.{0,3}api|api.?unsupport"
         r"|无权|权限|^403\b", PermissionDenied),
        (r"signature|\bsign\b|app.?key|secret|timestamp|\btoken\b|unauthori[sz]ed"
         r"|authenticat|签名|时间戳|密钥|^401\b", AuthError),
        (r"image|picture|图片|图像", BadImage),
        (r"busy|time.?out|try again|temporar|繁忙|超时|稍后|^50[0-9]\b", Transient),
    )
)  # fmt: skip
_BAN = re.compile(r"ban will last for (\d{1,6})", re.IGNORECASE)


def _iter_words(said: dict[str, Json]) -> Iterator[str]:
    for key in _REASON_KEYS:
        if text := clean_text(said.get(key), 200):
            yield text


def _hide(text: str, secrets: tuple[str, ...]) -> str:
    """A message without what could be a key, a signature or a token, at most 200 characters."""
    for secret in secrets:
        if len(secret) >= 4:  # a shorter one would blot out half the message
            text = text.replace(secret, "***")
    return re.sub(r"[0-9A-Za-z+/=]{24,}", "***", text)[:200]


def _error(kind: type[MarketplaceError], message: str) -> MarketplaceError:
    text = f"the site says: {message}"
    if kind is Throttled and (ban := _BAN.search(message)):
        return Throttled(text, retry_after=timedelta(seconds=int(ban[1]) + 1))
    return kind(text)


def _observe(item: Json, base: str, rank: int, *, allow_loopback: bool) -> Observation | None:
    """One listing, or None where it can't be told from others."""
    if not isinstance(item, dict):
        return None
    link = offer_link(
        parse_id(item.get("itemId")), item.get("detailUrl"), allow_loopback=allow_loopback
    )
    if link is None:
        return None
    picture = picture_link(item.get("imageUrl"), base=base, allow_loopback=allow_loopback)
    return Observation(
        site=SITE,
        item_id=link.item_id,
        url=link.url,
        title=clean_title(item.get("title")),
        picture_url=picture.url,
        price=parse_price(item.get("price")),
        seller=None,
        rank=rank,
        provider_score=parse_score(item.get("similarity")),
        picture_problem=picture.problem,
        picture_fallback_url=picture.fallback,
    )


ADAPTER = Adapter(Options, Guide1688)
