"""Watches as rows: mirrored from the config, with what is due when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from monitor.errors import Unknown
from monitor.storage.db.engine import Connection
from monitor.storage.db.rows import to_noun
from monitor.storage.db.upsert import insert
from monitor.storage.tables import assets, matches, reference_pictures, scans, watches


@dataclass(frozen=True, slots=True)
class WatchRow:
    """What the config says of a watch; `trigger` is its text."""

    name: str
    record_score: float
    alert_score: float
    trigger: str


@dataclass(frozen=True, slots=True)
class DueWatch:
    id: int
    name: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class WatchStatus:
    """A watch as people are shown it; `retired_at` is set when it left the config."""

    name: str
    trigger: str | None
    next_due_at: datetime | None
    record_score: float
    alert_score: float
    assets: int
    reference_pictures: int
    open_matches: int
    retired_at: datetime | None


def mirror(
    conn: Connection,
    rows: Sequence[WatchRow],
    now: datetime,
    *,
    first_due: Callable[[WatchRow], datetime],
) -> None:
    """Make the rows what the config says; watches that left it are retired, not deleted.

    A watch keeps its next due time over restarts; it gets a new one from `first_due` when it is
    new, comes back, or its trigger has changed.
    """
    known = {row.name: row for row in conn.execute(sa.select(watches))}
    for row in rows:
        values: dict[str, object] = {
            "record_score": row.record_score,
            "alert_score": row.alert_score,
            "trigger": row.trigger,
            "retired_at": None,
        }
        old = known.get(row.name)
        if old is None:
            new = {"name": row.name, "next_due_at": first_due(row), **values}
            # another process that starts at the same moment may be a little faster
            conn.execute(insert(conn, watches).values(new).on_conflict_do_nothing())
            continue
        if old.trigger != row.trigger or old.retired_at is not None or old.next_due_at is None:
            values["next_due_at"] = first_due(row)
        conn.execute(sa.update(watches).where(watches.c.id == old.id).values(values))
    names = [row.name for row in rows]
    gone = sa.and_(watches.c.name.not_in(names), watches.c.retired_at.is_(None))
    conn.execute(sa.update(watches).where(gone).values(retired_at=now))


def get_id(conn: Connection, name: str) -> int:
    """Raises NotFound."""
    found = conn.execute(sa.select(watches.c.id).where(watches.c.name == name)).scalar()
    if found is None:
        raise Unknown("watch", name)
    return int(found)


def lock(conn: Connection, watch_id: int) -> None:
    """Let nobody else plan the watch or change its assets before this transaction ends."""
    row = sa.select(watches.c.id).where(watches.c.id == watch_id)
    # rows that only refer to the watch may still be written
    conn.execute(row.with_for_update(key_share=True))


def find_due(conn: Connection, now: datetime) -> list[DueWatch]:
    """Watches whose time has come, the longest overdue first."""
    rows = conn.execute(
        sa.select(watches.c.id, watches.c.name, watches.c.next_due_at)
        .where(watches.c.retired_at.is_(None), watches.c.next_due_at <= now)
        .order_by(watches.c.next_due_at)
    )
    return [DueWatch(row.id, row.name, row.next_due_at) for row in rows]


def list_waiting(conn: Connection) -> list[tuple[int, str]]:
    """(id, name) of every watch that has an open scan, also of retired ones, by id."""
    is_open = sa.exists().where(scans.c.watch_id == watches.c.id, scans.c.state != "finished")
    rows = conn.execute(
        sa.select(watches.c.id, watches.c.name).where(is_open).order_by(watches.c.id)
    )
    return [(row.id, row.name) for row in rows]


def set_next_due(conn: Connection, watch_id: int, due_at: datetime, next_due_at: datetime) -> bool:
    """Move the schedule on from `due_at`; False if another process has done so before."""
    moved = conn.execute(
        sa.update(watches)
        .where(watches.c.id == watch_id, watches.c.next_due_at == due_at)
        .values(next_due_at=next_due_at)
    )
    return moved.rowcount == 1


def list_rows(conn: Connection) -> list[WatchStatus]:
    """Every watch, also the retired ones, by name."""
    active = sa.and_(assets.c.watch_id == watches.c.id, assets.c.retired_at.is_(None))
    pictures = (
        sa.select(sa.func.count())
        .select_from(reference_pictures.join(assets))
        .where(active, reference_pictures.c.retired_at.is_(None))
    )
    unreviewed = sa.and_(
        matches.c.watch_id == watches.c.id,
        matches.c.verdict == "unreviewed",
        matches.c.score >= watches.c.alert_score,
    )
    statement = sa.select(
        watches,
        _count(assets, active).label("assets"),
        pictures.scalar_subquery().label("reference_pictures"),
        _count(matches, unreviewed).label("open_matches"),
    ).order_by(watches.c.name)
    return [to_noun(WatchStatus, row) for row in conn.execute(statement)]


def _count(table: sa.Table, where: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(table).where(where).scalar_subquery()
