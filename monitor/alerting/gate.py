"""gate: when a channel may send, from its options and the clock alone.

Pure functions of instants, which are aware.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.alerting.options import ChannelOptions
from monitor.alerting.policy import MOST_IN_A_MESSAGE
from monitor.schedule.wall_clock import last_digest_at, next_digest_at, quiet_end_at
from monitor.storage.telling.ready import Wanted


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


def find_wanted(
    options: ChannelOptions,
    channel: str,
    owner: str,
    now: datetime,
    last_sent_at: datetime | None,
) -> Wanted | None:
    """What of the channel's queue may go out now; None while nothing may.

    What was tried before waits for no interval or digest. That the monitor is in trouble waits for
    no digest, but for the group.
    """
    if quiet_until(options, now) is not None:
        return None
    until = open_until(options, now, last_sent_at)
    is_digest = options.digest is not None
    return Wanted(
        channel,
        owner,
        now,
        group=timedelta(0) if is_digest else options.group,
        most=MOST_IN_A_MESSAGE,
        until=until if is_digest else None,
        only_retries=until is None,
        operator_group=options.group if is_digest else None,
    )


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
    return None if options.quiet is None else quiet_end_at(options.quiet, now)


def _interval_end(
    options: ChannelOptions, now: datetime, last_sent_at: datetime | None
) -> datetime | None:
    """When the channel's interval is over; None if it is. A future message is not believed:
    a clock that was wrong must not close the channel until then.
    """
    if last_sent_at is None or not last_sent_at <= now < last_sent_at + options.interval:
        return None
    return last_sent_at + options.interval
