"""An interface that nobody has, described in the config: a body in JSON, pages, its own codes."""

from __future__ import annotations

from monitor.marketplaces.sites.http_json.adapter import Reader
from monitor.marketplaces.sites.http_json.options import Options
from monitor.marketplaces.testing import SECRET, Reply, as_json, failures
from tests.contracts.dialects import BuiltIn

URL = "https://proxy.example/search"


OPTIONS: dict[str, object] = {
    "site": "1688",
    "api_key": SECRET,
    "headers": {"X-Key": "{api_key}"},
    "body": {"picture": "{image_base64}", "page": "{page}", "size": "{page_size}"},
    "page_size": 2,
    "max_pages": 5,
    "answer": {
        "items": "data.rows",
        "total": "data.count",
        "ok": "status.ok",
        "code": "status.code",
        "error": "status.message",
        "item_id": "id",
        "url": "link",
        "title": "name",
        "picture": "pics[0]",
        "price": "cost",
        "currency": "money",
        "seller_id": "shop.id",
        "seller": "shop.name",
        "sales": "sold",
        "score": "likeness",
    },
    "failures": {"E1": "throttled", "E2": "quota", "E3": "bad_image"},
}


READER = Reader(Options.model_validate({**OPTIONS, "base_url": URL}), allow_loopback=False)


def _item(
    item_id: object,
    title: object = "T恤",
    price: object = 1,
    picture: object = "//cbu01.alicdn.com/a.jpg",
    similarity: object = 0.5,
) -> object:
    return {
        "id": item_id,
        "name": title,
        "cost": price,
        "pics": [picture],
        "likeness": similarity,
    }


def _answer(items: list[object], total: int = 0) -> object:
    return {"status": {"ok": True}, "data": {"count": total or len(items), "rows": items}}


def _refused(message: str, code: str = "E9") -> Reply:
    return as_json({"status": {"ok": False, "code": code, "message": message}})


def _in_pages() -> tuple[list[Reply], list[str]]:
    pages = [[_item("11"), _item("12")], [_item("13"), _item("14")], [_item("15")]]
    return [as_json(_answer(page, 5)) for page in pages], ["11", "12", "13", "14", "15"]


DIALECT = BuiltIn(
    "http_json",
    options=OPTIONS,
    answer=_answer,
    item=_item,
    refusal={"status": {"ok": False, "message": "nobody knows why"}},
    failures=failures(
        throttled=[_refused("", "E1"), _refused("too many calls")],
        quota=[_refused("", "E2"), _refused("余额不足")],
        auth=[_refused("wrong api key")],
        permission=[_refused("没有权限")],
        bad_image=[_refused("", "E3")],
        transient=[_refused("service busy"), Reply(503)],
        protocol=[as_json({"status": {"ok": True}, "data": {}}), _refused("")],
    ),
    url=URL,
    judge=READER.judge,
    parse=lambda body: READER.read(body, URL).observations,
    in_pages=_in_pages,
    config_says_what_is_good=True,
)
