"""Prices of matches that were told: a change is told once, whatever the site shows in between."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cli.matches import lately
from monitor.model import Price, Verdict
from monitor.scanning.follow.follow import moved_percent
from tests.scanning.shop import Bench
from tests.scanning.street import alert_of, ask, mug, price, show, told


def see(bench: Bench, *amounts: str, hours: float = 25) -> None:
    """A cycle for each price of listing 1."""
    for amount in amounts:
        show(bench, mug(bench, "1", price(amount)), hours=hours)


def changes(bench: Bench) -> list[tuple[str, str]]:
    rows = [row for row in reversed(bench.alerts()) if row.event == "price_change"]
    details = [row.detail or {} for row in rows]
    return [(str(item["old_price"]), str(item["new_price"])) for item in details]


def test_a_change_is_told_once_in_either_direction(bench: Bench) -> None:
    ask(bench, price_change_percent=10)
    bench.draw("mug.png", 1)
    see(bench, "100", "100", "80", "80", "80", "95", "95")
    assert changes(bench) == [("CNY 100.00", "CNY 80.00"), ("CNY 80.00", "CNY 95.00")]
    assert told(bench) == [("new_match", "1"), ("price_change", "1"), ("price_change", "1")]
    details = [row.detail or {} for row in bench.alerts() if row.event == "price_change"]
    assert {item["change_percent"] for item in details} == {"-20.0", "+18.8"}
    (match,) = bench.matches()
    assert match.price_before == "CNY 80.00"
    assert lately(match).startswith("price was CNY 80.00 (2026-01-1")


def test_nothing_is_told_unless_the_watch_asks_for_it(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    see(bench, "100", "50")
    assert told(bench) == [("new_match", "1")]
    # the price it was first told with is remembered all the same
    ask(bench, price_change_percent=10)
    see(bench, "50")
    assert changes(bench) == [("CNY 100.00", "CNY 50.00")]


def test_a_change_of_exactly_the_percentage_is_not_told(sqlite_bench: Bench) -> None:
    ask(sqlite_bench, price_change_percent=10)
    sqlite_bench.draw("mug.png", 1)
    see(sqlite_bench, "100", "90", "110", "110.01")
    assert changes(sqlite_bench) == [("CNY 100.00", "CNY 110.01")]


def test_a_price_that_creeps_is_compared_with_the_one_last_told(sqlite_bench: Bench) -> None:
    ask(sqlite_bench, price_change_percent=10)
    sqlite_bench.draw("mug.png", 1)
    see(sqlite_bench, "100", "104", "108", "112", "116", "120", "124")
    assert changes(sqlite_bench) == [("CNY 100.00", "CNY 112.00"), ("CNY 112.00", "CNY 124.00")]


def test_a_site_that_shows_two_prices_in_turn_is_told_once_a_day_at_most(bench: Bench) -> None:
    ask(bench, price_change_percent=10)
    bench.draw("mug.png", 1)
    see(bench, *["100", "80"] * 10, hours=3)
    assert len(changes(bench)) == 3


def test_a_price_that_settles_is_told_after_the_flicker(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    ask(bench, price_change_percent=10)
    bench.draw("mug.png", 1)
    see(bench, "100", "80", hours=3)
    see(bench, *["60"] * 10, hours=3)
    assert changes(bench) == [("CNY 100.00", "CNY 80.00"), ("CNY 80.00", "CNY 60.00")]


def test_another_currency_or_no_price_is_no_change(bench: Bench) -> None:
    ask(bench, price_change_percent=10)
    bench.draw("mug.png", 1)
    shown = [price("100"), None, price("14", currency="USD"), price("0"), price("101")]
    for each in [*shown, price("14.1", currency="USD")]:
        show(bench, mug(bench, "1", each), hours=25)
    assert changes(bench) == []
    # each currency by itself
    show(bench, mug(bench, "1", price("7", currency="USD")), hours=25)
    show(bench, mug(bench, "1", price("50")), hours=25)
    assert changes(bench) == [("USD 14.00", "USD 7.00"), ("CNY 100.00", "CNY 50.00")]


def test_a_first_price_is_no_change(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    ask(bench, price_change_percent=10)
    bench.draw("mug.png", 1)
    show(bench, mug(bench, "1", None))
    see(bench, "100", "200")
    assert changes(bench) == [("CNY 100.00", "CNY 200.00")]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_what_is_settled_is_not_told(sqlite_bench: Bench, verdict: Verdict) -> None:
    bench = sqlite_bench
    ask(bench, price_change_percent=10)
    bench.draw("mug.png", 1)
    see(bench, "100")
    bench.decide(verdict)
    see(bench, "50")
    assert len(changes(bench)) == (0 if verdict.is_settled else 1)


def test_a_match_that_was_never_told_has_no_price_to_compare_with(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    ask(bench, price_change_percent=10, alert_score=0.999999)
    bench.draw("mug.png", 1)
    see(bench, "100", "50")
    assert told(bench) == []
    # it crosses the score now: the price it is told with is today's
    ask(bench, alert_score=0.85)
    see(bench, "50", "50", "25")
    assert told(bench) == [("score_crossed", "1"), ("price_change", "1")]
    assert (alert_of(bench, "price_change").detail or {})["old_price"] == "CNY 50.00"


def test_a_listing_that_shows_another_picture_is_not_told(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    ask(bench, price_change_percent=10)
    bench.draw("mug.png", 1)
    see(bench, "100")
    other = bench.offer("other", 50).picture_url
    show(bench, bench.offer("1", 1, picture_url=other, price=price("10")), hours=25)
    assert changes(bench) == []


amounts = st.decimals(0, 10_000, places=2)


@given(amounts, amounts, amounts, amounts)
def test_the_end_of_a_range_that_moved_most_decides(
    a: Decimal, b: Decimal, c: Decimal, d: Decimal
) -> None:
    old, new = Price(min(a, b), max(a, b), "CNY", ""), Price(min(c, d), max(c, d), "CNY", "")
    moved = moved_percent(old, new)
    assert moved_percent(old, old) == 0
    assert moved >= -100
    if old.minimum > 0:
        ends = ((old.minimum, new.minimum), (old.maximum, new.maximum))
        assert abs(moved) >= max(abs(to - of) / of * 100 for of, to in ends)
