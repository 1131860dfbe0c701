"""Alerts reach every channel once, however often something fails on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerting.context import Routes
from monitor.alerting.options import ChannelOptions, Route
from monitor.alerting.retry import INTERRUPTED
from monitor.alerting.route import count_stranded, route_alerts, warn_of_stranded
from monitor.model.events import NewMatch
from monitor.storage.leases import release, take_over
from monitor.storage.telling import alerts, deliveries
from tests.alerting.desk import Desk
from tests.storage.rows import add_match, claim, stock


def test_an_alert_is_told_once(desk: Desk) -> None:
    desk.add(1)
    desk.add(1)
    desk.deliver()
    desk.deliver()
    assert [item.body.count("al-1") for item in desk.legal.received] == [1]
    assert desk.states() == {"al-1": ("sent", 1)}


def test_first_retries_come_after_5_15_and_45_seconds(desk: Desk) -> None:
    desk.legal.status = 503
    desk.add(1)
    desk.deliver()
    for attempt, wait in ((2, 5), (3, 15), (4, 45)):
        desk.clock.advance(seconds=wait * 0.95)
        desk.deliver()
        assert desk.states()["al-1"] == ("failed", attempt - 1)
        desk.clock.advance(seconds=wait * 0.2)
        desk.deliver()
        assert desk.states()["al-1"] == ("failed", attempt)
    desk.legal.status = 200
    desk.clock.advance(hours=1)
    desk.deliver()
    assert desk.states()["al-1"] == ("sent", 5)
    assert "al-1" in desk.legal.received[0].body


def test_after_a_week_it_is_given_up_visibly_and_can_be_sent_again(desk: Desk) -> None:
    desk.legal.status = 503
    desk.add(1)
    desk.deliver()
    desk.clock.advance(days=8)
    desk.deliver()
    assert desk.states()["al-1"][0] == "dead"
    desk.legal.status = 200
    with desk.store.writing() as conn:
        assert deliveries.retry(conn, "al-1", None, desk.clock()) == 1
    desk.deliver()
    assert desk.states()["al-1"][0] == "sent"


def test_what_was_held_for_long_is_not_given_up_at_its_first_failure(desk: Desk) -> None:
    desk.legal.status = 503
    desk.add(1)
    with desk.store.writing() as conn:
        alerts.route(conn, "al-1", ["legal"], desk.clock() + timedelta(days=30))  # as if released
    desk.clock.advance(days=30)
    desk.deliver()
    assert desk.states()["al-1"][0] == "failed"
    desk.clock.advance(days=8)
    desk.deliver()
    assert desk.states()["al-1"][0] == "dead"


def test_a_broken_channel_is_told_through_the_others_once(desk: Desk) -> None:
    desk.context = replace(desk.context, routes=Routes(ops=("legal", "ops")))
    desk.legal.status = 503
    desk.add(1)
    for _ in range(6):
        desk.deliver("legal", "ops")
        desk.clock.advance(hours=2)
    told = [item.body for item in desk.ops.received if "Channel legal" in item.body]
    assert len(told) == 1


def test_a_channel_that_is_down_holds_up_no_other(desk: Desk) -> None:
    desk.context = replace(desk.context, routes=Routes(ops=("legal", "ops")))
    desk.legal.status = 503
    desk.add(1)
    desk.deliver("legal", "ops")
    assert [item.body.count("al-1") for item in desk.ops.received] == [1]
    desk.legal.status = 200
    desk.clock.advance(minutes=1)
    desk.deliver("legal", "ops")
    assert len(desk.ops.received) == 1
    assert len(desk.legal.received) == 1


def test_a_group_waits_from_the_alerts_creation_and_goes_as_one(desk: Desk) -> None:
    wait = timedelta(seconds=30)
    legal = replace(desk.context.destinations["legal"], options=ChannelOptions(group=wait))
    desk.context = replace(desk.context, destinations={"legal": legal})
    for number in range(3):
        desk.add(number)
        desk.deliver()
        desk.clock.advance(seconds=9)
    assert desk.legal.received == []
    desk.clock.advance(seconds=5)
    desk.deliver()
    (message,) = desk.legal.received
    assert all(f"al-{number}" in message.body for number in range(3))


def test_a_process_that_dies_while_sending_leaves_a_row_that_is_sent_again(desk: Desk) -> None:
    desk.add(1)
    route_alerts(desk.context)
    with desk.store.writing() as conn:
        claimed = claim(
            conn, "legal", "gone/0/1/1", desk.clock(), timedelta(seconds=30), timedelta(0)
        )
    assert [item.alert_id for item in claimed] == ["al-1"]
    desk.deliver()
    assert desk.states()["al-1"] == ("sending", 1)  # visible, and not taken from a living one
    desk.clock.advance(seconds=31)
    desk.deliver()
    assert desk.states()["al-1"] == ("sent", 2)


def test_a_successor_takes_over_at_once_what_a_dead_process_held(desk: Desk) -> None:
    desk.add(1)
    route_alerts(desk.context)
    with desk.store.writing() as conn:
        claim(conn, "legal", "dead", desk.clock(), timedelta(hours=1), timedelta(0))
        assert take_over(conn, lambda owner: owner == "dead", INTERRUPTED) == 1
    desk.deliver()
    assert desk.states()["al-1"] == ("sent", 2)


def test_a_stop_gives_back_what_was_claimed(desk: Desk) -> None:
    desk.add(1)
    route_alerts(desk.context)
    with desk.store.writing() as conn:
        claim(conn, "legal", desk.context.owner, desk.clock(), timedelta(hours=1), timedelta(0))
        assert release(conn, desk.context.owner, INTERRUPTED) == 1
    assert desk.states()["al-1"] == ("failed", 1)


def test_an_alert_without_a_channel_is_kept_and_counted(desk: Desk) -> None:
    desk.context = replace(desk.context, routes=Routes(ops=()))
    desk.add(1)
    desk.deliver()
    with desk.store.reading() as conn:
        assert alerts.count_homeless(conn, desk.clock() - timedelta(days=1)) == 1
    assert desk.states() == {"al-1": (None, None)}


def _find_match(desk: Desk) -> None:
    """A match of the watch `mugs`, and its alert `al-1`."""
    with desk.store.writing() as conn:
        shelf = stock(conn)
        match = add_match(conn, shelf)
        alerts.add(
            conn,
            event=NewMatch(),
            dedup_key="key 1",
            now=desk.clock(),
            alert_id="al-1",
            watch_id=shelf.watch_id,
            match_id=match.id,
        )


def _stranded(desk: Desk) -> int:
    with desk.store.reading() as conn:
        return count_stranded(conn, desk.context.routes, desk.clock())


def test_what_a_watch_has_found_that_is_gone_waits_until_somebody_can_hear_of_it(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    _find_match(desk)
    desk.context = replace(desk.context, routes=Routes(ops=()))
    assert route_alerts(desk.context) == 0
    assert _stranded(desk) == 1
    warn_of_stranded(desk.context)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "1 alert has no channel to go to" in caplog.text
    desk.context = replace(desk.context, routes=Routes(ops=("legal",)))
    assert _stranded(desk) == 0
    desk.deliver()
    assert desk.ids_at(desk.legal) == ["al-1"]


@pytest.mark.parametrize(
    "routes", [Routes(ops=(), watches={"mugs": ()}), Routes(ops=(), rules=(Route(channels=()),))]
)
def test_what_is_only_to_be_recorded_is_told_to_nobody_and_is_no_trouble(
    desk: Desk, routes: Routes, caplog: pytest.LogCaptureFixture
) -> None:
    _find_match(desk)
    desk.context = replace(desk.context, routes=routes)
    assert _stranded(desk) == 0
    warn_of_stranded(desk.context)
    assert caplog.records == []
    assert route_alerts(desk.context) == 1
    assert route_alerts(desk.context) == 0
