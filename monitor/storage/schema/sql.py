"""People's own statements, on a connection that can't write."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from monitor.errors import InputError
from monitor.storage.db.engine import Connection, Store

Rows = list[tuple[object, ...]]

# Pragmas that take an argument and only tell something.
_TELLING = {
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
}
_DOING = {"incremental_vacuum", "optimize", "wal_checkpoint"}
# SQLite asks the clock once in so many of its virtual machine's steps: about every millisecond.
_STEPS = 100_000


def run_readonly(
    url: str, statement: str, *, longest: timedelta | None = None
) -> tuple[Sequence[str], Rows]:
    """(column names, rows) of one statement that only reads.

    The database itself refuses to write: SQLite by `query_only` (and no other file may be
    attached), PostgreSQL by a read-only transaction. Raises InputError with the database's words
    for a statement that is wrong, writes or takes longer than `longest`, StoreError if the
    database can't be reached.
    """
    # a store of its own: its connections stay read-only until they are closed
    store = Store.open(url)
    try:
        with store.reading() as conn:
            _restrict(conn, longest)
            return _run(conn, statement)
    finally:
        store.close()


def _restrict(conn: Connection, longest: timedelta | None) -> None:
    if conn.dialect.name == "postgresql":
        if longest is None:
            return
        # the transaction is read-only as every one of `reading`
        milliseconds = max(1, round(longest.total_seconds() * 1000))
        conn.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
        return
    conn.exec_driver_sql("PRAGMA query_only = ON")
    driver = conn.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        if longest is not None:
            deadline = time.monotonic() + longest.total_seconds()
            driver.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        driver.set_authorizer(_authorize)


def _authorize(action: int, name: str | None, value: str | None, *_: object) -> int:
    """`query_only` guards this database, but ATTACH and VACUUM INTO make new ones."""
    if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA:
        acts = name in _DOING or (value is not None and name not in _TELLING)
        return sqlite3.SQLITE_DENY if acts else sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK


def _run(conn: Connection, statement: str) -> tuple[Sequence[str], Rows]:
    if not statement.strip().strip(";").strip():
        raise InputError("there is no statement to run")
    driver = conn.dialect.loaded_dbapi
    # as written: a colon or a percent sign in it is no parameter of ours
    cursor = conn.connection.cursor()
    # PostgreSQL's prepared form takes one statement only, as SQLite does by itself
    execute = cursor.execute
    if conn.dialect.name == "postgresql":
        execute = partial(execute, prepare=True)  # type: ignore[call-arg]  # psycopg's own
    try:
        execute(statement)
        columns = [item[0] for item in cursor.description or ()]
        rows = [tuple(row) for row in cursor.fetchall()] if columns else []
    except (driver.Error, driver.Warning) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise InputError(f"the database refuses the statement: {reason}") from error
    finally:
        cursor.close()
    if not columns:
        raise InputError("the statement returns no rows; this command only reads")
    return columns, rows
