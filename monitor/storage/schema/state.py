"""What the database says of its own shape: one row, written with every change of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from monitor.storage.db.engine import Connection
from monitor.storage.tables import schema_state


@dataclass(frozen=True, slots=True)
class SchemaState:
    """`works_from`: the oldest revision whose programs may work on `revision`.

    `views` has the digest of each view's definition by name, as the program of version
    `views_version` made them.
    """

    revision: str
    works_from: str
    views: Mapping[str, str]
    views_version: str


def find_state(conn: Connection) -> SchemaState | None:
    """None before the revision that brought it, and for a role that may not read it."""
    if not sa.inspect(conn).has_table(schema_state.name) or not _may_read(conn):
        return None
    row = conn.execute(sa.select(schema_state)).one_or_none()
    return SchemaState(*row) if row else None


def _may_read(conn: Connection) -> bool:
    if conn.dialect.name == "sqlite":
        return True
    may_read = sa.func.has_table_privilege(schema_state.name, "SELECT")
    return bool(conn.execute(sa.select(may_read)).scalar())


def put_state(conn: Connection, state: SchemaState) -> None:
    """Replace the row."""
    conn.execute(sa.delete(schema_state))
    conn.execute(
        sa.insert(schema_state).values(
            revision=state.revision,
            works_from=state.works_from,
            views=dict(state.views),
            views_version=state.views_version,
        )
    )
