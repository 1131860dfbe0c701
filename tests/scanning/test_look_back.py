"""New reference pictures against what was stored before they came."""

from __future__ import annotations

from dataclasses import replace

from monitor.model import Seller
from monitor.scanning.look_back import look_back
from tests.scanning.shop import Bench


def _look_back(bench: Bench, at_once: int = 100) -> int:
    """How many steps it took."""
    steps = 0
    while look_back(bench.context, bench.rules, at_once=at_once):
        steps += 1
    return steps


def _told(bench: Bench) -> list[int]:
    return sorted(row.match_id or 0 for row in bench.alerts())


def _stock(bench: Bench) -> None:
    """A watch that has seen three listings, one of them with the picture of seed 50."""
    bench.draw("mug.png", 1)
    bench.shop.pages = [[bench.offer("1", 1), bench.offer("2", 50), bench.offer("3", 51)]]
    bench.scan()
    assert _look_back(bench) == 1  # at what came with the first search
    assert _look_back(bench) == 0


def test_a_picture_added_today_finds_what_was_seen_yesterday(bench: Bench) -> None:
    _stock(bench)
    downloads = bench.downloads
    bench.draw("lamp.png", 50)
    bench.plan()
    assert _look_back(bench) == 1
    assert {(match.asset, match.item_id) for match in bench.matches()} == {
        ("mug", "1"),
        ("lamp", "2"),
    }
    assert bench.downloads == downloads


def test_what_it_finds_is_told_once_whoever_finds_it_again(bench: Bench) -> None:
    _stock(bench)
    bench.draw("lamp.png", 50)
    bench.plan()
    _look_back(bench)
    told = _told(bench)
    assert len(told) == 2
    bench.look()
    bench.scan()
    _look_back(bench)
    assert _told(bench) == told


def test_it_goes_on_where_it_was_interrupted(bench: Bench) -> None:
    _stock(bench)
    bench.draw("lamp.png", 50)
    bench.plan()
    assert look_back(bench.context, bench.rules, at_once=1)
    assert _look_back(bench, at_once=1) == 3  # two more pictures, and the end
    assert len(bench.matches()) == 2


def test_own_sellers_are_not_told(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    offer = bench.offer("2", 50, seller=Seller("s-1", "Acme"))
    bench.shop.pages = [[offer]]
    bench.scan()
    bench.rules = replace(bench.rules, own_sellers=frozenset({"acme"}))
    bench.draw("lamp.png", 50)
    bench.plan()
    _look_back(bench)
    assert [match.verdict.value for match in bench.matches()] == ["authorised"]
    assert _told(bench) == []


def test_another_marketplaces_listings_are_none_of_its_business(bench: Bench) -> None:
    _stock(bench)
    bench.rules = replace(bench.rules, marketplaces=("elsewhere",))
    bench.draw("lamp.png", 50)
    bench.plan()
    _look_back(bench)
    assert {match.asset for match in bench.matches()} == {"mug"}
