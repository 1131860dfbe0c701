"""The gateway that AliExpress and Taobao's global platform share: signature, token, refusals."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from monitor.errors import AuthError, MarketplaceError, ProtocolError, Throttled
from monitor.marketplaces.base import Query
from monitor.marketplaces.sites.iop.aliexpress import AliExpress, Options
from monitor.marketplaces.sites.iop.gateway import find_refusal, parse_token
from monitor.marketplaces.testing import (
    NOW,
    PATIENT,
    RecordedMemory,
    RecordedPace,
    RecordedSleep,
    Request,
    Scripted,
    as_json,
    make_outside,
)
from tests.contracts.dialects.aliexpress import BAN, DIALECT, gateway, older

PICTURE = Image.new("RGB", (900, 900), "orange")
FIRST = "first-access-token-1111111111111111"
SECOND = "second-access-token-222222222222222"
REFRESH = "a-refresh-token-33333333333333333333"
NEXT_REFRESH = "next-refresh-token-4444444444444444"
SECRET = "helloworld"
REFUSED = gateway("IllegalAccessToken", f"the access token {FIRST} is invalid or expired")
GOOD = as_json(DIALECT.answer([DIALECT.item("11")]))


def refreshed(**changes: object) -> dict[str, object]:
    return {
        "code": "0",
        "access_token": SECOND,
        "refresh_token": NEXT_REFRESH,
        "expire_time": int(NOW + 86_400) * 1000,
        "expires_in": "86400",
        "refresh_token_valid_time": int(NOW + 172_800) * 1000,
        **changes,
    }


class Account:
    def __init__(self, server: Scripted, memory: RecordedMemory | None = None, **options: object):
        self.pace, self.sleep = RecordedPace(), RecordedSleep()
        self.memory = memory or RecordedMemory()
        given = {
            "base_url": server.url(""),
            "app_key": "12345678",
            "app_secret": SECRET,
            "access_token": FIRST,
            "refresh_token": REFRESH,
            **options,
        }
        limits = replace(PATIENT, max_bytes=2_000_000)
        outside = make_outside(self.pace, self.sleep, self.memory, limits=limits)
        self.site = AliExpress("acme", Options.model_validate(given), outside)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(GOOD) as running:
        running.routes["/rest/auth/token/refresh"] = as_json(refreshed())
        yield running


@pytest.fixture
def account(server: Scripted) -> Iterator[Account]:
    made = Account(server)
    yield made
    made.site.close()


def fields_of(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))


def signature(fields: dict[str, str], path: str = "") -> str:
    """Written anew from the description: upper-case hex of HMAC-SHA256 over path and fields."""
    text = path + "".join(f"{k}{v}" for k, v in sorted(fields.items()) if k != "sign")
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest().upper()


def test_a_call_to_sync_is_signed_without_a_path(account: Account, server: Scripted) -> None:
    account.site.search(Query(PICTURE))
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/sync")
    fields = fields_of(request)
    assert fields["sign"] == signature(fields)
    assert (fields["app_key"], fields["session"]) == ("12345678", FIRST)
    assert (fields["timestamp"], fields["sign_method"]) == ("1700000000000", "sha256")


def test_a_refused_token_is_refreshed_once_and_the_call_made_again(
    account: Account, server: Scripted
) -> None:
    server.replies = [REFUSED, GOOD]
    page = account.site.search(Query(PICTURE))
    assert [item.item_id for item in page.observations] == ["11"]
    first, refresh, second = server.requests
    asked = fields_of(refresh)
    assert (refresh.path, asked["refresh_token"]) == ("/rest/auth/token/refresh", REFRESH)
    assert asked["sign"] == signature(asked, "/auth/token/refresh")
    assert {"session", "access_token"}.isdisjoint(asked)
    assert [fields_of(one)["session"] for one in (first, second)] == [FIRST, SECOND]
    assert page.requests == account.pace.waits == 3


def test_a_token_that_is_refused_in_other_words_is_refreshed_too(
    account: Account, server: Scripted
) -> None:
    server.replies = [gateway("InvalidAccessToken", "The access token has expired"), GOOD]
    assert account.site.search(Query(PICTURE)).requests == 3


def test_a_refused_signature_is_no_reason_for_a_new_token(
    account: Account, server: Scripted
) -> None:
    server.replies = [gateway("IncompleteSignature", "The signature does not conform")]
    with pytest.raises(AuthError):
        account.site.search(Query(PICTURE))
    assert len(server.requests) == 1


def test_the_new_token_outlives_a_restart(account: Account, server: Scripted) -> None:
    server.replies = [REFUSED, GOOD]
    account.site.search(Query(PICTURE))
    kept = json.dumps(list(account.memory.kept.items()))
    assert not any(secret in kept for secret in (FIRST, SECOND, REFRESH, NEXT_REFRESH, SECRET))
    again = Account(server, account.memory)
    again.site.search(Query(PICTURE))
    again.site.close()
    assert fields_of(server.requests[-1])["session"] == SECOND


def test_a_token_near_its_end_is_refreshed_with_the_newest_refresh_token(
    account: Account, server: Scripted
) -> None:
    server.replies = [REFUSED, GOOD]
    account.site.search(Query(PICTURE))
    account.memory.now = NOW + 86_400 - 200
    server.requests.clear()
    account.site.search(Query(PICTURE))
    assert [request.path for request in server.requests] == ["/rest/auth/token/refresh", "/sync"]
    assert fields_of(server.requests[0])["refresh_token"] == NEXT_REFRESH


def test_a_token_refused_even_when_new_is_an_auth_error(account: Account, server: Scripted) -> None:
    server.replies = [REFUSED]
    with pytest.raises(AuthError, match=r"^acme: "):
        account.site.search(Query(PICTURE))
    assert [request.path for request in server.requests].count("/rest/auth/token/refresh") == 1


def test_another_refusal_of_credentials_asks_for_no_new_token(
    account: Account, server: Scripted
) -> None:
    server.replies = [gateway("IncompleteSignature", "the signature is wrong")]
    with pytest.raises(AuthError, match="signature"):
        account.site.search(Query(PICTURE))
    assert len(server.requests) == 1


def test_without_a_refresh_token_the_operator_is_told_what_to_do(server: Scripted) -> None:
    account = Account(server, refresh_token=None)
    server.replies = [REFUSED]
    with pytest.raises(AuthError, match=r"^acme: .*no refresh_token"):
        account.site.search(Query(PICTURE))
    account.site.close()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        gateway("IllegalRefreshToken", f"refresh token {REFRESH} has expired"),
        as_json(refreshed(access_token=None)),
        as_json(refreshed(access_token="two words")),
        as_json([]),
    ],
)
def test_a_refresh_that_fails_is_an_error_without_tokens(
    account: Account, server: Scripted, reply: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    server.routes["/rest/auth/token/refresh"] = reply  # type: ignore[assignment]
    server.replies = [REFUSED]
    with pytest.raises((AuthError, ProtocolError), match=r"^acme: ") as caught:
        account.site.search(Query(PICTURE))
    assert not any(
        secret in str(caught.value) + caplog.text
        for secret in (FIRST, SECOND, REFRESH, NEXT_REFRESH, SECRET)
    )


def test_a_site_that_echoes_the_new_token_is_not_repeated(
    account: Account, server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    server.replies = [REFUSED, gateway("IllegalAccessToken", f"{SECOND} of {SECRET} is wrong")]
    with pytest.raises(AuthError) as caught:
        account.site.search(Query(PICTURE))
    assert not any(secret in str(caught.value) + caplog.text for secret in (SECOND, SECRET))


def test_a_consent_that_ends_with_its_token_is_told(
    account: Account, server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    ends = int(NOW + 3600) * 1000
    server.routes["/rest/auth/token/refresh"] = as_json(refreshed(refresh_token_valid_time=ends))
    server.replies = [REFUSED, GOOD]
    account.site.search(Query(PICTURE))
    assert "refresh token ends at 2023-11-14 23:13 UTC" in caplog.text
    assert "new consent" in caplog.text


def test_a_ban_is_waited_for_a_second_longer_than_it_lasts(
    account: Account, server: Scripted
) -> None:
    server.replies = [gateway("ApiCallLimit", BAN), older(7, BAN), GOOD]
    account.site.search(Query(PICTURE))
    assert [pause >= 2.0 for pause in account.sleep.calls] == [True, True]
    assert account.pace.holds == [timedelta(seconds=2)] * 2


def test_a_long_ban_is_not_slept_through(account: Account, server: Scripted) -> None:
    server.replies = [gateway("AppCallLimit", "this ban will last 3600 more seconds")]
    with pytest.raises(Throttled, match="for a long time"):
        account.site.search(Query(PICTURE))
    assert account.sleep.calls == []
    assert account.pace.holds == [timedelta(seconds=3601)]


@pytest.mark.parametrize(
    "said",
    [
        {"code": "InvalidMethod", "message": "aliexpress.ds.image.searchV2 is not there"},
        {"error_response": {"code": 15, "msg": "/upload/image failed"}},
    ],
)
def test_an_interfaces_name_is_not_taken_for_a_word_about_the_picture(said: object) -> None:
    assert type(find_refusal(json.loads(json.dumps(said)))) is ProtocolError


@pytest.mark.parametrize("code", ["0", 0, "00", "200", 200, None])
def test_a_good_code_is_no_refusal(code: object) -> None:
    assert find_refusal(json.loads(json.dumps({"code": code, "data": []}))) is None


@pytest.mark.parametrize(
    ("changes", "expires_at"),
    [
        ({}, NOW + 86_400),
        ({"expire_time": None}, NOW + 86_400),
        ({"expire_time": "1699999000000"}, NOW + 86_400),  # over already
        ({"expire_time": int(NOW), "expires_in": 3600}, NOW + 3600),  # seconds, not milliseconds
        ({"expire_time": None, "expires_in": 60}, None),  # would be refreshed at every call
        ({"expire_time": "never", "expires_in": {}}, None),
    ],
)
def test_a_tokens_end_is_taken_where_it_can_be_believed(
    changes: dict[str, object], expires_at: float | None
) -> None:
    token, consent_until = parse_token(json.dumps(refreshed(**changes)).encode(), NOW)
    assert token.expires_at == expires_at
    assert (token.access, token.refresh, consent_until) == (SECOND, NEXT_REFRESH, NOW + 172_800)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
TOKEN_FIELDS = ("access_token", "refresh_token", "expire_time", "expires_in")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(TOKEN_FIELDS, json_values)) | json_values)
def test_any_answer_to_a_refresh_is_a_token_or_an_unexpected_answer(value: object) -> None:
    logging.disable(logging.WARNING)
    try:
        token, _ = parse_token(json.dumps(value).encode(), NOW)
    except ProtocolError:
        return
    finally:
        logging.disable(logging.NOTSET)
    assert token.access.isprintable()
    assert token.expires_at is None or token.expires_at > NOW


REFUSAL_FIELDS = ("code", "msg", "sub_msg", "message", "type", "success", "error_response")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(REFUSAL_FIELDS, json_values)) | json_values)
def test_any_refusal_has_an_error_or_is_none(value: object) -> None:
    found = find_refusal(json.loads(json.dumps(value)))
    assert found is None or isinstance(found, MarketplaceError)
