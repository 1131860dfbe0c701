from __future__ import annotations

from monitor.marketplaces.sites.tmapi_1688 import judge, parse_answer
from monitor.marketplaces.testing import SECRET, Reply, Scripted, as_json, failures
from tests.contracts.dialects import BuiltIn

URL = "https://api.tmapi.top/1688/search/image"
CONVERT = "/1688/tools/image/convert_url"
CONVERTED = "/search/imgextra/1700000000000_abcdefgh.jpg"


def _item(
    item_id: object,
    title: object = "T恤",
    price: object = 1,
    picture: object = "//cbu01.alicdn.com/a.jpg",
) -> object:
    return {
        "item_id": item_id,
        "title": title,
        "price": price,
        "img": picture,
        "product_url": f"https://detail.1688.com/offer/{item_id}.html",
        "is_ad": True,
    }


def answer(items: list[object], **data: object) -> object:
    said = {"page": 1, "page_size": 20, "total_count": len(items), "items": items}
    return {"code": 200, "msg": "success", "data": {**said, **data}}


def refused(code: int, message: str = "", status: int = 200) -> Reply:
    return as_json({"code": code, "msg": message, "data": None}, status)


def converted(picture: object = CONVERTED) -> Reply:
    return as_json({"code": 200, "msg": "success", "data": {"image_url": picture}})


def _prepare(server: Scripted) -> None:
    server.routes[CONVERT] = converted()


def _in_pages() -> tuple[list[Reply], list[str]]:
    pages = [
        answer([_item("11"), _item("12")], total_count=45, has_next_page=True),
        answer([_item("12"), _item("13")], total_count=45),
        answer([_item("14")], total_count=900, has_next_page=False),
    ]
    return [as_json(page) for page in pages], ["11", "12", "12", "13", "14"]


DIALECT = BuiltIn(
    "tmapi_1688",
    options={
        "api_key": SECRET,
        "picture_url": "https://brand.example/pictures/{path}",
    },
    answer=answer,
    item=_item,
    refusal={"code": 999, "msg": "nobody knows why", "data": None},
    failures=failures(
        throttled=[refused(503, "API request concurrency limit exceeded"), refused(429)],
        quota=[
            refused(439, "Subscription expired or insufficient balance."),
            refused(439, "Insufficient API balance", 439),
            Reply(439),
        ],
        auth=[
            as_json({"code": 4011, "message": "no API key found in request"}, 401),
            as_json({"code": 4011, "message": "no API key found in request"}),
        ],
        permission=[refused(403, "not subscribed"), refused(403, "", 403)],
        bad_image=[
            refused(422, "img_url: Only images from Alibaba-affiliated platforms"),
            refused(417, "the image can't be recognized"),
        ],
        transient=[
            refused(417, "Failed to retrieve data, please try again."),
            refused(499, "timeout"),
            Reply(417),
            Reply(499),
            refused(500, "Unexpected error"),
            refused(503, "busy", 503),
        ],
        protocol=[
            refused(422, "Parameter error."),
            Reply(422),
            as_json({"code": 200, "msg": "success", "data": None}),
            as_json({"code": 200, "data": {"items": None, "total_count": 0}}),
            as_json({"data": {"items": []}}),
            as_json(answer([], total_count=3)),
        ],
    ),
    url=URL,
    judge=judge,
    parse=lambda body: parse_answer(body, URL, allow_loopback=False).observations,
    base="",
    prepare=_prepare,
    in_pages=_in_pages,
)
