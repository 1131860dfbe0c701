"""The views give the same values on both databases; only the type of instants differs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monitor.cases.decide import decide
from monitor.model import AlertEvent, ScanCounts, Seller, Verdict
from monitor.storage.db.engine import Store
from monitor.storage.schema.sql import run_readonly
from monitor.storage.schema.views import VIEWS
from monitor.storage.searches import scans
from monitor.storage.telling import alerts, delivery_states, silences
from tests.storage.rows import LEASE, START, add_match, claim, finish, later, listing, sha, stock
from tests.told import event_of

BEGAN = "2026-11-24 08:00:00.000000"
HOUR_LATER = "2026-11-24 09:00:00.000000"


@pytest.fixture
def url(store: Store, database_url: str) -> str:
    """Two matches, one decided and one told; three observations; one failed delivery."""
    with store.writing() as conn:
        shelf = stock(conn)
        first = add_match(conn, shelf, score=0.7)
        add_match(conn, shelf, listing(title="Cup", price=None), score=0.9, now=later(hours=1))
        bare = listing(
            "9223372036854775807", price=None, seller=None, sales=None, provider_score=None
        )
        second = add_match(conn, shelf, bare, score=0.65)
        add_match(conn, shelf, listing("3", seller=Seller(None, "No id")), score=0.95)
        decide(conn, second.id, Verdict.INFRINGING, "anne", None, START)
        counts = ScanCounts(4, 3, 2, 1, 3, 5)
        scans.advance(conn, shelf.scan, shelf.owner, None, counts)
        assert finish(conn, shelf)
        for number, match_id in enumerate((first.id, None)):
            event = AlertEvent.SCAN_FAILED if match_id is None else AlertEvent.NEW_MATCH
            alerts.add(
                conn,
                event=event_of(event),
                dedup_key=f"k{number}",
                now=START,
                alert_id=f"al-{number}",
                match_id=match_id,
            )
        alerts.route(conn, "al-0", ["legal"], START)
        alerts.route(conn, "al-1", [], START)
        (due,) = claim(conn, "legal", "me", later(minutes=1), LEASE, LEASE)
        delivery_states.accept(conn, [due.id], "me", later(hours=1))
        silences.add(
            conn,
            silences.Matcher(site="1688", seller="s1"),
            starts_at=START,
            expires_at=later(hours=2),
            author="anne",
            reason="they pay now",
            now=START,
        )
        alerts.add(
            conn,
            event=event_of(AlertEvent.SCORE_CROSSED),
            dedup_key="k2",
            now=START,
            alert_id="al-2",
            match_id=first.id,
        )
        alerts.route(conn, "al-2", ["legal"], START)
        silences.hold(conn, ["al-2"], START)
    return database_url


def _rows(url: str, statement: str) -> list[tuple[object, ...]]:
    """The rows, with instants as SQLite writes them."""
    is_sqlite = url.startswith("sqlite")

    def plain(value: object) -> object:
        if isinstance(value, datetime):
            assert not is_sqlite
            assert value.tzinfo is not None
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        return value

    _, rows = run_readonly(url, statement)
    return [tuple(plain(value) for value in row) for row in rows]


def test_match_history(url: str) -> None:
    rows = _rows(
        url,
        "SELECT watch, asset, reference_picture, marketplace, site, item_id, listing_url,"
        " title, seller_id, seller, price_min, price_max, currency, score, relation, method,"
        " provider_score, verdict, first_seen_at, last_seen_at, times_seen, picture_sha256,"
        " cluster_id, first_alerted_at FROM match_history ORDER BY match_id",
    )
    found = ("mugs", "mug", "mug.jpg", "alibaba", "1688")
    cup = ("1", "https://detail.1688.com/offer/1.html", "Cup", "s1", "Shop", None, None, None)
    seen_twice = (BEGAN, HOUR_LATER, 2, sha("copy"), None, HOUR_LATER)
    same = ("same", "compare-1", 0.5)
    assert rows[0] == (*found, *cup, 0.9, *same, "unreviewed", *seen_twice)
    big = "9223372036854775807"
    bare = (big, f"https://detail.1688.com/offer/{big}.html", "Mug", None, None, None, None, None)
    seen_once = (BEGAN, BEGAN, 1, sha("copy"), None, None)
    assert rows[1] == (*found, *bare, 0.65, *same, "infringing", *seen_once)
    assert rows[2][8:13] == (None, "No id", 12.5, 30.0, "CNY")


def test_open_matches_are_unreviewed_and_at_or_above_the_alert_score(url: str) -> None:
    assert _rows(url, "SELECT item_id FROM open_matches ORDER BY score") == [("1",), ("3",)]


def test_listing_history(url: str) -> None:
    rows = _rows(
        url,
        "SELECT site, item_id, observed_at, title, price_min, price_max, currency, sales, rank,"
        " provider_score FROM listing_history WHERE item_id <> '3' ORDER BY item_id, observed_at",
    )
    assert rows == [
        ("1688", "1", BEGAN, "Mug", 12.5, 30.0, "CNY", 700, 1, 0.5),
        ("1688", "1", HOUR_LATER, "Cup", None, None, None, 700, 1, 0.5),
        ("1688", "9223372036854775807", BEGAN, "Mug", None, None, None, None, 1, None),
    ]


def test_seller_summary(url: str) -> None:
    rows = _rows(
        url,
        "SELECT site, seller_id, seller, listings, matches, infringing, first_seen_at,"
        " last_seen_at FROM seller_summary ORDER BY seller",
    )
    assert rows == [
        ("1688", None, "No id", 1, 1, 0, BEGAN, BEGAN),
        ("1688", "s1", "Shop", 1, 1, 0, BEGAN, HOUR_LATER),
    ]


def test_alert_history(url: str) -> None:
    rows = _rows(
        url,
        "SELECT alert_id, event, match_id, channel, state, attempts, last_error, created_at,"
        " next_try_at, sent_at, held_by, silence_id FROM alert_history ORDER BY alert_id",
    )
    free = (None, None)
    held = ("silence", "1")
    assert rows == [
        ("al-0", "new_match", "1", "legal", "sent", 1, None, BEGAN, None, HOUR_LATER, *free),
        ("al-1", "scan_failed", None, None, None, None, None, BEGAN, None, None, *free),
        ("al-2", "score_crossed", "1", "legal", "held", 0, None, BEGAN, None, None, *held),
    ]


def test_silence_history(url: str) -> None:
    rows = _rows(
        url,
        "SELECT silence_id, watch, asset, marketplace, site, item_id, seller, cluster_id,"
        " starts_at, expires_at, author, reason, created_at, ended_at, held FROM silence_history",
    )
    nothing = (None, None, None)
    until = "2026-11-24 10:00:00.000000"
    said = ("anne", "they pay now", BEGAN, None, 1)
    assert rows == [("1", *nothing, "1688", None, "s1", None, BEGAN, until, *said)]


def test_scan_health(url: str) -> None:
    rows = _rows(
        url,
        "SELECT scan_id, watch, marketplace, reference_picture, started_at, finished_at, outcome,"
        " listings_seen, listings_new, pictures_fetched, matches_new, requests, error,"
        " is_suspect FROM scan_health",
    )
    assert rows == [
        ("1", "mugs", "alibaba", "mug.jpg", BEGAN, BEGAN, "ok", 4, 3, 2, 3, 5, None, 0),
    ]


def test_ids_are_text_and_scores_and_prices_numbers(url: str) -> None:
    for view in VIEWS:
        columns, rows = run_readonly(url, f"SELECT * FROM {view}")  # noqa: S608
        assert rows, view
        cells = [pair for row in rows for pair in zip(columns, row, strict=True)]
        for name, value in cells:
            is_id = name.endswith("_id") or name == "picture_sha256"
            is_number = name in ("score", "provider_score", "price_min", "price_max")
            kind = str if is_id else float if is_number else object
            assert value is None or isinstance(value, kind), name


def test_instants_compare_with_the_databases_own_functions(url: str) -> None:
    ago = (
        "datetime('2026-11-24 08:30:00')"
        if url.startswith("sqlite")
        else "timestamptz '2026-11-24 08:30:00+00'"
    )
    statement = f"SELECT item_id FROM listing_history WHERE observed_at > {ago}"  # noqa: S608
    assert _rows(url, statement) == [("1",)]
