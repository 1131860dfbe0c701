"""due -> gate -> claim -> send -> what failed waits for its next try. The rows are the queue."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from monitor.alerting.context import AlertContext
from monitor.alerting.gate import find_wanted
from monitor.alerting.isolate import Isolation
from monitor.alerting.options import ChannelOptions
from monitor.alerting.retry import INTERRUPTED, finish_failed
from monitor.alerting.send import Sending, give_back, send, what_is_aside
from monitor.alerting.spacing import await_pace, find_spacing
from monitor.errors import ChannelError, Stopping
from monitor.storage.db.engine import Connection
from monitor.storage.telling import channels, deliveries
from monitor.storage.telling.deliveries import DueDelivery
from monitor.storage.telling.ready import Wanted

log = logging.getLogger(__name__)


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
    options = options if group is None else options.model_copy(update={"group": group})
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
    with context.store.reading() as conn:
        wanted = _ask_gate(context, conn, name, options)
        return [] if wanted is None else deliveries.find_ready(conn, wanted)


def _claim(
    context: AlertContext, name: str, options: ChannelOptions, found: list[int] | None
) -> list[DueDelivery]:
    with context.store.writing() as conn:
        wanted = _ask_gate(context, conn, name, options)
        if wanted is None:
            return []
        batch = deliveries.claim(conn, wanted, context.lease, INTERRUPTED, found)
        if batch:
            channels.note_try(conn, name, wanted.now)
    return batch


def _ask_gate(
    context: AlertContext, conn: Connection, name: str, options: ChannelOptions
) -> Wanted | None:
    last_sent_at = deliveries.find_last_sent_at(conn, name) if options.interval else None
    return find_wanted(options, name, context.owner, context.clock(), last_sent_at)


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
