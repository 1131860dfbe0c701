"""When a crontab expression is due, over clocks that change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import InputError
from monitor.schedule.cron import Cron
from monitor.schedule.triggers import Trigger

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Shanghai",
    "Australia/Lord_Howe",  # moves by half an hour
    "Asia/Kathmandu",
    "America/Sao_Paulo",  # moved at midnight
    "Africa/Casablanca",
    "Pacific/Apia",  # left out a whole day
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dues(trigger: Trigger, start: str, count: int) -> list[str]:
    instant, found = at(start), []
    for _ in range(count):
        instant = trigger.next_after(instant)
        found.append(instant.strftime("%Y-%m-%d %H:%M"))
    return found


def test_a_due_time_is_never_the_instant_itself() -> None:
    assert Cron("0 6 * * *").next_after(at("2026-01-01 06:00")) == at("2026-01-02 06:00")


def test_a_skipped_wall_time_is_due_right_after_the_gap() -> None:
    cron = Cron("30 2 * * *", "Europe/Berlin")
    assert dues(cron, "2026-03-28 00:00", 3) == [
        "2026-03-28 01:30",
        "2026-03-29 01:00",  # 02:30 does not exist; the gap ends at 03:00, which is 01:00 UTC
        "2026-03-30 00:30",
    ]


def test_wall_times_skipped_together_are_due_once() -> None:
    cron = Cron("*/15 2,3 * * *", "Europe/Berlin")
    assert dues(cron, "2026-03-29 00:00", 3) == [
        "2026-03-29 01:00",  # 02:00 to 02:45, and 03:00 itself
        "2026-03-29 01:15",
        "2026-03-29 01:30",
    ]


def test_a_repeated_wall_time_is_due_the_first_time_only() -> None:
    cron = Cron("30 2 * * *", "Europe/Berlin")
    assert dues(cron, "2026-10-24 12:00", 2) == ["2026-10-25 00:30", "2026-10-26 01:30"]


def test_asking_within_the_repeated_hour_gives_the_time_after_it() -> None:
    cron = Cron("*/30 * * * *", "Europe/Berlin")
    assert cron.next_after(at("2026-10-25 01:10")) == at("2026-10-25 02:00")


def test_a_day_that_the_calendar_left_out_is_due_at_its_end() -> None:
    cron = Cron("0 12 * * *", "Pacific/Apia")
    # 30 December 2011 did not exist there; the gap ended at 10:00 UTC
    assert dues(cron, "2011-12-29 00:00", 2) == ["2011-12-29 22:00", "2011-12-30 10:00"]


@pytest.mark.parametrize("expression", ["0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "0 0 * * SUN"])
def test_sunday_has_two_numbers_and_a_name(expression: str) -> None:
    assert dues(Cron(expression), "2026-01-01 00:00", 2) == ["2026-01-04 00:00", "2026-01-11 00:00"]


def test_weekday_1_is_monday() -> None:
    assert dues(Cron("0 0 * * 1-5"), "2026-01-02 00:00", 2) == [
        "2026-01-05 00:00",
        "2026-01-06 00:00",
    ]


def test_a_weekend_may_be_a_range_that_ends_on_sunday() -> None:
    assert dues(Cron("0 0 * * fri-sun"), "2026-01-01 00:00", 4) == [
        "2026-01-02 00:00",
        "2026-01-03 00:00",
        "2026-01-04 00:00",
        "2026-01-09 00:00",
    ]


def test_two_restricted_day_fields_mean_either() -> None:
    assert dues(Cron("0 0 13 * fri"), "2026-02-01 00:00", 4) == [
        "2026-02-06 00:00",
        "2026-02-13 00:00",
        "2026-02-20 00:00",
        "2026-02-27 00:00",
    ]


def test_a_day_field_that_begins_with_a_star_narrows_the_other() -> None:
    assert dues(Cron("0 0 */2 * mon"), "2026-01-01 00:00", 2) == [
        "2026-01-05 00:00",
        "2026-01-19 00:00",
    ]


def test_names_lists_ranges_and_steps_are_understood() -> None:
    cron = Cron("5,10 9-17/4 1 jan,Jul-aug *")
    assert dues(cron, "2026-01-01 13:07", 4) == [
        "2026-01-01 13:10",
        "2026-01-01 17:05",
        "2026-01-01 17:10",
        "2026-07-01 09:05",
    ]


def test_a_leap_day_is_found_over_a_century_without_one() -> None:
    assert dues(Cron("0 0 29 2 *"), "2096-03-01 00:00", 1) == ["2104-02-29 00:00"]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "five are needed"),
        ("* * * *", "five are needed"),
        ("@daily", "five are needed"),
        ("60 * * * *", "minute: '60' is not within 0-59"),
        ("* 24 * * *", "hour: '24'"),
        ("* * 0 * *", "day of month: '0'"),
        ("* * * 13 *", "month: '13'"),
        ("* * * * 8", "day of week: '8'"),
        ("* * * foo *", "month: 'foo'"),
        ("*/0 * * * *", "step of 0"),
        ("5/15 * * * *", "5-59/15"),
        ("30-10 * * * *", "backwards"),
        ("1,,2 * * * *", "not understood"),
        ("* * L * *", "day of month: 'l'"),
        ("99999999999999999999999999 * * * *", "not understood"),
        ("0 0 31 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("0 0 30 feb */7", "never comes"),
    ],
)
def test_a_wrong_expression_is_told_when_it_is_made(expression: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Cron(expression)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["Mars/Phobos", "", "../etc/passwd", "Europe", "\0", "CEST "])
def test_an_unknown_zone_is_told(name: str) -> None:
    with pytest.raises(InputError, match="IANA"):
        Cron("0 0 * * *", name)


FIELDS = (
    st.sampled_from(["*", "0", "30", "*/15", "59", "7-40/11", "0,30"]),
    st.sampled_from(["*", "0", "2", "*/3", "1-3", "23"]),
    st.sampled_from(["*", "1", "29", "31", "*/2", "10-20"]),
    st.sampled_from(["*", "2", "3", "10", "jan-apr", "*/5"]),
    st.sampled_from(["*", "0", "7", "mon", "1-5", "*/2"]),
)
CRONS = st.tuples(*FIELDS).map(" ".join)
# seconds from 1970 to 2110
INSTANTS = st.integers(0, 4_417_977_600).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@settings(max_examples=300, deadline=None)
@given(CRONS, st.sampled_from(ZONES), INSTANTS)
def test_due_times_rise_strictly(expression: str, zone: str, start: datetime) -> None:
    try:
        cron = Cron(expression, zone)
    except InputError:
        return  # never comes
    instant = start
    for _ in range(20):
        following = cron.next_after(instant)
        assert following > instant
        assert following.utcoffset() == timedelta(0)
        instant = following


def _clock_changes(zone: str) -> list[datetime]:
    """The days (UTC) before which the offset of a zone changed, 2007 to 2030."""
    tz, start = ZoneInfo(zone), at("2007-01-01")
    days = [start + timedelta(days=number) for number in range(24 * 365)]
    offsets = [day.astimezone(tz).utcoffset() for day in days]
    return [days[i - 1] for i in range(1, len(days)) if offsets[i] != offsets[i - 1]]


CHANGES = [(zone, day) for zone in ZONES for day in _clock_changes(zone)]


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["*/10 * * * *", "30 2 * * *", "0 0 * * *", "*/7 1-3 * * sat,sun"]),
    st.sampled_from(CHANGES),
    st.integers(-1, 1),
)
def test_each_wall_time_is_due_exactly_once_over_clock_changes(
    expression: str, change: tuple[str, datetime], days_off: int
) -> None:
    """Against a second reading: walk every minute of two days and note where slots come up."""
    zone, day = change
    cron, tz = Cron(expression, zone), ZoneInfo(zone)
    first = day + timedelta(days=days_off)
    last = first + timedelta(days=2)
    expected: list[datetime] = []
    # a wall time counts from the highest one seen so far: what is repeated is not above it,
    # and what is skipped is passed at the gap's end
    instant = first - timedelta(days=2)
    highest = instant.astimezone(tz).replace(tzinfo=None, second=0)
    while instant < last:
        instant += timedelta(minutes=1)
        wall = instant.astimezone(tz).replace(tzinfo=None)
        passed = False
        while highest < wall:
            highest += timedelta(minutes=1)
            passed = passed or _matches(expression, highest)
        if passed and first < instant <= last:
            expected.append(instant)
    found, due = [], cron.next_after(first)
    while due <= last:
        found.append(due)
        due = cron.next_after(due)
    assert found == expected


def _matches(expression: str, wall: datetime) -> bool:
    """The four expressions of the test above, spelt out."""
    return {
        "*/10 * * * *": wall.minute % 10 == 0,
        "30 2 * * *": (wall.hour, wall.minute) == (2, 30),
        "0 0 * * *": (wall.hour, wall.minute) == (0, 0),
        "*/7 1-3 * * sat,sun": wall.minute % 7 == 0
        and wall.hour in (1, 2, 3)
        and wall.isoweekday() in (6, 7),
    }[expression]
