"""When a channel may send: groups, intervals, digests, quiet hours, and clocks that change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.gate import next_opening, open_until, quiet_until
from monitor.alerting.options import ChannelOptions
from monitor.schedule.wall_clock import Digest, QuietHours, last_digest_at

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
AT_ONCE = timedelta(0)
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
YEARS = st.integers(0, 10 * 365 * 24 * 3600).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
WALL_TIMES = st.times().map(lambda found: found.replace(second=0, microsecond=0))
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "Asia/Shanghai", "America/Sao_Paulo", "Australia/Lord_Howe"]
).map(ZoneInfo)
DIGESTS = st.builds(Digest, WALL_TIMES, ZONES, st.none() | st.integers(0, 6))
QUIET = st.builds(QuietHours, WALL_TIMES, WALL_TIMES, ZONES)


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BERLIN).astimezone(UTC)  # type: ignore[misc,arg-type]


def quiet(start: str, end: str, zone: ZoneInfo = BERLIN) -> ChannelOptions:
    hours = QuietHours(time.fromisoformat(start), time.fromisoformat(end), zone)
    return ChannelOptions(group=AT_ONCE, quiet=hours)


def test_a_group_opens_for_what_is_as_old_as_it_waits() -> None:
    options = ChannelOptions(group=timedelta(seconds=30))
    assert open_until(options, NOON, None) == NOON - timedelta(seconds=30)
    assert next_opening(options, NOON) == NOON + timedelta(seconds=30)


def test_between_two_messages_lies_the_interval() -> None:
    options = ChannelOptions(group=AT_ONCE, interval=timedelta(hours=1))
    assert open_until(options, NOON, None) == NOON
    assert open_until(options, NOON, NOON - timedelta(minutes=59)) is None
    assert open_until(options, NOON, NOON - timedelta(hours=1)) == NOON
    sent_at = NOON - timedelta(minutes=10)
    assert next_opening(options, NOON, NOON, sent_at) == NOON + timedelta(minutes=50)


def test_a_message_from_the_future_closes_no_channel() -> None:
    options = ChannelOptions(group=AT_ONCE, interval=timedelta(hours=1))
    assert open_until(options, NOON, NOON + timedelta(days=900)) == NOON


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (berlin(2026, 11, 24, 7, 59), berlin(2026, 11, 23, 8, 0)),
        (berlin(2026, 11, 24, 8, 0), berlin(2026, 11, 24, 8, 0)),
        (berlin(2026, 11, 25, 7, 0), berlin(2026, 11, 24, 8, 0)),
        # the day after the clocks went back, and forward
        (berlin(2026, 10, 25, 12, 0), berlin(2026, 10, 25, 8, 0)),
        (berlin(2026, 3, 29, 12, 0), berlin(2026, 3, 29, 8, 0)),
    ],
)
def test_a_daily_digest_is_due_at_its_wall_time(now: datetime, expected: datetime) -> None:
    options = ChannelOptions(digest=Digest(time(8, 0), BERLIN))
    assert open_until(options, now, None) == expected


def test_a_weekly_digest_is_due_on_its_weekday() -> None:
    digest = Digest(time(8, 0), SHANGHAI, weekday=0)
    assert last_digest_at(digest, NOON) == datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    options = ChannelOptions(digest=digest)
    assert next_opening(options, NOON) == datetime(2026, 11, 30, 0, 0, tzinfo=UTC)


def test_a_skipped_digest_is_due_right_after_the_gap() -> None:
    digest = Digest(time(2, 30), BERLIN)
    gap_end = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert last_digest_at(digest, gap_end - timedelta(seconds=1)) == berlin(2026, 3, 28, 2, 30)
    assert last_digest_at(digest, gap_end) == gap_end


def test_a_repeated_digest_is_due_the_first_time_only() -> None:
    digest = Digest(time(2, 30), BERLIN)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    for minutes in (0, 30, 60, 90):
        assert last_digest_at(digest, first + timedelta(minutes=minutes)) == first


def test_quiet_hours_may_lie_over_midnight_and_end_on_the_minute() -> None:
    options = quiet("22:00", "07:00")
    end = berlin(2026, 11, 25, 7, 0)
    assert quiet_until(options, berlin(2026, 11, 24, 21, 59)) is None
    assert quiet_until(options, berlin(2026, 11, 24, 22, 0)) == end
    assert quiet_until(options, berlin(2026, 11, 25, 3, 0)) == end
    assert open_until(options, berlin(2026, 11, 25, 3, 0), None) is None
    assert open_until(options, end, None) == end
    assert next_opening(options, berlin(2026, 11, 24, 23, 30)) == end


def test_quiet_hours_within_a_day() -> None:
    options = quiet("12:00", "13:30")
    assert quiet_until(options, berlin(2026, 11, 24, 13, 0)) == berlin(2026, 11, 24, 13, 30)
    assert quiet_until(options, berlin(2026, 11, 24, 14, 0)) is None


def test_quiet_hours_that_end_as_they_start_are_off() -> None:
    assert quiet_until(quiet("07:00", "07:00"), NOON) is None


def test_quiet_hours_over_a_clock_change_end_once() -> None:
    options = quiet("22:00", "02:30")
    # forward: 02:30 is skipped, they end with the gap
    assert quiet_until(options, datetime(2026, 3, 29, 0, 59, tzinfo=UTC)) == datetime(
        2026, 3, 29, 1, 0, tzinfo=UTC
    )
    # back: 02:30 comes twice, they end at the first
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert quiet_until(options, first - timedelta(minutes=1)) == first
    assert quiet_until(options, first + timedelta(minutes=45)) is None


def test_quiet_hours_that_the_clocks_skip_whole_don_t_take_place() -> None:
    options = quiet("02:10", "02:50")
    for hour in range(24):
        assert quiet_until(options, datetime(2026, 3, 29, hour, 30, tzinfo=UTC)) is None


def test_a_digest_in_quiet_hours_goes_at_their_end() -> None:
    hours = QuietHours(time(22, 0), time(7, 0), BERLIN)
    options = ChannelOptions(digest=Digest(time(23, 0), BERLIN), quiet=hours)
    created_at = berlin(2026, 11, 24, 22, 30)
    assert next_opening(options, created_at) == berlin(2026, 11, 25, 7, 0)
    assert open_until(options, berlin(2026, 11, 25, 7, 0), None) == berlin(2026, 11, 24, 23, 0)


@given(DIGESTS, YEARS, YEARS)
def test_each_alert_is_in_exactly_one_digest(
    digest: Digest, created_at: datetime, now: datetime
) -> None:
    """Digests part the time line: none is before its alert, none comes twice."""
    options = ChannelOptions(digest=digest)
    opening = next_opening(options, created_at)
    assert opening >= created_at
    # open from its digest on and never before, so that what is not sent yet is always in the next
    assert (last_digest_at(digest, now) >= created_at) == (now >= opening)
    longest = timedelta(days=1 if digest.weekday is None else 7, hours=2)
    assert now - longest < last_digest_at(digest, now) <= now


@given(QUIET, YEARS)
def test_quiet_hours_end_within_a_day_and_are_over_then(hours: QuietHours, now: datetime) -> None:
    options = ChannelOptions(group=AT_ONCE, quiet=hours)
    end = quiet_until(options, now)
    if end is None:
        assert open_until(options, now, None) == now
        return
    assert now < end <= now + timedelta(hours=25)
    assert open_until(options, now, None) is None
    assert next_opening(options, now) == end
    assert open_until(options, end, None) == end


@given(QUIET.filter(lambda hours: hours.zone.key == "UTC"), YEARS)
def test_without_clock_changes_quiet_is_what_the_clock_says(
    hours: QuietHours, now: datetime
) -> None:
    wall = now.time()
    if hours.start <= hours.end:
        is_quiet = hours.start <= wall < hours.end
    else:
        is_quiet = wall >= hours.start or wall < hours.end
    assert (quiet_until(ChannelOptions(quiet=hours), now) is not None) == is_quiet
