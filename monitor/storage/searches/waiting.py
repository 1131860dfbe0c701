"""Scans that wait on a marketplace which is not searched for now."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from monitor.model import ScanOutcome
from monitor.storage.db.engine import Connection
from monitor.storage.db.text import clean
from monitor.storage.searches.cycles import FINISHED, finish_done
from monitor.storage.searches.scans import is_free
from monitor.storage.tables import scans


def end(
    conn: Connection,
    marketplace: str,
    owner: str,
    *,
    due_until: datetime,
    cycle_id: int | None,
    outcome: ScanOutcome,
    error: str,
    now: datetime,
) -> int:
    """End what is due there since `due_until` or before and in nobody's hands; how many scans.

    `cycle_id` leaves those of other cycles alone. Their cycles end with them.
    """
    wanted = [
        scans.c.marketplace == marketplace,
        scans.c.due_at <= due_until,
        is_free(owner, now),
    ]
    if cycle_id is not None:
        wanted.append(scans.c.cycle_id == cycle_id)
    # in one order and without waiting: who ends others at the same time must not wait for us
    rows = conn.execute(
        sa.select(scans.c.id, scans.c.cycle_id)
        .where(*wanted)
        .order_by(scans.c.id)
        .with_for_update(skip_locked=True)
    ).all()
    if not rows:
        return 0
    values = {
        "state": FINISHED,
        "owner": None,
        "lease_until": None,
        "finished_at": now,
        "outcome": outcome.value,
        "error": clean(error),
    }
    by_id = sa.update(scans).where(scans.c.id == sa.bindparam("scan_id")).values(**values)
    conn.execute(by_id, [{"scan_id": row.id} for row in rows])
    for cycle in sorted({row.cycle_id for row in rows}):
        finish_done(conn, cycle, now)
    return len(rows)
