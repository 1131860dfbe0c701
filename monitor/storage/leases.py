"""Scans, deliveries, canaries and probes are leased rows: what holds for all stands here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from monitor.storage.searches.cycles import FINISHED
from monitor.storage.tables import breakers, canaries, deliveries, scans

# What stands at a delivery that was in hand when its process ended.
INTERRUPTED = "interrupted while sending; it may have arrived"

# Rows in hand, with the state they fall back to when their owner is gone. In the order in which
# they are locked elsewhere: who ends a probe changes its breaker first, then its scan.
_HELD = (
    (breakers, "probing", "open"),
    (canaries, "running", "due"),
    (scans, "running", "due"),
    (deliveries, "sending", "failed"),
)


def renew_leases(conn: sa.Connection, owner: str, now: datetime, lease: timedelta) -> int:
    """Extend every lease of this process; how many rows it holds."""
    renewed = 0
    for table, held, _ in _HELD:
        rows = conn.execute(
            sa.update(table)
            .where(table.c.owner == owner, _is(table, held))
            .values(lease_until=now + lease)
        )
        renewed += rows.rowcount
    return renewed


def take_over(conn: sa.Connection, is_dead: Callable[[str], bool]) -> int:
    """Give back at once what dead processes hold, instead of waiting for their leases.

    Returns how many rows. A delivery keeps a visible mark: it may have been sent.
    """
    freed = 0
    for table, held, back in _HELD:
        owners = conn.execute(sa.select(table.c.owner).where(_is(table, held)).distinct()).scalars()
        dead = [owner for owner in owners if owner and is_dead(owner)]
        freed += sum(_give_back(conn, table, held, back, owner) for owner in dead)
    return freed


def release(conn: sa.Connection, owner: str) -> int:
    """Give back what this process still holds, because it stops.

    A scan's attempt doesn't count then: only what takes the program down may use them up.
    """
    conn.execute(
        sa.update(scans)
        .where(scans.c.owner == owner, _is(scans, "running"))
        .values(attempts=scans.c.attempts - 1)
    )
    return sum(_give_back(conn, table, held, back, owner) for table, held, back in _HELD)


def _give_back(conn: sa.Connection, table: sa.Table, held: str, back: str, owner: str) -> int:
    values: dict[str, object] = {"state": back, "owner": None, "lease_until": None}
    if table is deliveries:
        values["last_error"] = INTERRUPTED
    update = sa.update(table).where(table.c.owner == owner, _is(table, held))
    return conn.execute(update.values(**values)).rowcount


def _is(table: sa.Table, state: str) -> sa.ColumnElement[bool]:
    """Whether a row is in the state. Open scans have an index of their own: they are few among
    those of years, and asked for with every heartbeat.
    """
    is_in = table.c.state == state
    return sa.and_(is_in, scans.c.state != FINISHED) if table is scans else is_in
