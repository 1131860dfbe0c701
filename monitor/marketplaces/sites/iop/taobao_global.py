"""Taobao and Tmall, on Taobao's official platform for distributors abroad.

A picture is uploaded once, then searched for by the id it got; or the site loads it from a public
address. One search is one answer: no paging is documented.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal

from monitor.errors import MarketplaceError, ProtocolError
from monitor.marketplaces.base import Adapter, Outside, Page, Query
from monitor.marketplaces.kit.client import Tally
from monitor.marketplaces.kit.identity import find_listing_on
from monitor.marketplaces.kit.kept_ids import KeptIds
from monitor.marketplaces.kit.listings import (
    check_empty,
    collect,
    dig,
    find_json,
    first_given,
    observe_listing,
    read_json,
)
from monitor.marketplaces.kit.options import Address, PictureUrl, join, picture_address
from monitor.marketplaces.kit.picture_links import picture_link
from monitor.marketplaces.kit.preparing import iter_uploads
from monitor.marketplaces.kit.values import (
    Json,
    clean_text,
    clean_title,
    parse_count,
    parse_price,
    parse_seller,
)
from monitor.marketplaces.sites.iop.gateway import (
    MAX_BASE64_BYTES,
    IopAccount,
    IopOptions,
    Request,
    find_refusal,
    is_good,
    refuse,
)
from monitor.model import Observation
from monitor.net.wire import Answer

SITE = "taobao"
DEFAULT_BASE_URL = "https://api.taobao.global/rest"
UPLOAD_PATH = "/upload/image"
SEARCH_PATH = "/traffic/item/imgsearch"
# How long an uploaded picture's id is used again. The site names no lifetime (unverified).
_ID_LIFETIME = timedelta(hours=6)
_MAX_ID = 500


class Options(IopOptions):
    """The keys of `[marketplaces.NAME]` with `type = "taobao_global"`."""

    base_url: Address = DEFAULT_BASE_URL
    language: Literal["en", "vi", "ru", "ko", "ja"] = "en"
    # without it every picture is uploaded
    picture_url: PictureUrl | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer: its listings, and how many the site claims to have."""

    observations: tuple[Observation, ...]
    total: int | None


class TaobaoGlobal(IopAccount):
    """One app with the consent of one account."""

    site = SITE

    def __init__(self, name: str, options: Options, outside: Outside) -> None:
        super().__init__(name, options, outside, rest_url=options.base_url)
        self._options = options
        self._ids = KeptIds(outside.memory, "taobao_global: picture", _ID_LIFETIME)

    def search(self, query: Query) -> Page:
        """The one page of a search. Raises MarketplaceError, Stopping."""
        tally = Tally()
        parsed = self._find(query, tally)
        return Page(parsed.observations, parsed.total, None, tally.requests)

    def _find(self, query: Query, tally: Tally) -> Parsed:
        template = self._options.picture_url
        address = picture_address(template, query) if template is not None else None
        if address is not None:
            return self._search({"pic_url": address}, tally)
        return self._ids.search(
            query.sha256,
            make_id=lambda: self._upload(query, tally),
            look=lambda image_id: self._search({"image_id": image_id}, tally),
            is_believed=lambda parsed: bool(parsed.observations),
        )

    def _upload(self, query: Query, tally: Tally) -> str:
        """The id under which the site knows the picture."""

        def send(data: bytes) -> Answer:
            # in the form: as a part of the address it would be longer than servers take
            return self._call(UPLOAD_PATH, {"image_base64": base64.b64encode(data).decode()}, tally)

        answer = self._send_fitting(iter_uploads(query.picture, max_bytes=MAX_BASE64_BYTES), send)
        with self._reading():
            return parse_upload(answer.body)

    def _search(self, picture: dict[str, str], tally: Tally) -> Parsed:
        fields = {**picture, "language": self._options.language}
        answer = self._call(SEARCH_PATH, fields, tally)
        with self._reading():
            return parse_answer(answer.body, answer.url, allow_loopback=self.is_loopback)

    def _call(self, path: str, fields: dict[str, str], tally: Tally) -> Answer:
        url = join(self._options.base_url, path)
        return self._ask(Request(url, fields, "access_token", path=path), judge, tally)


def judge(answer: Answer) -> MarketplaceError | None:
    """The refusal in an answer's body, if it is one: the gateway's or the search's own."""
    value = find_json(answer.body)
    failure = find_refusal(value)
    if failure is not None or not isinstance(value, dict):
        return failure
    code = first_given(value, "biz_error_code", "bizErrorCode")
    if is_good(code):
        return None
    words = {**value, "biz_error_msg": first_given(value, "biz_error_msg", "bizErrorMsg")}
    return refuse(words, clean_text(code, 100))


def parse_upload(body: bytes) -> str:
    """The id of an uploaded picture. Raises ProtocolError where there is none."""
    data = dig(read_json(body), "data")
    found = first_given(data, "image_id", "imageId") if isinstance(data, dict) else None
    image_id = clean_text(found, _MAX_ID)
    if image_id in ("", "0"):
        raise ProtocolError("the answer to the upload holds no image_id: the interface has changed")
    return image_id


def parse_answer(body: bytes, base: str, *, allow_loopback: bool) -> Parsed:
    """The listings of a good answer, whose names are written `item_id` or `itemId`.

    They are in `data[]`, or in `result.item_list[]` (seen in one client only). Raises ProtocolError
    where the shape is another one.
    """
    value = read_json(body)
    listed = dig(value, "result", "item_list")
    items = dig(value, "data") if listed is None else listed
    total = parse_count(dig(value, "result", "total_results"))
    code = dig(value, "code")
    says_good = code is not None and is_good(code)
    check_empty(value, items, total, place="data", says_good=says_good)
    observe = partial(_observe, base, allow_loopback=allow_loopback)
    return Parsed(collect(items, observe, place="data"), total)


def _observe(
    base: str, item: dict[str, Json], rank: int, *, allow_loopback: bool
) -> Observation | None:
    """One listing, or None where it can't be told from others. Prices are in yuan."""
    translated = first_given(item, "multi_language_info", "multiLanguageInfo")
    address = first_given(item, "main_image_url", "mainImageUrl", "pic_url")
    if address is None and isinstance(translated, dict):
        address = first_given(translated, "main_image_url", "mainImageUrl")
    price = parse_price(item.get("price"))
    return observe_listing(
        find_listing_on(SITE, first_given(item, "item_id", "itemId")),
        picture_link(address, base=base, allow_loopback=allow_loopback),
        # The seller's own title names what is offered; the translated one is a machine's.
        title=clean_title(item.get("title")) or dig(translated, "title"),
        price=price or parse_price(first_given(item, "coupon_price", "couponPrice")),
        seller=parse_seller(None, first_given(item, "shop_name", "shopName")),
        sales=item.get("sold_count"),
        rank=rank,
    )


ADAPTER = Adapter(
    Options,
    TaobaoGlobal,
    account=lambda options: options.app_key,
    summary="Taobao and Tmall by picture upload or address, on the platform for distributors",
    needs="app_key, app_secret and access_token of an app on open.taobao.global",
)
