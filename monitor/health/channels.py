"""What waits for channels, and whether that is as it should be: told from the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from monitor.alerting.gate import next_opening, wait_of_failed, wait_of_new
from monitor.alerting.options import ChannelOptions
from monitor.config import Config
from monitor.health.findings import ChannelGaveUp, ChannelOverdue, ChannelRefuses, Finding
from monitor.health.policy import UNDELIVERED_AFTER
from monitor.model import AlertEvent, DeliveryState
from monitor.storage.db.engine import Connection
from monitor.storage.telling import channels, deliveries
from monitor.storage.telling.alerts import AlertRow
from monitor.storage.telling.channels import ChannelState
from monitor.storage.telling.deliveries import ChannelHealth


def channel_findings(conn: Connection, config: Config, now: datetime) -> Iterator[Finding]:
    """A finding for each trouble of a channel. What waits for its gate is in none."""
    states = channels.list_states(conn)
    for channel in deliveries.list_health(conn):
        name = channel.channel
        last_sent_at = deliveries.find_last_sent_at(conn, name)
        opened_at = _first_opening(channel, _options(config, name), last_sent_at, now)
        if opened_at is not None and now - opened_at > UNDELIVERED_AFTER:
            yield Finding.of(name, ChannelOverdue(channel.waiting, channel.last_error), opened_at)
        yield from _given_up(channel, states.get(name, ChannelState()))


def _first_opening(
    channel: ChannelHealth, options: ChannelOptions, last_sent_at: datetime | None, now: datetime
) -> datetime | None:
    """When the first of what waits could have gone out. No interval holds back a retry."""
    openings: list[datetime] = []
    if channel.new_from_at is not None:
        openings.append(next_opening(options, channel.new_from_at, now, last_sent_at))
    if channel.urgent_from_at is not None:
        at_once = _for_operators(options)
        openings.append(next_opening(at_once, channel.urgent_from_at, now, last_sent_at))
    if channel.tried_from_at is not None:
        openings.append(next_opening(options, channel.tried_from_at))
    return min(openings, default=None)


def _given_up(channel: ChannelHealth, state: ChannelState) -> Iterator[Finding]:
    if channel.refused:
        refuses = ChannelRefuses(channel.refused, channel.last_error)
        yield Finding.of(channel.channel, refuses, state.broken_at)
    if others := channel.dead - channel.refused:
        yield Finding.of(channel.channel, ChannelGaveUp(others))


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
