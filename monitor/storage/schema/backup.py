"""A copy of a SQLite database while it is in use, and the way back."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from monitor.errors import InputError, StoreBusy, StoreError, StoreUnavailable
from monitor.storage.db.engine import Connection, Store
from monitor.storage.db.failures import map_os_error
from monitor.storage.schema.versions import find_revision, may_work_on, this_program

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
        # in use, so never to be taken for a file that nobody changes
        _copy(f"{path.absolute().as_uri()}?mode=ro", partial)
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

    The old file is moved aside as it is, so that a damaged one can be replaced too. Raises
    InputError for PostgreSQL or a file that is no backup, StoreBusy while a program uses the
    database, StoreError if it fails.
    """
    path = _sqlite_path(url)
    _check(source)
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _copy(_resting_uri(source), partial)
        kept = _move_aside(path) if path.exists() else None
        partial.replace(path)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"can't restore {source} to {path}: {error}") from error
    except OSError as error:
        raise map_os_error(error, f"restore to {path}") from error
    finally:
        partial.unlink(missing_ok=True)
    return kept


def _move_aside(path: Path) -> Path:
    """Keep the database and its write-ahead log under a new name; the old name stays in use."""
    _refuse_in_use(path)
    number = 1
    while (kept := path.with_name(f"{path.name}.before-restore-{number}")).exists():
        number += 1
    try:
        kept.hardlink_to(path)
    except OSError:  # some file systems know no links
        shutil.copy2(path, kept)
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        # it belongs to the old file: beside the new one it would be taken for its own
        log.rename(kept.with_name(f"{kept.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    return kept


def _refuse_in_use(path: Path) -> None:
    """Raises StoreBusy if any program has the database open."""
    with closing(sqlite3.connect(path, timeout=0.3, isolation_level=None)) as conn:
        try:
            conn.execute("PRAGMA locking_mode = EXCLUSIVE")
            conn.execute("BEGIN IMMEDIATE")
            conn.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise StoreBusy(f"{path} is in use: stop the daemon, then restore") from error
        except sqlite3.DatabaseError:
            return  # damaged: nobody can use it, and it shall be replaced


def _sqlite_path(url: str) -> Path:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise InputError("this command is for SQLite; for PostgreSQL use pg_dump and pg_restore")
    return Path(parsed.database)


def _copy(uri: str, target: Path) -> None:
    target.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(uri, uri=True, timeout=30)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new, pages=_PAGES)


def _resting_uri(path: Path) -> str:
    """A database that nobody writes to can be read where no file may be made beside it."""
    is_alone = not path.with_name(f"{path.name}-wal").exists()
    return f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_alone else ''}"


def _check(path: Path) -> None:
    """Raises InputError unless the file is a whole database of this program."""
    uri = _resting_uri(path).removeprefix("file://")
    engine = sa.create_engine(f"sqlite:///file:{uri}&uri=true")
    try:
        with engine.connect() as conn:
            answer = conn.exec_driver_sql("PRAGMA integrity_check").scalar()
            revision = find_revision(conn)
            is_ours = _is_ours(conn, revision)
    except sa.exc.DatabaseError as error:
        raise InputError(f"{path} is damaged or no SQLite database: {error.orig}") from error
    except StoreError as error:
        raise InputError(f"{path} is no backup of this program: {error}") from error
    finally:
        engine.dispose()
    if answer != "ok":
        raise InputError(f"{path} is damaged: {answer}")
    if not is_ours:
        raise InputError(f"{path} is no backup of this program (revision {revision or 'none'})")


def _is_ours(conn: Connection, revision: str | None) -> bool:
    """Whether this program can upgrade it or work on it."""
    program = this_program()
    return revision is not None and (
        revision in program.revisions or may_work_on(conn, revision, program)
    )
