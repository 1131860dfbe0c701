"""INSERT ... ON CONFLICT, which both databases know under the same words, and its one lock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from monitor.storage.db.engine import Connection

Insert: TypeAlias = sqlite.Insert | postgresql.Insert

# Both databases limit the parameters of one statement; lists are asked for in parts.
PART = 400

# Any constant will do, as long as every version of the program uses the same.
_CATALOGUE_LOCK = 0x63617461
_HELD = "catalogue lock held by"


def insert(conn: Connection, table: sa.Table) -> Insert:
    """An insert that has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if conn.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def insert_new(
    conn: Connection, table: sa.Table, values: Mapping[str, object], on: list[str] | None = None
) -> bool:
    """Insert a row unless there is one with the same key (`on`, else any); whether it was.

    What the row count of such an insert says differs between the databases.
    """
    statement = insert(conn, table).values(values).on_conflict_do_nothing(index_elements=on)
    return conn.execute(statement.returning(*table.primary_key)).first() is not None


def lock_catalogue(conn: Connection) -> None:
    """Let one transaction at a time write pictures, comparisons, sellers and listings.

    Two pages with the same rows in another order would wait for each other for ever. SQLite has
    one writer at a time anyway.
    """
    if conn.dialect.name != "postgresql":
        return
    if conn.info.get(_HELD) is conn.get_transaction() is not None:
        return
    conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_CATALOGUE_LOCK)))
    conn.info[_HELD] = conn.get_transaction()
