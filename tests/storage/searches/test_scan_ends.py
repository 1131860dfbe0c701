"""How scans and their cycles end when the config or another process intervenes."""

from __future__ import annotations

import threading

import pytest

from monitor.model import ScanOutcome
from monitor.scanning.guard.startup import UNWANTED
from monitor.storage.catalogue import assets
from monitor.storage.db.engine import Store
from monitor.storage.searches import cycles, scans
from tests.storage.rows import LEASE, START, add_watch, found, later, sync


@pytest.fixture
def watch(store: Store) -> int:
    with store.writing() as conn:
        watch_id = add_watch(conn, "w")
        sync(conn, watch_id, found("a.jpg", "A"))
        return watch_id


def _plan(store: Store, watch: int, *shops: str) -> int:
    with store.writing() as conn:
        cycle = scans.plan(conn, watch, assets.iter_references(conn, watch), shops, START)
    assert cycle is not None
    return cycle


def _run(store: Store, shop: str, outcome: ScanOutcome, owner: str = "me") -> None:
    with store.writing() as conn:
        scan = scans.claim(conn, [shop], owner, START, LEASE)
        assert scan is not None
        assert scans.finish(conn, scan, owner, outcome, None, later(hours=1))


def _finished_cycles(store: Store) -> int:
    with store.reading() as conn:
        statement = "SELECT count(*) FROM cycles WHERE finished_at IS NOT NULL"
        return int(conn.exec_driver_sql(statement).scalar() or 0)


def test_scans_on_a_marketplace_that_was_removed_end_with_their_cycle(
    store: Store, watch: int
) -> None:
    _plan(store, watch, "old", "new")
    _run(store, "new", ScanOutcome.OK)
    assert _finished_cycles(store) == 0
    with store.writing() as conn:
        scans.end_unwanted(conn, watch, ["new"], later(hours=2), UNWANTED)
        (ended, _) = sorted(scans.list_health(conn), key=lambda row: row.marketplace != "old")
    assert (ended.outcome, ended.finished_at) == ("failed", later(hours=2))
    assert "old is no longer a marketplace" in str(ended.error)
    assert _finished_cycles(store) == 1


def test_scans_that_are_still_wanted_or_of_another_watch_stay_open(
    store: Store, watch: int
) -> None:
    _plan(store, watch, "old", "new")
    with store.writing() as conn:
        other = add_watch(conn, "v")
        sync(conn, other, found("a.jpg", "A"))
    _plan(store, other, "old")
    with store.writing() as conn:
        scans.end_unwanted(conn, watch, ["new"], later(hours=2), UNWANTED)
        open_rows = [row for row in scans.list_health(conn) if row.outcome is None]
    assert sorted((row.watch, row.marketplace) for row in open_rows) == [("v", "old"), ("w", "new")]


def test_who_had_such_a_scan_in_hand_has_lost_it(store: Store, watch: int) -> None:
    _plan(store, watch, "old")
    with store.writing() as conn:
        scan = scans.claim(conn, ["old"], "me", START, LEASE)
        assert scan is not None
        scans.end_unwanted(conn, watch, [], later(hours=2), UNWANTED)
        assert not scans.finish(conn, scan, "me", ScanOutcome.OK, None, later(hours=3))
        assert scans.find_baselines(conn, watch, "old") == set()


def test_two_last_scans_that_end_at_once_end_the_cycle(store: Store, watch: int) -> None:
    """Each transaction must see that the other's scan is over."""
    for _ in range(5):
        _plan(store, watch, "one", "two")
        gate = threading.Barrier(2)

        def end(shop: str, gate: threading.Barrier = gate) -> None:
            with store.writing() as conn:
                scan = scans.claim(conn, [shop], shop, START, LEASE)
            assert scan is not None
            gate.wait()
            with store.writing() as conn:
                scans.finish(conn, scan, shop, ScanOutcome.FAILED, None, START)

        threads = [threading.Thread(target=end, args=(shop,)) for shop in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert _finished_cycles(store) == 5


def test_the_last_good_cycle_is_told_per_marketplace(store: Store, watch: int) -> None:
    first = _plan(store, watch, "one", "two")
    _run(store, "one", ScanOutcome.EMPTY)
    _run(store, "two", ScanOutcome.PARTIAL)
    second = _plan(store, watch, "one", "two")
    _run(store, "one", ScanOutcome.BLOCKED)
    _run(store, "two", ScanOutcome.OK)
    with store.reading() as conn:
        assert cycles.last_good(conn, watch, "one") == first
        assert cycles.last_good(conn, watch, "two") == second
        assert cycles.last_good(conn, watch, "three") is None


def test_a_scan_given_back_is_due_and_its_attempt_does_not_count(store: Store, watch: int) -> None:
    _plan(store, watch, "one")
    for _ in range(10):
        with store.writing() as conn:
            scan = scans.claim(conn, ["one"], "me", START, LEASE)
            assert scan is not None
            assert scan.attempts == 1
            scans.give_back(conn, scan, "other")  # not theirs to give
            assert scans.claim(conn, ["one"], "other", START, LEASE) is None
            scans.give_back(conn, scan, "me")
