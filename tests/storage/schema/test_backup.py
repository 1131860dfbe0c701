"""A backup is whole and of this program; a restore never loses what was there."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from monitor.errors import InputError, StoreBusy
from monitor.storage.db.engine import Store
from monitor.storage.schema.backup import backup, restore
from monitor.storage.schema.versions import check_schema
from tests.storage.rows import add_watch


def _names(url: str) -> list[str]:
    store = Store.open(url)
    with store.reading() as conn:
        names = conn.exec_driver_sql("SELECT name FROM watches ORDER BY name").scalars().all()
    store.close()
    return list(names)


def _add(url: str, *names: str) -> None:
    store = Store.open(url)
    with store.writing() as conn:
        add_watch(conn, *names)
    store.close()


@pytest.fixture
def saved(sqlite_url: str, tmp_path: Path) -> Path:
    """A backup with watch `a`; the database has gone on to `a` and `b`."""
    _add(sqlite_url, "a")
    target = tmp_path / "backups" / "one.db"
    store = Store.open(sqlite_url)
    backup(store, target)
    store.close()
    _add(sqlite_url, "a", "b")
    return target


def test_a_backup_taken_while_others_write_is_whole(sqlite_store: Store, tmp_path: Path) -> None:
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            with sqlite_store.writing() as conn:
                add_watch(conn, f"w{number}", "same")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        backup(sqlite_store, tmp_path / "one.db")
    finally:
        done.set()
        thread.join()
    copy = Store.open(f"sqlite:///{tmp_path / 'one.db'}")
    assert check_schema(copy) == []
    copy.close()


def test_a_backup_overwrites_nothing(saved: Path, sqlite_store: Store) -> None:
    with pytest.raises(InputError, match="there already"):
        backup(sqlite_store, saved)


def test_a_restore_keeps_what_was_there(saved: Path, sqlite_url: str) -> None:
    first = restore(sqlite_url, saved)
    assert _names(sqlite_url) == ["a"]
    assert first is not None
    assert _names(f"sqlite:///{first}") == ["a", "b"]
    second = restore(sqlite_url, saved)
    assert second is not None
    assert second != first


def test_a_restore_makes_a_database_that_is_gone(saved: Path, sqlite_url: str) -> None:
    Path(sqlite_url.removeprefix("sqlite:///")).unlink()
    assert restore(sqlite_url, saved) is None
    assert _names(sqlite_url) == ["a"]


def test_a_damaged_database_can_be_replaced(saved: Path, sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    path.write_bytes(b"rubbish" * 1_000)
    kept = restore(sqlite_url, saved)
    assert kept is not None
    assert kept.read_bytes().startswith(b"rubbish")
    assert _names(sqlite_url) == ["a"]


def test_a_crash_leaves_a_log_that_goes_aside_with_its_database(
    saved: Path, sqlite_url: str, tmp_path: Path
) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    # what a killed process leaves: a database whose last transactions stand in the log only
    live = Store.open(sqlite_url)
    with live.writing() as conn:
        add_watch(conn, "a", "b", "c")
    log = path.with_name(path.name + "-wal").read_bytes()
    data = path.read_bytes()
    live.close()
    path.write_bytes(data)
    path.with_name(path.name + "-wal").write_bytes(log)
    kept = restore(sqlite_url, saved)
    assert kept is not None
    assert _names(sqlite_url) == ["a"]
    assert _names(f"sqlite:///{kept}") == ["a", "b", "c"]


def test_a_database_in_use_is_not_replaced(
    saved: Path, sqlite_url: str, sqlite_store: Store
) -> None:
    with sqlite_store.reading(), pytest.raises(StoreBusy, match="stop the daemon"):
        restore(sqlite_url, saved)
    with pytest.raises(StoreBusy, match="stop the daemon"):
        restore(sqlite_url, saved)
    assert _names(sqlite_url) == ["a", "b"]


def test_what_is_no_backup_is_refused_before_anything_changes(
    sqlite_url: str, tmp_path: Path
) -> None:
    _add(sqlite_url, "a")
    letter = tmp_path / "letter.db"
    letter.write_text("dear aunt " * 1_000, encoding="utf-8")
    empty = tmp_path / "empty.db"
    sqlite3.connect(empty).close()
    empty.touch()
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as conn:
        conn.execute("CREATE TABLE invoices (id)")
    conn.close()
    for source in (letter, empty, foreign):
        with pytest.raises(InputError, match=source.name):
            restore(sqlite_url, source)
    assert _names(sqlite_url) == ["a"]


def test_a_cut_backup_is_refused(saved: Path, sqlite_url: str) -> None:
    saved.write_bytes(saved.read_bytes()[:20_000])
    with pytest.raises(InputError, match="damaged"):
        restore(sqlite_url, saved)
    assert _names(sqlite_url) == ["a", "b"]


def test_a_backup_is_read_where_nothing_may_be_written(saved: Path, sqlite_url: str) -> None:
    before = sorted(saved.parent.iterdir())
    restore(sqlite_url, saved)
    assert sorted(saved.parent.iterdir()) == before


def test_postgresql_has_its_own_tools(pg_url: str, tmp_path: Path) -> None:
    store = Store.open(pg_url)
    with pytest.raises(InputError, match="pg_dump"):
        backup(store, tmp_path / "one.db")
    store.close()
    with pytest.raises(InputError, match="pg_dump"):
        restore(pg_url, tmp_path / "one.db")
