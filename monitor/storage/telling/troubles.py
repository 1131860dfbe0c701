"""Troubles of the program itself that last: told once each, however often they are met."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from monitor.storage.db.engine import Connection
from monitor.storage.db.text import bounded, clean
from monitor.storage.db.upsert import insert_new
from monitor.storage.tables import troubles

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
