"""What marketplace accounts keep between calls: tokens (sealed), uploads, what was declined."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from monitor.storage.db.engine import Connection
from monitor.storage.db.upsert import insert, insert_new
from monitor.storage.tables import memories


def find(conn: Connection, account: str, key: str, now: datetime) -> str | None:
    """The value of a key that has not run out."""
    is_good = sa.or_(memories.c.expires_at.is_(None), memories.c.expires_at > now)
    return conn.execute(
        sa.select(memories.c.value).where(
            memories.c.account == account, memories.c.key == key, is_good
        )
    ).scalar()


def keep(
    conn: Connection,
    account: str,
    key: str,
    value: str,
    now: datetime,
    lifetime: timedelta | None = None,
    *,
    kept: timedelta,
) -> None:
    """Remember a value, over what was there; what ran out longer ago than `kept` is removed."""
    conn.execute(sa.delete(memories).where(memories.c.expires_at < now - kept))
    expires_at = None if lifetime is None else now + lifetime
    statement = insert(conn, memories).values(
        account=account, key=key, value=value, expires_at=expires_at
    )
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["account", "key"], set_={"value": value, "expires_at": expires_at}
        )
    )


def forget(conn: Connection, account: str, key: str) -> None:
    conn.execute(sa.delete(memories).where(memories.c.account == account, memories.c.key == key))


def claim(conn: Connection, account: str, key: str, now: datetime, lifetime: timedelta) -> bool:
    """Whether the caller alone now holds a key: it was free, or whoever held it is out of time."""
    values = {"account": account, "key": key, "value": "", "expires_at": now + lifetime}
    if insert_new(conn, memories, values, ["account", "key"]):
        return True
    taken = conn.execute(
        sa.update(memories)
        .where(memories.c.account == account, memories.c.key == key, memories.c.expires_at <= now)
        .values(expires_at=now + lifetime)
    )
    return taken.rowcount == 1
