from __future__ import annotations

from monitor.marketplaces.sites.iop.taobao_global import judge, parse_answer
from monitor.marketplaces.testing import SECRET, Reply, Scripted, as_json, failures
from tests.contracts.dialects import BuiltIn
from tests.contracts.dialects.aliexpress import GATEWAY_FAILURES

URL = "https://api.taobao.global/rest/traffic/item/imgsearch"
UPLOADED = as_json({"code": "0", "data": {"image_id": "image-1"}, "request_id": "21"})


def _item(
    item_id: object,
    title: object = "T恤",
    price: object = 1,
    picture: object = "//img.alicdn.com/a.jpg",
) -> object:
    return {
        "item_id": item_id,
        "title": title,
        "price": price,
        "main_image_url": picture,
        "shop_name": "店",
    }


def _answer(items: list[object]) -> object:
    return {"code": "0", "data": items, "request_id": "21"}


def refused(message: str, code: str = "E1") -> Reply:
    """How the search itself refuses, while the gateway says that all is well."""
    said = {"biz_error_code": code, "biz_error_msg": message, "request_id": "21"}
    return as_json({"code": "0", "data": None, **said})


def prepare(server: Scripted) -> None:
    server.routes["/rest/upload/image"] = UPLOADED


DIALECT = BuiltIn(
    "taobao_global",
    options={
        "app_key": "12345678",
        "app_secret": SECRET,
        "access_token": "an-access-token-of-the-account",
    },
    answer=_answer,
    item=_item,
    refusal={"code": "0", "biz_error_code": "E1", "biz_error_msg": "nobody knows why"},
    failures=failures(
        GATEWAY_FAILURES,
        quota=[refused("no quota left")],
        bad_image=[refused("image decode failed"), refused("图片格式不支持")],
        transient=[refused("系统繁忙，请稍后再试")],
        protocol=[
            refused("nobody knows why"),
            as_json({"code": "0"}),
            as_json({"code": "0", "data": None}),
            as_json({"code": "0", "data": {"items": []}}),
            as_json({"code": "0", "result": {"item_list": {}}}),
        ],
    ),
    url=URL,
    judge=judge,
    parse=lambda body: parse_answer(body, URL, allow_loopback=False).observations,
    base="/rest",
    prepare=prepare,
)
