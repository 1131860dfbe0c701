"""Cycles: the scans of a watch that became due together."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from monitor.storage.db.engine import Connection
from monitor.storage.searches.breakers import BreakerState
from monitor.storage.tables import IS_COMPLETE, breakers, cycles, scans, watches

FINISHED = "finished"


def finish_done(conn: Connection, cycle_id: int, now: datetime) -> None:
    """Finish the cycle if none of its scans is open any more."""
    # the cycle's row is locked first: of two last scans that end at once, one must see the other
    row = sa.select(cycles.c.id).where(cycles.c.id == cycle_id)
    conn.execute(row.with_for_update(key_share=True))
    still_open = sa.exists().where(scans.c.cycle_id == cycle_id, scans.c.state != FINISHED)
    conn.execute(
        sa.update(cycles)
        .where(cycles.c.id == cycle_id, cycles.c.finished_at.is_(None), ~still_open)
        .values(finished_at=now)
    )


def last_good(conn: Connection, watch_id: int, marketplace: str) -> int | None:
    """The newest cycle in which the watch had a complete scan on the marketplace."""
    there = sa.and_(scans.c.cycle_id == cycles.c.id, scans.c.marketplace == marketplace)
    # from the newest cycle back: among all scans of years it takes long
    found = conn.execute(
        sa.select(cycles.c.id)
        .where(cycles.c.watch_id == watch_id, sa.exists().where(there, IS_COMPLETE))
        .order_by(cycles.c.id.desc())
        .limit(1)
    ).scalar()
    return None if found is None else int(found)


def list_open(conn: Connection, watch_id: int) -> list[int]:
    """The watch's cycles that have an open scan, the oldest first."""
    rows = conn.execute(
        sa.select(scans.c.cycle_id)
        .where(scans.c.watch_id == watch_id, scans.c.state != FINISHED)
        .distinct()
        .order_by(scans.c.cycle_id)
    )
    return list(rows.scalars())


def find_oldest_open(conn: Connection) -> dict[str, datetime]:
    """Watch -> when the oldest cycle was due of which a scan is still to be done.

    Scans that wait for a marketplace that is paused don't count.
    """
    is_paused = sa.exists().where(
        breakers.c.marketplace == scans.c.marketplace,
        breakers.c.state != BreakerState.CLOSED.value,
    )
    rows = conn.execute(
        sa.select(
            watches.c.name, sa.func.min(cycles.c.due_at, type_=cycles.c.due_at.type).label("due_at")
        )
        .select_from(
            scans.join(cycles, cycles.c.id == scans.c.cycle_id).join(
                watches, watches.c.id == scans.c.watch_id
            )
        )
        .where(scans.c.state != FINISHED, watches.c.retired_at.is_(None), ~is_paused)
        .group_by(watches.c.name)
    )
    return {row.name: row.due_at for row in rows}


def count_progress(conn: Connection, cycle_ids: Collection[int]) -> tuple[int, int]:
    """(finished scans, all scans) of the cycles."""
    row = conn.execute(
        sa.select(
            sa.func.count().filter(scans.c.state == FINISHED).label("done"),
            sa.func.count().label("total"),
        ).where(scans.c.cycle_id.in_(cycle_ids))
    ).one()
    return row.done, row.total


def has_open(conn: Connection, cycle_id: int, marketplace: str) -> bool:
    found = conn.execute(
        sa.select(scans.c.id)
        .where(
            scans.c.cycle_id == cycle_id,
            scans.c.marketplace == marketplace,
            scans.c.state != FINISHED,
        )
        .limit(1)
    )
    return found.first() is not None
