"""What 1688's gateway checks before any search: signature, clock, token. Over real HTTP."""

from __future__ import annotations

import time
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from monitor.marketplaces.kit.signing import sign_aop
from monitor.sandbox import Sandbox
from monitor.sandbox.server import Rules
from tests.sandbox.callers import (
    IMAGE_QUERY,
    LINKPLUS,
    UPLOAD,
    AlibabaCaller,
    fetch,
    gateway_error,
    stock,
)


@pytest.fixture
def caller(sandbox: Sandbox) -> AlibabaCaller:
    return AlibabaCaller(sandbox)


@pytest.mark.parametrize("api", [LINKPLUS, UPLOAD, IMAGE_QUERY, "system/currentTime"])
def test_every_call_is_signed(caller: AlibabaCaller, api: str) -> None:
    missing = caller.call(api, picUrl="x", _aop_signature="")
    assert gateway_error(missing) == (400, "gw.SignatureMissing")
    caller.secret = "wrong"
    assert gateway_error(caller.call(api, picUrl="x")) == (400, "gw.SignatureInvalid")


def test_a_changed_field_breaks_the_signature(caller: AlibabaCaller, window: str) -> None:
    path = f"param2/1/{LINKPLUS}/sandbox"
    fields = {"access_token": "sandbox-token", "picUrl": window, "page": "1"}
    fields["_aop_signature"] = sign_aop("sandbox-secret", path, fields)
    assert caller.post(path, fields).json()["success"] is True
    assert gateway_error(caller.post(path, fields | {"page": "2"}))[1] == "gw.SignatureInvalid"
    assert gateway_error(caller.post(path, fields | {"more": ""}))[1] == "gw.SignatureInvalid"


def test_fields_of_any_language_are_signed_as_they_are(caller: AlibabaCaller) -> None:
    answer = caller.linkplus("http://127.0.0.1:9/测试 +&=%41.jpg", categoryID="z", page="1")
    assert answer.json()["code"] == "SYSTEM_ERROR"
    assert answer.json()["message"].endswith("/测试 +&=%41.jpg")


def test_fields_in_the_query_count_as_those_in_the_form(caller: AlibabaCaller, window: str) -> None:
    path = f"param2/1/{LINKPLUS}/sandbox"
    fields = {"access_token": "sandbox-token", "picUrl": window, "page": "1"}
    fields["_aop_signature"] = sign_aop("sandbox-secret", path, fields)
    url = f"{caller.sandbox.urls['alibaba_1688']}/{path}?{urlencode(fields)}"
    assert fetch(url).json()["success"] is True


def test_a_form_of_another_type_is_no_form(caller: AlibabaCaller, window: str) -> None:
    path = f"param2/1/{LINKPLUS}/sandbox"
    fields = {"access_token": "sandbox-token", "picUrl": window, "page": "1"}
    fields["_aop_signature"] = sign_aop("sandbox-secret", path, fields)
    with httpx.Client(trust_env=False) as client:
        answer = client.post(f"{caller.sandbox.urls['alibaba_1688']}/{path}", json=fields)
    assert gateway_error(answer) == (400, "gw.SignatureMissing")


@pytest.mark.parametrize("token", ["wrong", "", None])
@pytest.mark.parametrize("api", [LINKPLUS, UPLOAD, IMAGE_QUERY])
def test_a_call_without_a_good_token_is_refused_in_plain_text(
    caller: AlibabaCaller, api: str, token: str | None
) -> None:
    caller.token = token
    answer = caller.call(api, picUrl="x", page="1")
    assert (answer.status_code, answer.text) == (401, "Request need user authenticated")
    assert answer.headers["content-type"] == "text/plain"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("param2/1/com.alibaba.linkplus/no.such.api/sandbox", "gw.APIUnsupported"),
        (f"param2/2/{LINKPLUS}/sandbox", "gw.APIUnsupported"),
        (f"http/1/{LINKPLUS}/sandbox", "gw.APIUnsupported"),
        ("param2", "gw.APIUnsupported"),
        (f"param2/1/{LINKPLUS}", "gw.AppKeyMissing"),
        (f"param2/1/{LINKPLUS}/", "gw.AppKeyMissing"),
        (f"param2/1/{LINKPLUS}/stranger", "gw.SignatureInvalid"),
    ],
)
def test_a_path_that_names_no_call_of_this_app_is_refused(
    caller: AlibabaCaller, path: str, code: str
) -> None:
    assert gateway_error(caller.post(path, {"_aop_signature": "0"})) == (400, code)


@pytest.mark.parametrize(
    ("api", "missing"),
    [
        (LINKPLUS, "picUrl"),
        (UPLOAD, "uploadImageParam"),
        (IMAGE_QUERY, "offerQueryParam"),
    ],
)
def test_a_missing_parameter_is_named(caller: AlibabaCaller, api: str, missing: str) -> None:
    answer = caller.call(api)
    assert gateway_error(answer) == (400, "gw.ParamMissing")
    assert missing in answer.json()["error_message"]


# -- time and tokens


def test_the_time_needs_a_signature_and_nothing_else(caller: AlibabaCaller) -> None:
    caller.token, caller.skew = None, 10_000
    text = caller.call("system/currentTime").json()
    assert len(text) == len("20261010164552223+0800")
    assert text.endswith("+0800")
    millis = caller.call("system/currentTimeMillis").json()
    assert abs(millis / 1000 - time.time()) < 60


@pytest.mark.parametrize("skew", [-400, 400])
def test_a_clock_that_is_off_is_refused(caller: AlibabaCaller, skew: float) -> None:
    caller.skew = skew
    assert gateway_error(caller.search()) == (400, "gw.TimestampInvalid")
    answer = caller.linkplus("x", _aop_timestamp="now")
    assert gateway_error(answer) == (400, "gw.TimestampInvalid")


def test_a_site_whose_clock_is_ahead_tells_the_offset(tmp_path: Path) -> None:
    rules = Rules(rate=1_000, clock_ahead_seconds=3_600)
    with Sandbox(stock(tmp_path / "shop"), rules) as sandbox:
        caller = AlibabaCaller(sandbox)
        answer = caller.search()
        assert gateway_error(answer) == (400, "gw.TimestampInvalid")
        date = httpx.get(f"{sandbox.shop.origin}/stats", trust_env=False).headers["date"]
        dates = [parsedate_to_datetime(text) for text in (answer.headers["date"], date)]
        assert abs(dates[1] - dates[0]) < timedelta(seconds=30)
        caller.skew = caller.call("system/currentTimeMillis").json() / 1000 - time.time()
        assert caller.skew == pytest.approx(3_600, abs=30)
        assert caller.search().json()["success"] is True


def exchange(caller: AlibabaCaller, prefix: str = "http", **fields: str) -> httpx.Response:
    form = {
        "grant_type": "refresh_token",
        "client_id": "sandbox",
        "client_secret": "sandbox-secret",
        "refresh_token": "sandbox-refresh",
        **fields,
    }
    return caller.post(f"{prefix}/1/system.oauth2/getToken/sandbox", form)


@pytest.mark.parametrize("prefix", ["http", "param2"])
def test_a_refresh_token_is_exchanged_for_a_token_that_works(
    caller: AlibabaCaller, prefix: str
) -> None:
    said = exchange(caller, prefix).json()
    assert said["expires_in"] == "36000"
    assert said["refresh_token"] == "sandbox-refresh"
    assert said["refresh_token_timeout"].endswith("+0800")
    caller.token = said["access_token"]
    assert caller.search().json()["success"] is True


@pytest.mark.parametrize(
    "wrong",
    [
        {"grant_type": "authorization_code"},
        {"client_id": "stranger"},
        {"client_secret": "wrong"},
        {"refresh_token": "wrong"},
    ],
)
def test_a_wrong_exchange_is_refused(caller: AlibabaCaller, wrong: dict[str, str]) -> None:
    status, _ = gateway_error(exchange(caller, **wrong))
    assert status in (400, 401)


def test_a_token_ends_with_its_time_or_when_it_is_revoked(
    caller: AlibabaCaller, sandbox: Sandbox
) -> None:
    caller.token = exchange(caller).json()["access_token"]
    assert caller.search().status_code == 200
    sandbox.revoke_tokens()
    assert caller.search().status_code == 401
    sandbox.rules = Rules(token_seconds=0)
    said = exchange(caller).json()
    assert said["expires_in"] == "0"
    caller.token = said["access_token"]
    assert caller.search().status_code == 401
    caller.token = "sandbox-token"
    assert caller.search().status_code == 200
