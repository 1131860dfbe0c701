"""What waits for channels, and whether that is as it should be: told from the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from monitor.alerting import ChannelOptions, next_opening, wait_of_failed, wait_of_new
from monitor.config import Config
from monitor.health.policy import UNDELIVERED_AFTER
from monitor.model import AlertEvent, DeliveryState
from monitor.storage import Connection
from monitor.storage.telling import channels, deliveries
from monitor.storage.telling.alerts import AlertRow
from monitor.storage.telling.channels import ChannelState
from monitor.storage.telling.deliveries import ChannelHealth


def channel_problems(conn: Connection, config: Config, now: datetime) -> list[str]:
    """One line for each trouble of a channel. What waits for its gate is in none."""
    states = channels.list_states(conn)
    problems: list[str] = []
    for channel in deliveries.list_health(conn):
        name = channel.channel
        options = _options(config, name)
        last_sent_at = deliveries.find_last_sent_at(conn, name)
        if _is_overdue(channel, options, last_sent_at, now):
            said = f": {channel.last_error}" if channel.last_error else ""
            problems.append(f"channel {name}: {channel.waiting} alerts wait{said}")
        problems += _given_up(channel, states.get(name, ChannelState()))
    return problems


def _is_overdue(
    channel: ChannelHealth, options: ChannelOptions, last_sent_at: datetime | None, now: datetime
) -> bool:
    """Whether something could have gone out a while ago. No interval holds back a retry."""
    openings: list[datetime] = []
    if channel.new_from_at is not None:
        openings.append(next_opening(options, channel.new_from_at, now, last_sent_at))
    if channel.urgent_from_at is not None:
        at_once = _for_operators(options)
        openings.append(next_opening(at_once, channel.urgent_from_at, now, last_sent_at))
    if channel.tried_from_at is not None:
        openings.append(next_opening(options, channel.tried_from_at))
    return any(now - opening > UNDELIVERED_AFTER for opening in openings)


def _given_up(channel: ChannelHealth, state: ChannelState) -> list[str]:
    problems: list[str] = []
    if channel.refused:
        since = f" since {state.broken_at:%Y-%m-%d %H:%M} UTC" if state.broken_at else ""
        problems.append(
            f"channel {channel.channel} refuses messages{since}, {channel.refused} alerts were "
            f"given up: {channel.last_error}; give it another URL, or mend it and run "
            "`monitor alerts retry --all`"
        )
    if others := channel.dead - channel.refused:
        problems.append(
            f"channel {channel.channel}: {others} alerts were given up; "
            "mend it, then `monitor alerts retry --all`"
        )
    return problems


def explain_waits(
    conn: Connection, config: Config, rows: Sequence[AlertRow], now: datetime
) -> list[AlertRow]:
    """The rows with what each waits for, and `next_try_at` as when it goes out at the earliest."""
    names = {row.channel for row in rows if row.channel}
    sent = {name: deliveries.find_last_sent_at(conn, name) for name in names}
    return [_explained(row, config, sent, now) for row in rows]


def _explained(
    row: AlertRow, config: Config, sent: dict[str, datetime | None], now: datetime
) -> AlertRow:
    if row.channel is None or row.next_try_at is None:
        return row
    options = _options(config, row.channel)
    if AlertEvent(row.event).is_operator:
        options = _for_operators(options)
    if row.state == DeliveryState.DUE:
        # such a row's next try is when it was routed
        last_sent_at = sent[row.channel]
        wait = wait_of_new(options, row.created_at, row.next_try_at, now, last_sent_at)
    elif row.state == DeliveryState.FAILED:
        wait = wait_of_failed(options, row.next_try_at, now)
    else:
        return row
    return replace(row, next_try_at=wait.until, waits_for=wait.reason) if wait else row


def _for_operators(options: ChannelOptions) -> ChannelOptions:
    """Their alerts wait for no digest."""
    return options.model_copy(update={"digest": None})


def _options(config: Config, name: str) -> ChannelOptions:
    """Of a channel that is no longer in the config nothing is known: nobody sends to it."""
    return config.channels.get(name) or ChannelOptions()
