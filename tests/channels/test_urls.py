from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.channels import check_url

SECRET = "S3cretTokenValue"


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1:9000/ops",
        " mailto://user:pass@example.org?to=a@example.org,b@example.org ",
        "ntfy://topic",
    ],
)
def test_a_good_url_has_no_reason(url: str) -> None:
    assert check_url(url) is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (SECRET, "no scheme"),
        (f"slak://T1/A/{SECRET}", "did you mean slack://?"),
        (f"https://example.org/{SECRET}", "json://"),
        (f"slack://{SECRET}", "incomplete or malformed"),
        (f"tgram://{SECRET}", "incomplete or malformed"),
        (f"json://127.0.0.1/{SECRET}, json://127.0.0.1/b", "more than one"),
    ],
)
def test_a_wrong_url_gets_a_reason_without_the_secret(url: str, reason: str) -> None:
    told = check_url(url)
    assert told is not None
    assert reason in told
    assert SECRET not in told


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    check_url(text)


@given(st.sampled_from(["slack", "json", "mailto", "tgram", "nope"]), st.text())
def test_any_rest_of_a_url_gets_an_answer(scheme: str, rest: str) -> None:
    check_url(f"{scheme}://{rest}")
