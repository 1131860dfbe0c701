from __future__ import annotations

from monitor.marketplaces.sites.onebound import judge, parse_answer
from monitor.marketplaces.testing import SECRET, Reply, as_json, failures
from tests.contracts.dialects import BuiltIn

URL = "https://api-gw.onebound.cn/1688/item_search_img/"
# Any picture's address will do: nobody loads it here.
PICTURES = "https://pictures.example/{path}"


def _item(
    item_id: object,
    title: object = "T恤",
    price: object = 1,
    picture: object = "//cbu01.alicdn.com/a.jpg",
) -> object:
    return {
        "num_iid": item_id,
        "title": title,
        "price": price,
        "promotion_price": "0",
        "pic_url": picture,
        "detail_url": f"//detail.1688.com/offer/{item_id}.html",
        "seller_nick": "店",
    }


def answer_of(items: list[object], **paging: object) -> dict[str, object]:
    return {
        "items": {"item": items, "error": "", **paging},
        "error": "",
        "reason": "",
        "error_code": "0000",
        "cache": 0,
        "api_info": "today:15 max:10100",
    }


def refused(error: str, code: str = "4000", reason: str = "", **more: object) -> Reply:
    """The reseller refuses, at the top of the answer."""
    return as_json({"error": error, "reason": reason, "error_code": code, **more})


def _inside(error: str) -> Reply:
    """The marketplace behind it refused: told inside `items`, under a good code."""
    return as_json({"items": {"item": [], "error": error}, "error": "", "error_code": "0000"})


def _in_pages() -> tuple[list[Reply], list[str]]:
    pages = [["11", "12"], ["12", "13"], ["14"]]
    replies = [
        as_json(answer_of([_item(one) for one in ids], page=number, pagecount=3, total_results=5))
        for number, ids in enumerate(pages, 1)
    ]
    return replies, ["11", "12", "12", "13", "14"]


DIALECT = BuiltIn(
    "onebound",
    options={
        "api_key": "a-key-of-ours",
        "api_secret": SECRET,
        "picture_url": PICTURES,
    },
    answer=answer_of,
    item=_item,
    refusal={"error": "nobody knows why", "error_code": "4999"},
    failures=failures(
        throttled=[
            refused("请求过于频繁"),
            refused("超过每秒调用次数限制"),
            _inside("too many calls"),
        ],
        quota=[
            refused("今日调用次数已达上限"),
            refused("余额不足"),
            refused("欠费", reason="请充值"),
            refused("stopped", api_info="today:10100 max:10100"),
        ],
        auth=[refused("key已过期"), refused("secret error"), refused("授权到期")],
        permission=[refused("没有权限"), refused("no permission for this api")],
        bad_image=[refused("图片不存在"), _inside("image can't be loaded")],
        transient=[refused("系统繁忙", "5000"), _inside("invoke timeout")],
        protocol=[
            refused("nobody knows why"),
            refused("", "2000"),
            _inside("data error"),
            as_json({"items": [], "error": "", "error_code": "0000"}),
            as_json({"items": {"item": {}}, "error_code": "0000"}),
            as_json({"items": {"item": {"list": []}}, "error_code": "0000"}),
        ],
    ),
    url=URL,
    judge=judge,
    parse=lambda body: parse_answer(body, URL, "1688", allow_loopback=False).observations,
    base="",
    in_pages=_in_pages,
)
