"""Matches: one per asset and listing, the best similarity, a verdict that stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

import pytest

from monitor.cases.decide import decide
from monitor.errors import NotFound
from monitor.model import CheckState, ReferencePicture, Verdict
from monitor.model.events import NewMatch
from monitor.scanning.policy import OBSERVE_EVERY
from monitor.storage.catalogue import assets, listings
from monitor.storage.db.engine import Connection, Store
from monitor.storage.matches import matches
from monitor.storage.telling import alerts, delivery_states
from monitor.storage.trust import reference_checks
from tests.storage.rows import (
    LEASE,
    START,
    Shelf,
    add_match,
    claim,
    found,
    later,
    listing,
    see_match,
    sha,
    stock,
    sync,
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
            event=NewMatch(),
            dedup_key="k",
            now=START,
            alert_id="al-1",
            match_id=match_id,
        )
        alerts.route(conn, "al-1", ["legal", "mail"], START)
        for minutes, channel in enumerate(("legal", "mail"), start=1):
            due = claim(conn, channel, "me", later(minutes=1), LEASE, LEASE)
            delivery_states.accept(conn, [due[0].id], "me", later(minutes=minutes))
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


# -- two processes record the same match


@dataclass(frozen=True)
class Pair:
    """A listing, and two reference pictures of one asset that it may be like."""

    listing_id: int
    first: ReferencePicture
    second: ReferencePicture


@pytest.fixture
def pair(store: Store, shelf: Shelf) -> Pair:
    files = (found("mug.jpg", "mug"), found("mug2.jpg", "mug2", "mug"))
    with store.writing() as conn:
        sync(conn, shelf.watch_id, *files)
        row = listings.record(
            conn, shelf.scan.id, listing(), sha("copy"), None, START, observe_every=OBSERVE_EVERY
        )
        return Pair(row.id, *assets.iter_references(conn, shelf.watch_id))


@contextmanager
def _meanwhile(store: Store, step: Callable[[Connection], object]) -> Iterator[Connection]:
    """A transaction that another one, with `step`, has begun to wait for before it ends."""
    begun = Event()

    def other() -> None:
        with store.writing() as conn:
            begun.set()
            step(conn)

    with ThreadPoolExecutor(1) as pool:
        with store.writing() as conn:
            yield conn
            ended = pool.submit(other)
            begun.wait(0.3)  # on SQLite it can't begin; on PostgreSQL it waits for the row
            assert not wait([ended], 0.2).done
        ended.result()


@pytest.mark.parametrize("score", [0.7, 0.95])
def test_who_comes_second_compares_with_what_the_first_has_written(
    store: Store, shelf: Shelf, pair: Pair, score: float
) -> None:
    changes: list[matches.MatchChange] = []

    def see_second(conn: Connection) -> None:
        changes.append(see_match(conn, shelf, pair.listing_id, {pair.second.id: score}))

    with _meanwhile(store, see_second) as conn:
        see_match(conn, shelf, pair.listing_id, {pair.first.id: 0.8})
    (change,) = changes
    assert (change.created, change.score_before) == (False, 0.8)
    assert change.has_moved == (score > 0.8)
    with store.reading() as conn:
        row = matches.get(conn, change.id)
    assert (row.score, row.times_seen) == (max(score, 0.8), 2)
    assert row.reference_path == (pair.second if score > 0.8 else pair.first).path


def test_a_mark_that_comes_while_a_page_waits_for_its_match_counts(
    store: Store, shelf: Shelf, pair: Pair
) -> None:
    """The page was judged before the mark: by what it knew, the match would move, to be held."""

    def see_better(conn: Connection) -> None:
        see_match(conn, shelf, pair.listing_id, {pair.second.id: 0.99})

    with _meanwhile(store, see_better) as conn:
        match_id = see_match(conn, shelf, pair.listing_id, {pair.first.id: 0.9}).id
        _mark_unspecific(conn, pair.second.id)
    with store.reading() as conn:
        row = matches.get(conn, match_id)
    assert (row.reference_path, row.score, row.times_seen) == (pair.first.path, 0.9, 2)


def _mark_unspecific(conn: Connection, reference_id: int) -> None:
    reference_checks.record_copy_score(
        conn, reference_id, method="m", record_score=0.6, copy_score=1.0, is_featureless=False
    )
    state = CheckState.UNSPECIFIC
    reference_checks.conclude(
        conn, reference_id, state, sampled=200, matched=20, again_from=9, now=START
    )


def test_of_several_pictures_seen_at_once_the_best_counts(
    store: Store, shelf: Shelf, pair: Pair
) -> None:
    scores = {pair.first.id: 0.7, pair.second.id: 0.9}
    with store.writing() as conn:
        change = see_match(conn, shelf, pair.listing_id, scores)
        row = matches.get(conn, change.id)
    assert (row.score, row.reference_path, row.times_seen) == (0.9, pair.second.path, 1)
    assert (change.created, change.has_moved, change.score) == (True, False, 0.9)
    assert change.seen_reference_id == pair.second.id


def test_a_match_moves_off_an_unspecific_picture_to_a_lower_score_that_is_told(
    store: Store, shelf: Shelf, pair: Pair
) -> None:
    with store.writing() as conn:
        _mark_unspecific(conn, pair.first.id)
        see_match(conn, shelf, pair.listing_id, {pair.first.id: 0.99})
        untold = see_match(conn, shelf, pair.listing_id, {pair.second.id: 0.84})
        assert (untold.has_moved, untold.score) == (False, 0.99)
        told = see_match(conn, shelf, pair.listing_id, {pair.second.id: 0.86})
        assert (told.has_moved, told.score_before, told.score) == (True, 0.99, 0.86)
