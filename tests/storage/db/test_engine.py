"""How transactions begin, wait, end and fail."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitor.errors import (
    DiskFull,
    InputError,
    Stopping,
    StoreBusy,
    StoreError,
    StoreUnavailable,
)
from monitor.storage.db.engine import Store
from monitor.storage.tables import clusters, watches

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def _count(store: Store) -> int:
    with store.reading() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(clusters)).scalar_one())


def _add(store: Store) -> None:
    with store.writing() as conn:
        conn.execute(sa.insert(clusters).values(created_at=START))


def test_an_error_inside_leaves_nothing_behind(store: Store) -> None:
    def fail() -> None:
        with store.writing() as conn:
            conn.execute(sa.insert(clusters).values(created_at=START))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _count(store) == 0


def test_two_writers_that_read_first_wait_for_each_other(store: Store) -> None:
    """On SQLite a plain BEGIN would be refused at once: "database is locked"."""

    def read_then_write() -> None:
        for _ in range(20):
            with store.writing() as conn:
                conn.execute(sa.select(clusters)).all()
                conn.execute(sa.insert(clusters).values(created_at=START))

    threads = [threading.Thread(target=read_then_write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _count(store) == 80


def test_a_locked_database_is_waited_for(sqlite_store: Store, sqlite_url: str) -> None:
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), check_same_thread=False)
    other.isolation_level = None
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.6, lambda: other.execute("ROLLBACK"))
    timer.start()
    _add(sqlite_store)  # longer than one busy timeout
    timer.join()
    other.close()
    assert _count(sqlite_store) == 1


def test_a_lock_that_stays_is_an_error_that_says_so(sqlite_url: str) -> None:
    store = Store.open(sqlite_url, patience=timedelta(milliseconds=1))
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    other.isolation_level = None
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="another process"):
        _add(store)
    other.close()
    store.close()


def test_a_stop_ends_the_waiting(sqlite_url: str) -> None:
    stop = threading.Event()
    store = Store.open(sqlite_url, stop=stop)
    stop.set()
    _add(store)  # free, so it works although we stop
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    other.isolation_level = None
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Stopping):
        _add(store)
    other.close()
    store.close()


def test_a_deleted_database_is_noticed_and_not_made_anew(
    sqlite_store: Store, sqlite_url: str
) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    path.unlink()
    with pytest.raises(StoreUnavailable, match="was deleted"):
        _add(sqlite_store)
    assert not path.exists()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "monitor.db"
    path.write_text("this is a letter to my aunt, not a database" * 10, encoding="utf-8")
    with pytest.raises(StoreUnavailable, match="not a SQLite database"):
        Store.open(f"sqlite:///{path}")


def test_a_full_disk_is_told_as_such(sqlite_store: Store) -> None:
    with sqlite_store.reading() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar()
        conn.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    rows = [{"created_at": START}] * 20_000
    with pytest.raises(DiskFull), sqlite_store.writing() as conn:
        conn.execute(sa.insert(clusters), rows)
    assert _count(sqlite_store) == 0


def test_foreign_keys_hold(store: Store) -> None:
    with pytest.raises(StoreError), store.writing() as conn:
        conn.exec_driver_sql(
            "INSERT INTO cycles (watch_id, due_at) VALUES (999, '2026-01-01 00:00:00.000000')"
        )


def test_a_server_that_is_down_is_unavailable_and_the_password_stays_secret() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        Store.open("postgresql+psycopg://me:hush-hush@127.0.0.1:1/db")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "nonsense", ""])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(InputError):
        Store.open(url)


def test_a_connection_that_the_server_cut_is_replaced(pg_url: str) -> None:
    store = Store.open(pg_url)
    with pytest.raises(StoreUnavailable), store.writing() as conn:
        conn.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    _add(store)
    assert _count(store) == 1
    store.close()


def test_a_reader_sees_one_instant(store: Store) -> None:
    with store.reading() as conn:
        statement = sa.select(sa.func.count()).select_from(clusters)
        before = conn.execute(statement).scalar()
        _add(store)
        assert conn.execute(statement).scalar() == before
    assert _count(store) == 1


def test_a_reader_may_not_write(pg_url: str) -> None:
    store = Store.open(pg_url)
    with pytest.raises(StoreError), store.reading() as conn:
        conn.execute(sa.insert(clusters).values(created_at=START))
    _add(store)  # the connection is no reader's any more
    store.close()


def test_a_commit_that_meets_a_lock_is_waited_for(tmp_path: Path) -> None:
    """Without write-ahead log a reader keeps a writer from committing."""
    path = tmp_path / "old.db"
    other = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    other.execute("CREATE TABLE words (word)")
    other.execute("BEGIN")
    other.execute("SELECT * FROM words").fetchall()
    store = Store.open(f"sqlite:///{path}")
    timer = threading.Timer(0.4, lambda: other.execute("ROLLBACK"))
    timer.start()
    with store.writing() as conn:
        conn.exec_driver_sql("INSERT INTO words VALUES ('kept')")
    timer.join()
    assert other.execute("SELECT * FROM words").fetchall() == [("kept",)]
    other.close()
    store.close()


def test_a_commit_that_never_gets_through_leaves_a_usable_store(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE words (word)")
    other.execute("BEGIN")
    other.execute("SELECT * FROM words").fetchall()
    store = Store.open(f"sqlite:///{path}", patience=timedelta(milliseconds=1))
    with pytest.raises(StoreBusy), store.writing() as conn:
        conn.exec_driver_sql("INSERT INTO words VALUES ('lost')")
    other.execute("ROLLBACK")
    with store.writing() as conn:
        conn.exec_driver_sql("INSERT INTO words VALUES ('kept')")
    assert other.execute("SELECT * FROM words").fetchall() == [("kept",)]
    other.close()
    store.close()


def test_a_reader_waits_too(sqlite_url: str) -> None:
    """Another program may hold the whole file, to repair it say."""
    other = sqlite3.connect(
        sqlite_url.removeprefix("sqlite:///"), check_same_thread=False, isolation_level=None
    )
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(0.5, other.close)
    timer.start()
    store = Store.open(sqlite_url)
    assert _count(store) == 0
    timer.join()
    store.close()


def test_a_database_put_back_is_gone_on_with(sqlite_store: Store, sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    _add(sqlite_store)
    path.unlink()
    with pytest.raises(StoreUnavailable):
        _count(sqlite_store)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    copy.rename(path)
    assert _count(sqlite_store) == 0
    _add(sqlite_store)
    assert _count(sqlite_store) == 1


def test_the_folder_of_a_database_is_made(tmp_path: Path) -> None:
    Store.open(f"sqlite:///{tmp_path}/a/b/monitor.db").close()
    assert (tmp_path / "a/b/monitor.db").is_file()


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("no folder", encoding="utf-8")
    with pytest.raises(StoreUnavailable, match=str(tmp_path / "a")):
        Store.open(f"sqlite:///{tmp_path}/a/monitor.db")


def test_a_path_that_is_a_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=str(tmp_path)):
        Store.open(f"sqlite:///{tmp_path}")


def test_messages_hold_no_values(store: Store) -> None:
    row = {"name": "hush-hush", "record_score": 0.1, "alert_score": 0.2}
    with pytest.raises(StoreError) as caught, store.writing() as conn:
        conn.execute(sa.insert(watches), [row, row])
    assert "hush" not in str(caught.value)


def test_many_threads_use_one_store(store: Store) -> None:
    def work() -> None:
        for _ in range(10):
            _add(store)
            _count(store)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _count(store) == 80
