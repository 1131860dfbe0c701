"""The official gateway itself: its refusals, its token, its clock."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from PIL import Image

from monitor.errors import (
    AuthError,
    ProtocolError,
    Transient,
)
from monitor.marketplaces.base import Query
from monitor.marketplaces.testing import NOW, Reply, Scripted, as_json
from tests.marketplaces.sites.aop_gateway import (
    GET_TOKEN,
    KEY,
    MILLIS,
    QUERY,
    SECRET,
    TIME,
    TOKEN,
    UNAUTHENTICATED,
    UPLOAD,
    App,
    Asked,
    offers,
    uploaded,
)

QUERIED = Query(Image.new("RGB", (300, 300), "teal"), sha256="ab" * 32)
URL = "https://gw.open.1688.com/openapi/param2/1/x/y/1"
STALE = as_json({"error_code": "gw.TimestampInvalid", "error_message": "timestamp expired"}, 400)
REFRESH = "the-first-refresh-token"


def refreshed(number: int, **more: object) -> Reply:
    """The answer to a refresh, as the site gives it: all of it is text."""
    said = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}"}
    extra = {"expires_in": "36000", "resource_owner": "shop", "aliId": "1", "memberId": "b2b-1"}
    return as_json({**said, **extra, **more})


@pytest.fixture
def app() -> Iterator[App]:
    with Scripted(Reply(404)) as server:
        made = App(server)
        made.answers(UPLOAD, uploaded("116"))
        made.answers(QUERY, offers(1, 2))
        made.answers(GET_TOKEN, refreshed(1), refreshed(2))
        made.answers(MILLIS, as_json(str(round(NOW * 1000) + 600_000)))
        yield made
        made.close()


def accepting(*tokens: str) -> object:
    def answer(asked: Asked) -> Reply:
        return offers(1, 2) if asked.fields["access_token"] in tokens else UNAUTHENTICATED

    return answer


def only_at(seconds: float, image_id: str = "116") -> object:
    """An upload that is taken only with a time that is nearly right."""

    def answer(asked: Asked) -> Reply:
        is_good = abs(int(asked.fields["_aop_timestamp"]) / 1000 - seconds) < 5
        return uploaded(image_id) if is_good else STALE

    return answer


def test_a_static_token_is_used_for_ever(app: App) -> None:
    app.open().search(QUERIED)
    app.memory.now += timedelta(days=400).total_seconds()
    app.open().search(QUERIED)
    assert GET_TOKEN not in app.paths
    assert {asked.fields["access_token"] for asked in app.asked} == {TOKEN}


def test_a_static_token_that_is_refused_says_what_to_check(app: App) -> None:
    app.answers(UPLOAD, UNAUTHENTICATED)
    with pytest.raises(
        AuthError, match=r"acme: .*user authenticated.* check the key, the secret or"
    ):
        app.open().search(QUERIED)
    assert app.paths == [UPLOAD]


@pytest.mark.parametrize(
    "refusal",
    [
        UNAUTHENTICATED,
        Reply(401),
        as_json({"errorCode": "401", "errorMessage": "Request need user authenticated"}),
        as_json({"error_code": "gw.X", "error_message": "access_token is invalid"}, 400),
    ],
)
def test_a_refused_token_is_refreshed_once_and_the_call_made_again(
    app: App, refusal: Reply
) -> None:
    app.answers(UPLOAD, refusal, uploaded("116"))
    page = app.open(refresh_token=REFRESH).search(QUERIED)
    assert app.paths == [UPLOAD, GET_TOKEN, UPLOAD, QUERY]
    assert (page.requests, app.pace.waits, len(page.observations)) == (4, 4, 2)
    assert app.asked[1].fields == {
        "grant_type": "refresh_token",
        "client_id": KEY,
        "client_secret": SECRET,
        "refresh_token": REFRESH,
    }
    assert [asked.fields["access_token"] for asked in app.asked[2:]] == ["access-1"] * 2


def test_a_token_that_stays_refused_is_refreshed_once_only(app: App) -> None:
    app.answers(UPLOAD, UNAUTHENTICATED)
    with pytest.raises(AuthError):
        app.open(refresh_token=REFRESH).search(QUERIED)
    assert app.paths == [UPLOAD, GET_TOKEN, UPLOAD]


def test_a_refused_signature_costs_no_token(app: App) -> None:
    said = {"error_code": "gw.SignatureInvalid", "error_message": "Invalid signature"}
    for status in (400, 401):
        app.answers(UPLOAD, as_json(said, status))
        with pytest.raises(AuthError, match="SignatureInvalid"):
            app.open(refresh_token=REFRESH).search(QUERIED)
    assert app.paths == [UPLOAD, UPLOAD]


def test_the_token_is_refreshed_300_seconds_before_its_end_with_the_newest_refresh_token(
    app: App,
) -> None:
    app.answers(QUERY, accepting("access-1", "access-2"))  # type: ignore[arg-type]
    app.open(refresh_token=REFRESH).search(QUERIED)
    app.memory.now = NOW + 36_000 - 301
    app.open(refresh_token=REFRESH).search(QUERIED)
    assert app.paths.count(GET_TOKEN) == 1
    app.memory.now = NOW + 36_000 - 299
    app.open(refresh_token=REFRESH).search(QUERIED)
    sent = [asked.fields["refresh_token"] for asked in app.asked if asked.path == GET_TOKEN]
    assert sent == [REFRESH, "refresh-1"]
    assert app.asked[-1].fields["access_token"] == "access-2"


def test_a_refresh_token_that_isnt_given_anew_is_used_again(app: App) -> None:
    app.answers(UPLOAD, UNAUTHENTICATED, uploaded("116"))
    app.answers(GET_TOKEN, as_json({"access_token": "access-1", "expires_in": "36000"}))
    app.open(refresh_token=REFRESH).search(QUERIED)
    app.memory.now += 36_000
    app.open(refresh_token=REFRESH).search(QUERIED)
    sent = [asked.fields["refresh_token"] for asked in app.asked if asked.path == GET_TOKEN]
    assert sent == [REFRESH, REFRESH]


def test_tokens_are_kept_sealed(app: App) -> None:
    app.answers(QUERY, accepting("access-1"))  # type: ignore[arg-type]
    app.open(refresh_token=REFRESH).search(QUERIED)
    kept = json.dumps(app.memory.kept)
    for secret in ("access-1", "refresh-1", REFRESH, SECRET, TOKEN):
        assert secret not in kept


def test_a_refused_refresh_says_to_authorise_anew_and_holds_no_secret(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = f"refresh token {REFRESH} of {SECRET} has run out"
    app.answers(UPLOAD, UNAUTHENTICATED)
    app.answers(GET_TOKEN, as_json({"error": "invalid_grant", "error_description": said}, 400))
    with pytest.raises(AuthError, match=r"acme: .*authorise the app anew") as caught:
        app.open(refresh_token=REFRESH).search(QUERIED)
    for secret in (REFRESH, SECRET, TOKEN):
        assert secret not in str(caught.value) + caplog.text


def test_a_token_that_came_by_a_refresh_stands_in_no_message(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    app.answers(UPLOAD, UNAUTHENTICATED, uploaded("116"))
    app.answers(QUERY, as_json({"errorCode": "x", "errorMessage": "busy with access-1"}))
    with pytest.raises(Transient) as caught:
        app.open(refresh_token=REFRESH).search(QUERIED)
    assert "busy with ***" in str(caught.value)
    assert "access-1" not in str(caught.value) + caplog.text


@pytest.mark.parametrize("body", [{}, {"access_token": ""}, {"access_token": 5}, [], None])
def test_a_refresh_without_a_token_is_an_unexpected_answer(app: App, body: object) -> None:
    app.answers(UPLOAD, UNAUTHENTICATED)
    app.answers(GET_TOKEN, as_json(body))
    with pytest.raises(ProtocolError, match=r"acme: .*access_token"):
        app.open(refresh_token=REFRESH).search(QUERIED)


def test_an_outage_of_the_token_endpoint_is_retried(app: App) -> None:
    app.answers(UPLOAD, UNAUTHENTICATED, uploaded("116"))
    app.answers(GET_TOKEN, Reply(503), refreshed(1))
    assert app.open(refresh_token=REFRESH).search(QUERIED).requests == 5


def test_a_wrong_clock_is_corrected_by_the_gateways_and_the_call_made_again(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.answers(UPLOAD, only_at(NOW + 600))  # type: ignore[arg-type]
    page = app.open().search(QUERIED)
    assert app.paths == [UPLOAD, MILLIS, UPLOAD, QUERY]
    assert app.asked[1].fields.keys() == {"_aop_signature"}
    assert [app.asked[n].fields["_aop_timestamp"] for n in (0, 2, 3)] == [
        *("1700000000000", "1700000600000", "1700000600000")
    ]
    assert (page.requests, len(page.observations)) == (4, 2)
    assert "600 s behind the gateway's" in caplog.text
    # the offset outlives the process
    app.open().search(QUERIED)
    assert app.asked[-1].fields["_aop_timestamp"] == "1700000600000"


def test_the_date_of_a_refusal_tells_of_a_wrong_clock_too(app: App) -> None:
    said = as_json({"error_code": "gw.SignatureInvalid"}, 400, Date="Tue, 14 Nov 2023 22:23:20 GMT")
    app.answers(UPLOAD, said, uploaded("116"))
    app.open().search(QUERIED)
    assert app.paths == [UPLOAD, MILLIS, UPLOAD, QUERY]


def test_a_clock_that_agrees_is_not_asked_for(app: App) -> None:
    said = as_json({"error_code": "gw.SignatureInvalid"}, 400, Date="Tue, 14 Nov 2023 22:13:22 GMT")
    app.answers(UPLOAD, said)
    with pytest.raises(AuthError, match="agrees"):
        app.open().search(QUERIED)
    assert app.paths == [UPLOAD]


def test_the_gateways_time_is_asked_once_in_ten_minutes(app: App) -> None:
    app.answers(UPLOAD, STALE)
    for _ in range(3):
        with pytest.raises(AuthError, match="timestamp expired"):
            app.open().search(QUERIED)
    assert app.paths.count(MILLIS) == 1
    app.memory.now += 601
    with pytest.raises(AuthError):
        app.open().search(QUERIED)
    assert app.paths.count(MILLIS) == 2


def test_a_time_that_agrees_with_the_one_used_is_no_reason_to_try_again(app: App) -> None:
    app.answers(UPLOAD, only_at(NOW + 600))  # type: ignore[arg-type]
    app.open().search(QUERIED)
    app.answers(QUERY, STALE)
    app.answers(MILLIS, as_json(round((NOW + 601) * 1000) + 600_500))
    app.memory.now += 601
    with pytest.raises(AuthError, match="timestamp expired"):
        app.open().search(QUERIED)
    assert app.paths[4:] == [QUERY, MILLIS]


def test_a_time_that_another_process_has_asked_for_meanwhile_is_used(app: App) -> None:
    def refuse_late(_: Asked) -> Reply:
        app.memory.keep("clock offset", "600.000")
        return STALE

    app.answers(UPLOAD, refuse_late, only_at(NOW + 600))  # type: ignore[arg-type]
    app.open().search(QUERIED)
    assert app.paths == [UPLOAD, UPLOAD, QUERY]


def test_a_token_that_is_refused_at_the_corrected_time_raises_no_doubt_of_the_clock(
    app: App,
) -> None:
    app.memory.keep("clock offset", "600.000")
    app.answers(UPLOAD, Reply(401, {"Date": "Tue, 14 Nov 2023 22:23:21 GMT"}), uploaded("116"))
    app.open(refresh_token=REFRESH).search(QUERIED)
    assert app.paths == [UPLOAD, GET_TOKEN, UPLOAD, QUERY]


@pytest.mark.parametrize("answer", [Reply(404), as_json("soon"), as_json(5), as_json({})])
def test_a_time_that_cant_be_had_leaves_the_refusal(app: App, answer: Reply) -> None:
    app.answers(UPLOAD, STALE)
    app.answers(MILLIS, answer)
    with pytest.raises(AuthError, match="timestamp expired"):
        app.open().search(QUERIED)


def test_a_wrong_clock_and_an_old_token_are_both_put_right(app: App) -> None:
    app.answers(UPLOAD, only_at(NOW + 600))  # type: ignore[arg-type]
    app.answers(QUERY, accepting("access-1"))  # type: ignore[arg-type]
    page = app.open(refresh_token=REFRESH).search(QUERIED)
    assert app.paths == [UPLOAD, MILLIS, UPLOAD, QUERY, GET_TOKEN, QUERY]
    assert page.requests == 6


def test_a_401_with_a_foreign_date_is_a_matter_of_the_token_once_the_clock_is_known(
    app: App,
) -> None:
    refused = Reply(401, {"Date": "Tue, 14 Nov 2023 22:23:20 GMT"})
    app.answers(UPLOAD, refused, refused, uploaded("116"))
    app.open(refresh_token=REFRESH).search(QUERIED)
    assert app.paths == [UPLOAD, MILLIS, UPLOAD, GET_TOKEN, UPLOAD, QUERY]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("20231115061320223+0800", "agrees with the site's"),
        ("20231115062320000+0800", "is 600 s behind the site's"),
        ("20231114221220000+0000", "is 60 s ahead of the site's"),
    ],
)
def test_a_probe_checks_key_and_signature_and_tells_the_clocks(
    app: App, said: str, words: str
) -> None:
    app.answers(TIME, as_json(said))
    standing = app.open().probe()
    assert words in standing.text
    assert standing.calls_left is None
    assert app.paths == [TIME]
    assert app.pace.waits == 1


def test_a_probe_with_a_wrong_secret_fails(app: App) -> None:
    app.answers(TIME, as_json({"error_code": "gw.SignatureInvalid"}, 400))
    with pytest.raises(AuthError, match=r"acme: .*gw.SignatureInvalid"):
        app.open().probe()


def test_a_probe_lets_what_was_declined_be_tried_again(app: App) -> None:
    app.answers(TIME, as_json("20231115061320223+0800"))
    app.memory.keep("declined linkplus", "declined")
    app.open().probe()
    assert app.memory.find("declined linkplus") is None


def test_a_throttle_is_waited_for_ten_seconds_by_everybody(app: App) -> None:
    limited = as_json({"error_code": "gw.QosAppFrequencyLimit", "error_message": "exceeds"}, 400)
    app.answers(QUERY, limited, offers(1))
    app.open().search(QUERIED)
    assert app.sleep.calls == [10.0]
    assert app.pace.holds == [timedelta(seconds=10)]
