"""Watches: mirrored from the config, with a schedule that survives restarts."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest

from monitor.errors import NotFound
from monitor.storage.catalogue import watches
from monitor.storage.db.engine import Store
from tests.storage.rows import START, add_match, add_watch, later, stock


def _row(name: str, trigger: str = "every 6h") -> watches.WatchRow:
    return watches.WatchRow(name, 0.6, 0.85, trigger)


def _mirror(store: Store, *rows: watches.WatchRow, hours: float = 0) -> None:
    with store.writing() as conn:
        watches.mirror(
            conn, rows, later(hours=hours), first_due=lambda _: later(hours=hours, minutes=1)
        )


def _due(store: Store) -> dict[str, datetime]:
    with store.reading() as conn:
        return {watch.name: watch.due_at for watch in watches.find_due(conn, later(days=9))}


def test_a_restart_leaves_the_schedule_alone(store: Store) -> None:
    _mirror(store, _row("a"))
    _mirror(store, _row("a"), hours=5)
    assert _due(store) == {"a": later(minutes=1)}


def test_another_trigger_starts_anew(store: Store) -> None:
    _mirror(store, _row("a"), _row("b"))
    _mirror(store, _row("a", "every 1h"), _row("b"), hours=5)
    assert _due(store) == {"a": later(hours=5, minutes=1), "b": later(minutes=1)}


def test_what_left_the_config_is_retired_and_comes_back(store: Store) -> None:
    _mirror(store, _row("a"), _row("b"))
    _mirror(store, _row("b"), hours=1)
    assert set(_due(store)) == {"b"}
    with store.reading() as conn:
        assert [row.retired_at for row in watches.list_rows(conn)] == [later(hours=1), None]
    _mirror(store, _row("a"), _row("b"), hours=2)
    assert _due(store)["a"] == later(hours=2, minutes=1)
    _mirror(store)
    assert _due(store) == {}


def test_only_one_process_moves_the_schedule_on(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "a")
        assert [due.id for due in watches.find_due(conn, START)] == [watch]
        assert watches.find_due(conn, later(seconds=-1)) == []
        assert watches.set_next_due(conn, watch, START, later(hours=6))
        assert not watches.set_next_due(conn, watch, START, later(hours=6))


def test_two_processes_may_start_at_once(store: Store) -> None:
    threads = [threading.Thread(target=_mirror, args=(store, _row("a"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(_due(store)) == {"a"}


def test_a_watch_is_shown_with_what_it_has(store: Store) -> None:
    with store.writing() as conn:
        add_match(conn, stock(conn))
        (row,) = watches.list_rows(conn)
        assert (row.name, row.assets, row.reference_pictures, row.open_matches) == ("mugs", 1, 1, 1)
        with pytest.raises(NotFound):
            watches.get_id(conn, "cups")
