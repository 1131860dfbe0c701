"""What is held: for a silence until it ends, for a reference picture with a summary of it.

There is one summary for each reference picture and finished cycle; of silences there is none.
"""

from __future__ import annotations

import logging
from datetime import datetime

from monitor.alerting.context import AlertContext
from monitor.model.events import MatchesHeld
from monitor.storage.db.engine import Connection
from monitor.storage.telling import alerts, held, silences
from monitor.storage.telling.held import HeldMatches

log = logging.getLogger(__name__)


def apply_silences(context: AlertContext) -> int:
    """Hold for the silences that begin, let go what those that are over have held.

    Returns how many deliveries have changed. One cheap look where there is nothing to do.
    """
    now = context.clock()
    with context.store.reading() as conn:
        if not silences.is_due(conn, now):
            return 0
    with context.store.writing() as conn:
        changed = silences.apply(conn, now)
    log.info("silences: %d deliveries are held or due because one began or ended", changed)
    return changed


def summarise_held(context: AlertContext) -> int:
    """Write the summaries that are due, and release what is held for no reason any more.

    Returns how many alerts were written or deliveries released. Two cheap looks where there is
    nothing to do. What is held after a cycle's summary is told in that of the next.
    """
    with context.store.reading() as conn:
        if not held.has_released(conn) and not _find_due(conn):
            return 0
    now = context.clock()
    with context.store.writing() as conn:
        released = held.release(conn, now)
        return released + sum(_summarise(context, conn, item, now) for item in _find_due(conn))


def _find_due(conn: Connection) -> list[HeldMatches]:
    return [
        item
        for item in held.list_unsummarised(conn)
        if item.cycle_id is not None and not alerts.is_known(conn, _key(item))
    ]


def _key(item: HeldMatches) -> str:
    return f"held:{item.reference_id}:{item.cycle_id}"


def _summarise(context: AlertContext, conn: Connection, item: HeldMatches, now: datetime) -> int:
    is_new = alerts.add(
        conn,
        MatchesHeld(
            path=item.path,
            asset=item.asset,
            watch=item.watch,
            matches=item.matches,
            matched=item.matched,
            sampled=item.sampled,
        ),
        dedup_key=_key(item),
        watch_id=item.watch_id,
        now=now,
        alert_id=context.new_alert_id(),
    )
    if is_new:
        held.mark_summarised(conn, item.reference_id, now)
    return int(is_new)
