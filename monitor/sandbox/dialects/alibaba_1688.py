"""1688's open gateway: signed forms at `/openapi/param2/1/NAMESPACE/API/APP_KEY`.

Codes, messages and statuses are recorded ones unless a comment says otherwise. Which refusal comes
first is not known: the order here is signature, clock, token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import ClassVar, Final
from urllib.parse import parse_qsl

from monitor.marketplaces.kit.signing import AOP_SIGNATURE, sign_aop
from monitor.sandbox.dialects.alibaba_searches import REQUIRED, Crossborder, Linkplus
from monitor.sandbox.dialects.base import MAX_SKEW_SECONDS, Dialect, Reply, Request, as_json
from monitor.sandbox.faults import Fault, Purpose
from monitor.sandbox.shop import Shop

# As long as the real ones live: 10 hours, half a year.
TOKEN_SECONDS = 36_000
_REFRESH_TOKEN_LIFE = timedelta(days=180)
_CHINA = timezone(timedelta(hours=8))

_PATH = re.compile(r"/openapi/((param2|http)/1/([^/]+/[^/]+)(?:/([^/]*))?)")
_APIS: Final = {
    "param2/com.alibaba.linkplus/alibaba.cross.similar.offer.search": "linkplus",
    "param2/com.alibaba.fenxiao.crossborder/product.image.upload": "upload",
    "param2/com.alibaba.fenxiao.crossborder/product.search.imageQuery": "imageQuery",
    "param2/system/currentTime": "currentTime",
    "param2/system/currentTimeMillis": "currentTimeMillis",
    "param2/system.oauth2/getToken": "getToken",
    "http/system.oauth2/getToken": "getToken",
}

Fields = Mapping[str, str]


class Alibaba1688(Dialect):
    """Both routes to a search by image, the site's time, and new tokens for a refresh token."""

    name = "alibaba_1688"
    table = "sandbox-alibaba"
    base_path = "/openapi"
    calls: ClassVar = {
        "linkplus": Purpose.SEARCH,
        "upload": Purpose.UPLOAD,
        "imageQuery": Purpose.SEARCH,
        "currentTime": Purpose.ASIDE,
        "currentTimeMillis": Purpose.ASIDE,
        "getToken": Purpose.ASIDE,
        "unsupported": Purpose.ASIDE,
    }

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop)
        self._linkplus = Linkplus(shop)
        self._crossborder = Crossborder(shop)

    def options(self) -> Mapping[str, object]:
        """A static token: there is nothing to refresh."""
        rules = self.shop.rules
        return {
            "app_key": rules.app_key,
            "app_secret": rules.app_secret,
            "access_token": rules.access_token,
            "mode": "auto",
        }

    def find_call(self, request: Request) -> str | None:
        """The API that the path names; `unsupported` for any other below `/openapi/`."""
        if not request.path.startswith("/openapi/"):
            return None
        found = _PATH.fullmatch(request.path)
        return _APIS.get(f"{found[2]}/{found[3]}", "unsupported") if found else "unsupported"

    def answer(self, call: str, request: Request) -> Reply:
        """The gateway's own checks, then the API's."""
        found = _PATH.fullmatch(request.path)
        if found is None or call == "unsupported":
            return refuse("gw.APIUnsupported", f"Unsupport API: {request.path[:200]}")
        if not found[4]:
            return refuse("gw.AppKeyMissing", "AppKey is missing in the path")
        fields = _read_fields(request)
        if call == "getToken":
            return self._exchange(found[4], fields)
        problem = self._find_auth_problem(found[1], found[4], fields)
        if problem is None and self.calls[call] is not Purpose.ASIDE:
            # the time is for those whose clock is off, and needs no user
            problem = self._find_stale(fields) or self._find_stranger(fields)
        return problem or self._answer_call(call, fields)

    def trouble(self, message: str) -> Reply:
        """HTTP 500 in the gateway's shape."""
        return refuse("500", message, 500)

    def fail(self, fault: Fault, call: str, request: Request) -> Reply:
        """What the gateway refuses has its code; what an API refuses is inside HTTP 200."""
        words: dict[Fault, Callable[[], Reply]] = {
            Fault.SERVER_ERROR: lambda: self.trouble("invoke timeout"),
            Fault.THROTTLED: lambda: refuse(
                "gw.QosAppFrequencyLimit", "App call exceeds limited frequency"
            ),
            Fault.QUOTA: lambda: refuse("gw.NoUsageLeftError", "SLA bill has no usage left"),
            Fault.UNAUTHORISED: _ask_for_user,
            Fault.PERMISSION: lambda: refuse("gw.APIACLDecline", "AppKey is not allowed(acl)"),
            Fault.TOO_LARGE: lambda: self._route(call).refuse_picture(call, _read_fields(request)),
            Fault.REFUSED: lambda: self._route(call).refuse("SYSTEM_ERROR", "rejected"),
            Fault.UNKNOWN_SHAPE: lambda: as_json({"success": True, "result": []}),
            Fault.EMPTY: lambda: self._route(call).answer_none(),
        }
        return words[fault]()

    def _route(self, call: str) -> Linkplus | Crossborder:
        return self._linkplus if call == "linkplus" else self._crossborder

    def _find_auth_problem(self, url_path: str, app_key: str, fields: Fields) -> Reply | None:
        rules = self.shop.rules
        if AOP_SIGNATURE not in fields:
            return refuse("gw.SignatureMissing", "Request need signature")
        right = sign_aop(rules.app_secret, url_path, fields)
        # what it says to an unknown key is not recorded; it can't know the secret of one
        if app_key != rules.app_key or fields[AOP_SIGNATURE] != right:
            return refuse("gw.SignatureInvalid", "Invalid signature")
        return None

    def _find_stale(self, fields: Fields) -> Reply | None:
        """The timestamp may be left out; neither the window nor the code is recorded."""
        stamp = fields.get("_aop_timestamp")
        if stamp is None:
            return None
        is_number = stamp.isascii() and stamp.isdigit()
        if not is_number or abs(int(stamp[:20]) / 1000 - self.shop.now()) > MAX_SKEW_SECONDS:
            return refuse("gw.TimestampInvalid", "Invalid timestamp: it is too far off")
        return None

    def _find_stranger(self, fields: Fields) -> Reply | None:
        token = fields.get("access_token", "")
        is_known = (
            token == self.shop.rules.access_token or self.tokens.find_scope(token) is not None
        )
        return None if is_known else _ask_for_user()

    def _answer_call(self, call: str, fields: Fields) -> Reply:
        now = self.shop.now()
        answers: dict[str, Callable[[], Reply]] = {
            "currentTime": lambda: as_json(_write_time(now)),
            "currentTimeMillis": lambda: as_json(int(now * 1000)),
            "linkplus": lambda: self._linkplus.search(fields),
            "upload": lambda: self._crossborder.upload(fields),
            "imageQuery": lambda: self._crossborder.search(fields),
        }
        missing = [name for name in REQUIRED.get(call, ()) if not fields.get(name)]
        if missing:
            return refuse("gw.ParamMissing", f"Missing parameter: {missing[0]}")
        return answers[call]()

    def _exchange(self, app_key: str, fields: Fields) -> Reply:
        """A new token for a refresh token; unsigned. How it refuses one is not recorded."""
        rules = self.shop.rules
        if fields.get("grant_type") != "refresh_token":
            return refuse("gw.ParamMissing", "grant_type is not refresh_token")
        client = (app_key, fields.get("client_id"), fields.get("client_secret"))
        if client != (rules.app_key, rules.app_key, rules.app_secret):
            return refuse("invalid_client", "client_id or client_secret is wrong", 401)
        if fields.get("refresh_token") != rules.refresh_token:
            return refuse("invalid_grant", "refresh_token is wrong or expired", 401)
        seconds = TOKEN_SECONDS if rules.token_seconds is None else rules.token_seconds
        until = self.shop.now() + _REFRESH_TOKEN_LIFE.total_seconds()
        answer = {
            "access_token": self.tokens.issue(seconds),
            "refresh_token": rules.refresh_token,
            "expires_in": str(seconds),
            "refresh_token_timeout": _write_time(until),
            "resource_owner": "sandbox",
            "uid": "2200000000001",
            "aliId": "2200000000001",
            "memberId": "b2b-2200000000001",
        }
        return as_json(answer)


def refuse(code: str, message: str, status: int = 400) -> Reply:
    """The gateway's refusal."""
    said = {"error_code": code, "error_message": message, "exception": "", "request_id": "0"}
    return as_json(said, status)


def _ask_for_user() -> Reply:
    """This one comes as plain text."""
    return Reply(401, {"Content-Type": "text/plain"}, b"Request need user authenticated")


def _read_fields(request: Request) -> dict[str, str]:
    """Query and form, not escaped; a body of another type holds no fields."""
    form = ""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = request.body.decode("utf-8", "replace")
    return {
        name: value
        for text in (request.query, form)
        for name, value in parse_qsl(text, keep_blank_values=True)
    }


def _write_time(seconds: float) -> str:
    """`20261010164552223+0800`"""
    moment = datetime.fromtimestamp(seconds, _CHINA)
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03d}+0800"
