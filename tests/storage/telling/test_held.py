"""Held deliveries: not claimed, not counted as waiting, told in summaries, released whole."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from monitor.alerting.policy import ROUTE_PATIENCE
from monitor.cases.decide import decide
from monitor.cases.trust import distrust, trust
from monitor.model import CheckState, Verdict
from monitor.storage.db.engine import Connection, Store
from monitor.storage.telling import alerts, deliveries, delivery_states, held
from monitor.storage.telling.deliveries import DueDelivery
from monitor.storage.trust import reference_checks
from tests.storage.rows import (
    LEASE,
    START,
    Shelf,
    add_alert,
    add_match,
    claim,
    find_ready,
    finish,
    later,
    listing,
    stock,
)

METHOD = "compare-1"


def _begin(conn: Connection, reference_id: int, copy_score: float = 0.99) -> bool:
    return reference_checks.record_copy_score(
        conn,
        reference_id,
        method=METHOD,
        record_score=0.6,
        copy_score=copy_score,
        is_featureless=copy_score < 0.85,
    )


def _judge(conn: Connection, reference_id: int, state: CheckState | None) -> CheckState | None:
    return reference_checks.conclude(
        conn, reference_id, state, sampled=200, matched=20, again_from=9, now=START
    )


def _mark(conn: Connection, shelf: Shelf) -> int:
    """The shelf's reference picture is unspecific from now on; how many deliveries are held."""
    reference_id = shelf.references[0].id
    _begin(conn, reference_id)
    _judge(conn, reference_id, CheckState.UNSPECIFIC)
    return held.hold(conn, reference_id)


def _tell(conn: Connection, shelf: Shelf, item_id: str, *, routed: bool = True) -> int:
    """A match with an alert, routed as it would be."""
    match_id = add_match(conn, shelf, listing(item_id)).id
    add_alert(conn, shelf, match_id, f"al-{item_id}")
    if routed:
        _route(conn)
    return match_id


def _route(conn: Connection) -> None:
    for alert in alerts.find_unrouted(conn, START, ROUTE_PATIENCE):
        alerts.route(conn, alert.id, ["legal"], START, is_held=alert.is_held)


def _claim(conn: Connection) -> list[DueDelivery]:
    return claim(conn, "legal", "me", later(days=30), LEASE, timedelta(0))


def _states(conn: Connection) -> dict[str, str | None]:
    return {row.alert_id: row.state for row in alerts.list_rows(conn)}


def test_what_rests_on_an_unspecific_picture_is_held_from_the_mark_on(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _tell(conn, shelf, "1")
        (sent,) = _claim(conn)
        delivery_states.accept(conn, [sent.id], "me", START)
        _tell(conn, shelf, "2")
        _tell(conn, shelf, "3")
        assert _mark(conn, shelf) == 2
        _tell(conn, shelf, "4")
        assert _states(conn) == {"al-1": "sent", "al-2": "held", "al-3": "held", "al-4": "held"}
        assert {row.alert_id for row in alerts.list_rows(conn, state="held")} == {
            "al-2",
            "al-3",
            "al-4",
        }


def test_what_is_held_is_neither_sent_nor_late_nor_failed(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _mark(conn, shelf)
        _tell(conn, shelf, "1")
        assert not find_ready(conn, "legal", "me", later(days=30), timedelta(0))
        assert _claim(conn) == []
        assert deliveries.count_waiting(conn) == 0
        assert deliveries.list_health(conn) == []
        assert deliveries.retry(conn, None, None, START) == 0
        assert held.count_deliveries(conn) == {"mugs": 1}


def test_what_is_released_has_its_whole_week_before_it(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _mark(conn, shelf)
        _tell(conn, shelf, "1")
        now = later(days=20)
        asset_id = shelf.references[0].asset_id
        assert trust(conn, asset_id, "mug", None, "me", now) == (["mug.jpg"], 1)
        (health,) = deliveries.list_health(conn)
        assert health.new_from_at == now
        (due,) = _claim(conn)
        assert (due.created_at, due.due_from_at) == (START, later(days=30))  # when it is tried


def test_a_settled_match_stays_held_until_that_is_taken_back(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _mark(conn, shelf)
        settled, asset_id = _tell(conn, shelf, "1"), shelf.references[0].asset_id
        _tell(conn, shelf, "2")
        decide(conn, settled, Verdict.NOT_OURS, "me", None, START)
        assert held.count_matches(conn) == {shelf.references[0].id: 1}
        assert trust(conn, asset_id, "mug", None, "me", START)[1] == 1
        assert _states(conn) == {"al-1": "held", "al-2": "due"}
        assert held.count_matches(conn) == {}
        decide(conn, settled, Verdict.INFRINGING, "me", None, START)
        assert _states(conn) == {"al-1": "due", "al-2": "due"}


def test_a_verdict_alone_releases_nothing(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _mark(conn, shelf)
        match_id = _tell(conn, shelf, "1")
        decide(conn, match_id, Verdict.UNSURE, "me", None, START)
        assert _states(conn) == {"al-1": "held"}


def test_a_summary_is_due_when_the_cycle_has_ended(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _mark(conn, shelf)
        for number in range(3):
            _tell(conn, shelf, str(number))
        assert held.list_unsummarised(conn) == []
        finish(conn, shelf)
        (item,) = held.list_unsummarised(conn)
        assert (item.path, item.asset, item.watch) == ("mug.jpg", "mug", "mugs")
        assert (item.matches, item.matched, item.sampled) == (3, 20, 200)
        assert item.cycle_id == shelf.scan.cycle_id
        held.mark_summarised(conn, item.reference_id, START)
        assert held.list_unsummarised(conn) == []
        _tell(conn, shelf, "later")
        assert [item.matches for item in held.list_unsummarised(conn)] == [1]


def test_what_was_routed_while_its_picture_was_being_trusted_is_released(store: Store) -> None:
    """Two transactions at once: the one that routes has seen the picture before the trust."""
    with store.writing() as conn:
        shelf = stock(conn)
        _mark(conn, shelf)
        _tell(conn, shelf, "1", routed=False)
        trust(conn, shelf.references[0].asset_id, "mug", None, "me", START)
        alerts.route(conn, "al-1", ["legal"], START, is_held=True)
        assert held.has_released(conn)
        assert held.release(conn, START) == 1
        assert not held.has_released(conn)
        assert _states(conn) == {"al-1": "due"}


def test_a_judgement_stays_while_there_are_too_few_to_judge_by(store: Store) -> None:
    with store.writing() as conn:
        reference_id = stock(conn).references[0].id
        _begin(conn, reference_id)
        assert _judge(conn, reference_id, None) is CheckState.UNJUDGED
        assert _judge(conn, reference_id, CheckState.UNSPECIFIC) is CheckState.UNJUDGED
        assert _judge(conn, reference_id, None) is CheckState.UNSPECIFIC
        assert _judge(conn, reference_id, CheckState.SOUND) is CheckState.UNSPECIFIC


def test_a_trusted_picture_is_judged_no_more(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        reference = shelf.references[0]
        # also before anything is known of it
        trust(conn, reference.asset_id, "mug", "mug.jpg", "anne", START)
        assert not _begin(conn, reference.id, copy_score=0.1)
        assert _judge(conn, reference.id, CheckState.UNSPECIFIC) is None
        assert _new(conn, shelf) == []
        (check,) = reference_checks.list_rows(conn, {})[reference.asset_id]
        assert (check.state, check.trusted_by) == (CheckState.TRUSTED, "anne")
        assert distrust(conn, reference.asset_id, "mug", None) == ["mug.jpg"]
        assert _new(conn, shelf) == ["mug.jpg"]


def _new(conn: Connection, shelf: Shelf, **asked: object) -> list[str]:
    values: dict[str, object] = {"method": METHOD, "record_score": 0.6, "least_copy_score": 0.85}
    new = reference_checks.find_new(conn, shelf.watch_id, limit=9, **{**values, **asked})  # type: ignore[arg-type]
    return [item.path for item in new]


def test_a_picture_is_looked_at_once_per_method_and_scores(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        assert _new(conn, shelf) == ["mug.jpg"]
        assert _begin(conn, shelf.references[0].id, copy_score=0.7)
        assert _new(conn, shelf) == []
        assert _new(conn, shelf, method="compare-2") == ["mug.jpg"]
        assert _new(conn, shelf, record_score=0.5) == ["mug.jpg"]
        assert _new(conn, shelf, least_copy_score=0.65) == ["mug.jpg"]
        assert not _begin(conn, shelf.references[0].id, copy_score=0.7)  # as before: no news
        _begin(conn, shelf.references[0].id, copy_score=0.9)
        assert _new(conn, shelf, least_copy_score=0.95) == ["mug.jpg"]


def test_a_new_version_judges_again_and_holds_on_meanwhile(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _mark(conn, shelf)
        _begin(conn, shelf.references[0].id)
        ids = {shelf.references[0].id}
        assert reference_checks.find_unspecific(conn, ids) == ids


def test_looking_for_what_is_held_reads_no_other_delivery(sqlite_store: Store) -> None:
    """It is done every second, and sent deliveries are the history of years."""
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note(
        _conn: object, _cursor: object, text: str, values: tuple[object, ...], *_: object
    ) -> None:
        if text.startswith("SELECT"):
            asked.append((text, values))

    with sqlite_store.writing() as conn:
        shelf = stock(conn)
        _mark(conn, shelf)
        _tell(conn, shelf, "1")
        finish(conn, shelf)
        sa.event.listen(sqlite_store.engine, "before_cursor_execute", note)
        held.has_released(conn)
        held.list_unsummarised(conn)
        sa.event.remove(sqlite_store.engine, "before_cursor_execute", note)
        assert len(asked) == 2
        for text, values in asked:
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
            details = [str(row.detail) for row in plan if "deliveries" in str(row.detail)]
            assert details
            assert all("ix_deliveries_held" in detail for detail in details), details
