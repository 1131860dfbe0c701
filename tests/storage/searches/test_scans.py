"""Scans: planned once, claimed by one, finished by their owner; cycles and baselines."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from monitor.alerting.retry import INTERRUPTED
from monitor.errors import LeaseLost
from monitor.model import ReferencePicture, Scan, ScanCounts, ScanOutcome
from monitor.storage.catalogue import assets
from monitor.storage.db.engine import Store
from monitor.storage.leases import release, renew_leases, take_over
from monitor.storage.searches import cycles, scans
from tests.storage.rows import LEASE, SHOP, START, add_watch, found, later, sync


@pytest.fixture
def watch(store: Store) -> int:
    with store.writing() as conn:
        watch_id = add_watch(conn, "w")
        sync(conn, watch_id, found("a.jpg", "A"), found("b.jpg", "B"))
        return watch_id


def _references(store: Store, watch_id: int) -> list[ReferencePicture]:
    with store.reading() as conn:
        return assets.iter_references(conn, watch_id)


def _plan(store: Store, watch: int, *shops: str, hours: float = 0) -> int | None:
    references = _references(store, watch)
    with store.writing() as conn:
        return scans.plan(conn, watch, references, shops or (SHOP,), later(hours=hours))


def _claim(store: Store, owner: str = "me", hours: float = 0, **where: int) -> Scan | None:
    with store.writing() as conn:
        return scans.claim(
            conn, [SHOP], owner, later(hours=hours), LEASE, cycle_id=where.get("cycle")
        )


def _take(store: Store, owner: str = "me", hours: float = 0) -> Scan:
    scan = _claim(store, owner, hours)
    assert scan is not None
    return scan


def _finish(store: Store, scan: Scan, outcome: ScanOutcome, owner: str = "me") -> bool:
    with store.writing() as conn:
        return scans.finish(conn, scan, owner, outcome, "why\x00", later(hours=1))


def test_a_scan_per_picture_and_marketplace(store: Store, watch: int) -> None:
    cycle = _plan(store, watch, SHOP, "other")
    assert cycle is not None
    with store.reading() as conn:
        assert cycles.count_progress(conn, [cycle]) == (0, 4)
        assert cycles.list_open(conn, watch) == [cycle]
        assert cycles.has_open(conn, cycle, SHOP)


def test_what_is_open_is_not_planned_twice(store: Store, watch: int) -> None:
    _plan(store, watch)
    assert _plan(store, watch, hours=6) is None
    _finish(store, _take(store), ScanOutcome.OK)
    second = _plan(store, watch, hours=12)
    assert second is not None
    with store.reading() as conn:
        assert cycles.count_progress(conn, [second]) == (0, 1)


def test_two_processes_that_plan_at_once_plan_it_once(store: Store, watch: int) -> None:
    planned: list[int | None] = []
    threads = [
        threading.Thread(target=lambda: planned.append(_plan(store, watch))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(cycle is not None for cycle in planned) == 1


def test_each_scan_is_claimed_by_one(store: Store, watch: int) -> None:
    with store.writing() as conn:
        sync(conn, watch, *(found(f"{number}.jpg", str(number)) for number in range(30)))
    _plan(store, watch)
    taken: list[int] = []

    def work(owner: str) -> None:
        while (scan := _claim(store, owner)) is not None:
            taken.append(scan.id)
            _finish(store, scan, ScanOutcome.OK, owner)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 30


def test_only_what_is_due_and_asked_for_is_claimed(store: Store, watch: int) -> None:
    cycle = _plan(store, watch, hours=1)
    assert cycle is not None
    assert _claim(store) is None
    assert _claim(store, hours=1, cycle=cycle + 1) is None
    assert _claim(store, hours=1, cycle=cycle) is not None
    with store.writing() as conn:
        assert scans.claim(conn, ["other"], "me", later(hours=1), LEASE) is None
        assert scans.claim(conn, [], "me", later(hours=1), LEASE) is None


def test_a_lease_that_ran_out_is_taken_and_the_first_owner_has_lost_it(
    store: Store, watch: int
) -> None:
    _plan(store, watch)
    mine = _take(store, "me")
    assert _take(store, "you").id != mine.id
    assert _claim(store, "third") is None
    yours = _take(store, "you", hours=1)
    assert (yours.id, yours.attempts, yours.started_at) == (mine.id, 2, START)
    with pytest.raises(LeaseLost), store.writing() as conn:
        scans.advance(conn, mine, "me", "2", ScanCounts())
    assert not _finish(store, mine, ScanOutcome.OK, "me")


def test_a_renewed_lease_stays(store: Store, watch: int) -> None:
    _plan(store, watch)
    mine = _take(store)
    with store.writing() as conn:
        assert renew_leases(conn, "me", later(hours=1), LEASE) == 1
    assert _take(store, "you", hours=1).id != mine.id
    assert _claim(store, "third", hours=1) is None


def test_a_scan_that_an_error_dropped_is_taken_again_although_its_lease_is_renewed(
    store: Store, watch: int
) -> None:
    """Else it would stand still for as long as its process lives."""
    _plan(store, watch)
    dropped = _take(store)
    with store.writing() as conn:
        renew_leases(conn, "me", START, timedelta(days=1))
    assert _take(store).id == dropped.id


def test_the_rows_of_a_dead_process_are_free_at_once(store: Store, watch: int) -> None:
    _plan(store, watch)
    dead = _take(store, "dead")
    _take(store, "alive")
    with store.writing() as conn:
        assert take_over(conn, lambda owner: owner == "dead", INTERRUPTED) == 1
    assert _take(store, "me").id == dead.id


def test_an_ordered_stop_gives_back_page_and_attempt(store: Store, watch: int) -> None:
    _plan(store, watch)
    for _ in range(10):  # ten restarts do not look like ten crashes
        scan = _take(store)
        assert scan.attempts == 1
        with store.writing() as conn:
            scans.advance(conn, scan, "me", "page 2", ScanCounts(listings_seen=20))
            assert release(conn, "me", INTERRUPTED) == 1
    again = _take(store, "you")
    assert (again.id, again.cursor, again.counts.listings_seen) == (scan.id, "page 2", 20)


def test_a_cycle_ends_with_its_last_scan(store: Store, watch: int) -> None:
    cycle = _plan(store, watch)
    assert cycle is not None
    _finish(store, _take(store), ScanOutcome.OK)
    with store.reading() as conn:
        assert scans.list_newest(conn) == []
    _finish(store, _take(store), ScanOutcome.FAILED)
    with store.reading() as conn:
        newest = scans.list_newest(conn)
        assert [row.outcome for row in newest] == ["ok", "failed"]
        assert newest[1].error == "why\ufffd"
        assert cycles.count_progress(conn, [cycle]) == (2, 2)
        assert not cycles.has_open(conn, cycle, SHOP)
        assert cycles.last_good(conn, watch, SHOP) == cycle
        assert cycles.last_good(conn, watch, "other") is None
        assert len(scans.list_health(conn, cycles=[cycle], limit=1)) == 1
        assert scans.list_health(conn, cycles=[]) == []


@pytest.mark.parametrize("outcome", list(ScanOutcome))
def test_only_a_complete_scan_is_a_baseline(store: Store, watch: int, outcome: ScanOutcome) -> None:
    _plan(store, watch)
    scan = _take(store)
    _finish(store, scan, outcome)
    with store.reading() as conn:
        done = scans.find_baselines(conn, watch, SHOP)
        assert done == ({scan.reference.id} if outcome.is_complete else set())
        assert scans.find_baselines(conn, watch, "other") == set()
