"""Alerts and deliveries: written once, routed once, grouped, claimed by one, tried again."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from monitor.alerting.policy import ROUTE_PATIENCE
from monitor.alerting.retry import INTERRUPTED
from monitor.errors import NotFound
from monitor.model import AlertEvent, ScanOutcome
from monitor.model.events import PictureUnreadable
from monitor.storage.db.engine import Connection, Store
from monitor.storage.leases import release, renew_leases, take_over
from monitor.storage.searches import cycles
from monitor.storage.telling import alerts, deliveries, delivery_states
from monitor.storage.telling.deliveries import DueDelivery
from tests.storage.rows import (
    LEASE,
    START,
    Shelf,
    add_match,
    add_watch,
    claim,
    find_ready,
    finish,
    later,
    listing,
    stock,
)
from tests.told import event_of, text_of

GROUP = timedelta(seconds=30)
AT_ONCE = timedelta(0)


def _alert(
    conn: Connection,
    alert_id: str,
    now: datetime = START,
    event: AlertEvent = AlertEvent.NEW_MATCH,
    **more: int,
) -> bool:
    return alerts.add(
        conn,
        event=event_of(event),
        dedup_key=alert_id,
        now=now,
        alert_id=alert_id,
        baseline_cycle_id=more.get("cycle"),
        match_id=more.get("match"),
        watch_id=more.get("watch"),
    )


def _routed(conn: Connection, *ids: str, now: datetime = START) -> None:
    for alert_id in ids:
        _alert(conn, alert_id, now)
        alerts.route(conn, alert_id, ["legal"], now)


def _claim(
    store: Store, now: datetime = START, owner: str = "me", group: timedelta = AT_ONCE
) -> list[DueDelivery]:
    with store.writing() as conn:
        return claim(conn, "legal", owner, now, LEASE, group)


def _is_ready(conn: Connection, channel: str, owner: str = "me") -> bool:
    return bool(find_ready(conn, channel, owner, START, AT_ONCE))


def test_a_cause_is_told_once(store: Store) -> None:
    with store.writing() as conn:
        assert _alert(conn, "al-1")
        assert not _alert(conn, "al-1")
        long = "unreadable:" + "\u00e9" * 5_000
        for again in (False, True):
            added = alerts.add(
                conn,
                event=PictureUnreadable(None, "text\x00"),
                dedup_key=long,
                now=START,
                alert_id=f"al-{again}",
            )
            assert added is not again
        texts = {row.alert_id: text_of(row) for row in alerts.list_rows(conn)}
        assert texts["al-False"] == "Not watched: text\ufffd"


def test_an_alert_goes_to_each_channel_once(store: Store) -> None:
    with store.writing() as conn:
        watch = add_watch(conn, "w")
        _alert(conn, "al-1", watch=watch)
        assert alerts.find_unrouted(conn, START, ROUTE_PATIENCE) == [
            alerts.UnroutedAlert("al-1", "w", AlertEvent.NEW_MATCH)
        ]
        alerts.route(conn, "al-1", ["legal", "mail"], START)
        alerts.route(conn, "al-1", ["legal"], START)
        assert alerts.find_unrouted(conn, START, ROUTE_PATIENCE) == []
        rows = alerts.list_rows(conn)
        assert [(row.channel, row.state) for row in rows] == [("legal", "due"), ("mail", "due")]
        assert len(alerts.list_rows(conn, channel="mail", state="due", limit=1)) == 1
        assert [_is_ready(conn, channel) for channel in ("legal", "mail", "ops")] == [
            True,
            True,
            False,
        ]
        assert deliveries.count_waiting(conn) == 2


def test_an_alert_without_a_channel_is_counted(store: Store) -> None:
    with store.writing() as conn:
        _alert(conn, "al-1", event=AlertEvent.SCAN_FAILED)
        assert alerts.count_homeless(conn, START) == 0
        alerts.route(conn, "al-1", [], START)
        assert alerts.count_homeless(conn, START) == 1
        assert alerts.count_homeless(conn, START + timedelta(seconds=1)) == 0
        assert [row.channel for row in alerts.list_rows(conn)] == [None]


def test_a_baseline_waits_for_its_cycle_and_is_one_message(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        cycle = shelf.scan.cycle_id
        ids = [f"al-{number:04}" for number in range(450)]
        for alert_id in ids:
            _alert(conn, alert_id, cycle=cycle)
        assert alerts.find_unrouted(conn, START, ROUTE_PATIENCE) == []
        finish(conn, shelf, ScanOutcome.FAILED)
        assert cycles.list_open(conn, shelf.watch_id) == []
        for alert in alerts.find_unrouted(conn, START, ROUTE_PATIENCE):
            alerts.route(conn, alert.id, ["legal"], START)
    assert [item.alert_id for item in _claim(store, group=GROUP)] == ids


def test_new_alerts_gather_from_the_creation_of_the_oldest(store: Store) -> None:
    with store.writing() as conn:
        _alert(conn, "al-1")
        _routed(conn, "al-2", now=later(seconds=20))
        alerts.route(conn, "al-1", ["legal"], later(seconds=20))  # routed late, after a restart
    assert _claim(store, later(seconds=29), group=GROUP) == []
    batch = _claim(store, later(seconds=30), group=GROUP)
    assert [item.alert_id for item in batch] == ["al-1", "al-2"]
    assert {item.attempts for item in batch} == {1}


def test_kinds_are_never_mixed(store: Store) -> None:
    with store.writing() as conn:
        _routed(conn, "al-1", "al-2")
        _alert(conn, "ops-1", event=AlertEvent.SCAN_BLOCKED)
        alerts.route(conn, "ops-1", ["legal"], START)
    batches = [[item.alert_id for item in _claim(store, owner=str(n))] for n in range(3)]
    assert batches == [["al-1", "al-2"], ["ops-1"], []]


def test_a_summary_of_what_is_held_goes_apart_from_the_matches_it_would_drown_in(
    store: Store,
) -> None:
    with store.writing() as conn:
        _routed(conn, "al-1")
        _alert(conn, "held-1", event=AlertEvent.MATCHES_HELD)
        alerts.route(conn, "held-1", ["legal"], START)
    assert [[item.alert_id for item in _claim(store, owner=str(n))] for n in range(2)] == [
        ["al-1"],
        ["held-1"],
    ]


def test_hundreds_of_matches_are_one_message(store: Store) -> None:
    with store.writing() as conn:
        _routed(conn, *(f"al-{number:03}" for number in range(430)))
    assert [len(_claim(store, owner=str(n))) for n in range(2)] == [430, 0]


def test_each_delivery_is_claimed_by_one(store: Store) -> None:
    with store.writing() as conn:
        _routed(conn, *(f"al-{number:04}" for number in range(1_000)))
    taken: list[str] = []

    def work(owner: str) -> None:
        for _ in range(10):
            batch = _claim(store, owner=owner)
            taken.extend(item.alert_id for item in batch)
            with store.writing() as conn:
                delivery_states.accept(conn, [item.id for item in batch], owner, START)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 1_000
    with store.reading() as conn:
        assert deliveries.count_sent_since(conn, START) == 1_000
        assert deliveries.find_last_sent_at(conn, "legal") == START


def test_a_delivery_carries_its_match(store: Store) -> None:
    with store.writing() as conn:
        shelf: Shelf = stock(conn)
        match_id = add_match(conn, shelf, listing()).id
        _alert(conn, "al-1", match=match_id, watch=shelf.watch_id)
        alerts.route(conn, "al-1", ["legal"], START)
    (item,) = _claim(store)
    assert item.match is not None
    assert (item.match.id, item.match.title, item.watch) == (match_id, "Mug", "mugs")


def test_a_failure_is_tried_again_apart_from_what_is_new(store: Store) -> None:
    with store.writing() as conn:
        _routed(conn, "al-1")
    (failed,) = _claim(store)
    with store.writing() as conn:
        delivery_states.fail(conn, [failed.id], "me", "refused\x00", later(seconds=5))
        _routed(conn, "al-2", now=later(seconds=1))
        assert not _is_ready(conn, "legal")
    assert _claim(store, later(seconds=4), group=GROUP) == []
    (again,) = _claim(store, later(seconds=5), group=GROUP)  # without a group wait
    assert (again.alert_id, again.attempts) == ("al-1", 2)
    with store.reading() as conn:
        assert alerts.list_rows(conn, state="sending")[0].last_error == "refused\ufffd"


def test_what_was_given_up_stays_to_be_seen_and_sent_again(store: Store) -> None:
    with store.writing() as conn:
        _routed(conn, "al-1", "al-2")
    first, second = _claim(store)
    with store.writing() as conn:
        delivery_states.give_up(conn, [first.id], "me", "gone")
        delivery_states.accept(conn, [second.id], "me", START)
    assert _claim(store, later(days=9)) == []
    with store.writing() as conn:
        (health,) = deliveries.list_health(conn)
        assert (health.channel, health.waiting, health.dead, health.last_error) == (
            "legal",
            0,
            1,
            "gone",
        )
        assert (health.new_from_at, health.tried_from_at, health.refused) == (None, None, 0)
        assert deliveries.retry(conn, "al-1", "mail", START) == 0
        assert deliveries.retry(conn, "al-2", None, START) == 0  # sent: not again
        assert deliveries.retry(conn, None, None, later(days=9)) == 1
        with pytest.raises(NotFound):
            deliveries.retry(conn, "al-9", None, START)
    assert [item.alert_id for item in _claim(store, later(days=9))] == ["al-1"]


def test_a_lease_that_ran_out_is_taken_and_the_first_owner_changes_nothing(store: Store) -> None:
    with store.writing() as conn:
        _routed(conn, "al-1")
    (mine,) = _claim(store)
    assert _claim(store, owner="you") == []
    (yours,) = _claim(store, later(minutes=1), owner="you")
    assert yours.attempts == 2
    with store.writing() as conn:
        delivery_states.accept(conn, [mine.id], "me", later(minutes=1))
        assert alerts.list_rows(conn)[0].state == "sending"
        delivery_states.accept(conn, [yours.id], "you", later(minutes=1))
        assert alerts.list_rows(conn)[0].state == "sent"


def test_a_delivery_that_an_error_dropped_is_taken_again_although_its_lease_is_renewed(
    store: Store,
) -> None:
    with store.writing() as conn:
        _routed(conn, "al-1")
    (dropped,) = _claim(store)
    with store.writing() as conn:
        renew_leases(conn, "me", START, timedelta(days=1))
        assert _is_ready(conn, "legal")
    assert [item.id for item in _claim(store)] == [dropped.id]


@pytest.mark.parametrize("way", ["took over", "released"])
def test_what_was_being_sent_is_marked_and_due_at_once(store: Store, way: str) -> None:
    with store.writing() as conn:
        _routed(conn, "al-1")
    _claim(store, owner="gone")
    with store.writing() as conn:
        if way == "released":
            release(conn, "gone", INTERRUPTED)
        else:
            take_over(conn, lambda owner: owner == "gone", INTERRUPTED)
        (row,) = alerts.list_rows(conn)
        assert row.state == "failed"
        assert "may have arrived" in (row.last_error or "")
    assert len(_claim(store, group=GROUP)) == 1


def test_what_a_look_has_found_is_taken_without_another(store: Store) -> None:
    with store.writing() as conn:
        _routed(conn, "al-1", "al-2")
    with store.reading() as conn:
        found = find_ready(conn, "legal", "me", START, AT_ONCE)
    with store.writing() as conn:
        _routed(conn, "al-3")
        claimed = claim(conn, "legal", "me", START, LEASE, AT_ONCE, found=found)
    assert [item.alert_id for item in claimed] == ["al-1", "al-2"]
    assert [(item.attempts, item.due_from_at) for item in claimed] == [(1, START), (1, START)]
    assert [item.alert_id for item in _claim(store, owner="you")] == ["al-3"]


def test_what_another_process_has_taken_since_the_look_is_left_to_it(store: Store) -> None:
    """All of it: a part might overtake an earlier alert of its listing."""
    with store.writing() as conn:
        _routed(conn, "al-1")
    with store.reading() as conn:
        found = find_ready(conn, "legal", "me", START, AT_ONCE)
    assert len(_claim(store, owner="you")) == 1
    with store.writing() as conn:
        _routed(conn, "al-2")
        found += find_ready(conn, "legal", "me", START, AT_ONCE)
        assert claim(conn, "legal", "me", START, LEASE, AT_ONCE, found=found) == []
    assert [item.alert_id for item in _claim(store)] == ["al-2"]
