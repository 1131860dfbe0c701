"""eBay's Browse API: a bearer token from client credentials, a picture as base64 in JSON."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import ClassVar, Final
from urllib.parse import parse_qs

from PIL import Image

from monitor.sandbox.dialects.base import (
    MAX_PICTURE_BYTES,
    Dialect,
    Reply,
    Request,
    as_json,
)
from monitor.sandbox.faults import Fault, Purpose
from monitor.sandbox.loading import open_picture
from monitor.sandbox.shop import Listing

TOKEN_PATH = "/identity/v1/oauth2/token"  # noqa: S105
SEARCH_PATH = "/buy/browse/v1/item_summary/search_by_image"
SCOPE = "https://api.ebay.com/oauth/api_scope"
TOKEN_SECONDS = 7_200
MAX_LIMIT = 200
MAX_OFFSET = 9_999
# Site, currency, and what a yuan is worth there: rough, as prices here are made up anyway.
_MARKETPLACES: Final = {
    "EBAY_US": ("www.ebay.com", "USD", 0.14),
    "EBAY_GB": ("www.ebay.co.uk", "GBP", 0.11),
    "EBAY_DE": ("www.ebay.de", "EUR", 0.13),
    "EBAY_FR": ("www.ebay.fr", "EUR", 0.13),
    "EBAY_IT": ("www.ebay.it", "EUR", 0.13),
    "EBAY_ES": ("www.ebay.es", "EUR", 0.13),
    "EBAY_AU": ("www.ebay.com.au", "AUD", 0.21),
    "EBAY_CA": ("www.ebay.ca", "CAD", 0.19),
}
_DEFAULT_MARKETPLACE = "EBAY_US"


class Ebay(Dialect):
    """`search_by_image`, page by page, and the tokens for it."""

    name = "ebay"
    table = "sandbox-ebay"
    base_path = ""
    calls: ClassVar = {"search": Purpose.SEARCH, "token": Purpose.ASIDE}

    def options(self) -> Mapping[str, object]:
        """Client credentials, and one of the marketplaces."""
        rules = self.shop.rules
        return {
            "client_id": rules.client_id,
            "client_secret": rules.client_secret,
            "marketplace_ids": [_DEFAULT_MARKETPLACE],
        }

    def find_call(self, request: Request) -> str | None:
        """A search or a token; both are POSTs."""
        paths = {SEARCH_PATH: "search", TOKEN_PATH: "token"}
        return paths.get(request.path) if request.method == "POST" else None

    def answer(self, call: str, request: Request) -> Reply:
        """One of the two."""
        return self._exchange(request) if call == "token" else self._search(request)

    def trouble(self, message: str) -> Reply:
        """HTTP 500 in eBay's shape."""
        return refuse(500, 12000, "API_BROWSE", "APPLICATION", message)

    def fail(self, fault: Fault, call: str, request: Request) -> Reply:  # noqa: ARG002
        """A used-up day and a moment's haste have the same id; only the latter says when."""
        if call == "token" and fault in (Fault.UNAUTHORISED, Fault.PERMISSION):
            return _refuse_client()
        limit = "The request limit has been reached for the resource."
        words: dict[Fault, Callable[[], Reply]] = {
            Fault.SERVER_ERROR: lambda: self.trouble("There was a problem with an eBay system."),
            Fault.THROTTLED: lambda: refuse(
                429, 2001, "ACCESS", "REQUEST", "Too many requests.", headers={"Retry-After": "1"}
            ),
            Fault.QUOTA: lambda: refuse(
                429, 2001, "ACCESS", "REQUEST", "Too many requests.", long_message=limit
            ),
            Fault.UNAUTHORISED: _refuse_token,
            Fault.PERMISSION: _refuse_scope,
            Fault.TOO_LARGE: lambda: _refuse_picture(413),
            Fault.REFUSED: lambda: refuse(200, 12000, "API_BROWSE", "REQUEST", "rejected"),
            Fault.UNKNOWN_SHAPE: lambda: as_json({"items": []}),
            Fault.EMPTY: lambda: self._answer_page([], 0, 50, 0),
        }
        return words[fault]()

    def _exchange(self, request: Request) -> Reply:
        """A token for client credentials; it keeps the scope that was asked for."""
        rules = self.shop.rules
        if _basic_credentials(request) != (rules.client_id, rules.client_secret):
            return _refuse_client()
        form = parse_qs(request.body.decode("utf-8", "replace"))
        if form.get("grant_type") != ["client_credentials"]:
            return _refuse_grant("unsupported_grant_type", "grant type is not supported")
        scope = form.get("scope", [""])[0]
        if scope and SCOPE not in scope.split():
            return _refuse_grant("invalid_scope", "the requested scope is unknown")
        seconds = TOKEN_SECONDS if rules.token_seconds is None else rules.token_seconds
        answer = {
            "access_token": self.tokens.issue(seconds, scope),
            "expires_in": seconds,
            "token_type": "Application Access Token",
        }
        return as_json(answer)

    def _search(self, request: Request) -> Reply:
        """Token, marketplace, paging, picture: refused in this order."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        scope = self.tokens.find_scope(token.strip()) if kind.lower() == "bearer" else None
        if scope is None:
            return _refuse_token()
        if not scope:
            return _refuse_scope()
        header = request.headers.get("x-ebay-c-marketplace-id", _DEFAULT_MARKETPLACE)
        if header not in _MARKETPLACES:
            return _refuse_request("The marketplace is not supported.", "marketplaceId", header)
        paging = _read_paging(request.query)
        if isinstance(paging, Reply):
            return paging
        picture = _read_picture(request)
        if isinstance(picture, Reply):
            return picture
        return self._answer_search(picture, header, *paging)

    def _answer_search(
        self, picture: Image.Image, marketplace: str, limit: int, offset: int
    ) -> Reply:
        found = self.shop.find(picture)[: self.shop.rules.max_items]
        overrides = self.shop.overrides(self.name)
        items = [
            _item(listing, marketplace) | dict(overrides.get(listing.name, {}))
            for listing in found[offset : offset + limit]
        ]
        return self._answer_page(items, len(found), limit, offset)

    def _answer_page(
        self, items: list[dict[str, object]], total: int, limit: int, offset: int
    ) -> Reply:
        """`next`, `prev` and the items are absent where there are none."""
        page: dict[str, object] = {"href": self._href(limit, offset), "total": total}
        if offset + limit < total:
            page["next"] = self._href(limit, offset + limit)
        if offset:
            page["prev"] = self._href(limit, max(0, offset - limit))
        page |= {"limit": limit, "offset": offset}
        return as_json(page | ({"itemSummaries": items} if items else {}))

    def _href(self, limit: int, offset: int) -> str:
        return f"{self.shop.origin}{SEARCH_PATH}?limit={limit}&offset={offset}"


def refuse(
    status: int,
    error_id: int,
    domain: str,
    category: str,
    message: str,
    *,
    long_message: str = "",
    parameters: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """eBay's refusal: a list of one error."""
    error: dict[str, object] = {
        "errorId": error_id,
        "domain": domain,
        "category": category,
        "message": message,
        "longMessage": long_message or message,
    }
    if parameters:
        error["parameters"] = [{"name": k, "value": v} for k, v in parameters.items()]
    return as_json({"errors": [error]}, status, headers)


def _refuse_token() -> Reply:
    advice = "Invalid access token. Check the value of the Authorization HTTP request header."
    return refuse(401, 1001, "OAuth", "REQUEST", "Invalid access token", long_message=advice)


def _refuse_scope() -> Reply:
    advice = "Insufficient permissions to fulfill the request."
    return refuse(403, 1100, "ACCESS", "REQUEST", "Access denied", long_message=advice)


def _refuse_request(message: str, name: str, value: str) -> Reply:
    """A wrong parameter; which id goes with which is not sure."""
    parameters = {name: value[:100]}
    return refuse(400, 12002, "API_BROWSE", "REQUEST", message, parameters=parameters)


def _refuse_picture(status: int) -> Reply:
    """Neither the id nor the largest size is documented."""
    message = "The image data is empty, too large, not Base64 encoded, or not a picture."
    return refuse(status, 12019, "API_BROWSE", "REQUEST", message)


def _refuse_client() -> Reply:
    said = {"error": "invalid_client", "error_description": "client authentication failed"}
    return as_json(said, 401)


def _refuse_grant(error: str, description: str) -> Reply:
    return as_json({"error": error, "error_description": description}, 400)


def _basic_credentials(request: Request) -> tuple[str, str] | None:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        pair = base64.b64decode(text.strip(), validate=True).decode()
    except ValueError:
        return None
    if kind.lower() != "basic":
        return None
    client_id, _, client_secret = pair.partition(":")
    return client_id, client_secret


def _read_paging(query: str) -> tuple[int, int] | Reply:
    """(limit, offset), or the refusal."""
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    limit, offset = asked.get("limit", "50"), asked.get("offset", "0")
    if not re.fullmatch(r"[0-9]{1,3}", limit) or not 1 <= int(limit) <= MAX_LIMIT:
        return _refuse_request(f"limit should be between 1 and {MAX_LIMIT}.", "limit", limit)
    if not re.fullmatch(r"[0-9]{1,4}", offset) or int(offset) > MAX_OFFSET:
        return _refuse_request(f"offset should be between 0 and {MAX_OFFSET}.", "offset", offset)
    if int(offset) % int(limit):
        return _refuse_request("offset must be zero or a multiple of limit.", "offset", offset)
    return int(limit), int(offset)


def _read_picture(request: Request) -> Image.Image | Reply:
    """The picture in the body, or the refusal."""
    try:
        value = json.loads(request.body)
        text = value.get("image") if isinstance(value, dict) else None
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (ValueError, RecursionError):
        data = b""
    if len(data) > MAX_PICTURE_BYTES:
        return _refuse_picture(413)
    picture = open_picture(data)
    return _refuse_picture(400) if picture is None else picture


def _item(listing: Listing, marketplace: str) -> dict[str, object]:
    site, currency, rate = _MARKETPLACES[marketplace]
    # other numbers than on 1688
    legacy_id = f"2{listing.number // 7 % 10**11:011d}"
    seller = listing.number % 11
    return {
        "itemId": f"v1|{legacy_id}|0",
        "legacyItemId": legacy_id,
        "title": listing.title,
        "price": {"value": f"{listing.price_fen / 100 * rate:.2f}", "currency": currency},
        "image": {"imageUrl": listing.picture_url},
        "itemWebUrl": f"https://{site}/itm/{legacy_id}?hash=item{legacy_id}",
        "seller": {
            "username": f"sandbox-seller-{seller}",
            "feedbackPercentage": "99.1",
            "feedbackScore": 100 + seller,
            "sellerAccountType": "BUSINESS",
        },
        "condition": "New",
        "conditionId": "1000",
        "itemLocation": {"country": "CN", "postalCode": "510***"},
        "buyingOptions": ["FIXED_PRICE"],
        "listingMarketplaceId": marketplace,
        "itemCreationDate": "2025-01-02T03:04:05.000Z",
        "adultOnly": False,
        "priorityListing": seller == 0,
        "availableCoupons": False,
    }
