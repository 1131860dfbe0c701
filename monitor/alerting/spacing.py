"""pace: how far apart the messages of a channel go out."""

from __future__ import annotations

from datetime import timedelta

from monitor.alerting.context import AlertContext, Destination
from monitor.storage.telling import channels

_MINUTE = timedelta(minutes=1)


def find_spacing(destination: Destination) -> timedelta:
    """The least time between two messages; the operator's word counts before the service's."""
    pace = destination.options.pace or destination.channel.capacity.pace_per_minute
    return _MINUTE / pace if pace else timedelta(0)


def await_pace(context: AlertContext, name: str, spacing: timedelta) -> bool:
    """Wait until the channel takes its next message; whether it had to.

    A row says when: a restart keeps the pace.
    """
    if not spacing:
        return False
    with context.store.reading() as conn:
        tried_at = channels.find(conn, name).tried_at
    if tried_at is None:
        return False
    # never longer than the spacing: the clock may have been put back
    wait = min(tried_at + spacing - context.clock(), spacing)
    if wait <= timedelta(0):
        return False
    context.sleep(wait.total_seconds())
    return True
