"""The database: how a transaction begins, waits, ends and fails, on SQLite and PostgreSQL."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import URL, make_url

from monitor.errors import InputError, Stopping, StoreBusy, StoreError, StoreUnavailable
from monitor.storage.db.failures import is_locked, mapped_errors

log = logging.getLogger(__name__)

Connection: TypeAlias = sa.Connection
T = TypeVar("T")

# One try at SQLite's lock; short, so that a stop is noticed between two tries.
_BUSY_MILLISECONDS = 250
_BETWEEN_TRIES_SECONDS = 0.02
PATIENCE = timedelta(seconds=60)
# Another process' migration or a long transaction may hold a row; longer means that it hangs.
_PG_LOCK_TIMEOUT = "30s"
_PG_CONNECT_SECONDS = 10
# A server that vanished without a word is given up after about a minute, not after hours.
_PG_KEEPALIVE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# Any constant will do, as long as every version of the program uses the same.
_MIGRATION_LOCK = 0x696D6F6E


class Store:
    """A database that many threads use at once. Nothing of SQLAlchemy's leaks but connections."""

    def __init__(
        self, engine: sa.Engine, stop: threading.Event | None, patience: timedelta
    ) -> None:
        self.engine = engine
        self._stop = stop or threading.Event()
        self._patience = patience
        self._file = _Watched.of(engine.url)
        self._where = _describe(engine.url)

    @classmethod
    def open(
        cls, url: str, *, stop: threading.Event | None = None, patience: timedelta = PATIENCE
    ) -> Store:
        """Connect to `sqlite:///PATH` or `postgresql+psycopg://...`; the schema is not looked at.

        While another process holds SQLite's lock, a transaction waits for up to `patience`, or
        until `stop` is set. Raises InputError for an URL of another kind, StoreError if the
        database can't be opened.
        """
        store = cls(_create_engine(_parse(url)), stop, patience)
        try:
            with store.reading() as conn:
                conn.execute(sa.text("SELECT 1"))
                if store.dialect == "sqlite":
                    # fails for a file that is no database
                    conn.execute(sa.text("SELECT count(*) FROM sqlite_master"))
        except StoreError:
            store.close()
            raise
        if store._file is not None:
            store._file.check(store.engine)  # from now on it must be this file
        return store

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @property
    def folder(self) -> Path | None:
        """Where the database's file is; None if it is a server's."""
        url = self.engine.url
        return Path(url.database).parent if self.dialect == "sqlite" and url.database else None

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot of one instant; nothing may be written. Raises StoreError or Stopping."""
        with self._transaction(is_writing=False) as conn:
            yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write: committed at the end, rolled back on any error.

        On SQLite it takes the write lock at once: a transaction that reads before it writes would
        be refused as "locked" in spite of any timeout. Raises StoreError or Stopping.
        """
        with self._transaction(is_writing=True) as conn:
            yield conn

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A transaction that may rebuild tables; one process at a time. Raises StoreError.

        On SQLite foreign keys are off inside (a rebuilt table would empty its cascading children)
        and all of them are checked before the commit.
        """
        if self.dialect == "postgresql":
            with self.writing() as conn:
                conn.execute(
                    sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK}
                )
                yield conn
            return
        with mapped_errors(self._where), self._foreign_keys_off() as conn:
            self._patiently(lambda: conn.exec_driver_sql("BEGIN IMMEDIATE"))
            try:
                yield conn
                _check_parents(conn)
                self._commit(conn)
            except BaseException:
                conn.rollback()
                raise

    @contextmanager
    def _foreign_keys_off(self) -> Iterator[Connection]:
        # the pragma does nothing inside a transaction
        with self._connect() as conn:
            driver = conn.connection.driver_connection
            if driver is None:
                raise StoreUnavailable("the connection to the database is closed")
            driver.execute("PRAGMA foreign_keys = OFF")
            try:
                yield conn
            finally:
                conn.rollback()
                driver.execute("PRAGMA foreign_keys = ON")

    @contextmanager
    def _transaction(self, *, is_writing: bool) -> Iterator[Connection]:
        with mapped_errors(self._where), self._connect() as conn:
            try:
                self._begin(conn, is_writing=is_writing)
                yield conn
                self._commit(conn)
            except BaseException:
                conn.rollback()
                raise

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        self._check_file()
        # a new connection reads the file, so it may meet a lock as well
        conn = self._patiently(self.engine.connect)
        try:
            yield conn
        finally:
            conn.close()

    def _check_file(self) -> None:
        if self._file is not None:
            self._file.check(self.engine)

    def _begin(self, conn: Connection, *, is_writing: bool) -> None:
        """On SQLite `BEGIN` comes only from here: the driver's own idea of when is switched off."""
        if self.dialect == "postgresql":
            if not is_writing:
                # as on SQLite, every query of the transaction sees the same instant
                conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            return
        begin = "BEGIN IMMEDIATE" if is_writing else "BEGIN"
        self._patiently(lambda: conn.exec_driver_sql(begin))
        # a snapshot is taken by the first query, which may meet a lock: here, where we wait
        self._patiently(lambda: conn.exec_driver_sql("PRAGMA schema_version").close())

    def _commit(self, conn: Connection) -> None:
        if self.dialect == "sqlite":
            # not the library's commit: after one that met a lock it can only roll back
            self._patiently(lambda: conn.exec_driver_sql("COMMIT"))
        conn.commit()

    def _patiently(self, step: Callable[[], T]) -> T:
        """Repeat a step that meets another process' lock. The first try is made in any case."""
        deadline = time.monotonic() + self._patience.total_seconds()
        while True:
            try:
                return step()
            except exc.OperationalError as error:
                if not is_locked(error):
                    raise
                if self._stop.is_set():
                    raise Stopping("told to stop while the database is locked") from error
                if time.monotonic() >= deadline:
                    raise StoreBusy(
                        f"another process has held {self._where} for {self._patience}; "
                        "end it, or look for a forgotten transaction"
                    ) from error
                # some locks are refused at once, in spite of the busy timeout
                self._stop.wait(_BETWEEN_TRIES_SECONDS)


class _Watched:
    """A SQLite file that must stay the one that was opened.

    A deleted file lives on unseen while it is open: everything written to it would be lost.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[int, int] | None = None

    @classmethod
    def of(cls, url: URL) -> _Watched | None:
        if url.get_backend_name() != "sqlite" or not url.database:
            return None
        return cls(Path(url.database))

    def check(self, engine: sa.Engine) -> None:
        """Raises StoreUnavailable if the file was deleted or replaced since it was opened."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            current = None
        except OSError as error:
            raise StoreUnavailable(
                f"can't reach the database {self._path}: {error.strerror}"
            ) from error
        else:
            current = (stat.st_dev, stat.st_ino)
        if self._known is None:
            self._known = current
            return
        if current != self._known:
            # old connections write to a file that nobody will find again
            engine.dispose()
            if current is None:
                raise StoreUnavailable(
                    f"the database {self._path} was deleted while in use; put it back or restart"
                )
            self._known = current
            log.warning("the database %s was replaced while in use", self._path)


def _check_parents(conn: Connection) -> None:
    if broken := conn.exec_driver_sql("PRAGMA foreign_key_check").fetchall():
        raise StoreError(f"the migration would leave {len(broken)} rows without their parent")


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError as error:
        raise InputError("the database URL can't be read; see docs/configuration.md") from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise InputError(
            f"database of kind {parsed.drivername!r}; use sqlite:///PATH or postgresql+psycopg://"
        )
    if parsed.drivername == "sqlite" and not parsed.database:
        raise InputError("the database URL names no file; use sqlite:///PATH")
    return parsed


def _create_engine(url: URL) -> sa.Engine:
    # bound parameters hold titles and addresses of pictures: they stay out of messages and logs
    if url.get_backend_name() == "sqlite":
        _make_folder(Path(url.database or ""))
        engine = sa.create_engine(
            url,
            hide_parameters=True,
            poolclass=sa.pool.QueuePool,
            pool_size=20,
            max_overflow=20,
            connect_args={"timeout": _BUSY_MILLISECONDS / 1000, "check_same_thread": False},
        )
        sa.event.listen(engine, "connect", _set_up_sqlite)
        return engine
    try:
        return sa.create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=20,
            max_overflow=20,
            connect_args={
                "connect_timeout": _PG_CONNECT_SECONDS,
                "options": f"-c timezone=UTC -c lock_timeout={_PG_LOCK_TIMEOUT}",
                **_PG_KEEPALIVE,
            },
        )
    except ModuleNotFoundError as error:
        raise StoreUnavailable(
            "PostgreSQL needs one more package: pip install 'infringement-monitor[postgres]'"
        ) from error


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(
            f"can't make the database's folder {path.parent}: {error.strerror}"
        ) from error


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say
    # Adapters of the standard library for datetime are deprecated; ours (tables.py) are used.
    for pragma in (
        "foreign_keys = ON",
        f"busy_timeout = {_BUSY_MILLISECONDS}",
        # an alert that was committed must outlive a power cut
        "synchronous = FULL",
    ):
        connection.execute(f"PRAGMA {pragma}")
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        # Switching needs the file alone for a moment; one that is in WAL mode already stays so.
        # Read-only files and folders can't switch: the first write says so clearly.
        if "locked" not in str(error) and "readonly" not in str(error):
            raise


def _describe(url: URL) -> str:
    """The database as messages name it; without user and password."""
    if url.get_backend_name() == "sqlite":
        return f"the database {url.database}"
    return f"the database {url.database or ''} on {url.host or 'localhost'}"
