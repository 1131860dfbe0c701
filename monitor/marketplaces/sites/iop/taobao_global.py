"""Taobao and Tmall, on Taobao's official platform for distributors abroad.

A picture is uploaded once, then searched for by the id it got; or the site loads it from a public
address. One search is one answer: no paging is documented.
"""

from __future__ import annotations

import base64
from datetime import timedelta
from functools import partial
from typing import Literal

from monitor.marketplaces import plug_in as m
from monitor.marketplaces.sites.iop.gateway import (
    MAX_BASE64_BYTES,
    IopAccount,
    IopOptions,
    UnsignedCall,
    find_refusal,
    is_good,
    refuse,
)

SITE = "taobao"
DEFAULT_BASE_URL = "https://api.taobao.global/rest"
UPLOAD_PATH = "/upload/image"
SEARCH_PATH = "/traffic/item/imgsearch"
# How long an uploaded picture's id is used again. The site names no lifetime (unverified).
_ID_LIFETIME = timedelta(hours=6)
_MAX_ID = 500


class Options(IopOptions):
    """The keys of `[marketplaces.NAME]` with `type = "taobao_global"`."""

    base_url: m.Address = DEFAULT_BASE_URL
    language: Literal["en", "vi", "ru", "ko", "ja"] = "en"
    # without it every picture is uploaded
    picture_url: m.PictureUrl | None = None


class TaobaoGlobal(IopAccount):
    """One app with the consent of one account."""

    site = SITE

    def __init__(self, name: str, options: Options, outside: m.Outside) -> None:
        super().__init__(name, options, outside, rest_url=options.base_url)
        self._options = options
        self._ids = m.PictureIds(outside.memory, "taobao_global: picture", _ID_LIFETIME)

    def search(self, query: m.Query) -> m.Page:
        """The one page of a search. Raises MarketplaceError, Stopping."""
        tally = m.Tally()
        parsed = self._find(query, tally)
        return m.Page(parsed.observations, parsed.total, None, tally.requests)

    def _find(self, query: m.Query, tally: m.Tally) -> m.Parsed:
        template = self._options.picture_url
        address = m.picture_address(template, query) if template is not None else None
        if address is not None:
            return self._search({"pic_url": address}, tally)
        return self._ids.search(
            query.sha256,
            make_id=lambda: self._upload(query, tally),
            look=lambda image_id: self._search({"image_id": image_id}, tally),
            is_believed=lambda parsed: bool(parsed.observations),
        )

    def _upload(self, query: m.Query, tally: m.Tally) -> str:
        """The id under which the site knows the picture."""

        def send(data: bytes) -> m.Answer:
            # in the form: as a part of the address it would be longer than servers take
            return self._call(UPLOAD_PATH, {"image_base64": base64.b64encode(data).decode()}, tally)

        answer = self._send_fitting(m.iter_uploads(query.picture, max_bytes=MAX_BASE64_BYTES), send)
        with self._reading():
            return parse_upload(answer.body)

    def _search(self, picture: dict[str, str], tally: m.Tally) -> m.Parsed:
        fields = {**picture, "language": self._options.language}
        answer = self._call(SEARCH_PATH, fields, tally)
        with self._reading():
            return parse_answer(answer.body, answer.url, allow_loopback=self.is_loopback)

    def _call(self, path: str, fields: dict[str, str], tally: m.Tally) -> m.Answer:
        url = m.join(self._options.base_url, path)
        return self._ask(UnsignedCall(url, fields, "access_token", path=path), judge, tally)


def judge(answer: m.Answer) -> m.MarketplaceError | None:
    """The refusal in an answer's body, if it is one: the gateway's or the search's own."""
    value = m.find_json(answer.body)
    failure = find_refusal(value)
    if failure is not None or not isinstance(value, dict):
        return failure
    code = m.first_given(value, "biz_error_code", "bizErrorCode")
    if is_good(code):
        return None
    words = {**value, "biz_error_msg": m.first_given(value, "biz_error_msg", "bizErrorMsg")}
    return refuse(words, m.clean_text(code, 100))


def parse_upload(body: bytes) -> str:
    """The id of an uploaded picture. Raises ProtocolError where there is none."""
    data = m.dig(m.read_json(body), "data")
    found = m.first_given(data, "image_id", "imageId") if isinstance(data, dict) else None
    image_id = m.clean_text(found, _MAX_ID)
    if image_id in ("", "0"):
        raise m.ProtocolError(
            "the answer to the upload holds no image_id: the interface has changed"
        )
    return image_id


def parse_answer(body: bytes, base: str, *, allow_loopback: bool) -> m.Parsed:
    """The listings of a good answer, whose names are written `item_id` or `itemId`.

    They are in `data[]`, or in `result.item_list[]` (seen in one client only). Raises ProtocolError
    where the shape is another one.
    """
    value = m.read_json(body)
    listed = m.dig(value, "result", "item_list")
    items = m.dig(value, "data") if listed is None else listed
    total = m.parse_count(m.dig(value, "result", "total_results"))
    code = m.dig(value, "code")
    says_good = code is not None and is_good(code)
    m.check_empty(value, items, total, place="data", says_good=says_good)
    observe = partial(_observe, base, allow_loopback=allow_loopback)
    return m.Parsed(m.collect(items, observe, place="data"), len(m.listed(items)), total)


def _observe(
    base: str, item: dict[str, m.Json], rank: int, *, allow_loopback: bool
) -> m.Observation | None:
    """One listing, or None where it can't be told from others. Prices are in yuan."""
    translated = m.first_given(item, "multi_language_info", "multiLanguageInfo")
    address = m.first_given(item, "main_image_url", "mainImageUrl", "pic_url")
    if address is None and isinstance(translated, dict):
        address = m.first_given(translated, "main_image_url", "mainImageUrl")
    price = m.parse_price(item.get("price"))
    return m.observe_listing(
        m.find_listing_on(SITE, m.first_given(item, "item_id", "itemId")),
        m.picture_link(address, base=base, allow_loopback=allow_loopback),
        # The seller's own title names what is offered; the translated one is a machine's.
        title=m.clean_title(item.get("title")) or m.dig(translated, "title"),
        price=price or m.parse_price(m.first_given(item, "coupon_price", "couponPrice")),
        seller=m.parse_seller(None, m.first_given(item, "shop_name", "shopName")),
        sales=item.get("sold_count"),
        rank=rank,
    )


ADAPTER = m.Adapter(
    Options,
    TaobaoGlobal,
    account=lambda options: options.app_key,
    summary="Taobao and Tmall by picture upload or address, on the platform for distributors",
    needs="app_key, app_secret and access_token of an app on open.taobao.global",
)
