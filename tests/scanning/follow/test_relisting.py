"""The same offer under a new item id: one alert, which says what it has taken the place of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.alerting.policy import ROUTE_PATIENCE
from monitor.errors import Blocked
from monitor.model import Observation, ScanOutcome, Seller
from monitor.scanning.look.look import run_scan
from monitor.storage.telling import alerts
from tests.scanning.shop import Bench
from tests.scanning.street import alert_of, ask, fail, mug, page, show, told


def routable(bench: Bench) -> list[str]:
    """The events that routing would take up now."""
    with bench.store.reading() as conn:
        return [
            row.event.value for row in alerts.find_unrouted(conn, bench.clock(), ROUTE_PATIENCE)
        ]


def test_a_new_item_in_the_place_of_one_that_is_missing(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    show(bench, mug(bench, "old"))
    show(bench, mug(bench, "new"))
    assert told(bench) == [("new_match", "old"), ("relisted", "new")]
    assert alert_of(bench, "relisted").detail == {
        "relisted_from": "old",
        "relisted_from_url": "https://detail.1688.com/offer/old.html",
        "last_seen_at": "2026-01-06 08:00 UTC",
    }
    for _ in range(5):
        show(bench, mug(bench, "new"))
    assert told(bench) == [("new_match", "old"), ("relisted", "new")]


def test_weeks_later_too_and_the_last_of_a_row_is_named(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    show(bench, mug(bench, "1"))
    show(bench, mug(bench, "2"))
    for _ in range(20):
        show(bench)
    show(bench, mug(bench, "3"))
    assert told(bench) == [("new_match", "1"), ("relisted", "2"), ("relisted", "3")]
    details = [row.detail or {} for row in bench.alerts() if row.event == "relisted"]
    assert {item["relisted_from"] for item in details} == {"1", "2"}


def test_one_that_is_still_there_makes_it_a_new_match(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    show(bench, mug(bench, "old"))
    bench.shop.pages = [[mug(bench, "new")], page(bench, mug(bench, "old"))]
    bench.plan(24)
    bench.look()
    assert told(bench) == [("new_match", "old"), ("new_match", "new")]
    assert routable(bench) == ["new_match", "new_match"]


@pytest.mark.parametrize("change", ["seller", "no seller", "site", "picture"])
def test_what_differs_is_a_new_match(sqlite_bench: Bench, change: str) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    bench.draw("cup.png", 2)
    seller = None if change == "no seller" else Seller("s1", "S1")
    show(bench, bench.offer("old", 1, seller=seller))
    new = bench.offer("new", 2 if change == "picture" else 1, seller=seller)
    others: dict[str, dict[str, object]] = {
        "seller": {"seller": Seller("s2", "S2")},
        "site": {"site": "taobao"},
    }
    show(bench, bench.offer("new", 1, **others[change]) if change in others else new)
    assert [event for event, _ in told(bench)] == ["new_match", "new_match"]


def test_a_first_scan_tells_no_relistings(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug/front.png", 1)
    show(bench, mug(bench, "old"))
    bench.draw("mug/back.png", 2)
    bench.plan(24)
    while (scan := bench.claim()) is not None:
        is_first = scan.reference.path == "mug/back.png"
        bench.shop.pages = [page(bench, *([mug(bench, "new")] if is_first else []))]
        run_scan(bench.context, scan)
    assert told(bench) == [("new_match", "old"), ("new_match", "new")]


# -- several searches


def _cycle(bench: Bench, answers: list[list[Observation]]) -> list[list[str]]:
    """A cycle with these answers, one after the other; what could be routed after each."""
    bench.plan(24)
    seen = []
    for answer in answers:
        scan = bench.claim()
        assert scan is not None
        bench.shop.pages = [page(bench, *answer)]
        assert run_scan(bench.context, scan) is ScanOutcome.OK
        seen.append(routable(bench))
    return seen


def _two_pictures(bench: Bench) -> None:
    """Both find the old listing, and what is told of it is out of the way."""
    bench.draw("mug/1.png", 1)
    bench.draw("mug/2.png", 2)
    show(bench, mug(bench, "old"))
    with bench.store.writing() as conn:
        for row in alerts.find_unrouted(conn, bench.clock(), ROUTE_PATIENCE):
            alerts.route(conn, row.id, ["legal"], bench.clock())


def test_it_waits_for_the_other_searches_that_used_to_return_the_earlier_one(bench: Bench) -> None:
    _two_pictures(bench)
    assert _cycle(bench, [[mug(bench, "new")], []]) == [[], ["relisted"]]


def test_another_search_that_still_returns_it_settles_that_it_is_new(bench: Bench) -> None:
    _two_pictures(bench)
    assert _cycle(bench, [[mug(bench, "new")], [mug(bench, "old")]]) == [[], ["new_match"]]


def test_a_cycle_that_is_suspect_as_a_whole_says_nothing_of_the_earlier_one(bench: Bench) -> None:
    """Its last scan shows that it is, and the one that makes the question may be that very one."""
    for number in range(6):
        bench.draw(f"mug/{number}.png", 1 + number * 100)
    for _ in range(4):
        bench.shop.pages = [page(bench, mug(bench, "old"))[:4]]
        bench.plan(24)
        bench.look()
    bench.plan(24)
    for answer in [page(bench)[:1]] * 5 + [[mug(bench, "new")]]:
        scan = bench.claim()
        assert scan is not None
        bench.shop.pages = [answer]
        run_scan(bench.context, scan)
    assert [row.event for row in bench.alerts() if row.event == "yield_dropped"]
    assert told(bench) == [("new_match", "old"), ("new_match", "new")]
    assert sorted(routable(bench)) == ["new_match", "new_match", "yield_dropped"]


def test_it_does_not_wait_for_long(bench: Bench) -> None:
    _two_pictures(bench)
    bench.plan(24)
    scan = bench.claim()
    assert scan is not None
    bench.shop.pages = [page(bench, mug(bench, "new"))]
    run_scan(bench.context, scan)
    assert routable(bench) == []
    bench.clock.advance(seconds=(ROUTE_PATIENCE.relisting + timedelta(seconds=1)).total_seconds())
    (alert,) = _route(bench)
    # what the next search says comes too late, and tells nothing twice
    bench.shop.pages = [page(bench)]
    bench.look()
    assert routable(bench) == []
    row = next(row for row in bench.alerts() if row.alert_id == alert)
    assert (row.event, row.detail) == ("new_match", None)


def _route(bench: Bench) -> list[str]:
    with bench.store.writing() as conn:
        found = alerts.find_unrouted(conn, bench.clock(), ROUTE_PATIENCE)
        for row in found:
            alerts.route(conn, row.id, ["legal"], bench.clock())
    return [row.id for row in found]


def test_a_scan_that_breaks_off_leaves_it_a_new_match_that_is_told(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    show(bench, mug(bench, "old"))
    bench.shop.pages = [page(bench, mug(bench, "new")), Blocked("a wall")]
    bench.plan(24)
    bench.look()
    assert told(bench) == [("new_match", "old"), ("new_match", "new")]
    assert routable(bench).count("new_match") == 2


def test_an_earlier_one_known_to_be_missing_needs_no_complete_scan(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    show(bench, mug(bench, "old"))
    show(bench)
    bench.shop.pages = [page(bench, mug(bench, "new")), Blocked("a wall")]
    bench.plan(24)
    bench.look()
    assert told(bench) == [("new_match", "old"), ("relisted", "new")]


def test_a_marketplace_that_was_blocked_makes_no_relisting(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    show(bench, mug(bench, "old"))
    fail(bench, Blocked("a wall"))
    bench.shop.pages = [[mug(bench, "new")], page(bench, mug(bench, "old"))]
    bench.plan(24)
    bench.look()
    assert told(bench) == [("new_match", "old"), ("new_match", "new")]


def test_it_is_gone_and_relisted_each_told_once(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    ask(bench, tell_gone=True)
    bench.draw("mug.png", 1)
    show(bench, mug(bench, "old"))
    for _ in range(6):
        show(bench, mug(bench, "new"))
    assert told(bench) == [("new_match", "old"), ("relisted", "new"), ("gone", "old")]
