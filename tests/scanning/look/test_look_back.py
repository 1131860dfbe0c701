"""New reference pictures against what was stored before they came."""

from __future__ import annotations

from PIL import Image

from monitor import matching
from monitor.model import Relation, Seller, Similarity
from monitor.scanning.look.look_back import look_back
from monitor.storage.catalogue import assets, comparisons, listings, pictures
from tests.matching.compare.test_relations import busy
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


def _collage(*seeds: int) -> Image.Image:
    """Four pictures in two rows."""
    whole = Image.new("RGB", (1280, 960))
    for place, seed in enumerate(seeds):
        whole.paste(busy(seed), (place % 2 * 640, place // 2 * 480))
    return whole


def test_a_collage_stored_before_the_asset_came_is_found(bench: Bench) -> None:
    """Without a download, and told once: also when a search comes upon it later."""
    bench.put("mug.png", busy(1))
    bench.shop.pages = [
        [bench.show("collage", _collage(50, 51, 52, 53)), bench.show("other", busy(54))]
    ]
    bench.scan()
    _look_back(bench)
    downloads = bench.downloads
    bench.put("lamp.png", busy(50))
    bench.put("cup.png", busy(52))
    bench.plan()
    assert _look_back(bench) == 1
    found = {(match.asset, match.item_id, match.relation) for match in bench.matches()}
    assert found == {
        ("lamp", "collage", Relation.PARTIAL),
        ("cup", "collage", Relation.PARTIAL),
    }
    told = _told(bench)
    assert len(told) == 2
    bench.look()
    bench.scan()
    _look_back(bench)
    assert _told(bench) == told
    assert bench.downloads == downloads


def test_what_was_compared_in_a_scan_is_not_compared_again(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    _stock(bench)
    said = Similarity(0.61, Relation.PARTIAL, matching.METHOD)
    with bench.store.writing() as conn:
        conn.exec_driver_sql("DELETE FROM comparisons")
        conn.exec_driver_sql("DELETE FROM look_backs")
        (mug,) = assets.iter_references(conn, 1)
        copy = listings.get(conn, "1").picture_sha256
        comparisons.record(conn, {(mug.sha256, str(copy)): said})
    _look_back(bench)
    made = bench.rows(f"SELECT score FROM comparisons WHERE picture_sha256 = '{copy}'")  # noqa: S608
    assert made == [(0.61,)]


def test_what_an_upgrade_left_without_fingerprints_is_given_them(bench: Bench) -> None:
    _stock(bench)
    with bench.store.writing() as conn:
        conn.exec_driver_sql("UPDATE fingerprints SET algorithm = 'old ' || algorithm")
    downloads = bench.downloads
    bench.draw("lamp.png", 50)
    bench.plan()
    _look_back(bench)
    assert len(bench.matches()) == 2
    assert bench.downloads == downloads
    with bench.store.reading() as conn:
        shas = set(
            pictures.find_by_url(conn, [bench.server.url(f"/{n}.jpg") for n in "123"]).values()
        )
        assert pictures.find_lacking(conn, shas, matching.ALGORITHMS) == set()


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
    bench.rules = bench.rules.model_copy(update={"own_sellers": ["acme"]})
    bench.draw("lamp.png", 50)
    bench.plan()
    _look_back(bench)
    assert [match.verdict.value for match in bench.matches()] == ["authorised"]
    assert _told(bench) == []


def test_another_marketplaces_listings_are_none_of_its_business(bench: Bench) -> None:
    _stock(bench)
    bench.rules = bench.rules.model_copy(update={"marketplaces": ["elsewhere"]})
    bench.draw("lamp.png", 50)
    bench.plan()
    _look_back(bench)
    assert {match.asset for match in bench.matches()} == {"mug"}
