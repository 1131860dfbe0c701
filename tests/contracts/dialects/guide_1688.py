from __future__ import annotations

from monitor.marketplaces.sites.guide_1688 import judge, parse_answer
from monitor.marketplaces.testing import SECRET, Reply, as_json, failures
from tests.contracts.dialects import BuiltIn

URL = "https://api.1688.com/router/imageSearch"


def _item(
    item_id: object,
    title: object = "T恤",
    price: object = 1,
    picture: object = "//cbu01.alicdn.com/a.jpg",
    similarity: object = 0.5,
) -> object:
    return {
        "itemId": item_id,
        "title": title,
        "price": price,
        "imageUrl": picture,
        "detailUrl": f"detail.1688.com/offer/{item_id}.html",
        "similarity": similarity,
    }


def _answer(items: list[object]) -> object:
    return {"success": True, "data": {"total": len(items), "items": items}}


def _refused(message: str, code: str = "1") -> Reply:
    return as_json({"success": False, "code": code, "message": message})


def _in_pages() -> tuple[list[Reply], list[str]]:
    pages = [[_item("11"), _item("12")], [_item("12"), _item("13")]]
    return [as_json(_answer(page)) for page in pages], ["11", "12", "12", "13"]


DIALECT = BuiltIn(
    "guide_1688",
    options={
        "app_key": "schluessel",
        "app_secret": SECRET,
        "search_type": "both",
    },
    answer=_answer,
    item=_item,
    refusal={"success": False, "message": "nobody knows why"},
    failures=failures(
        throttled=[_refused("App Call Limited"), _refused("请求过于频繁")],
        quota=[_refused("SLA bill has no usage left"), _refused("余额不足")],
        auth=[_refused("Invalid signature"), _refused("签名错误")],
        permission=[_refused("AppKey is not allowed(acl)"), _refused("没有权限")],
        bad_image=[_refused("image decode failed")],
        transient=[_refused("service busy, try again"), Reply(503)],
        protocol=[as_json({"success": True, "result": []}), _refused("nobody knows why")],
    ),
    url=URL,
    judge=judge,
    parse=lambda body: parse_answer(body, URL, allow_loopback=False).observations,
    in_pages=_in_pages,
)
