"""Digests and quiet hours, as they are written and when they are."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.schedule.wall_clock import (
    Digest,
    QuietHours,
    last_digest_at,
    next_digest_at,
    parse_digest,
    parse_quiet,
    quiet_end_at,
)

BERLIN = ZoneInfo("Europe/Berlin")
WALL_TIMES = st.times().map(lambda found: found.replace(second=0, microsecond=0))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo"]).map(ZoneInfo)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001
    lambda found: found.replace(tzinfo=UTC)
)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@given(WALL_TIMES, st.none() | st.integers(0, 6))
def test_a_digest_is_daily_or_on_a_weekday(at: time, weekday: int | None) -> None:
    day = "daily" if weekday is None else f"weekly {WEEKDAYS[weekday]}"
    assert parse_digest(f"{day} {at:%H:%M}", BERLIN) == Digest(at, BERLIN, weekday)


@given(WALL_TIMES, WALL_TIMES)
def test_quiet_hours_are_two_times(start: time, end: time) -> None:
    assert parse_quiet(f"{start:%H:%M}-{end:%H:%M}", BERLIN) == QuietHours(start, end, BERLIN)


@pytest.mark.parametrize("text", ["daily 24:00", "weekly 08:00", "daily  08:00", "08:00", ""])
def test_another_text_is_no_digest(text: str) -> None:
    with pytest.raises(ValueError, match="not a digest"):
        parse_digest(text, BERLIN)


@pytest.mark.parametrize("text", ["22-07", "22:00-07:60", "22:00 - 07:00", ""])
def test_another_text_is_no_quiet_hours(text: str) -> None:
    with pytest.raises(ValueError, match="not quiet hours"):
        parse_quiet(text, BERLIN)


def test_quiet_hours_may_go_over_midnight() -> None:
    night = parse_quiet("22:00-07:00", BERLIN)
    assert [night.has(time(hour)) for hour in (21, 22, 0, 6, 7)] == [False, True, True, True, False]
    noon = parse_quiet("12:00-13:00", BERLIN)
    assert [noon.has(time(hour)) for hour in (11, 12, 13)] == [False, True, False]


@given(WALL_TIMES, WALL_TIMES, INSTANTS)
def test_where_no_clock_moves_it_is_quiet_at_the_wall_times(
    start: time, end: time, now: datetime
) -> None:
    quiet = QuietHours(start, end, ZoneInfo("UTC"))
    assert (quiet_end_at(quiet, now) is not None) == quiet.has(now.time())


@given(WALL_TIMES, ZONES, st.none() | st.integers(0, 6), INSTANTS)
def test_an_instant_lies_between_the_last_digest_and_the_next(
    at: time, zone: ZoneInfo, weekday: int | None, now: datetime
) -> None:
    digest = Digest(at, zone, weekday)
    last, following = last_digest_at(digest, now), next_digest_at(digest, now)
    assert last <= now <= following
    assert following - last <= timedelta(days=8)
    assert next_digest_at(digest, last) == last
