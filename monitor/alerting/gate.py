"""gate: when a channel may send, from its options and the clock alone.

Pure functions of instants, which are aware. Wall times are those of the options' IANA zones: one
that the clocks skip counts right after the gap, one that they repeat the first time only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache

from monitor.alerting.context import ChannelOptions, Digest, QuietHours
from monitor.schedule.triggers import Cron

# Longer than any time between two digests or quiet hours, also where a zone drops a whole day.
_DAILY_SPAN = timedelta(days=3)
_WEEKLY_SPAN = timedelta(days=16)
_INSTANT = timedelta(microseconds=1)


def open_until(
    options: ChannelOptions, now: datetime, last_sent_at: datetime | None
) -> datetime | None:
    """Until when what may go out now was created; None if nothing new may.

    None in quiet hours, which hold back everything, and until `interval` has passed since the
    channel's last message. For a digest it is the last time for one: what came until then and was
    not sent is in it, whenever it goes. Otherwise alerts are gathered: once the oldest of a kind is
    from that instant or before, all of its kind go.
    """
    if quiet_until(options, now) is not None:
        return None
    if _interval_end(options, now, last_sent_at) is not None:
        return None
    if options.digest is not None:
        return last_digest_at(options.digest, now)
    return now - options.group


def next_opening(
    options: ChannelOptions,
    created_at: datetime,
    now: datetime | None = None,
    last_sent_at: datetime | None = None,
) -> datetime:
    """When what came at `created_at` may go out, for the first time.

    That is after its group, interval (as it stands `now`) or digest, and not in quiet hours.
    """
    if options.digest is not None:
        opening = next_digest_at(options.digest, created_at)
    else:
        opening = created_at + options.group
    if now is not None:
        opening = max(opening, _interval_end(options, now, last_sent_at) or opening)
    return quiet_until(options, opening) or opening


@dataclass(frozen=True, slots=True)
class Wait:
    """Until when something waits, and for what."""

    until: datetime
    reason: str


def wait_of_new(
    options: ChannelOptions,
    created_at: datetime,
    routed_at: datetime,
    now: datetime,
    last_sent_at: datetime | None,
) -> Wait | None:
    """What a delivery waits for that was never tried; None if for nothing."""
    if options.digest is not None:
        wait = Wait(next_digest_at(options.digest, routed_at), "digest")
    else:
        wait = Wait(created_at + options.group, "group")
        end = _interval_end(options, now, last_sent_at)
        if end is not None and end > wait.until:
            wait = Wait(end, "interval")
    return _past_quiet_hours(options, wait, now)


def wait_of_failed(options: ChannelOptions, next_try_at: datetime, now: datetime) -> Wait | None:
    """What a delivery waits for that has failed; None if for nothing."""
    return _past_quiet_hours(options, Wait(next_try_at, "retry"), now)


def _past_quiet_hours(options: ChannelOptions, wait: Wait, now: datetime) -> Wait | None:
    end = quiet_until(options, max(wait.until, now))
    if end is not None:
        return Wait(end, "quiet hours")
    return wait if wait.until > now else None


def quiet_until(options: ChannelOptions, now: datetime) -> datetime | None:
    """When the quiet hours end that `now` is in; None outside of them."""
    quiet = options.quiet
    if quiet is None or quiet.start == quiet.end:
        return None
    start = _last_at(_cron(quiet.start, quiet.zone.key), now, _DAILY_SPAN)
    end = _end_of(quiet, start)
    return end if now < end else None


def _end_of(quiet: QuietHours, start: datetime) -> datetime:
    # where one gap swallows both, they end as they begin
    return _cron(quiet.end, quiet.zone.key).next_after(start - _INSTANT)


def last_digest_at(digest: Digest, now: datetime) -> datetime:
    """The digest's last instant at or before `now`."""
    span = _DAILY_SPAN if digest.weekday is None else _WEEKLY_SPAN
    return _last_at(_cron(digest.at, digest.zone.key, digest.weekday), now, span)


def next_digest_at(digest: Digest, instant: datetime) -> datetime:
    """The digest's first instant at or after `instant`."""
    return _cron(digest.at, digest.zone.key, digest.weekday).next_after(instant - _INSTANT)


def _interval_end(
    options: ChannelOptions, now: datetime, last_sent_at: datetime | None
) -> datetime | None:
    """When the channel's interval is over; None if it is. A future message is not believed:
    a clock that was wrong must not close the channel until then.
    """
    if last_sent_at is None or not last_sent_at <= now < last_sent_at + options.interval:
        return None
    return last_sent_at + options.interval


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
