"""Silences: what fits is held from the first to the last moment, and told when they end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from monitor.alerting.policy import ROUTE_PATIENCE
from monitor.alerting.retry import INTERRUPTED
from monitor.cases.decide import decide
from monitor.cases.trust import trust
from monitor.model import AlertEvent, CheckState, Fingerprints, Seller, SilenceState, Verdict
from monitor.scanning.policy import MOST_ALIKE
from monitor.storage.catalogue import pictures
from monitor.storage.db.engine import Connection, Store
from monitor.storage.matches import matches
from monitor.storage.telling import alerts, delivery_states, held, silences
from monitor.storage.telling.deliveries import DueDelivery
from monitor.storage.telling.silences import Matcher, SilenceRow
from monitor.storage.trust import reference_checks
from tests.storage.rows import (
    LEASE,
    SHOP,
    START,
    Shelf,
    add_alert,
    add_match,
    claim,
    finish,
    later,
    listing,
    picture,
    sha,
    stock,
)
from tests.told import event_of

END = later(days=7)
SELLER = Matcher(site="1688", seller="s1")


def _tell(
    conn: Connection, shelf: Shelf, item_id: str, *, seller: str = "s1", routed: bool = True
) -> int:
    """A match with an alert, routed as it would be."""
    seen = listing(item_id, seller=Seller(seller, f"Shop {seller}"))
    match_id = add_match(conn, shelf, seen).id
    add_alert(conn, shelf, match_id, f"al-{item_id}")
    if routed:
        _route(conn)
    return match_id


def _route(conn: Connection, now: datetime = START) -> None:
    silences.lock(conn)
    unrouted = alerts.find_unrouted(conn, now, ROUTE_PATIENCE)
    for alert in unrouted:
        alerts.route(conn, alert.id, ["legal", "mail"], now, is_held=alert.is_held)
    silences.hold(conn, [alert.id for alert in unrouted], now)


def _add(
    conn: Connection,
    matcher: Matcher = SELLER,
    *,
    now: datetime = START,
    starts_at: datetime | None = None,
    expires_at: datetime = END,
) -> int:
    return silences.add(
        conn,
        matcher,
        starts_at=starts_at or now,
        expires_at=expires_at,
        author="anne",
        reason="they pay now",
        now=now,
    )


def _claim(conn: Connection, now: datetime = START) -> list[DueDelivery]:
    return claim(conn, "legal", "me", now, LEASE, timedelta(0))


def _states(conn: Connection) -> dict[str, str | None]:
    """Of the deliveries to `legal`; those to `mail` must be the same unless one was claimed."""
    return {row.alert_id: row.state for row in alerts.list_rows(conn, channel="legal")}


def _why(conn: Connection) -> dict[str, tuple[str | None, int | None]]:
    rows = alerts.list_rows(conn, channel="legal")
    return {row.alert_id: (row.held_by, row.silence_id) for row in rows}


def _one(conn: Connection, now: datetime = START) -> SilenceRow:
    (row,) = silences.list_rows(conn, now, include_over=True)
    return row


def _mark(conn: Connection, shelf: Shelf) -> int:
    """The shelf's reference picture is unspecific from now on."""
    reference_id = shelf.references[0].id
    reference_checks.record_copy_score(
        conn, reference_id, method="m", record_score=0.6, copy_score=0.99, is_featureless=False
    )
    reference_checks.conclude(
        conn,
        reference_id,
        CheckState.UNSPECIFIC,
        sampled=200,
        matched=20,
        again_from=9,
        now=START,
    )
    return held.hold(conn, reference_id)


# -- what is held


def test_what_is_due_is_held_and_so_is_what_comes_later(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _tell(conn, shelf, "1")
        _tell(conn, shelf, "2", seller="s2")
        silence_id = _add(conn)
        _tell(conn, shelf, "3")
        _tell(conn, shelf, "4", seller="s2")
        assert _states(conn) == {"al-1": "held", "al-2": "due", "al-3": "held", "al-4": "due"}
        assert _why(conn)["al-3"] == ("silence", silence_id)
        assert _why(conn)["al-2"] == (None, None)
        assert [item.alert_id for item in _claim(conn, later(days=6))] == ["al-2", "al-4"]
        assert len(matches.list_rows(conn)) == 4
        row = _one(conn)
        assert (row.state, row.held, row.author) == (SilenceState.ACTIVE, 4, "anne")
        assert (row.reason, row.expires_at) == ("they pay now", END)


@pytest.fixture
def told(store: Store) -> Iterator[tuple[Connection, Shelf]]:
    """A store in which one match is due to be told, its picture in a cluster."""
    with store.writing() as conn:
        shelf = stock(conn)
        copy = sa.text("UPDATE pictures SET cluster_id = :id WHERE sha256 = :sha256")
        conn.execute(
            sa.text("INSERT INTO clusters (id, created_at) VALUES (7, :at)"), {"at": _at(conn)}
        )
        conn.execute(copy, {"id": 7, "sha256": sha("copy")})
        _tell(conn, shelf, "1")
        yield conn, shelf


def _at(conn: Connection) -> object:
    return str(START.replace(tzinfo=None)) + ".000000" if conn.dialect.name == "sqlite" else START


FITTING = {
    "watch": "mugs",
    "asset": "mug",
    "marketplace": SHOP,
    "site": "1688",
    "item_id": "1",
    "seller": "Shop s1",
    "cluster_id": 7,
}
OTHER = {
    "watch": "lamps",
    "asset": "lamp",
    "marketplace": "ebay",
    "site": "taobao",
    "item_id": "2",
    "seller": "Shop",
    "cluster_id": 8,
}


def test_everything_that_can_be_asked_for_is_tested_here() -> None:
    assert {field.name for field in fields(Matcher)} == set(FITTING) == set(OTHER)


@pytest.mark.parametrize("name", FITTING)
def test_each_thing_asked_for_must_be_there(told: tuple[Connection, Shelf], name: str) -> None:
    conn, _ = told
    _add(conn, Matcher(**{name: OTHER[name]}))  # type: ignore[arg-type]
    _add(conn, Matcher(**(FITTING | {name: OTHER[name]})))  # type: ignore[arg-type]
    assert _states(conn) == {"al-1": "due"}
    silence_id = _add(conn, Matcher(**{name: FITTING[name]}))  # type: ignore[arg-type]
    assert _states(conn) == {"al-1": "held"}
    assert _why(conn) == {"al-1": ("silence", silence_id)}


def test_all_that_is_asked_for_together_holds(told: tuple[Connection, Shelf]) -> None:
    conn, _ = told
    _add(conn, Matcher(**FITTING))  # type: ignore[arg-type]
    assert _states(conn) == {"al-1": "held"}


def test_operator_alerts_and_summaries_are_not_silenced(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _add(conn, Matcher(watch="mugs"))
        for event in (AlertEvent.SCAN_BLOCKED, AlertEvent.MATCHES_HELD):
            alerts.add(
                conn,
                event=event_of(event),
                dedup_key=event,
                now=START,
                alert_id=event,
                watch_id=shelf.watch_id,
            )
        _route(conn)
        assert set(_states(conn).values()) == {"due"}


def test_a_silence_follows_its_cluster_into_another(store: Store) -> None:
    def near(_a: Fingerprints, _b: Fingerprints) -> bool:
        return True

    with store.writing() as conn:
        for name, bands in (("one", [(0, 1)]), ("two", [(1, 2)])):
            pictures.record(conn, picture(name), bands, near, START, most_alike=MOST_ALIKE)
        old = conn.execute(sa.text("SELECT max(cluster_id) FROM pictures")).scalar_one()
        _add(conn, Matcher(cluster_id=old))
        pictures.record(conn, picture("both"), [(0, 1), (1, 2)], near, START, most_alike=MOST_ALIKE)
        assert _one(conn).cluster_id == old - 1


# -- how it ends


@pytest.mark.parametrize("way", ["expired", "removed"])
def test_when_it_ends_what_it_held_is_due_with_its_whole_week(store: Store, way: str) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        silence_id = _add(conn)
        _tell(conn, shelf, "1")
        now = END if way == "expired" else later(days=3)
        assert not silences.is_due(conn, later(days=3))
        if way == "removed":
            assert silences.remove(conn, silence_id, now) == 2
        else:
            assert silences.is_due(conn, now)
            assert silences.apply(conn, now) == 2
        assert not silences.is_due(conn, now)
        row = _one(conn, now)
        assert (row.state, row.held) == (SilenceState(way), 0)
        assert silences.list_rows(conn, now) == []
        (due,) = _claim(conn, now)
        assert (due.alert_id, due.due_from_at, due.attempts) == ("al-1", now, 1)
        _tell(conn, shelf, "2")
        assert _states(conn)["al-2"] == "due"


def test_one_that_expired_unseen_holds_nothing_more(store: Store) -> None:
    """No daemon ran meanwhile: what is routed after its end is told, whatever came first."""
    with store.writing() as conn:
        shelf = stock(conn)
        _add(conn)
        _tell(conn, shelf, "1", routed=False)
        _route(conn, END)
        assert _states(conn) == {"al-1": "due"}


def test_what_another_silence_asks_for_goes_over_to_that(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        first = _add(conn)
        _tell(conn, shelf, "1")
        _tell(conn, shelf, "2")
        second = _add(conn, Matcher(site="1688", item_id="1"), expires_at=later(days=9))
        assert silences.remove(conn, first, START) == 2
        assert _why(conn) == {"al-1": ("silence", second), "al-2": (None, None)}
        assert silences.apply(conn, later(days=9)) == 2
        assert _states(conn) == {"al-1": "due", "al-2": "due"}


def test_what_was_settled_meanwhile_is_told_only_when_that_is_taken_back(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        silence_id = _add(conn)
        match_id = _tell(conn, shelf, "1")
        decide(conn, match_id, Verdict.AUTHORISED, "me", None, START)
        decide(conn, match_id, Verdict.UNSURE, "me", None, START)
        assert _why(conn) == {"al-1": ("silence", silence_id)}  # no verdict ends a silence
        decide(conn, match_id, Verdict.AUTHORISED, "me", None, START)
        assert silences.apply(conn, END) == 0
        assert _why(conn) == {"al-1": ("verdict", None)}
        decide(conn, match_id, Verdict.INFRINGING, "me", None, END)
        assert _states(conn) == {"al-1": "due"}


def test_it_may_begin_later(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        begins = later(hours=2)
        _add(conn, starts_at=begins)
        _tell(conn, shelf, "1")
        assert (_states(conn), _one(conn).state) == ({"al-1": "due"}, SilenceState.PENDING)
        assert not silences.is_due(conn, later(hours=1))
        assert silences.is_due(conn, begins)
        assert silences.apply(conn, begins) == 2
        assert _states(conn) == {"al-1": "held"}
        assert not silences.is_due(conn, begins)


# -- with a picture that is not believed


def test_a_match_with_two_reasons_is_held_until_both_are_gone(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _mark(conn, shelf)
        _tell(conn, shelf, "1")
        _tell(conn, shelf, "2", seller="s2")
        silence_id = _add(conn)
        assert _why(conn) == {"al-1": ("silence", silence_id), "al-2": ("unspecific", None)}
        asset_id = shelf.references[0].asset_id
        assert trust(conn, asset_id, "mug", None, "me", START)[1] == 2
        assert _states(conn) == {"al-1": "held", "al-2": "due"}
        assert silences.remove(conn, silence_id, START) == 2
        assert _states(conn) == {"al-1": "due", "al-2": "due"}


def test_what_a_silence_holds_is_in_no_summary_before_it_ends(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _mark(conn, shelf)
        silence_id = _add(conn)
        _tell(conn, shelf, "1")
        finish(conn, shelf)
        assert held.list_unsummarised(conn) == []
        assert held.count_deliveries(conn) == {}
        assert (silences.count_held(conn), silences.count_active(conn, START)) == (2, 1)
        assert silences.remove(conn, silence_id, START) == 0
        assert _why(conn) == {"al-1": ("unspecific", None)}
        assert [item.matches for item in held.list_unsummarised(conn)] == [1]
        assert silences.count_held(conn) == 0


# -- what is in hand


def test_what_is_being_sent_when_it_begins_is_held_if_it_fails(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _tell(conn, shelf, "1")
        _tell(conn, shelf, "2")
        first, second = _claim(conn)
        _add(conn)
        assert _states(conn) == {"al-1": "sending", "al-2": "sending"}
        assert not silences.is_due(conn, START)
        delivery_states.accept(conn, [first.id], "me", START)
        delivery_states.fail(conn, [second.id], "me", "refused", later(seconds=5))
        assert silences.is_due(conn, START)
        assert silences.apply(conn, START) == 1
        assert _states(conn) == {"al-1": "sent", "al-2": "held"}
        assert _why(conn)["al-1"] == (None, None)
        silences.apply(conn, END)
        assert _states(conn) == {"al-1": "sent", "al-2": "due"}


@pytest.mark.parametrize("owner", ["me", "gone"])
def test_what_nobody_sends_any_more_is_held_and_not_sent_again(store: Store, owner: str) -> None:
    """Its process is dead and its lease has run out, or an error of the database has dropped it."""
    with store.writing() as conn:
        shelf = stock(conn)
        _tell(conn, shelf, "1")
        _tell(conn, shelf, "2", seller="other")
        claim(conn, "legal", owner, START, LEASE, timedelta(0))
        _add(conn)
        after = START + 2 * LEASE
        claimed = [item.alert_id for item in _claim(conn, after)]
        assert claimed == ["al-2"]
        assert silences.is_due(conn, after)
        assert silences.apply(conn, after) == 1
        assert _states(conn) == {"al-1": "held", "al-2": "sending"}
        (row, _) = alerts.list_rows(conn, channel="legal")
        assert (row.attempts, row.last_error) == (1, INTERRUPTED)


def test_what_failed_under_a_silence_is_not_claimed_before_it_is_held(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _tell(conn, shelf, "1")
        (item,) = _claim(conn)
        _add(conn)
        delivery_states.give_back(conn, [item.id], "me", "stopped")
        assert _claim(conn) == []
        assert silences.apply(conn, START) == 1
        assert _states(conn) == {"al-1": "held"}


@pytest.mark.parametrize("first", ["route", "add"])
def test_an_alert_that_is_routed_while_a_silence_is_added_is_held(store: Store, first: str) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _tell(conn, shelf, "1", routed=False)
    steps: dict[str, Callable[[Connection], object]] = {"route": _route, "add": _add}
    second = steps["add" if first == "route" else "route"]
    with store.writing() as conn:
        steps[first](conn)
        thread = _start(store, second)
    thread.join()
    with store.reading() as conn:
        assert _states(conn) == {"al-1": "held"}


def test_a_trust_that_meets_a_silence_half_way_does_not_send_what_that_holds(
    store: Store,
) -> None:
    """The rows that are to be released have been chosen when the silence takes one of them."""
    with store.writing() as conn:
        shelf = stock(conn)
        _mark(conn, shelf)
        _tell(conn, shelf, "1")

    def believe(conn: Connection) -> None:
        asset_id = shelf.references[0].asset_id
        trust(conn, asset_id, "mug", None, "me", START)

    with store.writing() as conn:
        _add(conn)
        thread = _start(store, believe)
    thread.join()
    with store.reading() as conn:
        assert _states(conn) == {"al-1": "held"}


def _start(store: Store, step: Callable[[Connection], object]) -> threading.Thread:
    """A transaction of somebody else, which has come as far as it can before this one ends."""

    def work() -> None:
        with store.writing() as conn:
            step(conn)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    return thread


def test_looking_for_what_silences_have_to_do_reads_no_other_delivery(sqlite_store: Store) -> None:
    """It is done every second, and sent deliveries are the history of years."""
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note(
        _conn: object, _cursor: object, text: str, values: tuple[object, ...], *_: object
    ) -> None:
        asked.append((text, values))

    with sqlite_store.writing() as conn:
        shelf = stock(conn)
        _add(conn)
        _tell(conn, shelf, "1")
        sa.event.listen(sqlite_store.engine, "before_cursor_execute", note)
        silences.is_due(conn, START)
        silences.count_held(conn)
        sa.event.remove(sqlite_store.engine, "before_cursor_execute", note)
        assert len(asked) == 2
        for text, values in asked:
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
            details = [str(row.detail) for row in plan if "deliveries" in str(row.detail)]
            assert details
            assert all("ix_deliveries_silenced" in detail for detail in details), details
