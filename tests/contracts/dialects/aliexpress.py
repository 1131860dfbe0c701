from __future__ import annotations

from monitor.marketplaces.sites.iop.aliexpress import judge, parse_answer
from monitor.marketplaces.testing import SECRET, Reply, as_json, failures
from tests.contracts.dialects import BuiltIn

URL = "https://api-sg.aliexpress.com/sync"


def _item(
    item_id: object,
    title: object = "T恤",
    price: object = 1,
    picture: object = "//ae01.alicdn.com/kf/a.jpg",
    similarity: object = 0.5,
) -> object:
    return {
        "product_id": item_id,
        "product_title": title,
        "target_sale_price": price,
        "target_sale_price_currency": "USD",
        "product_main_image_url": picture,
        "product_detail_url": f"//www.aliexpress.com/item/{item_id}.html",
        "similarity_score": similarity,
    }


def _wrap(result: object) -> object:
    return {"aliexpress_ds_image_searchV2_response": {"result": result, "request_id": "21"}}


def _answer(items: list[object]) -> object:
    return _wrap({"ret": True, "code": "200", "data": items})


def gateway(code: str, message: str = "", kind: str = "ISV") -> Reply:
    """How the gateway itself refuses: at the top, in HTTP 200."""
    return as_json({"type": kind, "code": code, "message": message, "request_id": "21"})


def older(code: int, message: str, detail: str = "") -> Reply:
    """How methods of the older gateway are refused."""
    said = {"code": code, "msg": message, "sub_msg": detail, "request_id": "21"}
    return as_json({"error_response": said})


def _own(message: str, code: str = "405") -> Reply:
    return as_json(_wrap({"ret": False, "code": code, "messages": message}))


BAN = "Api access frequency exceeds the limit. this ban will last 1 seconds"
V1 = "aliexpress_ds_image_search_response"
# What the gateway's accounts have in common.
GATEWAY_FAILURES = failures(
    throttled=[gateway("ApiCallLimit", BAN), gateway("AppCallLimit"), older(7, BAN)],
    quota=[gateway("E100", "the daily quota of this app is used up")],
    auth=[
        gateway("IllegalAccessToken", "The specified access token is invalid or expired"),
        gateway("IncompleteSignature", "The request signature does not conform to standards"),
        older(27, "Invalid session"),
        older(25, "Invalid signature"),
    ],
    permission=[
        gateway("InsufficientPermission", "The app is not granted"),
        gateway("InvalidApiPath", "The API path aliexpress.ds.image.search is not known"),
        older(11, "Insufficient ISV permissions"),
    ],
    transient=[gateway("ServiceTimeout", "", "ISP"), gateway("E500", "system busy", "SYSTEM")],
    protocol=[
        gateway("15", "nobody knows why"),
        older(15, "Remote service error", "aliexpress.ds.image.search has gone"),
    ],
)


def _in_pages() -> tuple[list[Reply], list[str]]:
    pages = [["11", "12"], ["13", "14"], ["15"]]
    replies = []
    for number, ids in enumerate(pages, 1):
        paging = {"has_next": number < 3, "page_no": number, "page_count": 3, "page_size": 2}
        products = [{"product_id": item_id, "title": "Mug"} for item_id in ids]
        data = {"total_count": 5, "pagination": paging, "products": products}
        if number < 3:
            data["next_start_row_key"] = f"row-key-of-{number}"
        replies.append(as_json(_wrap({"ret": True, "data": data})))
    return replies, ["11", "12", "13", "14", "15"]


DIALECT = BuiltIn(
    "aliexpress",
    options={
        "app_key": "12345678",
        "app_secret": SECRET,
        "access_token": "an-access-token-of-the-account",
    },
    answer=_answer,
    item=_item,
    refusal=_wrap({"ret": False, "code": "405", "messages": "nobody knows why"}),
    failures=failures(
        GATEWAY_FAILURES,
        quota=[_own("no quota left")],
        bad_image=[
            _own("image decode failed"),
            as_json({V1: {"rsp_code": "402", "rsp_msg": "the picture can't be read"}}),
        ],
        protocol=[
            as_json(_wrap({"ret": True})),
            as_json(_wrap({"ret": True, "data": {"products": {}}})),
            as_json(_wrap({"ret": True, "code": "602", "data": []})),
            as_json({V1: {"rsp_code": "999", "rsp_msg": "nobody knows why"}}),
        ],
    ),
    url=URL,
    judge=judge,
    parse=lambda body: parse_answer(body, URL, allow_loopback=False).observations,
    base="",
    in_pages=_in_pages,
)
