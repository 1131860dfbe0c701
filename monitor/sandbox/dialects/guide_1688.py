"""The 1688 image search guide: signed headers, a picture as multipart field, one page."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from email import message_from_bytes
from typing import ClassVar
from urllib.parse import parse_qs

from PIL import Image

from monitor.marketplaces.kit.signing import sign_guide
from monitor.sandbox.dialects.base import (
    MAX_PICTURE_BYTES,
    MAX_SKEW_SECONDS,
    Dialect,
    Reply,
    Request,
    as_json,
)
from monitor.sandbox.faults import Fault, Purpose
from monitor.sandbox.loading import open_picture
from monitor.sandbox.shop import Listing

SEARCH_PATH = "/router/imageSearch"
# search_type 1 asks for the same product: what looks less alike is left out.
SAME_SIMILARITY = 0.97


class Guide1688(Dialect):
    """Third parties' guide; its own sample is followed down to the link without a scheme."""

    name = "guide_1688"
    table = "sandbox"
    base_path = SEARCH_PATH
    calls: ClassVar = {"search": Purpose.SEARCH}

    def options(self) -> Mapping[str, object]:
        """One key and its secret."""
        rules = self.shop.rules
        return {"app_key": rules.app_key, "app_secret": rules.app_secret}

    def find_call(self, request: Request) -> str | None:
        """A search."""
        is_search = request.method == "POST" and request.path == SEARCH_PATH
        return "search" if is_search else None

    def answer(self, call: str, request: Request) -> Reply:  # noqa: ARG002
        """Refusals come in the order in which a gateway would check."""
        if problem := self._find_auth_problem(request.headers):
            return _failure(401, problem)
        if len(request.body) > MAX_PICTURE_BYTES:
            return _failure(413, "the picture is over 5 MB")
        picture = _read_picture(request.headers.get("content-type", ""), request.body)
        if isinstance(picture, str):
            return _failure(400, picture)
        search_type = parse_qs(request.query).get("search_type", ["1"])[0]
        if search_type not in ("1", "2"):
            return _failure(400, f"search_type {search_type!r} is not 1 or 2")
        return self._answer_items(picture, search_type)

    def trouble(self, message: str) -> Reply:
        """HTTP 500."""
        return _failure(500, message)

    def fail(self, fault: Fault, call: str, request: Request) -> Reply:  # noqa: ARG002
        """The status says most of it."""
        words = {
            Fault.SERVER_ERROR: self.trouble("internal error"),
            Fault.THROTTLED: _failure(429, "too many calls", {"Retry-After": "1"}),
            Fault.QUOTA: _failure(429, "the daily quota is used up"),
            Fault.UNAUTHORISED: _failure(401, "wrong signature"),
            Fault.PERMISSION: _failure(403, "no permission for this interface"),
            Fault.TOO_LARGE: _failure(413, "too large"),
            Fault.REFUSED: as_json({"success": False, "message": "rejected"}),
            Fault.UNKNOWN_SHAPE: as_json({"success": True, "result": []}),
            Fault.EMPTY: as_json({"success": True, "data": {"total": 0, "items": []}}),
        }
        return words[fault]

    def _find_auth_problem(self, headers: Mapping[str, str]) -> str | None:
        key, timestamp = headers.get("appkey", ""), headers.get("timestamp", "")
        if key != self.shop.rules.app_key:
            return "unknown appkey"
        if not (timestamp.isascii() and timestamp.isdigit()):
            return "timestamp is not in milliseconds"
        if abs(int(timestamp[:20]) / 1000 - self.shop.now()) > MAX_SKEW_SECONDS:
            return "timestamp is too far off"
        if headers.get("sign") != sign_guide(self.shop.rules.app_secret, key, int(timestamp)):
            return "wrong signature"
        return None

    def _answer_items(self, picture: Image.Image, search_type: str) -> Reply:
        found = self.shop.find(picture)
        if search_type == "1":
            found = [listing for listing in found if listing.similarity >= SAME_SIMILARITY]
        overrides = self.shop.shelf.overrides()
        items = [
            _item(listing) | dict(overrides.get(listing.name, {}))
            for listing in found[: self.shop.rules.max_items]
        ]
        answer = {
            "success": True,
            "request_id": hashlib.sha256(repr(self.shop.now()).encode()).hexdigest()[:13],
            "data": {"total": len(found), "items": items},
        }
        return as_json(answer)


def _item(listing: Listing) -> dict[str, object]:
    return {
        "itemId": listing.offer_id,
        "title": listing.title,
        "price": listing.price_fen / 100,
        "imageUrl": listing.picture_url,
        "detailUrl": f"detail.1688.com/offer/{listing.offer_id}.html",
        "similarity": round(listing.similarity, 4),
    }


def _failure(status: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    said = {"success": False, "code": str(status), "message": message}
    return as_json(said, status, headers)


def _read_picture(content_type: str, body: bytes) -> Image.Image | str:
    """The uploaded picture, or what is wrong with the upload."""
    if not content_type.startswith("multipart/form-data"):
        return "the body is not multipart/form-data"
    if "boundary=" not in content_type:
        return "Content-Type has no boundary"
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts = message.get_payload() if message.is_multipart() else []
    for part in parts if isinstance(parts, list) else []:
        if not isinstance(part, str) and part.get_param("name", header="Content-Disposition") == (
            "image"
        ):
            payload = part.get_payload(decode=True)
            picture = open_picture(payload if isinstance(payload, bytes) else b"")
            return "the picture is not a JPG or PNG" if picture is None else picture
    return "there is no field `image`"
