"""Times on the clocks of a zone: when a digest is due, when it is quiet.

Pure functions of instants, which are aware. A wall time that the clocks skip counts right after
the gap, one that they repeat the first time only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from monitor.schedule.cron import Cron

# Longer than any time between two digests or quiet hours, also where a zone drops a whole day.
_DAILY_SPAN = timedelta(days=3)
_WEEKLY_SPAN = timedelta(days=16)
_INSTANT = timedelta(microseconds=1)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = r"([01][0-9]|2[0-3]):([0-5][0-9])"


@dataclass(frozen=True, slots=True)
class Digest:
    """When everything gathered goes out: daily, or on one `weekday` (0 is Monday)."""

    at: time
    zone: ZoneInfo
    weekday: int | None = None


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to `end` on the clocks of `zone` nothing goes out.

    Over midnight if `end` is the earlier one; off where both are the same.
    """

    start: time
    end: time
    zone: ZoneInfo

    def has(self, at: time) -> bool:
        """Whether a wall time lies within them."""
        if self.start <= self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


def parse_digest(text: str, zone: ZoneInfo) -> Digest:
    """`daily 08:00` or `weekly mon 08:00`. Raises ValueError."""
    match = re.fullmatch(rf"(?:daily|weekly ({'|'.join(_WEEKDAYS)})) {_CLOCK}", text)
    if match is None:
        raise ValueError(
            "not a digest: write daily and a time or weekly, a day and a time, such as daily 08:00 "
            "or weekly mon 08:00"
        )
    weekday = _WEEKDAYS.index(match[1]) if match[1] else None
    return Digest(time(int(match[2]), int(match[3])), zone, weekday)


def parse_quiet(text: str, zone: ZoneInfo) -> QuietHours:
    """`22:00-07:00`. Raises ValueError."""
    match = re.fullmatch(rf"{_CLOCK}-{_CLOCK}", text)
    if match is None:
        raise ValueError("not quiet hours: write two times from 00:00 to 23:59, as in 22:00-07:00")
    return QuietHours(time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4])), zone)


def quiet_end_at(quiet: QuietHours, now: datetime) -> datetime | None:
    """When the quiet hours end that `now` is in; None outside of them."""
    if quiet.start == quiet.end:
        return None
    start = _last_at(_cron(quiet.start, quiet.zone.key), now, _DAILY_SPAN)
    # where one gap swallows both, they end as they begin
    end = _cron(quiet.end, quiet.zone.key).next_after(start - _INSTANT)
    return end if now < end else None


def last_digest_at(digest: Digest, now: datetime) -> datetime:
    """The digest's last instant at or before `now`."""
    span = _DAILY_SPAN if digest.weekday is None else _WEEKLY_SPAN
    return _last_at(_cron(digest.at, digest.zone.key, digest.weekday), now, span)


def next_digest_at(digest: Digest, instant: datetime) -> datetime:
    """The digest's first instant at or after `instant`."""
    return _cron(digest.at, digest.zone.key, digest.weekday).next_after(instant - _INSTANT)


def _last_at(cron: Cron, now: datetime, span: timedelta) -> datetime:
    found = cron.next_after(now - span)
    while (following := cron.next_after(found)) <= now:
        found = following
    return found


@lru_cache(maxsize=1_000)
def _cron(at: time, zone: str, weekday: int | None = None) -> Cron:
    """Every day or week at a wall time; `weekday` counts from Monday as 0, cron's from Sunday."""
    day = "*" if weekday is None else str((weekday + 1) % 7)
    return Cron(f"{at.minute} {at.hour} * * {day}", zone)
