"""Listings that searches return no more, and what may never count as that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.cli.matches import lately
from monitor.errors import Blocked
from monitor.model import Observation, ScanCounts, ScanOutcome, Verdict
from monitor.scanning.context import Source
from monitor.scanning.look.canary import look_for_canary
from monitor.scanning.look.look import claim_scan, finish_scan, run_scan
from monitor.scanning.plan.plan import plan_watch
from monitor.scanning.policy import LEASE
from monitor.storage.catalogue import watches
from tests.scanning.look.test_canary import hatch
from tests.scanning.shop import SHOP, WATCH, Bench, Shop, rules_for
from tests.scanning.street import FILLERS, alert_of, ask, fail, gone, mug, page, show, told


def settle_in(bench: Bench, *items: str, days: int = 4) -> None:
    """So many days on which the searches return these listings."""
    bench.draw("mug.png", 1)
    for _ in range(days):
        show(bench, *(mug(bench, item) for item in items))


def test_three_scans_over_two_days_without_it(bench: Bench) -> None:
    ask(bench, tell_gone=True)
    settle_in(bench, "1", "2")
    show(bench, mug(bench, "2"))
    show(bench, mug(bench, "2"))
    assert gone(bench) == []
    show(bench, mug(bench, "2"))
    assert gone(bench) == ["1"]
    for _ in range(5):
        show(bench, mug(bench, "2"))
    assert told(bench) == [("new_match", "1"), ("new_match", "2"), ("gone", "1")]
    assert alert_of(bench, "gone").detail == {"last_seen_at": "2026-01-09 08:00 UTC"}
    assert bench.rows("SELECT missed FROM appearances") == [(0,)]


def test_many_scans_in_little_time_are_not_enough(bench: Bench) -> None:
    settle_in(bench, "1", "2")
    for _ in range(8):
        show(bench, mug(bench, "2"), hours=6)
    assert gone(bench) == []
    show(bench, mug(bench, "2"), hours=6)
    assert gone(bench) == ["1"]


def test_rare_scans_are_counted_not_days(sqlite_bench: Bench) -> None:
    settle_in(sqlite_bench, "1", "2")
    for _ in range(2):
        show(sqlite_bench, mug(sqlite_bench, "2"), hours=24 * 7)
    assert gone(sqlite_bench) == []
    show(sqlite_bench, mug(sqlite_bench, "2"), hours=24 * 7)
    assert gone(sqlite_bench) == ["1"]


def test_it_is_marked_but_not_told_unless_the_watch_asks_for_it(sqlite_bench: Bench) -> None:
    settle_in(sqlite_bench, "1")
    for _ in range(4):
        show(sqlite_bench)
    assert gone(sqlite_bench) == ["1"]
    assert told(sqlite_bench) == [("new_match", "1")]
    assert lately(sqlite_bench.matches()[0]) == "no longer found (2026-01-12)"


def test_one_that_is_seen_in_between_starts_anew(bench: Bench) -> None:
    settle_in(bench, "1")
    for _ in range(4):
        show(bench)
        show(bench)
        show(bench, mug(bench, "1"))
    assert gone(bench) == []


def test_it_is_told_once_each_time_that_it_is_there_again(bench: Bench) -> None:
    ask(bench, tell_gone=True)
    settle_in(bench, "1")
    for _ in range(2):
        for _ in range(5):
            show(bench)
        assert gone(bench) == ["1"]
        for _ in range(3):
            show(bench, mug(bench, "1"))
        assert gone(bench) == []
    events = [event for event, _ in told(bench)]
    assert events == ["new_match", "gone", "reappeared", "gone", "reappeared"]
    details = [row.detail for row in bench.alerts() if row.event == "reappeared"]
    assert {"gone_since": "2026-01-12 08:00 UTC"} in details
    assert bench.matches()[0].reappeared_at is not None


@pytest.mark.parametrize("verdict", [Verdict.NOT_OURS, Verdict.INFRINGING])
def test_what_is_settled_is_marked_and_not_told(sqlite_bench: Bench, verdict: Verdict) -> None:
    bench = sqlite_bench
    ask(bench, tell_gone=True)
    settle_in(bench, "1")
    bench.decide(verdict)
    for _ in range(3):
        show(bench)
    assert gone(bench) == ["1"]
    show(bench, mug(bench, "1"))
    assert gone(bench) == []
    assert len(told(bench)) == (1 if verdict.is_settled else 3)


def test_what_was_never_told_comes_and_goes_in_silence(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    ask(bench, tell_gone=True, alert_score=0.999999)
    settle_in(bench, "1")
    for _ in range(3):
        show(bench)
    assert gone(bench) == ["1"]
    show(bench, mug(bench, "1"))
    assert gone(bench) == []
    assert told(bench) == []


# -- what may never count


def test_a_blocked_marketplace_makes_nothing_gone(bench: Bench) -> None:
    ask(bench, tell_gone=True)
    settle_in(bench, "1")
    for _ in range(10):
        fail(bench, Blocked("a wall"))
    show(bench, mug(bench, "1"))
    assert gone(bench) == []
    show(bench)
    show(bench)
    fail(bench, Blocked("a wall"))
    assert gone(bench) == []
    assert told(bench) == [("new_match", "1")]


def test_a_scan_that_broke_off_makes_nothing_gone(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    settle_in(bench, "1")
    for _ in range(5):
        bench.shop.pages = [page(bench), Blocked("a wall")]
        bench.plan(24)
        assert bench.look() == [ScanOutcome.BLOCKED]
    assert gone(bench) == []


def test_suspect_scans_make_nothing_gone(bench: Bench) -> None:
    settle_in(bench, "1")
    for _ in range(3):
        bench.shop.pages = [[]]
        bench.plan(24)
        assert bench.look() == [ScanOutcome.EMPTY]
    assert bench.rows("SELECT count(*) FROM scan_health WHERE is_suspect = 1") == [(3,)]
    assert gone(bench) == []


def _show_few(bench: Bench, *offers: Observation, fillers: int) -> None:
    """A cycle in which each search finds these and so few others that one alone says nothing."""
    others = [bench.offer(f"f{n}", 1, picture_url=None) for n in range(fillers)]
    bench.shop.pages = [[*offers, *others]]
    bench.plan(24)
    bench.look()


def test_a_cycle_that_is_suspect_as_a_whole_makes_nothing_gone(bench: Bench) -> None:
    """Only its last scan shows that it is, when the others have ended."""
    for number in range(6):
        bench.draw(f"mug-{number}.png", 1 + number * 100)
    for _ in range(4):
        _show_few(bench, mug(bench, "1"), fillers=3)
    for _ in range(3):
        _show_few(bench, fillers=1)
    assert bench.rows("SELECT count(*) FROM scan_health WHERE is_suspect = 1") == [(18,)]
    assert gone(bench) == []
    assert bench.rows("SELECT sum(missed) FROM appearances") == [(0,)]


def test_nothing_is_gone_while_the_canary_is_lost_nor_for_what_was_missed_before(
    bench: Bench,
) -> None:
    settle_in(bench, "1")
    hatch(bench, "canary")
    show(bench)
    show(bench)
    assert look_for_canary(bench.context, SHOP)  # in vain
    for _ in range(6):
        show(bench)
    assert gone(bench) == []
    bench.shop.pages = [[bench.offer("canary", 9)]]
    assert look_for_canary(bench.context, SHOP)
    show(bench)
    show(bench)
    assert gone(bench) == []
    show(bench)
    assert gone(bench) == ["1"]


def _by_picture(bench: Bench, answers: dict[str, list[Observation]], hours: float = 24) -> None:
    """A cycle in which the search for a reference picture finds these."""
    bench.plan(hours)
    while (scan := bench.claim()) is not None:
        bench.shop.pages = [page(bench, *answers[scan.reference.path])]
        run_scan(bench.context, scan)


def test_every_picture_that_used_to_find_it_must_miss_it(bench: Bench) -> None:
    bench.draw("mug/front.png", 1)
    bench.draw("mug/back.png", 2)
    bench.draw("cup.png", 3)
    both = {name: [mug(bench, "1")] for name in ("mug/front.png", "mug/back.png")}
    for _ in range(4):
        _by_picture(bench, {**both, "cup.png": []})
    for _ in range(5):
        _by_picture(bench, {"mug/front.png": [], "mug/back.png": [mug(bench, "1")], "cup.png": []})
    assert gone(bench) == []
    nowhere: dict[str, list[Observation]] = {"cup.png": [], **{name: [] for name in both}}
    _by_picture(bench, nowhere)
    _by_picture(bench, nowhere)
    assert gone(bench) == []
    _by_picture(bench, nowhere)
    assert gone(bench) == ["1"]


def test_a_picture_that_has_left_its_folder_keeps_nothing(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug/front.png", 1)
    back = bench.draw("mug/back.png", 2)
    for _ in range(4):
        show(bench, mug(bench, "1"))
    back.unlink()
    for _ in range(3):
        show(bench)
    assert gone(bench) == ["1"]


def _open_second(bench: Bench) -> Shop:
    """Another marketplace of the watch, on the same site."""
    shop = Shop(name="reseller")
    bench.sources["reseller"] = Source(shop, bench.fetcher)
    ask(bench, marketplaces=(SHOP, "reseller"))
    return shop


def _look_everywhere(bench: Bench) -> None:
    bench.plan(24)
    for name in (SHOP, "reseller"):
        while (scan := claim_scan(bench.context, name, LEASE)) is not None:
            run_scan(bench.context, scan)


def test_every_marketplace_that_used_to_return_it_must_miss_it_and_be_sound(bench: Bench) -> None:
    second = _open_second(bench)
    bench.draw("mug.png", 1)
    bench.shop.pages = second.pages = [page(bench, mug(bench, "1"))]
    for _ in range(4):
        _look_everywhere(bench)
    second.pages = [page(bench)]
    for _ in range(4):
        _look_everywhere(bench)
    assert gone(bench) == []
    # long missed there, but who knows what is there now?
    second.pages = [Blocked("a wall")]
    bench.shop.pages = [page(bench)]
    for _ in range(5):
        _look_everywhere(bench)
    assert gone(bench) == []
    second.pages = [page(bench)]
    _look_everywhere(bench)
    assert gone(bench) == ["1"]


def test_a_marketplace_that_the_watch_no_longer_names_keeps_nothing(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    second = _open_second(bench)
    bench.draw("mug.png", 1)
    bench.shop.pages = second.pages = [page(bench, mug(bench, "1"))]
    for _ in range(4):
        _look_everywhere(bench)
    ask(bench, marketplaces=(SHOP,))
    for _ in range(3):
        show(bench)
    assert gone(bench) == ["1"]


def test_what_another_watch_has_seen_lately_is_not_gone(bench: Bench) -> None:
    settle_in(bench, "1")
    for _ in range(5):
        show(bench)
        with bench.store.writing() as conn:
            conn.exec_driver_sql(
                "UPDATE listings SET last_seen_at ="
                " (SELECT max(finished_at) FROM scans) WHERE item_id = '1'"
            )
    assert gone(bench) == []
    show(bench)
    show(bench)
    assert gone(bench) == ["1"]


def test_a_watch_is_not_told_of_what_another_one_misses(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    ask(bench, tell_gone=True)
    settle_in(bench, "1")
    other = rules_for("other", bench.folder)
    rows = [watches.WatchRow(name, 0.6, 0.85, "every 6h") for name in (WATCH, "other")]
    with bench.store.writing() as conn:
        watches.mirror(conn, rows, bench.clock(), first_due=lambda _: bench.clock())
    context = replace(bench.context, watches={WATCH: bench.rules, "other": other})
    plan_watch(context, other, bench.clock())
    bench.shop.pages = [page(bench, mug(bench, "1"))]
    while (scan := claim_scan(context, SHOP, LEASE)) is not None:
        run_scan(context, scan)
    for _ in range(4):
        show(bench)
    found = bench.rows("SELECT watch FROM match_history WHERE gone_at IS NOT NULL")
    assert found == [(WATCH,)]
    assert told(bench)[-1] == ("gone", "1")


def test_a_scan_that_ends_twice_counts_once(bench: Bench) -> None:
    settle_in(bench, "1")
    scan = replace(bench.start(page(bench)), counts=ScanCounts(listings_seen=FILLERS))
    for _ in range(5):
        finish_scan(bench.context, scan, ScanOutcome.OK, None)
    assert bench.rows("SELECT missed FROM appearances") == [(1,)]


def test_a_listing_that_shows_another_picture_comes_back_only_with_ours(
    sqlite_bench: Bench,
) -> None:
    bench = sqlite_bench
    settle_in(bench, "1")
    for _ in range(3):
        show(bench)
    other = bench.offer("other", 50).picture_url
    show(bench, bench.offer("1", 1, picture_url=other))
    assert gone(bench) == ["1"]
    assert bench.count("appearances") == 0
    show(bench, mug(bench, "1"))
    assert gone(bench) == []
    assert told(bench)[-1] == ("reappeared", "1")


def test_counting_does_not_grow_with_the_history(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    settle_in(bench, *map(str, range(8)))
    for _ in range(4):
        show(bench, mug(bench, "7"))
    assert bench.count("appearances") == 1
