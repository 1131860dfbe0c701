"""One page: what is fetched, compared, recorded and told."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from monitor import matching
from monitor.marketplaces.testing import WEB_PAGE, Reply
from monitor.model import Price, Relation, ScanOutcome, Seller, Similarity, Verdict
from monitor.scanning.look.look import run_scan
from monitor.scanning.look.record_match import is_own
from monitor.storage.catalogue import assets, comparisons, listings
from tests.matching.compare.test_relations import busy
from tests.matching.drawing import draw, encode
from tests.scanning.shop import Bench

GOOD = encode(draw(1), "JPEG", quality=70)


def _problem(bench: Bench, item_id: str) -> str | None:
    with bench.store.reading() as conn:
        return listings.get(conn, item_id).picture_problem


def _events(bench: Bench) -> list[tuple[str, bool]]:
    """(event, whether it waits for its cycle), the oldest first."""
    rows = bench.rows("SELECT event, baseline_cycle_id IS NOT NULL FROM alerts ORDER BY created_at")
    return [(str(event), bool(waits)) for event, waits in rows]


# -- pictures


def test_pictures_that_fail_stop_no_other(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    bad = {
        "gone": Reply(404),
        "down": Reply(503),
        "wall": WEB_PAGE,
        "empty": Reply(),
        "short": Reply(body=GOOD[:900]),
        "cut": Reply(body=GOOD, cut=True),
        "large": Reply(body=bytes(300_000)),
        "loop": Reply(302, {"Location": "/loop.jpg"}),
        "moved": Reply(302, {"Location": "http://169.254.169.254/"}),
    }
    offers = [bench.offer(name, 1) for name in bad]
    bench.server.routes |= {f"/{name}.jpg": reply for name, reply in bad.items()}
    offers += [
        bench.offer("none", 1, picture_url=None),
        bench.offer("refused", 1, picture_url=None, picture_problem="not an address"),
        bench.offer("file", 1, picture_url="file:///etc/passwd"),
        bench.offer("private", 1, picture_url="http://10.0.0.1/1.jpg"),
        bench.offer("good", 1),
    ]
    bench.shop.pages = [offers]
    assert bench.scan() == [ScanOutcome.OK]
    assert [match.item_id for match in bench.matches()] == ["good"]
    problems = {offer.item_id: _problem(bench, offer.item_id) for offer in offers}
    assert problems.pop("good") is None
    assert all(problems.values())
    assert problems["refused"] == "not an address"
    assert bench.rows("SELECT listings_seen, pictures_fetched FROM scan_health") == [(14, 1)]


def test_a_picture_that_failed_is_tried_at_the_next_sighting(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    offer = bench.offer("1", 1)
    reply = bench.server.routes.pop("/1.jpg")
    bench.shop.pages = [[offer]]
    bench.scan()
    assert "404" in str(_problem(bench, "1"))
    bench.server.routes["/1.jpg"] = reply
    bench.scan()
    assert _problem(bench, "1") is None
    assert len(bench.matches()) == 1


def test_a_smaller_picture_does_where_the_full_one_is_missing(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    small = bench.offer("1", 1).picture_url
    full = bench.server.url("/full.jpg")
    bench.shop.pages = [[bench.offer("1", 1, picture_url=full, picture_fallback_url=small)]]
    bench.scan()
    assert len(bench.matches()) == 1
    requests = bench.downloads
    bench.scan()
    assert bench.downloads == requests


def test_a_known_picture_is_not_fetched_again(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    bench.draw("cup.png", 2)
    bench.shop.pages = [[bench.offer("1", 1), bench.offer("2", 50)]]
    bench.scan()
    bench.scan()
    assert bench.downloads == 2
    # another listing with the same address
    bench.shop.pages = [[bench.offer("3", 1, picture_url=bench.offer("1", 1).picture_url)]]
    bench.scan()
    assert bench.downloads == 2
    assert {match.item_id for match in bench.matches()} == {"1", "3"}


def test_one_address_on_one_page_is_fetched_once(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    offer = bench.offer("1", 1)
    bench.shop.pages = [[offer, replace(offer, item_id="2"), offer]]
    bench.scan()
    assert bench.downloads == 1
    assert {match.item_id for match in bench.matches()} == {"1", "2"}


def test_another_picture_of_a_known_listing_is_looked_at(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    offer = bench.offer("1", 50)
    bench.shop.pages = [[offer]]
    bench.scan()
    assert bench.matches() == []
    bench.shop.pages = [[replace(offer, picture_url=bench.offer("copy", 1).picture_url)]]
    bench.scan()
    assert [match.item_id for match in bench.matches()] == ["1"]


def _age_fingerprints(bench: Bench, sha256: str) -> None:
    """As if it had been taken by an older version of the program."""
    with bench.store.writing() as conn:
        conn.exec_driver_sql(
            f"UPDATE fingerprints SET algorithm = 'old ' || algorithm WHERE sha256 = '{sha256}'"  # noqa: S608
        )


def test_a_picture_of_an_older_version_is_fingerprinted_again_once(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    bench.shop.pages = [[bench.offer("1", 1)]]
    bench.scan()
    (match,) = bench.matches()
    for sha256 in (match.picture_sha256, match.reference_sha256):
        _age_fingerprints(bench, sha256)
        bench.scan()
        prints = bench.rows(
            f"SELECT algorithm FROM fingerprints WHERE sha256 = '{sha256}'"  # noqa: S608
        )
        assert {name for (name,) in prints} == set(matching.ALGORITHMS)
    assert bench.downloads == 1


def test_a_reference_of_an_older_version_whose_file_is_lost_stops_no_other(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    bench.draw("cup.png", 2)
    bench.scan()
    with bench.store.reading() as conn:
        lost = next(item for item in assets.iter_references(conn, 1) if item.asset == "cup")
    bench.shop.pages = [[bench.offer("1", 1)]]
    bench.plan()
    _age_fingerprints(bench, lost.sha256)
    bench.files.path(lost.sha256).unlink()
    assert sorted(bench.look()) == [ScanOutcome.FAILED, ScanOutcome.OK]  # cup can't be searched for
    assert [match.asset for match in bench.matches()] == ["mug"]


def test_a_picture_of_an_older_version_whose_file_is_lost_is_fetched_again(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    bench.shop.pages = [[bench.offer("1", 1), bench.offer("2", 1)]]
    bench.scan()
    sha256 = bench.matches()[0].picture_sha256
    _age_fingerprints(bench, sha256)
    bench.files.path(sha256).unlink()
    assert bench.scan() == [ScanOutcome.OK]
    assert bench.files.has(sha256)


# -- comparisons


def test_a_comparison_is_made_once_per_version(bench: Bench) -> None:
    """What the store holds under today's method counts; under another's it doesn't."""
    bench.draw("mug.png", 1)
    bench.shop.pages = [[bench.offer("1", 50), bench.offer("2", 51)]]
    bench.scan()
    shas = {}
    with bench.store.reading() as conn:
        shas = {n: str(listings.get(conn, n).picture_sha256) for n in ("1", "2")}
    mug = str(bench.rows("SELECT sha256 FROM reference_pictures")[0][0])
    with bench.store.writing() as conn:
        conn.exec_driver_sql("DELETE FROM comparisons")
        for item_id, method in (("1", matching.METHOD), ("2", "old-1")):
            said = Similarity(0.99, Relation.SAME, method)
            comparisons.record(conn, {(mug, shas[item_id]): said})
    bench.scan()
    assert [(match.item_id, match.score) for match in bench.matches()] == [("1", 0.99)]
    assert bench.count("comparisons") == 3


def test_a_listing_is_compared_with_the_watchs_other_assets(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    bench.draw("cup.png", 2)
    bench.shop.pages = [[bench.offer("1", 1)]]
    bench.plan()
    while (scan := bench.claim()) is not None:
        if scan.reference.asset == "cup":
            break
    assert scan is not None
    bench.look()
    assert [match.asset for match in bench.matches()] == ["mug"]


def test_a_part_of_another_asset_on_the_page_is_found(bench: Bench) -> None:
    """The collage shows the cup; it came up in a search for the mug."""
    bench.put("mug.png", busy(1))
    bench.put("cup.png", busy(2))
    collage = Image.new("RGB", (1280, 960))
    for place, seed in enumerate((2, 70, 71, 72)):
        collage.paste(busy(seed), (place % 2 * 640, place // 2 * 480))
    page = [bench.show("1", collage), bench.show("2", busy(73))]
    bench.plan()
    while (scan := bench.claim()) is not None:
        bench.shop.pages = [page] if scan.reference.asset == "mug" else []
        run_scan(bench.context, scan)
    assert [(match.asset, match.item_id) for match in bench.matches()] == [("cup", "1")]


# -- matches and alerts


def test_three_pictures_of_one_asset_make_one_match_and_two_assets_two(bench: Bench) -> None:
    for number in range(3):
        path = bench.draw(f"mug/{number}.png", 1)
        path.write_bytes(path.read_bytes() + bytes([number]))
    copy = bench.draw("cup.png", 1)
    copy.write_bytes(copy.read_bytes() + b"cup")
    bench.shop.pages = [[bench.offer("1", 1)]]
    assert bench.scan() == [ScanOutcome.OK] * 4
    assert sorted(match.asset for match in bench.matches()) == ["cup", "mug"]
    assert len(bench.alerts()) == 2


def test_a_baseline_waits_for_its_cycle_and_later_finds_do_not(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    first, second = bench.offer("1", 1), bench.offer("2", 1)
    bench.shop.pages = [[first]]
    bench.scan()
    bench.shop.pages = [[first, second]]
    bench.scan()
    bench.scan()
    assert _events(bench) == [("new_match", True), ("new_match", False)]


def test_a_picture_added_later_has_a_baseline_of_its_own(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    bench.shop.pages = [[bench.offer("1", 50)]]
    bench.scan()
    bench.draw("cup.png", 2)
    bench.shop.pages = [[bench.offer("2", 2)]]
    bench.scan()
    # also what another picture's search happens to find of it
    assert _events(bench) == [("new_match", True)]


def test_below_the_alert_score_it_is_recorded_and_told_when_it_crosses(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    bench.rules = bench.rules.model_copy(update={"alert_score": 1.0})
    bench.shop.pages = [[bench.offer("1", 1)]]
    bench.scan()
    assert (len(bench.matches()), bench.alerts()) == (1, [])
    bench.rules = bench.rules.model_copy(update={"alert_score": 0.85})
    bench.scan()
    bench.scan()
    assert _events(bench) == [("score_crossed", False)]


def test_below_the_record_score_nothing_is_kept_but_the_comparison(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    bench.rules = bench.rules.model_copy(update={"record_score": 1.0})
    bench.shop.pages = [[bench.offer("1", 1)]]
    bench.scan()
    assert (bench.matches(), bench.count("comparisons")) == ([], 1)


@pytest.mark.parametrize("verdict", [Verdict.NOT_OURS, Verdict.AUTHORISED, Verdict.IGNORED])
def test_a_settled_match_is_never_told(sqlite_bench: Bench, verdict: Verdict) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    bench.rules = bench.rules.model_copy(update={"alert_score": 1.0})
    bench.shop.pages = [[bench.offer("1", 1)]]
    bench.scan()
    bench.decide(verdict)
    bench.rules = bench.rules.model_copy(update={"alert_score": 0.85})
    bench.scan()
    assert bench.alerts() == []
    assert [match.verdict for match in bench.matches()] == [verdict]


def test_an_own_listing_is_recorded_as_authorised_and_not_told(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    bench.rules = bench.rules.model_copy(update={"own_sellers": ["ACME Shop", "b2b-77"]})
    bench.shop.pages = [
        [
            bench.offer("1", 1, seller=Seller(None, " acme SHOP ")),
            bench.offer("2", 1, seller=Seller("B2B-77", "Whatever")),
            bench.offer("3", 1, seller=Seller("b2b-7", "Acme")),
        ]
    ]
    bench.scan()
    verdicts = {match.item_id: match.verdict for match in bench.matches()}
    assert verdicts == {
        "1": Verdict.AUTHORISED,
        "2": Verdict.AUTHORISED,
        "3": Verdict.UNREVIEWED,
    }
    assert len(bench.alerts()) == 1


@given(name=st.text(min_size=1), other=st.text())
def test_names_compare_without_case_and_outer_spaces(name: str, other: str) -> None:
    own = frozenset({name})
    seller = Seller(None, f" {name} ")
    assert is_own(seller, own) == bool(name.strip())
    assert is_own(Seller(name.casefold(), other), own) == bool(name.strip())
    assert not is_own(None, own)
    assert not is_own(seller, frozenset())


# -- what sites write

_TEXTS = st.text(st.characters(codec=None), max_size=40)
_IDS = st.text(st.characters(codec=None), min_size=1, max_size=64)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(texts=st.tuples(_TEXTS, _TEXTS, _TEXTS, _TEXTS), item_id=_IDS)
def test_whatever_a_listing_says_its_page_is_recorded(
    bench: Bench, texts: tuple[str, str, str, str], item_id: str
) -> None:
    title, url, seller, price = texts
    bench.draw("mug.png", 1)
    odd = replace(
        bench.offer("odd", 1),
        item_id=item_id,
        title=title,
        url=url,
        seller=Seller(seller, price),
        price=Price(Decimal("0.0001"), Decimal(10) ** 12, "CNY", price),
        picture_url=url,
        picture_fallback_url=title,
    )
    bench.shop.pages = [[odd, bench.offer("good", 1)]]
    assert bench.scan() == [ScanOutcome.OK]
    assert "good" in {match.item_id for match in bench.matches()}
