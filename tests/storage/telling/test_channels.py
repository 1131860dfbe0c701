"""Channels keep their pace and their troubles in rows."""

from __future__ import annotations

import re
from datetime import timedelta

import sqlalchemy as sa

from monitor.alerting.policy import MOST_REVIVED_ATTEMPTS
from monitor.model import AlertEvent
from monitor.model.events import NewMatch
from monitor.storage.db.engine import Connection, Store
from monitor.storage.telling import alerts, channels, deliveries, delivery_states
from monitor.storage.telling.channels import ChannelState
from tests.storage.rows import LEASE, START, add_match, claim, find_ready, later, listing, stock
from tests.told import event_of

AT_ONCE = timedelta(0)


def _due(conn: Connection, alert_id: str, match_id: int | None = None, **age: float) -> None:
    at = later(**age)
    event = AlertEvent.NEW_MATCH if match_id is not None else AlertEvent.SCAN_FAILED
    alerts.add(
        conn,
        event=event_of(event),
        dedup_key=alert_id,
        now=at,
        alert_id=alert_id,
        match_id=match_id,
    )
    alerts.route(conn, alert_id, ["legal"], at)


def test_failures_count_in_a_row_and_a_success_ends_them(store: Store) -> None:
    with store.writing() as conn:
        assert channels.find(conn, "legal") == ChannelState()
        channels.note_try(conn, "legal", START)
        channels.note_failure(conn, "legal", later(seconds=1), is_permanent=False)
        state = channels.note_failure(conn, "legal", later(seconds=2), is_permanent=True)
        assert state == ChannelState(
            tried_at=later(seconds=2),
            failures=2,
            failing_from=later(seconds=1),
            refusals=1,
            refused_from=later(seconds=2),
        )
        assert channels.note_accepted(conn, "legal", later(seconds=3), MOST_REVIVED_ATTEMPTS) == 0
        assert channels.list_states(conn) == {"legal": ChannelState(tried_at=later(seconds=3))}


def test_giving_up_leaves_what_is_sent_and_what_others_hold(store: Store) -> None:
    with store.writing() as conn:
        for number in range(2):
            _due(conn, f"al-{number}")
            claim(conn, "legal", f"owner {number}", START, LEASE, AT_ONCE)
        _due(conn, "al-2")
        channels.note_failure(conn, "legal", START, is_permanent=True)
        assert channels.give_up(conn, "legal", "owner 1", "refused\x00", START) == 2
        states = {row.alert_id: row.state for row in alerts.list_rows(conn)}
        assert states == {"al-0": "sending", "al-1": "dead", "al-2": "dead"}
        (health,) = deliveries.list_health(conn)
        assert (health.waiting, health.dead, health.refused) == (1, 2, 2)
        assert channels.find(conn, "legal").broken_at == START


def test_what_was_refused_too_often_is_not_revived_by_a_success(store: Store) -> None:
    with store.writing() as conn:
        _due(conn, "al-1")
        for _ in range(MOST_REVIVED_ATTEMPTS):
            (item,) = claim(conn, "legal", "me", later(days=1), LEASE, AT_ONCE)
            delivery_states.fail(conn, [item.id], "me", "no", START)
        _due(conn, "al-2")
        assert channels.mirror(conn, {"legal": "old"}, START) == {}
        assert channels.give_up(conn, "legal", "me", "no", START) == 2
        assert channels.note_accepted(conn, "legal", START, MOST_REVIVED_ATTEMPTS) == 1
        assert alerts.list_rows(conn, state="due")[0].alert_id == "al-2"
        assert channels.mirror(conn, {"legal": "new"}, START) == {"legal": 1}


def test_retries_alone_are_taken_while_nothing_new_may_go(store: Store) -> None:
    with store.writing() as conn:
        _due(conn, "al-1")
        (item,) = claim(conn, "legal", "me", START, LEASE, AT_ONCE)
        delivery_states.fail(conn, [item.id], "me", "no", START)
        _due(conn, "al-2")
        claimed = claim(conn, "legal", "me", START, LEASE, AT_ONCE, only_retries=True)
        assert [found.alert_id for found in claimed] == ["al-1"]


def test_a_digest_takes_what_was_routed_by_its_time(store: Store) -> None:
    with store.writing() as conn:
        _due(conn, "al-1", hours=1)
        _due(conn, "al-2", hours=3)
        for until, expected in ((later(hours=2), ["al-1"]), (later(hours=2), [])):
            ready = find_ready(conn, "legal", "me", later(hours=9), AT_ONCE, until=until)
            assert len(ready) == len(expected)
            claimed = claim(conn, "legal", "you", later(hours=9), LEASE, AT_ONCE, until=until)
            assert [found.alert_id for found in claimed] == expected
            delivery_states.accept(conn, [item.id for item in claimed], "you", later(hours=9))


def test_an_earlier_alert_that_a_digest_does_not_hold_yet_keeps_its_place(store: Store) -> None:
    """Released late, it goes with the next one: the listing's later alert waits for it."""
    with store.writing() as conn:
        shelf = stock(conn)
        match_id = add_match(conn, shelf, listing("1")).id
        alerts.add(
            conn,
            event=NewMatch(),
            dedup_key="al-1",
            now=START,
            alert_id="al-1",
            match_id=match_id,
        )
        _due(conn, "al-2", match_id, hours=1)
        alerts.route(conn, "al-1", ["legal"], later(hours=3))
        for until, expected in ((later(hours=2), []), (later(hours=4), ["al-1", "al-2"])):
            claimed = claim(conn, "legal", "me", later(hours=9), LEASE, AT_ONCE, until=until)
            assert [found.alert_id for found in claimed] == expected


def _plans(store: Store, *settings: str) -> list[str]:
    """How the database goes about the look at the queue."""
    seen: list[tuple[str, object]] = []

    def note(*arguments: object) -> None:
        seen.append((str(arguments[2]), arguments[3]))

    explain = "EXPLAIN QUERY PLAN" if store.dialect == "sqlite" else "EXPLAIN"
    with store.reading() as conn:
        for setting in settings:
            conn.exec_driver_sql(setting)
        sa.event.listen(conn, "before_cursor_execute", note)
        find_ready(conn, "legal", "me", START, LEASE)
        sa.event.remove(conn, "before_cursor_execute", note)
        ((statement, parameters),) = seen
        plan = conn.exec_driver_sql(f"{explain} {statement}", parameters)  # type: ignore[arg-type]
        return [str(row[-1]) for row in plan]


def test_the_look_at_a_long_queue_asks_for_each_row_by_an_index(sqlite_store: Store) -> None:
    plans = _plans(sqlite_store)
    # what was found of each state is put together by a scan of it
    assert not any("SCAN" in plan and "anon" not in plan for plan in plans)
    earlier = [plan for plan in plans if re.search(r"deliveries_\d", plan)]
    assert len(earlier) == 3
    assert all("alert_id=?" in plan for plan in earlier)


def test_the_look_at_a_long_queue_never_joins_it_to_itself(store: Store) -> None:
    assert not any("Anti Join" in plan for plan in _plans(store))


def test_the_look_at_a_long_queue_sorts_nothing(store: Store) -> None:
    """Thousands may have become due at one instant, and each look would sort them all."""
    # which PostgreSQL would do with the few rows of a test
    avoided = ["SET enable_sort = off"] if store.dialect == "postgresql" else []
    assert not any("Sort" in plan or "ORDER BY" in plan for plan in _plans(store, *avoided))
