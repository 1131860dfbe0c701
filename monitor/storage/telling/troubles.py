"""What is found wrong with the program itself and lasts: told once, however often it is met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from monitor.storage.db.engine import Connection
from monitor.storage.db.rows import to_noun
from monitor.storage.db.text import bounded, clean, clean_values
from monitor.storage.db.upsert import insert_new
from monitor.storage.tables import troubles


@dataclass(frozen=True, slots=True)
class Trouble:
    """One that has not ended. Rows of before 0016 have a `text` instead of facts."""

    kind: str
    subject: str
    facts: Mapping[str, object] | None
    text: str | None
    since_at: datetime
    seen_at: datetime


def note(
    conn: Connection, kind: str, subject: str, facts: Mapping[str, object], now: datetime
) -> bool:
    """Write that a trouble is met; whether it is new. `facts` are as JSON knows them."""
    subject = bounded(clean(subject))
    known = {"facts": clean_values(facts), "seen_at": now}
    values = {"kind": kind, "subject": subject, "since_at": now, **known}
    if insert_new(conn, troubles, values, ["kind", "subject"]):
        return True
    conn.execute(sa.update(troubles).where(_is(kind, subject)).values(text=None, **known))
    return False


def end(conn: Connection, kind: str, subject: str) -> bool:
    """Whether there was such a trouble. The next of its kind and subject is a new one."""
    gone = sa.delete(troubles).where(_is(kind, bounded(clean(subject))))
    return conn.execute(gone).rowcount > 0


def _is(kind: str, subject: str) -> sa.ColumnElement[bool]:
    return sa.and_(troubles.c.kind == kind, troubles.c.subject == subject)


def list_open(conn: Connection) -> list[Trouble]:
    """All that have not ended, by kind and subject."""
    rows = conn.execute(sa.select(troubles).order_by(troubles.c.kind, troubles.c.subject))
    return [to_noun(Trouble, row) for row in rows]
