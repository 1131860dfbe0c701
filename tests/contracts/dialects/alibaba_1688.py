"""The crossborder route; `tests/marketplaces/sites/test_alibaba_1688.py` has the other one too."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.marketplaces.kit.listings import dig
from monitor.marketplaces.kit.values import load_json
from monitor.marketplaces.sites.alibaba_1688.gateway_answers import judge
from monitor.marketplaces.sites.alibaba_1688.listings import parse_crossborder, parse_linkplus
from monitor.marketplaces.testing import SECRET, Reply, Scripted, as_json, failures
from monitor.model import Observation
from tests.contracts.dialects import BuiltIn

KEY = "1234567"
URL = f"https://gw.open.1688.com/openapi/param2/1/NAMESPACE/NAME/{KEY}"
UPLOAD_PATH = f"/openapi/param2/1/com.alibaba.fenxiao.crossborder/product.image.upload/{KEY}"


def _item(
    item_id: object,
    title: object = "T恤",
    price: object = "12.50",
    picture: object = "https://cbu01.alicdn.com/a.jpg",
) -> object:
    return {
        "offerId": item_id,
        "subject": title,
        "priceInfo": {"price": price, "jxhyPrice": None},
        "imageUrl": picture,
        "monthSold": 7,
    }


def _answer(items: list[object], total: int | None = None, **more: object) -> object:
    found = {"totalRecords": len(items) if total is None else total, "pageSize": 50, "data": items}
    return {"result": {"success": "true", "code": "S0000", "result": {**found, **more}}}


def _parse(body: bytes) -> Sequence[Observation]:
    try:
        is_linkplus = isinstance(dig(load_json(body), "result", "result"), list)
    except ValueError:
        is_linkplus = False
    parse = parse_linkplus if is_linkplus else parse_crossborder
    return parse(body, URL, allow_loopback=False).observations


def _gateway(code: str, message: str, status: int = 400) -> Reply:
    said = {"error_code": code, "error_message": message, "exception": "", "request_id": "1a2b"}
    return as_json(said, status)


def _camel(code: str, message: str) -> Reply:
    return as_json({"errorCode": code, "errorMessage": message})


def _business(code: str, message: str) -> Reply:
    return as_json({"result": {"success": "false", "code": code, "message": message}})


def _beside(code: str, message: str) -> Reply:
    """An error beside what is left of a good answer."""
    return as_json({"code": code, "message": message, "result": {"result": {"data": []}}})


def _text(status: int, text: str) -> Reply:
    return Reply(status, {"Content-Type": "text/plain"}, text.encode())


def _upload(server: Scripted) -> None:
    server.routes[UPLOAD_PATH] = as_json(
        {"result": {"success": "true", "code": "200", "message": "", "result": "116440819215"}}
    )


def _in_pages() -> tuple[list[Reply], list[str]]:
    pages = [[str(n) for n in range(11, 61)], [str(n) for n in range(59, 109)], ["109", "110"]]
    replies = [as_json(_answer([_item(one) for one in page], total=102)) for page in pages]
    return replies, [one for page in pages for one in page]


_LIMITED = ("gw.QosAppFrequencyLimit", "App call exceeds limited frequency")
_USED_UP = ("gw.NoUsageLeftError", "SLA bill has no usage left")
_DECLINED = ("gw.APIACLDecline", "AppKey is not allowed(acl)")

DIALECT = BuiltIn(
    "alibaba_1688",
    options={
        "app_key": KEY,
        "app_secret": SECRET,
        "access_token": f"{SECRET}-token",
    },
    base="/openapi",
    prepare=_upload,
    answer=_answer,
    item=_item,
    refusal={"result": {"success": "false", "code": "E1", "message": "nobody knows why"}},
    failures=failures(
        throttled=[
            _gateway(*_LIMITED),
            _gateway(*_LIMITED, status=200),
            _camel(*_LIMITED),
            _text(400, "Exceed the app call time limit"),
        ],
        quota=[
            _gateway(*_USED_UP),
            _camel(*_USED_UP),
            _business("E2", "余额不足"),
            _gateway(*_USED_UP, status=500),
            _beside(*_USED_UP),
        ],
        auth=[
            _gateway("gw.SignatureInvalid", "Invalid signature", 401),
            _gateway("gw.SignatureMissing", "signature is missing"),
            _gateway("gw.AppKeyMissing", "app key is missing"),
            _text(401, "Request need user authenticated"),
            _camel("401", "Request need user authenticated"),
            _text(400, "Invalid signature"),
        ],
        permission=[
            _gateway(*_DECLINED),
            _camel(*_DECLINED),
            _gateway("gw.APIUnsupported", "Unsupported API", 404),
            _text(400, "Unsupport API"),
        ],
        bad_image=[
            _business("E3", "图片解析失败"),
            as_json({"success": False, "code": "SYSTEM_ERROR", "message": "handle image error"}),
        ],
        transient=[
            _text(200, "invoke timeout"),
            _business("SYSTEM_ERROR", "please look at the log"),
            Reply(502, {"Content-Type": "text/html"}, b"<html>bad gateway"),
        ],
        protocol=[
            _gateway("gw.ParamMissing", "a parameter is missing"),
            as_json({"result": {"success": "true", "result": {"totalRecords": 3}}}),
            as_json({"result": {"success": "true", "result": None}}),
            Reply(200, {"Content-Type": "application/json"}, b""),
        ],
    ),
    url=URL,
    judge=judge,
    parse=_parse,
    in_pages=_in_pages,
)
