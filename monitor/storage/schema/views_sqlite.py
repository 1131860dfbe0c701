"""Our views on SQLite, made anew among the views and triggers that people have in the file.

SQLite can't rebuild a table while a view depends on it, and drops a table's triggers with it. So
all views and triggers of the file are dropped by name, and people's own made again as they wrote
them. SQLite looks into a view only when it is asked: those that worked before must work after.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc

from monitor.errors import DependentsInTheWay
from monitor.storage.db.engine import Connection

# The driver keeps prepared statements by their text, and an EXPLAIN that was prepared before does
# not notice that the schema has changed: no two are alike.
_TRIES = count()


@dataclass(frozen=True, slots=True)
class _Taken:
    kind: str  # view, trigger
    name: str
    sql: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def may_make(conn: Connection) -> bool:
    """Whether the file, and the folder that its log goes to, can be written to."""
    path = Path(conn.engine.url.database or "")
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def renew(conn: Connection, selects: Mapping[str, str], migrate: Callable[[], None] | None) -> None:
    """Migrate, then make our views as `selects` has them; see `views.renew_views`."""
    taken = _list(conn)
    others = [item for item in taken if item.kind != "view" or item.name not in selects]
    broken = dict(_list_broken(conn, others))
    for item in reversed(taken):
        _run(conn, f"DROP {item.kind} {_quote(item.name)}")
    if migrate is not None:
        migrate()
    for name, select in selects.items():
        _run(conn, f"CREATE VIEW {name} AS {select}")
    not_made = dict(_make_again(conn, others))
    refused = {**dict(_list_broken(conn, others)), **not_made}
    in_the_way = [f"{item}: {reason}" for item, reason in refused.items() if item not in broken]
    if in_the_way:
        raise DependentsInTheWay(in_the_way)


def _list(conn: Connection) -> list[_Taken]:
    """Views before triggers, which may stand on them."""
    rows = conn.execute(
        sa.text(
            "SELECT type, name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')"
            " ORDER BY type DESC, rowid"
        )
    )
    return [_Taken(row.type, row.name, row.sql) for row in rows]


def _make_again(conn: Connection, others: Iterable[_Taken]) -> Iterable[tuple[_Taken, str]]:
    """What can't be made again, with SQLite's reason."""
    for item in others:
        try:
            _run(conn, item.sql)
        except exc.DBAPIError as error:
            yield item, str(error.orig)


def _list_broken(conn: Connection, others: Iterable[_Taken]) -> Iterable[tuple[_Taken, str]]:
    """Views that can't be read, with SQLite's reason; nothing is read, only planned."""
    for item in others:
        if item.kind != "view":
            continue
        try:
            _run(conn, f"EXPLAIN SELECT * FROM {_quote(item.name)} -- {next(_TRIES)}")  # noqa: S608
        except exc.DBAPIError as error:
            yield item, str(error.orig)


def _run(conn: Connection, statement: str) -> None:
    conn.exec_driver_sql(statement).close()


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
