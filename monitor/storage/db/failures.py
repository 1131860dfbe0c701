"""Failures of the database and of files, as ours: what, which, what to do; never a secret."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from monitor.errors import DiskFull, StoreBusy, StoreError, StoreUnavailable

# SQLSTATE classes and codes, see "PostgreSQL Error Codes" in its manual.
_PG_DISK_FULL = {"53100"}
_PG_BUSY = {"55P03", "40001", "40P01"}
# connection, resources, operator intervention, system, authentication, catalogue name
_PG_GONE = ("08", "53", "57", "58", "28", "3D")
_SQLITE_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)


def is_locked(error: exc.DBAPIError) -> bool:
    """Whether SQLite met another process' lock; PostgreSQL waits for one by itself."""
    original = error.orig
    if not isinstance(original, sqlite3.OperationalError):
        return False
    return _sqlite_code(original) in _SQLITE_BUSY


def _sqlite_code(error: sqlite3.Error) -> int:
    """The primary code; the bits above it say more than anybody asks for."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


@contextmanager
def mapped_errors(where: str) -> Iterator[None]:
    """Turn the library's errors into ours; messages hold no statement and no parameters."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _map(error, where) from error
    except exc.TimeoutError as error:
        raise StoreBusy(f"all connections to {where} are in use") from error
    except exc.SQLAlchemyError as error:
        raise StoreError(f"{where} failed: {type(error).__name__}") from error


def _map(error: exc.DBAPIError, where: str) -> StoreError:
    original = error.orig
    text = " ".join(str(original).split())[:300]
    if isinstance(original, sqlite3.Error):
        return _map_sqlite(original, text, where)
    state = getattr(original, "sqlstate", None) or ""
    if state in _PG_DISK_FULL:
        return DiskFull(f"the disk of {where} is full: make room, nothing is lost")
    if state in _PG_BUSY:
        return StoreBusy(f"{where} is busy: {text}")
    is_gone = not state or state.startswith(_PG_GONE)
    if error.connection_invalidated or (isinstance(error, exc.OperationalError) and is_gone):
        return StoreUnavailable(f"{where} can't be reached: {text}")
    # its words may quote values, its code does not
    return StoreError(f"{where} refused: {type(original).__name__} {state}")


def _map_sqlite(original: sqlite3.Error, text: str, where: str) -> StoreError:
    code = _sqlite_code(original)
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(f"the disk of {where} is full: make room, nothing is lost")
    if code in _SQLITE_BUSY:
        return StoreBusy(f"{where} is locked by another process")
    if code == sqlite3.SQLITE_NOTADB:
        return StoreUnavailable(f"{where} is not a SQLite database")
    if isinstance(original, sqlite3.OperationalError) or code == sqlite3.SQLITE_CORRUPT:
        return StoreUnavailable(f"{where} can't be used: {text}")
    return StoreError(f"{where} refused: {text}")


def map_os_error(error: OSError, what: str) -> StoreError:
    """A failed file operation as one of ours."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"no space left to {what}")
    return StoreUnavailable(f"can't {what}: {error.strerror}")
