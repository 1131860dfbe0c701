"""The pace of a marketplace account, shared by every process on the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from monitor.storage.engine import Connection
from monitor.storage.tables import paces
from monitor.storage.upsert import insert


@dataclass(frozen=True, slots=True)
class Slot:
    """When a call may go out; without a wait the queue is too long or the day's budget used up."""

    wait: timedelta | None
    quota_exhausted: bool = False


def reserve(
    conn: Connection,
    name: str,
    interval: timedelta,
    daily_quota: int | None,
    max_wait: timedelta,
    now: datetime,
) -> Slot:
    """Take the next slot of an account: calls are `interval` apart, whoever makes them.

    Days are counted in UTC. Nothing is taken if the wait would be longer than `max_wait` or the
    day's budget is used up.
    """
    stamp, day = now.timestamp(), now.astimezone(UTC).date().isoformat()
    _ensure(conn, name, day)
    row = conn.execute(sa.select(paces).where(paces.c.name == name).with_for_update()).one()
    used = row.used_today if row.day == day else 0
    if daily_quota is not None and used >= daily_quota:
        return Slot(None, quota_exhausted=True)
    wait = max(0.0, row.next_at - stamp)
    if wait > max_wait.total_seconds():
        return Slot(None)
    conn.execute(
        sa.update(paces)
        .where(paces.c.name == name)
        .values(
            next_at=max(row.next_at, stamp) + interval.total_seconds(),
            day=day,
            used_today=used + 1,
        )
    )
    return Slot(timedelta(seconds=wait))


def hold(conn: Connection, name: str, until: datetime) -> None:
    """Let nobody call before `until`."""
    _ensure(conn, name, until.astimezone(UTC).date().isoformat())
    later = sa.and_(paces.c.name == name, paces.c.next_at < until.timestamp())
    conn.execute(sa.update(paces).where(later).values(next_at=until.timestamp()))


def _ensure(conn: Connection, name: str, day: str) -> None:
    statement = insert(conn, paces).values(name=name, next_at=0.0, day=day, used_today=0)
    conn.execute(statement.on_conflict_do_nothing())
