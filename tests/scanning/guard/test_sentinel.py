"""A search that suddenly returns far less: marked, told once, and got used to."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import Blocked, QuotaExhausted
from monitor.model import ScanOutcome
from monitor.scanning.guard.sentinel import is_drop
from monitor.scanning.look.look import run_scan
from monitor.scanning.policy import LEAST_USUAL, LEAST_YIELDS
from monitor.storage.searches import yields
from tests.scanning.shop import SHOP, Answer, Bench
from tests.told import text_of


def offers(bench: Bench, count: int) -> Answer:
    """So many listings, whose pictures are not asked for."""
    return [bench.offer(str(number), 1, picture_url=None) for number in range(count)]


def see(bench: Bench, *counts: int) -> None:
    """A cycle for each of these yields."""
    for count in counts:
        bench.shop.pages = [offers(bench, count)]
        bench.scan()


def suspects(bench: Bench) -> list[object]:
    rows = bench.rows("SELECT scan_id, is_suspect FROM scan_health")
    return [value for _, value in sorted(rows, key=lambda row: int(str(row[0])))]


def events(bench: Bench) -> list[str]:
    return [row.event for row in reversed(bench.alerts())]


def test_a_yield_that_halves_is_marked_and_told_once(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    see(bench, 10, 12, 11, 4, 3)
    assert suspects(bench) == [0, 0, 0, 1, 1]
    (alert,) = bench.alerts()
    assert alert.event == "yield_dropped"
    text = text_of(alert)
    assert "mug.png returned 4 listings, where 11 are usual" in text
    assert "nothing counts as gone" in text


def test_one_alert_for_all_pictures_of_a_watch(bench: Bench) -> None:
    for seed in range(4):
        bench.draw(f"{seed}.png", seed)
    see(bench, 10, 10, 10, 2)
    assert suspects(bench)[-4:] == [1] * 4
    assert events(bench) == ["yield_dropped"]


def test_a_new_trouble_is_told_anew(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    see(bench, 10, 10, 10, 2, 10, 1)
    assert events(bench) == ["yield_dropped"] * 2


def test_nothing_found_where_there_was_plenty_is_suspect_too(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    see(bench, 10, 10, 10, 0)
    assert bench.rows("SELECT outcome FROM scan_health WHERE is_suspect = 1") == [("empty",)]


def test_a_handful_of_listings_more_or_less_is_trade(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    see(bench, 3, 4, 3, 1, 0, 4, 1)
    assert suspects(bench) == [0] * 7
    assert events(bench) == []


def test_many_handfuls_that_vanish_together_are_one_alert(bench: Bench) -> None:
    for seed in range(7):
        bench.draw(f"{seed}.png", seed)
    see(bench, 3, 3, 3, 3)
    bench.plan()
    for number in range(7):  # one that has fewer is trade
        bench.shop.pages = [offers(bench, 0 if number == 2 else 3)]
        scan = bench.claim()
        assert scan is not None
        run_scan(bench.context, scan)
    assert events(bench) == []
    see(bench, 1, 1)
    assert suspects(bench) == [0] * 35 + [1] * 14
    assert events(bench) == ["yield_dropped"]
    told = text_of(bench.alerts()[0])
    assert "returned 7 listings together, where 21 are usual for the same pictures" in told
    see(bench, 3, 1)
    assert events(bench) == ["yield_dropped"] * 2


def test_a_cycle_that_was_cut_short_is_compared_by_what_it_saw(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    for seed in range(10):
        bench.draw(f"{seed}.png", seed)
    see(bench, 4, 4, 4)
    bench.plan()
    for _ in range(3):
        scan = bench.claim()
        assert scan is not None
        run_scan(bench.context, scan)
    bench.shop.pages = [QuotaExhausted("used up")]
    bench.look()
    bench.clock.advance(minutes=31)
    bench.look()
    assert suspects(bench) == [0] * 40
    assert events(bench) == ["marketplace_paused"]


def test_the_median_follows_a_site_that_returns_less_for_good(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    see(bench, *[10] * 10, *[3] * 7)
    assert suspects(bench) == [0] * 10 + [1] * 6 + [0]
    assert events(bench) == ["yield_dropped"]


def test_scans_that_saw_only_a_part_neither_count_nor_are_judged(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    see(bench, 10, 10)
    bench.shop.pages = [offers(bench, 1), Blocked("a wall")]
    assert bench.scan() == [ScanOutcome.BLOCKED]
    see(bench, 4)  # two to compare with are too few
    assert suspects(bench) == [0] * 4


def test_each_marketplace_and_picture_has_its_own_yield(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    see(bench, 10, 20, 30)
    with bench.store.reading() as conn:
        (row,) = bench.rows("SELECT id FROM reference_pictures")
        reference = int(str(row[0]))
        assert yields.find_latest(conn, reference, SHOP, 2, without=0) == [30, 20]
        assert yields.find_latest(conn, reference, SHOP, 10, without=3) == [20, 10]
        assert yields.find_latest(conn, reference, "other", 10, without=0) == []
        assert yields.find_latest(conn, reference + 1, SHOP, 10, without=0) == []


@pytest.mark.parametrize(
    ("seen", "before", "expected"),
    [
        (4, [10, 10], False),
        (4, [10] * 3, True),
        (5, [10] * 3, False),
        (0, [0] * 3, False),
        (0, [1, 4, 60], False),  # so few come and go
        (1, [2, 4, 4, 4, 60], False),
        (2, [1, 5, 60], True),
    ],
)
def test_what_a_drop_is(seen: int, before: Sequence[int], *, expected: bool) -> None:
    assert is_drop(seen, before) is expected


@given(st.lists(st.integers(0, 10_000), max_size=10), st.integers(0, 10_000))
def test_a_drop_is_under_half_and_never_without_a_history(before: list[int], seen: int) -> None:
    if is_drop(seen, before):
        assert len(before) >= LEAST_YIELDS
        assert median(before) >= LEAST_USUAL
        assert seen * 2 < median(before)
    assert not is_drop(max(before, default=0), before)
