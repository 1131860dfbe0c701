"""Troubles of the program itself that last: told once each, however often they are met."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from monitor.storage.column_types import Instant
from monitor.storage.engine import Connection
from monitor.storage.tables import metadata
from monitor.storage.text import bounded, clean
from monitor.storage.upsert import insert_new

troubles = sa.Table(
    "troubles",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("since_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),  # when it was last met
)

# How the key of a watch's lateness begins; its name follows.
LATE: Final = "late:"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One that has not ended; `text` says what it is and what to do."""

    key: str
    text: str
    since_at: datetime
    seen_at: datetime


def note(conn: Connection, key: str, text: str, now: datetime) -> bool:
    """Write that a trouble is met; whether it is new."""
    key, text = bounded(clean(key)), clean(text)
    values = {"key": key, "text": text, "since_at": now, "seen_at": now}
    if insert_new(conn, troubles, values, ["key"]):
        return True
    conn.execute(sa.update(troubles).where(troubles.c.key == key).values(text=text, seen_at=now))
    return False


def end(conn: Connection, key: str) -> bool:
    """Whether there was such a trouble. The next of its key is a new one."""
    gone = sa.delete(troubles).where(troubles.c.key == bounded(clean(key)))
    return conn.execute(gone).rowcount > 0


def list_open(conn: Connection) -> list[Trouble]:
    """All that have not ended, by key."""
    rows = conn.execute(sa.select(troubles).order_by(troubles.c.key))
    return [Trouble(row.key, row.text, row.since_at, row.seen_at) for row in rows]
