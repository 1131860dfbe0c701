"""A copy of a SQLite database while it is in use, and the way back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from monitor.errors import InputError, StoreUnavailable
from monitor.storage.engine import Store
from monitor.storage.failures import map_os_error
from monitor.storage.schema import find_revision, known_revisions

# Pages a step: readers and writers get their turn between two.
_PAGES = 1_000


def backup(store: Store, target: Path) -> None:
    """Copy the database to a file that doesn't exist yet, and check the copy.

    Raises InputError for PostgreSQL and for a file that is there, StoreError if it fails.
    """
    path = _sqlite_path(str(store.engine.url))
    if target.exists():
        raise InputError(f"{target} is there already; name a new file")
    partial = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(path, partial)
        _check(partial)
        partial.rename(target)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"can't back up {path} to {target}: {error}") from error
    except OSError as error:
        raise map_os_error(error, f"back up to {target}") from error
    finally:
        partial.unlink(missing_ok=True)


def restore(url: str, source: Path) -> Path | None:
    """Put a checked backup in the place of the database; where the old one is kept, if any.

    Raises InputError for PostgreSQL or a file that is no backup, StoreError if it fails.
    """
    path = _sqlite_path(url)
    _check(source)
    kept = path.with_name(f"{path.name}.before-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, partial)
        was_there = path.exists()
        if was_there:
            # the copy holds what still stood in the write-ahead log
            _copy(path, kept)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        partial.replace(path)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"can't restore {source} to {path}: {error}") from error
    except OSError as error:
        raise map_os_error(error, f"restore to {path}") from error
    finally:
        partial.unlink(missing_ok=True)
    return kept if was_there else None


def _sqlite_path(url: str) -> Path:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise InputError("this command is for SQLite; for PostgreSQL use pg_dump and pg_restore")
    return Path(parsed.database)


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    uri = f"{source.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True, timeout=30)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new, pages=_PAGES)


def _check(path: Path) -> None:
    """Raises InputError unless the file is a whole database of this program."""
    engine = sa.create_engine(f"sqlite:///{path.absolute()}")
    try:
        with engine.connect() as conn:
            answer = conn.exec_driver_sql("PRAGMA integrity_check").scalar()
            revision = find_revision(conn)
    except sa.exc.DatabaseError as error:
        raise InputError(f"{path} is no SQLite database") from error
    finally:
        engine.dispose()
    if answer != "ok":
        raise InputError(f"{path} is damaged: {answer}")
    if revision not in known_revisions():
        raise InputError(f"{path} is no backup of this program (revision {revision or 'none'})")
