"""Text from outside, as both databases can keep it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.storage.db.text import bounded, clean

ANY = st.text(st.characters(codec=None))


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("杯子 \U0001f600", "杯子 \U0001f600"),
        ("a\x00b", "a\ufffdb"),
        ("\ud83d", "\ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ufeffa", "\ufeffa"),
        ("", ""),
    ],
)
def test_what_cannot_be_stored_is_replaced(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(ANY)
def test_cleaned_text_can_be_stored_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    assert "\x00" not in cleaned
    cleaned.encode()
    assert clean(cleaned) == cleaned


def test_nothing_stays_nothing() -> None:
    assert clean(None) is None


@given(st.text(), st.text())
def test_keys_are_short_and_stay_apart(one: str, other: str) -> None:
    long = "x" * 3_000
    assert len(bounded(long + one).encode()) < 2_000
    assert (bounded(long + one) == bounded(long + other)) == (one == other)
    assert bounded(one) == one
