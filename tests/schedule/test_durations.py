"""Lengths of time, as they are written and read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.schedule.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "1s"), (90, "90s"), (60, "1m"), (86_400, "1d"), (129_600, "36h")]
)
def test_durations_are_written_in_the_largest_unit_that_fits(seconds: int, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.integers(1, 366 * 86_400))
def test_what_is_written_is_read_as_the_same(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(format_duration(duration)) == duration


@given(st.text(alphabet="0123456789smhd -+.", max_size=12))
def test_any_other_text_is_refused(text: str) -> None:
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert text[:-1].isdigit()
    assert timedelta(seconds=1) <= duration <= timedelta(days=366)


@pytest.mark.parametrize(
    ("text", "message"),
    [("0s", "too short: at least 1s"), ("367d", "too long: at most 366d"), ("6 h", "not a dur")],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_duration(text)
