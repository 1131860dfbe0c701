"""People's own statements, on a connection that can't write."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from monitor.errors import InputError
from monitor.storage.engine import Connection, Store

Rows = list[tuple[object, ...]]


def run_readonly(url: str, statement: str) -> tuple[Sequence[str], Rows]:
    """(column names, rows) of one statement that only reads.

    The database itself refuses to write: SQLite by `query_only`, PostgreSQL by a read-only
    transaction. Raises InputError with the database's words for a statement that is wrong or
    writes, StoreError if the database can't be reached.
    """
    # a store of its own: its connections stay read-only until they are closed
    store = Store.open(url)
    try:
        with store.reading() as conn:
            _forbid_writing(conn)
            return _run(conn, statement)
    finally:
        store.close()


def _forbid_writing(conn: Connection) -> None:
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("PRAGMA query_only = ON")
    else:
        conn.exec_driver_sql("SET TRANSACTION READ ONLY")
        # from the first query on nothing can make the transaction writable again
        conn.exec_driver_sql("SELECT 1")


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
