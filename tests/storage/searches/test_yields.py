"""What searches have returned, and whose turn it is; quick after years of scans."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from monitor.alerting.retry import INTERRUPTED
from monitor.model import ReferencePicture, ScanCounts, ScanOutcome
from monitor.storage.catalogue import assets
from monitor.storage.db.engine import Connection, Store
from monitor.storage.leases import renew_leases, take_over
from monitor.storage.searches import scans, yields
from monitor.storage.tables import scans as scan_rows
from tests.storage.rows import LEASE, SHOP, START, add_watch, found, later, sync


@pytest.fixture
def watch(store: Store) -> int:
    with store.writing() as conn:
        watch_id = add_watch(conn, "w")
        sync(conn, watch_id, *(found(f"{name}.jpg", name) for name in "abcd"))
        return watch_id


def _references(conn: Connection, watch_id: int) -> list[ReferencePicture]:
    return assets.iter_references(conn, watch_id)


def _plan(conn: Connection, watch: int, day: int, *shops: str) -> None:
    scans.plan(conn, watch, _references(conn, watch), shops or (SHOP,), later(days=day))


def _search(conn: Connection, day: int, outcome: ScanOutcome, shop: str = SHOP) -> str | None:
    """Search for the next picture; its path."""
    scan = scans.claim(conn, [shop], "me", later(days=day), LEASE)
    if scan is None:
        return None
    scans.advance(conn, scan, "me", None, ScanCounts(listings_seen=day))
    assert scans.finish(conn, scan, "me", outcome, None, later(days=day))
    return scan.reference.path


def test_a_budget_for_two_searches_a_day_reaches_every_picture(store: Store, watch: int) -> None:
    seen = []
    for day in range(4):
        with store.writing() as conn:
            _plan(conn, watch, day)
            today = [_search(conn, day, ScanOutcome.OK) for _ in range(2)]
            while _search(conn, day, ScanOutcome.QUOTA):
                pass
        seen.append(set(today))
    assert seen == [{"a.jpg", "b.jpg"}, {"c.jpg", "d.jpg"}] * 2


def test_each_marketplace_has_its_own_turns(store: Store, watch: int) -> None:
    with store.writing() as conn:
        _plan(conn, watch, 0, "one", "two")
        assert _search(conn, 0, ScanOutcome.EMPTY, "one") == "a.jpg"
        assert _search(conn, 0, ScanOutcome.FAILED, "two") == "a.jpg"
        for shop in ("one", "two"):
            while _search(conn, 0, ScanOutcome.PARTIAL, shop):
                pass
        _plan(conn, watch, 1, "one", "two")
        assert _search(conn, 1, ScanOutcome.OK, "one") == "b.jpg"
        assert _search(conn, 1, ScanOutcome.OK, "two") == "a.jpg"


def test_a_new_picture_comes_first(store: Store, watch: int) -> None:
    with store.writing() as conn:
        _plan(conn, watch, 0)
        while _search(conn, 0, ScanOutcome.OK):
            pass
        sync(conn, watch, *(found(f"{name}.jpg", name) for name in "abcde"))
        _plan(conn, watch, 1)
        assert _search(conn, 1, ScanOutcome.OK) == "e.jpg"


def test_the_newest_cycle_without_a_suspect_scan(store: Store, watch: int) -> None:
    with store.writing() as conn:
        for day in range(3):
            _plan(conn, watch, day)
            while _search(conn, day, ScanOutcome.OK):
                pass
        assert yields.last_steady_cycle(conn, watch, SHOP) == 3
        yields.mark_suspect(conn, 12)
        assert yields.last_steady_cycle(conn, watch, SHOP) == 2
        assert yields.last_steady_cycle(conn, watch, "other") is None
        _plan(conn, watch, 4)
        _search(conn, 4, ScanOutcome.OK)
        assert yields.last_steady_cycle(conn, watch, SHOP) == 2  # not over yet


def test_years_of_scans_are_read_through_the_index(store: Store, watch: int) -> None:
    with store.writing() as conn:
        _plan(conn, watch, 0)
        references = [reference.id for reference in _references(conn, watch)]
        done = conn.execute(sa.select(scan_rows).where(scan_rows.c.id == 1)).mappings().one()
        changes = {"state": "finished", "outcome": "ok"}
        rows = [
            {
                **done,
                **changes,
                "id": 1_000 + number,
                "marketplace": f"shop {number % 25}",
                "reference_id": references[number % 4],
            }
            for number in range(10_000)
        ]
        conn.execute(sa.insert(scan_rows), rows)
    with store.writing() as conn:
        conn.exec_driver_sql("ANALYZE")
        asked = [
            lambda: yields.find_latest(conn, references[0], "shop 0", 10, without=1),
            lambda: yields.find_last_complete(conn, references, ["shop 0"]),
        ]
        for ask in asked:
            assert "ix_scans_complete" in _explains(conn, ask)[-1]
        beats: list[Callable[[], object]] = [
            lambda: renew_leases(conn, "me", START, LEASE),
            lambda: take_over(conn, lambda _: False, INTERRUPTED),
        ]
        for beat in beats:
            (plan,) = [plan for plan in _explains(conn, beat) if "scans" in plan]
            assert "uq_scans_open" in plan


def _explains(conn: Connection, ask: Callable[[], object]) -> list[str]:
    """How the database goes about each statement of `ask`."""
    word = "EXPLAIN QUERY PLAN" if conn.dialect.name == "sqlite" else "EXPLAIN"
    seen: list[tuple[str, object]] = []

    def note(
        _conn: object, _cursor: object, statement: str, parameters: object, *_: object
    ) -> None:
        seen.append((statement, parameters))

    sa.event.listen(conn, "before_cursor_execute", note)
    ask()
    sa.event.remove(conn, "before_cursor_execute", note)
    plans = []
    for statement, parameters in seen:
        plan = conn.exec_driver_sql(f"{word} {statement}", parameters)  # type: ignore[arg-type]
        plans.append("\n".join(str(row) for row in plan))
    return plans
