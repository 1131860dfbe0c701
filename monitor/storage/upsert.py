"""INSERT ... ON CONFLICT, which both databases know under the same words."""

from __future__ import annotations

from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from monitor.storage.engine import Connection

Insert: TypeAlias = sqlite.Insert | postgresql.Insert

# Both databases limit the parameters of one statement; lists are asked for in parts.
PART = 400


def insert(conn: Connection, table: sa.Table) -> Insert:
    """An insert that has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if conn.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
