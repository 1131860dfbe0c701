"""Matches: one per asset and listing, the best similarity, a verdict that stays."""

from __future__ import annotations

import pytest

from monitor.cases.decide import decide
from monitor.errors import NotFound
from monitor.model import AlertEvent, Verdict
from monitor.storage import Store
from monitor.storage.matches import matches
from monitor.storage.telling import alerts, deliveries
from tests.storage.rows import (
    LEASE,
    START,
    Shelf,
    add_match,
    later,
    listing,
    sha,
    stock,
)


@pytest.fixture
def shelf(store: Store) -> Shelf:
    with store.writing() as conn:
        return stock(conn)


def test_a_sighting_makes_one_match_and_later_ones_count(store: Store, shelf: Shelf) -> None:
    with store.writing() as conn:
        first = add_match(conn, shelf)
        again = add_match(conn, shelf, now=later(hours=6))
        row = matches.get(conn, first.id)
    assert (first.created, first.score_before, first.score) == (True, None, 0.9)
    assert (again.id, again.created, again.score_before) == (first.id, False, 0.9)
    assert (row.first_seen_at, row.last_seen_at, row.times_seen) == (START, later(hours=6), 2)


def test_the_best_similarity_is_kept(store: Store, shelf: Shelf) -> None:
    with store.writing() as conn:
        add_match(conn, shelf, score=0.7)
        worse = add_match(conn, shelf, score=0.65)
        better = add_match(conn, shelf, score=0.95)
        assert matches.get(conn, better.id).score == 0.95
    assert (worse.score_before, worse.score) == (0.7, 0.7)
    assert (better.score_before, better.score) == (0.7, 0.95)


def test_a_verdict_survives_every_rescan(store: Store, shelf: Shelf) -> None:
    with store.writing() as conn:
        match_id = add_match(conn, shelf).id
        decide(conn, match_id, Verdict.NOT_OURS, "ann\x00e", "a licence", later(hours=1))
        for hours in range(2, 5):
            change = add_match(conn, shelf, score=0.99, now=later(hours=hours), own_seller=True)
            assert change.verdict is Verdict.NOT_OURS
        row = matches.get(conn, match_id)
    assert (row.verdict_by, row.verdict_note) == ("ann\ufffde", "a licence")
    assert row.verdict_at == later(hours=1)


def test_what_an_own_seller_offers_is_authorised(store: Store, shelf: Shelf) -> None:
    with store.writing() as conn:
        change = add_match(conn, shelf, own_seller=True)
        row = matches.get(conn, change.id)
    assert change.verdict is row.verdict is Verdict.AUTHORISED
    assert row.verdict_by == "own_sellers"


def test_a_match_says_everything_that_a_person_asks_for(store: Store, shelf: Shelf) -> None:
    with store.writing() as conn:
        row = matches.get(conn, add_match(conn, shelf).id)
    assert (row.watch, row.asset, row.reference_path) == ("mugs", "mug", "mug.jpg")
    assert (row.site, row.item_id, row.seller, row.seller_id) == ("1688", "1", "Shop", "s1")
    assert row.price == listing().price
    assert (row.reference_sha256, row.picture_sha256) == (sha("mug"), sha("copy"))
    assert row.first_alerted_at is None


def test_a_match_says_when_it_was_first_told(store: Store, shelf: Shelf) -> None:
    with store.writing() as conn:
        match_id = add_match(conn, shelf).id
        alerts.add(
            conn,
            event=AlertEvent.NEW_MATCH,
            dedup_key="k",
            now=START,
            alert_id="al-1",
            match_id=match_id,
        )
        alerts.route(conn, "al-1", ["legal", "mail"], START)
        for minutes, channel in enumerate(("legal", "mail"), start=1):
            due = deliveries.claim(conn, channel, "me", later(minutes=1), LEASE, LEASE)
            deliveries.finish_sent(conn, [due[0].id], "me", later(minutes=minutes))
        assert matches.get(conn, match_id).first_alerted_at == later(minutes=1)
        told = "SELECT count(*) FROM match_history WHERE first_alerted_at IS NOT NULL"
        assert conn.exec_driver_sql(told).scalar() == 1


def test_matches_are_listed_by_what_is_asked_for(store: Store, shelf: Shelf) -> None:
    with store.writing() as conn:
        for number, score in enumerate((0.7, 0.95, 0.8)):
            add_match(conn, shelf, listing(str(number)), score, later(hours=number))
        decided = matches.list_rows(conn, limit=1)[0]
        decide(conn, decided.id, Verdict.INFRINGING, "anne", None, START)

        def ids(**conditions: object) -> list[str]:
            rows = matches.list_rows(conn, **conditions)  # type: ignore[arg-type]
            return [row.item_id for row in rows]

        assert ids() == ["1", "2", "0"]
        assert ids(min_score=0.8) == ["1", "2"]
        assert ids(verdict=Verdict.INFRINGING) == ["1"]
        assert ids(first_seen_from=later(hours=1)) == ["1", "2"]
        assert ids(watch="cups") == []
        # reviewed, below the alert score
        open_ids = conn.exec_driver_sql("SELECT item_id FROM open_matches").scalars().all()
        assert open_ids == []
        assert len(matches.find(conn, list(range(1_500)))) == 3


def test_a_match_that_is_not_there_is_not_found(store: Store) -> None:
    with store.writing() as conn:
        with pytest.raises(NotFound):
            matches.get(conn, 99)
        with pytest.raises(NotFound):
            decide(conn, 99, Verdict.IGNORED, "anne", None, START)
