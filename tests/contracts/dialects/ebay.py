from __future__ import annotations

from monitor.marketplaces.sites.ebay.answers import judge, parse_answer
from monitor.marketplaces.testing import SECRET, Reply, Scripted, as_json, failures
from tests.contracts.dialects import BuiltIn

URL = "https://api.ebay.com/buy/browse/v1/item_summary/search_by_image"
GRANT = {
    "access_token": "v^1.1#i^1#p^1#r^0#I^3#f^0#t^H4sIAAAAAAAAAOVXa2wUVRTu9rUI",
    "expires_in": 7200,
    "token_type": "Application Access Token",
}
LIMITS = {
    "rateLimits": [
        {
            "apiContext": "buy",
            "apiName": "browse",
            "apiVersion": "v1",
            "resources": [
                {
                    "name": "buy.browse",
                    "rates": [
                        {
                            "count": 17,
                            "limit": 5000,
                            "remaining": 4983,
                            "reset": "2026-11-25T08:00:00.000Z",
                            "timeWindow": 86400,
                        }
                    ],
                }
            ],
        }
    ]
}


def _item(
    item_id: object,
    title: object = "T恤",
    price: object = 1,
    picture: object = "https://i.ebayimg.com/images/g/a/s-l1600.jpg",
) -> object:
    return {
        "itemId": f"v1|{item_id}|0",
        "legacyItemId": item_id,
        "title": title,
        "price": {"value": price, "currency": "USD"},
        "image": {"imageUrl": picture},
        "itemWebUrl": f"https://www.ebay.com/itm/{item_id}?hash=item1",
    }


def _answer(items: list[object]) -> object:
    if not items:
        return {"href": URL, "total": 0, "limit": 50, "offset": 0}
    return {"href": URL, "total": 9000, "limit": 50, "offset": 0, "itemSummaries": items}


def refused(
    error_id: int,
    message: str,
    status: int = 400,
    *,
    domain: str = "API_BROWSE",
    category: str = "REQUEST",
) -> Reply:
    error = {"errorId": error_id, "domain": domain, "category": category, "message": message}
    return as_json({"errors": [error]}, status)


def _prepare(server: Scripted) -> None:
    server.routes["/identity/v1/oauth2/token"] = as_json(GRANT)
    server.routes["/developer/analytics/v1_beta/rate_limit/"] = as_json(LIMITS)


def _page(items: list[object], *, is_last: bool) -> Reply:
    value = {"total": 9000, "limit": 50, "itemSummaries": items}
    return as_json(value if is_last else {**value, "next": f"{URL}?limit=50&offset=50"})


def _in_pages() -> tuple[list[Reply], list[str]]:
    pages = [
        _page([_item("11"), _item("12")], is_last=False),
        _page([_item("12"), _item("13")], is_last=True),
        _page([_item("11"), _item("14")], is_last=False),
        # after the first page the site may say it so that there is no other
        refused(12515, "The 'offset' value must be zero or a multiple of the 'limit' value."),
    ]
    return pages, ["11", "12", "12", "13", "11", "14"]


DIALECT = BuiltIn(
    "ebay",
    options={
        "client_id": "schluessel",
        "client_secret": SECRET,
        "marketplace_ids": ["EBAY_US", "EBAY_DE"],
    },
    answer=_answer,
    item=_item,
    refusal={"errors": [{"errorId": 12999, "message": "nobody knows why"}]},
    failures=failures(
        throttled=[
            refused(2001, "Too many requests.", 429, domain="ACCESS"),
            refused(2001, "Too many requests.", 200, domain="ACCESS"),
        ],
        quota=[refused(2001, "The daily call limit has been reached.", 429)],
        auth=[
            refused(1001, "Invalid access token", 401, domain="OAuth"),
            refused(1002, "Missing access token", 400, domain="OAuth"),
        ],
        permission=[
            refused(1100, "Access denied", 403, domain="ACCESS"),
            refused(1100, "Access denied", 200, domain="ACCESS"),
        ],
        bad_image=[refused(12019, "The image data is invalid.")],
        transient=[
            refused(12000, "There was a problem.", 500, category="APPLICATION"),
            refused(12000, "There was a problem.", 200, category="APPLICATION"),
            refused(12998, "There was a problem.", 400, category="APPLICATION"),
        ],
        protocol=[
            as_json({"total": 3, "limit": 50, "offset": 0}),
            as_json({"total": 3, "limit": 50, "offset": 0, "itemSummaries": []}),
            refused(12515, "The 'offset' value must be a multiple of the 'limit' value."),
            refused(12999, "nobody knows why"),
        ],
    ),
    url=URL,
    judge=judge,
    parse=lambda body: parse_answer(body, URL, allow_loopback=False).observations,
    base="",
    prepare=_prepare,
    in_pages=_in_pages,
)
