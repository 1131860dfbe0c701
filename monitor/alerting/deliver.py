"""due -> gate -> claim -> send -> what failed waits for its next try. The rows are the queue."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.alerting.context import AlertContext, ChannelOptions
from monitor.alerting.gate import open_until, quiet_until
from monitor.alerting.isolate import Isolation
from monitor.alerting.retry import finish_failed
from monitor.alerting.send import Sending, give_back, send, what_is_aside
from monitor.alerting.spacing import await_pace, find_spacing
from monitor.errors import ChannelError, Stopping
from monitor.storage import Connection
from monitor.storage.telling import channels, deliveries
from monitor.storage.telling.deliveries import DueDelivery

log = logging.getLogger(__name__)

# Whoever works on a batch renews its leases meanwhile: the daemon's beat, `monitor scan`'s.
LEASE = timedelta(seconds=30)


def deliver_next(context: AlertContext, name: str, *, group: timedelta | None = None) -> bool:
    """Deliver the next due group of a channel; False if nothing is due, or may go out now.

    It goes as one message, or in as many parts as the channel's capacity demands. Each part that
    was accepted is finished in a transaction of its own before the next one goes out, so what goes
    wrong in between repeats nothing. `group` overrides the channel's own wait. A crash leaves rows
    in `sending`, whose lease runs out: they are delivered again under the same alert id.
    Raises StoreError; Stopping in a wait for the channel's pace, with the rest given back.
    """
    destination = context.destinations[name]
    options = destination.options
    options = options if group is None else replace(options, group=group)
    found = _find_ready(context, name, options)
    if not found:
        return False
    spacing = find_spacing(destination)
    has_waited = await_pace(context, name, spacing)
    began_at = context.clock()
    # what has come meanwhile goes along
    batch = _claim(context, name, options, None if has_waited else found)
    if not batch:
        return False
    sending = Sending(context, destination, options, batch, spacing, Isolation.of(batch))
    try:
        error = send(sending)
    except Stopping:
        give_back(sending)
        raise
    error = error or what_is_aside(sending)
    if error is not None:
        finish_failed(context, name, sending.rest, error)
    _log_delivery(sending, error, began_at)
    return True


# -- claim


def _find_ready(context: AlertContext, name: str, options: ChannelOptions) -> list[int]:
    """A look without the database's write lock, however long the queue is."""
    now = context.clock()
    with context.store.reading() as conn:
        gate = _find_gate(conn, name, options, now)
        if gate is None:
            return []
        return deliveries.find_ready(
            conn,
            name,
            context.owner,
            now,
            gate.group,
            until=gate.until,
            only_retries=gate.only_retries,
            operator_group=gate.operator_group,
        )


def _claim(
    context: AlertContext, name: str, options: ChannelOptions, found: list[int] | None
) -> list[DueDelivery]:
    now = context.clock()
    with context.store.writing() as conn:
        gate = _find_gate(conn, name, options, now)
        if gate is None:
            return []
        batch = deliveries.claim(
            conn,
            name,
            context.owner,
            now,
            LEASE,
            gate.group,
            until=gate.until,
            only_retries=gate.only_retries,
            operator_group=gate.operator_group,
            found=found,
        )
        if batch:
            channels.note_try(conn, name, now)
    return batch


@dataclass(frozen=True, slots=True)
class _Gate:
    """What an open gate lets through: what was routed `until` then, or retries alone.

    That the monitor is in trouble waits for no digest, but for `operator_group`.
    """

    group: timedelta
    until: datetime | None
    only_retries: bool
    operator_group: timedelta | None = None


def _find_gate(conn: Connection, name: str, options: ChannelOptions, now: datetime) -> _Gate | None:
    """None while nothing may go out. What was tried before waits for no interval or digest."""
    if quiet_until(options, now) is not None:
        return None
    last_sent_at = deliveries.find_last_sent_at(conn, name) if options.interval else None
    until = open_until(options, now, last_sent_at)
    if options.digest is not None:
        return _Gate(timedelta(0), until, until is None, operator_group=options.group)
    return _Gate(options.group, None, until is None)


def _log_delivery(sending: Sending, error: ChannelError | None, began_at: datetime) -> None:
    """The one canonical line of a delivery."""
    batch = sending.batch
    log.log(
        logging.WARNING if error else logging.INFO,
        "delivery channel=%s alerts=%d first=%s attempt=%d parts=%d outcome=%s seconds=%.2f%s",
        sending.name,
        len(batch),
        batch[0].alert_id,
        max(item.attempts for item in batch),
        sending.parts,
        "failed" if error else "sent",
        (sending.context.clock() - began_at).total_seconds(),
        f" error={str(error)!r}" if error else "",
    )
