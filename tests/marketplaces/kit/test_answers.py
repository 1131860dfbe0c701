from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import (
    AuthError,
    BadImage,
    Blocked,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.kit.answers import PictureTooLarge, auth_error, error_of, retry_after
from monitor.net.wire import Answer

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
URL = "http://api.example/search"


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(URL, status, named, body)


def judged(given: Answer, refusal: MarketplaceError | None = None) -> MarketplaceError | None:
    return error_of(given, lambda _: refusal, NOW)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *(
            (400, ProtocolError),
            (401, AuthError),
            (402, QuotaExhausted),
            (404, ProtocolError),
        ),
        *((403, PermissionDenied), (408, Transient), (413, PictureTooLarge), (415, BadImage)),
        *((422, BadImage), (429, Throttled), (500, Transient), (503, Transient), (302, Blocked)),
        *((204, ProtocolError),),
    ],
)
def test_each_status_stands_for_its_error(status: int, kind: type[MarketplaceError]) -> None:
    assert type(judged(answer(status))) is kind


@pytest.mark.parametrize("status", [200, 400, 403, 405])
def test_a_web_page_is_a_wall(status: int) -> None:
    assert type(judged(answer(status, content_type="text/html; charset=gbk"))) is Blocked
    assert type(judged(answer(status, b"\xef\xbb\xbf \n<!DOCTYPE html>"))) is Blocked


@pytest.mark.parametrize(("status", "kind"), [(502, Transient), (429, Throttled), (401, AuthError)])
def test_a_proxys_error_page_is_no_wall(status: int, kind: type[MarketplaceError]) -> None:
    assert type(judged(answer(status, b"<html>bad gateway", content_type="text/html"))) is kind


def test_a_good_answer_is_no_error() -> None:
    assert judged(answer()) is None


def test_what_the_body_says_comes_before_the_status() -> None:
    refusal = BadImage("said so")
    assert judged(answer(400), refusal) is refusal
    assert judged(answer(200), refusal) is refusal


def test_a_used_up_quota_is_told_from_a_throttle() -> None:
    refusal = QuotaExhausted("said so")
    assert judged(answer(429), refusal) is refusal


def test_a_used_up_quota_is_told_from_a_server_that_is_down() -> None:
    refusal = QuotaExhausted("said so")
    assert judged(answer(500), refusal) is refusal
    for other in (None, BadImage("said so"), PermissionDenied("said so")):
        assert type(judged(answer(500), other)) is Transient


class TokenRefused(AuthError):
    """As an adapter tells one refused credential from another."""


@pytest.mark.parametrize("status", [200, 400, 401])
def test_which_credential_is_refused_is_kept_with_the_skew(status: int) -> None:
    given = answer(status, date="Tue, 14 Nov 2023 22:14:20 GMT")
    error = judged(given, TokenRefused("said so"))
    assert isinstance(error, TokenRefused)
    assert "said so" in str(error)
    assert error.skew == -60


def test_a_401_is_never_anything_but_a_refused_credential() -> None:
    for refusal in (None, Transient("busy"), BadImage("no picture")):
        assert type(judged(answer(401), refusal)) is AuthError


def test_without_a_date_the_skew_is_not_known() -> None:
    error = judged(answer(401))
    assert isinstance(error, AuthError)
    assert error.skew is None


def test_an_outdated_base_url_is_not_taken_for_a_wall() -> None:
    error = judged(answer(308, location="https://api.example/search"))
    assert type(error) is ProtocolError
    assert "correct base_url" in str(error)


def test_a_redirect_names_the_host_and_no_query() -> None:
    error = judged(answer(302, location="https://login.example/x?token=geheim"))
    assert "login.example" in str(error)
    assert "geheim" not in str(error)


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ("Tue, 14 Nov 2023 22:13:20 GMT", "agrees"),
        ("Tue, 14 Nov 2023 22:08:20 GMT", "300 s ahead of"),
        ("Tue, 14 Nov 2023 22:14:20 GMT", "60 s behind"),
        ("yesterday", "no Date"),
        ("", "no Date"),
    ],
)
def test_a_refused_signature_tells_the_clocks_skew(date: str, words: str) -> None:
    error = auth_error("refused", answer(401, date=date), NOW)
    assert words in str(error)
    assert "secret" in str(error)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("0", 0), ("7", 7), ("120", 120), ("999999999999999999999", 86_400)),
        *(("Tue, 14 Nov 2023 22:14:20 GMT", 60), ("Tue, 14 Nov 2023 22:00:00 GMT", 0)),
        *((None, None), ("", None), ("-5", None), ("soon", None), ("１２", None)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
    ],
)
def test_retry_after_is_read_in_both_forms(text: str | None, seconds: int | None) -> None:
    headers = {} if text is None else {"retry-after": text}
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after(Answer(URL, 429, headers, b""), NOW) == expected


def test_a_date_in_retry_after_is_compared_with_the_sites_own_clock() -> None:
    given = answer(
        429,
        retry_after="Tue, 14 Nov 2023 21:00:30 GMT",
        date="Tue, 14 Nov 2023 21:00:00 GMT",
    )
    assert retry_after(given, NOW) == timedelta(seconds=30)


@given(
    st.integers(100, 599),
    st.binary(max_size=50),
    st.dictionaries(
        st.sampled_from(["date", "retry-after", "location", "content-type"]), st.text()
    ),
)
def test_no_answer_makes_the_judgement_crash(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    error = error_of(Answer(URL, status, headers, body), lambda _: None, NOW)
    assert (error is None) <= (status == 200)
