"""1688's two ways to search by image: by a picture's URL, and by an uploaded picture."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from PIL import Image

from monitor.sandbox.dialects.base import MAX_PICTURE_BYTES, Reply, as_json
from monitor.sandbox.loading import load_picture, open_picture
from monitor.sandbox.shop import Listing, Shop

LINKPLUS_PAGE_SIZE = 20
MAX_PAGE_SIZE = 50
# A larger upload gets the image id "0"; clients are told to recompress below this.
MAX_UPLOAD_BYTES = 300_000
_NO_IMAGE = "0"
# Uploads are remembered no larger than this: 1,000 take about 50 MB.
_REMEMBERED_SIDE = 128
_PLACES: Final = (("广东", "广州市"), ("浙江", "义乌市"), ("福建", "泉州市"), ("河北", "保定市"))

# Without these fields the gateway refuses the call.
REQUIRED: Final = {
    "linkplus": ("picUrl", "page"),
    "upload": ("uploadImageParam",),
    "imageQuery": ("offerQueryParam",),
}

Fields = Mapping[str, str]


class Linkplus:
    """`alibaba.cross.similar.offer.search`: the site loads the picture; prices are in fen."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def search(self, fields: Fields) -> Reply:
        """A page of at most 20 offers; a larger `pageSize` is cut to that."""
        page = _number(fields["page"])
        size = _number(fields.get("pageSize", str(LINKPLUS_PAGE_SIZE)))
        if page is None or size is None:
            return self.refuse("PARAM_ERROR", "page and pageSize are numbers from 1 on")
        picture = load_picture(fields["picUrl"], MAX_PICTURE_BYTES)
        if picture is None:
            return self.refuse_picture("linkplus", fields)
        size = min(size, LINKPLUS_PAGE_SIZE)
        found = self._shop.find(picture)[: self._shop.rules.max_items]
        overrides = self._shop.overrides("alibaba_1688")
        offers = [
            _linkplus_offer(listing) | dict(overrides.get(listing.name, {}))
            for listing in found[(page - 1) * size : page * size]
        ]
        return _answer_linkplus(offers, len(found), page, size)

    def answer_none(self) -> Reply:
        """No offers."""
        return _answer_linkplus([], 0, 1, LINKPLUS_PAGE_SIZE)

    def refuse_picture(self, call: str, fields: Fields) -> Reply:  # noqa: ARG002
        """The URL can't be loaded, or what comes is no picture."""
        url = fields.get("picUrl", "")
        return self.refuse("SYSTEM_ERROR", f"handle image error with url {url}")

    def refuse(self, code: str, message: str) -> Reply:
        """A refusal inside HTTP 200."""
        return as_json({"success": False, "code": code, "message": message, "result": {}})


@dataclass(frozen=True, slots=True)
class _Upload:
    """A picture as it is remembered; `width` and `height` are the uploaded one's."""

    width: int
    height: int
    small: Image.Image

    def cut(self, region: tuple[int, int, int, int]) -> Image.Image:
        """A part of it, given as left, right, top, bottom in the uploaded picture's pixels."""
        left, right, top, bottom = region
        across, down = self.small.width / self.width, self.small.height / self.height
        box = (left * across, top * down, right * across, bottom * down)
        return self.small.resize(self.small.size, Image.Resampling.BOX, box)


class Crossborder:
    """`product.image.upload`, then `product.search.imageQuery`; prices are in yuan.

    The newest `memory` uploads can be searched. What these two say of a wrong parameter is not
    recorded, only the shape it comes in.
    """

    def __init__(self, shop: Shop, memory: int = 1_000) -> None:
        self._shop = shop
        self._memory = memory
        self._uploads: dict[str, _Upload] = {}
        self._lock = threading.Lock()

    def upload(self, fields: Fields) -> Reply:
        """The id under which the picture can be searched; "0" where it can't, as a success."""
        text = _object(fields["uploadImageParam"]).get("imageBase64")
        if not isinstance(text, str) or not text:
            return self.refuse("PARAM_ERROR", "imageBase64 is missing")
        data = _decode(text)
        picture = open_picture(data) if 0 < len(data) <= MAX_UPLOAD_BYTES else None
        return _answer_upload(_NO_IMAGE if picture is None else self._remember(data, picture))

    def search(self, fields: Fields) -> Reply:
        """A page of at most 50 offers for an uploaded picture, or for a region of it."""
        param = _object(fields["offerQueryParam"])
        page, size = _number(param.get("beginPage")), _number(param.get("pageSize"))
        if page is None or size is None or size > MAX_PAGE_SIZE:
            return self.refuse("PARAM_ERROR", f"beginPage from 1 on, pageSize to {MAX_PAGE_SIZE}")
        if param.get("country") in (None, "", "zh"):
            return self.refuse("PARAM_ERROR", "country is missing or not supported")
        upload = self._find_upload(param)
        if upload is None:
            return self.refuse("PARAM_ERROR", "imageId or imageAddress is unknown")
        whole = (0, upload.width, 0, upload.height)
        region = _region(param["region"], upload) if param.get("region") else whole
        if region is None:
            return self.refuse("PARAM_ERROR", "region is not x0,x1,y0,y1 within the picture")
        found = self._shop.find(upload.cut(region))[: self._shop.rules.max_items]
        overrides = self._shop.overrides("alibaba_1688")
        offers = [
            _crossborder_offer(listing) | dict(overrides.get(listing.name, {}))
            for listing in found[(page - 1) * size : page * size]
        ]
        regions = {"currentRegion": _join(region), "yoloCropRegion": _objects_in(upload)}
        return _answer_query(offers, len(found), page, size, regions)

    def answer_none(self) -> Reply:
        """No offers."""
        return _answer_query([], 0, 1, LINKPLUS_PAGE_SIZE, {})

    def refuse_picture(self, call: str, fields: Fields) -> Reply:  # noqa: ARG002
        """An upload that failed says so by its id alone."""
        if call == "upload":
            return _answer_upload(_NO_IMAGE)
        return self.refuse("PARAM_ERROR", "the image can't be searched")

    def refuse(self, code: str, message: str) -> Reply:
        """A refusal inside HTTP 200; `success` is text here."""
        return as_json({"result": {"success": "false", "code": code, "message": message}})

    def _remember(self, data: bytes, picture: Image.Image) -> str:
        """A new id of 19 digits; the same picture keeps its own."""
        number = int(hashlib.sha256(data).hexdigest()[:16], 16) % 10**18
        image_id = f"1{number:018d}"
        upload = _shrink(picture)
        with self._lock:
            self._uploads.pop(image_id, None)
            self._uploads[image_id] = upload
            if len(self._uploads) > self._memory:
                del self._uploads[next(iter(self._uploads))]
        return image_id

    def _find_upload(self, param: Mapping[str, object]) -> _Upload | None:
        """By its id, or loaded from `imageAddress`."""
        if image_id := param.get("imageId"):
            with self._lock:
                return self._uploads.get(str(image_id))
        address = param.get("imageAddress")
        picture = load_picture(str(address), MAX_PICTURE_BYTES) if address else None
        return None if picture is None else _shrink(picture)


def _number(value: object) -> int | None:
    """A number from 1 on, also as text."""
    text = str(value)
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,5}", text) else None


def _object(text: str) -> dict[str, object]:
    """A form field's JSON object; what is none has no keys."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _decode(text: str) -> bytes:
    """Bare base64; a `data:` prefix makes it none."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _shrink(picture: Image.Image) -> _Upload:
    small = picture.convert("RGB")
    small.thumbnail((_REMEMBERED_SIDE, _REMEMBERED_SIDE), Image.Resampling.BOX)
    return _Upload(picture.width, picture.height, small)


def _region(value: object, upload: _Upload) -> tuple[int, int, int, int] | None:
    """`x0,x1,y0,y1` in pixels of the uploaded picture; None where it is not inside of it."""
    found = re.fullmatch(r"(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5})", str(value), re.ASCII)
    if found is None:
        return None
    left, right, top, bottom = (int(text) for text in found.groups())
    is_inside = left < right <= upload.width and top < bottom <= upload.height
    return (left, right, top, bottom) if is_inside else None


def _objects_in(upload: _Upload) -> str:
    """The regions it claims to see: the left and the right half, then the whole."""
    middle = upload.width // 2
    halves = [(0, middle, 0, upload.height), (middle, upload.width, 0, upload.height)]
    whole = (0, upload.width, 0, upload.height)
    return ";".join(_join(region) for region in [*(halves if middle else []), whole])


def _join(region: tuple[int, ...]) -> str:
    return ",".join(str(side) for side in region)


def _answer_upload(image_id: str) -> Reply:
    result = {"success": "true", "code": "200", "message": "", "result": image_id}
    return as_json({"result": result})


def _answer_linkplus(offers: list[dict[str, object]], total: int, page: int, size: int) -> Reply:
    result = {"total": total, "page": page, "pageSize": size, "result": offers}
    return as_json({"result": result, "success": True})


def _answer_query(
    offers: list[dict[str, object]], total: int, page: int, size: int, regions: Mapping[str, str]
) -> Reply:
    result = {
        "totalRecords": total,
        "totalPage": -(-total // size),
        "pageSize": size,
        "currentPage": page,
        "data": offers,
        "picRegionInfo": regions,
    }
    said = {"success": "true", "code": "S0000", "message": None, "result": result}
    return as_json({"result": said})


def _linkplus_offer(listing: Listing) -> dict[str, object]:
    province, city = _PLACES[listing.number % len(_PLACES)]
    return {
        "offerId": listing.offer_id,
        "subject": listing.title,
        "quantityBegin": 2,
        "unit": "件",
        "oldPrice": listing.price_fen,
        "imageUrl": listing.picture_url,
        "province": province,
        "city": city,
        "supplyAmount": 2147483646,
        "categoryId": "1031912",
        "detailUrl": f"https://detail.1688.com/offer/{listing.offer_id}.html",
    }


def _crossborder_offer(listing: Listing) -> dict[str, object]:
    price = f"{listing.price_fen / 100:.2f}"
    prices = {"price": price, "consignPrice": price}
    offer_id = listing.offer_id
    return {
        "offerId": int(offer_id),
        "subject": listing.title,
        "subjectTrans": listing.title,
        "imageUrl": listing.picture_url,
        "priceInfo": {"jxhyPrice": None, "pfJxhyPrice": None, "promotionPrice": None, **prices},
        "monthSold": listing.number % 500,
        "repurchaseRate": f"{listing.number % 40}%",
        "traceInfo": f"object_id@{offer_id}^object_type@offer",
        "isJxhy": False,
        "isOnePsale": True,
        "sellerIdentities": ["super_factory"],
        "minOrderQuantity": 2,
        "createDate": "2025-01-02 03:04:05",
        "companyName": f"沙盒第{listing.number % 9 + 1}工厂",
        "sellerDataInfo": {"compositeServiceScore": "4.5", "repeatPurchasePercent": "0.6"},
        "promotionURL": f"https://detail.1688.com/offer/{offer_id}.html?fromkv=sandbox",
    }
