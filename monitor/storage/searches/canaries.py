"""Canaries: what is known of the picture that must be found on a marketplace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from monitor.storage.db.engine import Connection
from monitor.storage.db.rows import to_noun
from monitor.storage.db.text import clean
from monitor.storage.db.upsert import insert
from monitor.storage.tables import canaries

DUE, RUNNING = "due", "running"


@dataclass(frozen=True, slots=True)
class CanaryStatus:
    """Not found since `lost_at`, for `problem`; `missed` counts how often in a row."""

    marketplace: str
    looked_for: str
    tried_at: datetime | None
    found_at: datetime | None
    missed: int
    lost_at: datetime | None
    problem: str | None


def is_due(conn: Connection, marketplace: str, looked_for: str, now: datetime) -> bool:
    """Whether it is time to look; at once for a canary that was never looked for."""
    row = conn.execute(_select(marketplace)).first()
    return row is None or row.looked_for != looked_for or row.due_at <= now


def claim(
    conn: Connection,
    marketplace: str,
    looked_for: str,
    owner: str,
    now: datetime,
    lease: timedelta,
) -> bool:
    """Take a due canary that is in nobody's hands; what was known of another one is forgotten."""
    blank = {"looked_for": looked_for, "state": DUE, "due_at": now, "missed": 0}
    made = insert(conn, canaries).values(marketplace=marketplace, **blank)
    conn.execute(made.on_conflict_do_nothing())
    ours = canaries.c.marketplace == marketplace
    gone = ("owner", "lease_until", "tried_at", "found_at", "lost_at", "problem")
    conn.execute(
        sa.update(canaries)
        .where(ours, canaries.c.looked_for != looked_for)
        .values(**blank, **dict.fromkeys(gone))
    )
    dropped = sa.or_(canaries.c.lease_until < now, canaries.c.owner == owner)
    free = sa.or_(canaries.c.state == DUE, dropped)
    taken = conn.execute(
        sa.update(canaries)
        .where(ours, canaries.c.due_at <= now, free)
        .values(state=RUNNING, owner=owner, lease_until=now + lease)
    )
    return taken.rowcount == 1


def finish_found(
    conn: Connection, marketplace: str, owner: str, now: datetime, next_due_at: datetime
) -> CanaryStatus | None:
    """It is there; what was known before, or None if another process has it."""
    values = {"found_at": now, "missed": 0, "lost_at": None, "problem": None}
    return _finish(conn, marketplace, owner, next_due_at, {"tried_at": now, **values})


def finish_lost(
    conn: Connection,
    marketplace: str,
    owner: str,
    problem: str,
    now: datetime,
    next_due_at: datetime,
) -> CanaryStatus | None:
    """It is not there, or can't be looked for; what was known before, None if another has it."""
    values = {
        "tried_at": now,
        "missed": canaries.c.missed + 1,
        "lost_at": sa.func.coalesce(canaries.c.lost_at, sa.literal(now, canaries.c.lost_at.type)),
        "problem": clean(problem),
    }
    return _finish(conn, marketplace, owner, next_due_at, values)


def put_off(conn: Connection, marketplace: str, owner: str, next_due_at: datetime) -> None:
    """The search has failed, which says nothing of the canary."""
    _finish(conn, marketplace, owner, next_due_at, {})


def list_rows(conn: Connection) -> dict[str, CanaryStatus]:
    """What is known of each, by marketplace."""
    return {
        row.marketplace: to_noun(CanaryStatus, row) for row in conn.execute(sa.select(canaries))
    }


def _finish(
    conn: Connection,
    marketplace: str,
    owner: str,
    next_due_at: datetime,
    values: dict[str, object],
) -> CanaryStatus | None:
    before = conn.execute(_select(marketplace).with_for_update()).one()
    if before.owner != owner:
        return None
    conn.execute(
        sa.update(canaries)
        .where(canaries.c.marketplace == marketplace)
        .values(state=DUE, due_at=next_due_at, owner=None, lease_until=None, **values)
    )
    return to_noun(CanaryStatus, before)


def _select(marketplace: str) -> sa.Select[tuple[object, ...]]:
    return sa.select(canaries).where(canaries.c.marketplace == marketplace)
