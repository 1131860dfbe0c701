"""Wall times of a five-field crontab expression, over clocks that change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from monitor.errors import InputError

_DAY = timedelta(days=1)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
# February counts with its leap day.
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# The calendar repeats after 400 years, so any day that exists comes within them.
_LONGEST_SEARCH_DAYS = 146_097


@dataclass(frozen=True, slots=True)
class Cron:
    """Due at the wall times of a five-field crontab expression in an IANA time zone.

    Fields: minute, hour, day of month, month, day of week (0 or 7 is Sunday); `*`, numbers,
    names, ranges, lists and steps as in crontab(5). If neither day field begins with `*`, a day
    that fits either of them is meant. A wall time that the clocks skip is due right after the gap,
    together with the others skipped there; one that they repeat is due the first time only.
    Raises InputError for an expression that is wrong or never comes, and for an unknown zone.
    """

    expression: str
    timezone: str = "UTC"
    _fields: _Fields = field(init=False, repr=False, compare=False)
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "expression", " ".join(self.expression.split()))
        object.__setattr__(self, "_fields", _parse_cron(self.expression))
        object.__setattr__(self, "_zone", load_zone(self.timezone))

    @property
    def text(self) -> str:
        """Stands in the database."""
        return f"cron {self.expression} {self.timezone}"

    def next_after(self, instant: datetime) -> datetime:
        """The first due instant strictly after `instant`."""
        instant = instant.astimezone(UTC)
        wall = instant.astimezone(self._zone).replace(tzinfo=None)
        for slot in self._fields.slots_after(wall):
            due = _instant_of(slot, self._zone)
            if due > instant:  # not so for the second pass over a repeated hour
                return due
        raise InputError(f"cron {self.expression!r} has no due time after {instant}")

    def first_after(self, instant: datetime) -> datetime:
        return self.next_after(instant)


def load_zone(name: str) -> ZoneInfo:
    """An IANA time zone. Raises InputError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"{name!r} is no IANA time zone; write one such as Europe/Berlin or UTC"
        ) from None


def _instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall time: the first of two, the end of the gap if the clocks skip it."""
    due = wall.replace(tzinfo=zone).astimezone(UTC)
    if due.astimezone(zone).replace(tzinfo=None) == wall:
        return due
    return _gap_end(wall, zone, due)


def _gap_end(wall: datetime, zone: ZoneInfo, late: datetime) -> datetime:
    """When the clocks moved over `wall`. `late` is what the offset before the gap makes of it."""
    # With the offset after the gap the wall time comes out before the change, with the one before
    # it after (or at) the change: the second in between at which the offset changes is the gap.
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    before = early.astimezone(zone).utcoffset()
    low, high = 0, round((late - early).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        is_before = (early + timedelta(seconds=middle)).astimezone(zone).utcoffset() == before
        low, high = (middle, high) if is_before else (low, middle)
    return early + timedelta(seconds=high)


@dataclass(frozen=True, slots=True)
class _Fields:
    """A parsed expression; weekdays count from Sunday as 0."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def slots_after(self, wall: datetime) -> Iterator[datetime]:
        """Matching wall times strictly after `wall`, in order, to the end of the calendar."""
        day = wall.date()
        for _ in range(_LONGEST_SEARCH_DAYS):
            if self._has_day(day):
                for slot in self._slots_of(day):
                    if slot > wall:
                        yield slot
            if day >= date.max - _DAY:
                return
            day += _DAY

    def _has_day(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_month or by_week if self.either_day else by_month and by_week

    def _slots_of(self, day: date) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                yield datetime.combine(day, time(hour, minute))


def _parse_cron(expression: str) -> _Fields:
    parts = expression.lower().split()
    if len(parts) != 5:
        raise InputError(
            f"cron {expression!r} has {len(parts)} fields; five are needed: "
            "minute hour day-of-month month day-of-week"
        )
    minute, hour, day, month, weekday = parts
    fields = _Fields(
        minutes=tuple(sorted(_parse_field("minute", minute, 0, 59))),
        hours=tuple(sorted(_parse_field("hour", hour, 0, 23))),
        days=_parse_field("day of month", day, 1, 31),
        months=_parse_field("month", month, 1, 12, _MONTHS, 1),
        weekdays=frozenset(
            number % 7 for number in _parse_field("day of week", weekday, 0, 7, _WEEKDAYS)
        ),
        either_day=not day.startswith("*") and not weekday.startswith("*"),
    )
    if not fields.either_day and not any(
        min(fields.days) <= _DAYS_IN_MONTH[number - 1] for number in fields.months
    ):
        raise InputError(f"cron {expression!r} never comes: no such day in that month")
    return fields


def _parse_field(
    name: str, text: str, low: int, high: int, names: list[str] | None = None, first: int = 0
) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        values.update(_parse_part(name, part, (low, high), names or [], first))
    return frozenset(values)


def _parse_part(
    name: str, text: str, limits: tuple[int, int], names: list[str], first: int
) -> range:
    """`*`, `a` or `a-b`, the first and last with an optional `/step`."""
    match = re.fullmatch(
        r"(\*|([a-z]+|[0-9]{1,3})(?:-([a-z]+|[0-9]{1,3}))?)(?:/([0-9]{1,3}))?", text
    )
    low, high = limits
    if match is None:
        raise InputError(f"cron {name}: {text!r} is not understood")
    everything, begin, end, step = match[1] == "*", match[2], match[3], match[4]
    if step is not None and not everything and end is None:
        raise InputError(f"cron {name}: a step needs a range, write {begin}-{high}/{step}")
    if step is not None and int(step) == 0:
        raise InputError(f"cron {name}: a step of 0 in {text!r}")
    start = low if everything else _number(name, begin, limits, names, first)
    stop = high if everything else start
    if end is not None:
        stop = _number(name, end, limits, names, first)
        if end == "sun":
            stop = 7  # fri-sun is a weekend, not a range that runs backwards
    if stop < start:
        raise InputError(f"cron {name}: the range {text!r} runs backwards")
    return range(start, stop + 1, int(step or 1))


def _number(name: str, text: str, limits: tuple[int, int], names: list[str], first: int) -> int:
    if text in names:
        return names.index(text) + first
    low, high = limits
    if not text.isdigit() or not low <= int(text) <= high:
        raise InputError(f"cron {name}: {text!r} is not within {low}-{high}")
    return int(text)
