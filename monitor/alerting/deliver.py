"""due -> group -> render -> deliver -> finish. The rows are the queue."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from monitor.alerting.context import AlertContext, Destination
from monitor.alerting.drawing import drawn
from monitor.alerting.rendering import render, told_with_pictures
from monitor.errors import ChannelError, NotFound, StoreError
from monitor.model import AlertEvent
from monitor.storage import alerts, deliveries
from monitor.storage.deliveries import DueDelivery

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
# 5, 15, 45 s, then thrice as long each time up to an hour, for a week: a mail server that is
# down over a long weekend loses nothing.
FIRST_RETRY = timedelta(seconds=5)
RETRY_FACTOR = 3
LONGEST_RETRY = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=7)
# Fails so often in a row before the operator is told through another channel.
BROKEN_AFTER_ATTEMPTS = 3


def deliver_next(context: AlertContext, name: str, *, group: timedelta | None = None) -> bool:
    """Deliver the next due group of a channel as one message; False if nothing is due.

    `group` overrides the channel's own wait. A crash leaves rows in `sending`, whose lease runs
    out: they are delivered again under the same alert id. Raises StoreError.
    """
    destination = context.destinations[name]
    wait = destination.options.group if group is None else group
    now = context.clock()
    with context.store.reading() as conn:
        if name not in deliveries.find_channels_due(conn, now):
            return False
    with context.store.writing() as conn:
        batch = deliveries.claim(conn, name, context.owner, now, LEASE, wait)
    if not batch:
        return False
    error = _send(context, destination, batch)
    _finish(context, name, batch, error)
    _log_delivery(context, name, batch, error, now)
    return True


def _send(
    context: AlertContext, destination: Destination, batch: list[DueDelivery]
) -> ChannelError | None:
    channel, options = destination.channel, destination.options
    try:
        capacity = channel.capacity
        with drawn(context, told_with_pictures(batch, options, capacity)) as drawings:
            parts = render(batch, options, capacity, context.files, drawings, context.templates)
            for part in parts:
                channel.send(part.message)
    except ChannelError as error:
        return error
    except (NotFound, StoreError):
        raise
    except Exception as error:
        # Border: one delivery. Whatever a transport raises, the row keeps it and tries again.
        log.exception("channel %s", channel.name)
        return ChannelError(f"unexpected {type(error).__name__}")
    return None


def _finish(
    context: AlertContext, name: str, batch: list[DueDelivery], error: ChannelError | None
) -> None:
    now = context.clock()
    ids = [item.id for item in batch]
    with context.store.writing() as conn:
        if error is None:
            deliveries.finish_sent(conn, ids, context.owner, now)
            return
        for item in batch:
            next_try_at = next_try(context, item, error, now)
            deliveries.finish_failed(conn, [item.id], context.owner, str(error), next_try_at, now)
        if error.permanent or max(item.attempts for item in batch) >= BROKEN_AFTER_ATTEMPTS:
            last_sent_at = deliveries.find_last_sent_at(conn, name)
            alerts.add(
                conn,
                event=AlertEvent.CHANNEL_BROKEN,
                dedup_key=f"channel:{name}:{last_sent_at or 'never'}",
                text=f"Channel {name} does not accept messages: {error}. "
                "They are kept and tried again.",
                now=now,
                alert_id=context.new_alert_id(),
            )


def next_try(
    context: AlertContext, item: DueDelivery, error: ChannelError, now: datetime
) -> datetime | None:
    """When to try again, spread by up to a tenth; None once it has been due for a week.

    A permanent error (a wrong token, say) is tried at the slow pace too: once the operator has
    mended it, nothing is lost.
    """
    if now - item.due_from_at > GIVE_UP_AFTER:
        return None
    exponent = min(item.attempts - 1, 20)
    wait: timedelta = min(FIRST_RETRY * RETRY_FACTOR**exponent, LONGEST_RETRY)
    if error.permanent:
        wait = LONGEST_RETRY
    spread: float = context.random.uniform(0, 0.1)
    return now + wait * (1 + spread)


def _log_delivery(
    context: AlertContext,
    name: str,
    batch: list[DueDelivery],
    error: ChannelError | None,
    began_at: datetime,
) -> None:
    """The one canonical line of a delivery."""
    log.log(
        logging.WARNING if error else logging.INFO,
        "delivery channel=%s alerts=%d first=%s attempt=%d outcome=%s seconds=%.2f%s",
        name,
        len(batch),
        batch[0].alert_id,
        max(item.attempts for item in batch),
        "failed" if error else "sent",
        (context.clock() - began_at).total_seconds(),
        f" error={str(error)!r}" if error else "",
    )
