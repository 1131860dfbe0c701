"""Part by part, at the channel's pace, through its gate, each listing's alerts in order."""

from __future__ import annotations

import logging
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.alerting.deliver import deliver_next
from monitor.alerting.retry import INTERRUPTED
from monitor.alerting.route import route_alerts
from monitor.errors import Stopping
from monitor.model import AlertEvent
from monitor.model.events import NewMatch
from monitor.schedule.wall_clock import Digest, QuietHours
from monitor.storage.db.engine import Connection
from monitor.storage.leases import release
from monitor.storage.telling import alerts, delivery_states
from tests.alerting.desk import Desk
from tests.storage.rows import Shelf, add_match, claim, listing, stock

UTC_ZONE = ZoneInfo("UTC")
# Forty of them are more than one message through json:// holds.
LONG = "x" * 1_900


def fill(desk: Desk, count: int = 40) -> list[str]:
    for number in range(count):
        desk.add(number, text=LONG)
    route_alerts(desk.context)
    return [f"al-{number}" for number in range(count)]


def test_a_batch_beyond_the_capacity_goes_in_parts_that_each_fit(desk: Desk) -> None:
    expected = fill(desk)
    desk.deliver()
    channel = desk.context.destinations["legal"].channel
    assert len(desk.legal.received) > 2
    assert all(channel.capacity.fits(item.title + item.body) for item in desk.legal.received)
    assert sorted(desk.ids_at(desk.legal)) == sorted(expected)


def test_an_error_repeats_only_what_was_not_accepted(desk: Desk) -> None:
    expected = fill(desk)
    desk.set(pace=20)

    def fail_from_the_third_on() -> None:
        if len(desk.slept) == 2:
            desk.legal.status = 503

    desk.on_sleep = fail_from_the_third_on
    route_alerts(desk.context)
    assert deliver_next(desk.context, "legal")
    states = desk.states().values()
    assert {("sent", 1), ("failed", 1)} == set(states)
    desk.legal.status = 200
    desk.clock.advance(minutes=1)
    desk.deliver()
    assert sorted(desk.ids_at(desk.legal)) == sorted(expected)  # each once


def test_each_part_is_finished_before_the_next_one_goes_out(desk: Desk) -> None:
    fill(desk)
    desk.set(pace=20)
    seen: list[set[str]] = []

    def look() -> None:
        states = desk.states()
        sent = {alert_id for alert_id, (state, _) in states.items() if state == "sent"}
        assert sent == set(desk.ids_at(desk.legal))
        seen.append(sent)

    desk.on_sleep = look
    deliver_next(desk.context, "legal")
    assert len(seen) > 1
    assert all(seen)


def test_a_process_that_dies_between_two_parts_repeats_none(desk: Desk) -> None:
    expected = fill(desk)
    desk.set(pace=20)

    class Killed(BaseException):
        pass

    def die() -> None:
        if len(desk.slept) == 2:
            raise Killed

    desk.on_sleep = die
    with pytest.raises(Killed):
        deliver_next(desk.context, "legal")
    desk.restart("next/0/1/1")
    desk.deliver()
    assert sorted(desk.ids_at(desk.legal)) == sorted(expected)


def test_a_stop_gives_the_rest_back_at_once(desk: Desk) -> None:
    expected = fill(desk)
    # a long time to the next message: the rest of this one doesn't wait for it
    desk.set(pace=20, interval=timedelta(hours=8))

    def stop() -> None:
        raise Stopping("told to stop")

    desk.on_sleep = stop
    with pytest.raises(Stopping):
        deliver_next(desk.context, "legal")
    assert {state for state, _ in desk.states().values()} == {"sent", "failed"}
    with desk.store.writing() as conn:
        assert release(conn, desk.context.owner, INTERRUPTED) == 0
    desk.on_sleep = lambda: None
    desk.deliver()
    assert sorted(desk.ids_at(desk.legal)) == sorted(expected)


def test_quiet_hours_that_begin_between_two_parts_hold_back_the_rest(desk: Desk) -> None:
    expected = fill(desk)
    soon = (desk.clock() + timedelta(minutes=1)).replace(second=0).time().replace(microsecond=0)
    end = (desk.clock() + timedelta(hours=8)).time().replace(microsecond=0, second=0)
    desk.set(pace=1, quiet=QuietHours(soon, end, UTC_ZONE))
    desk.deliver()
    assert 0 < len(desk.ids_at(desk.legal)) < len(expected)
    desk.clock.advance(hours=8)
    desk.deliver()
    assert sorted(desk.ids_at(desk.legal)) == sorted(expected)


def test_the_pace_holds_between_messages_and_over_a_restart(desk: Desk) -> None:
    desk.set(pace=20)
    for number in range(3):
        desk.add(number)
        desk.deliver()
        desk.restart(f"next/0/1/{number}")
    assert len(desk.legal.received) == 3
    assert desk.slept == pytest.approx([3.0, 3.0], abs=0.1)


def test_the_pace_holds_after_a_failure_too(desk: Desk) -> None:
    desk.set(pace=1)
    desk.legal.status = 503
    desk.add(1)
    desk.deliver()
    desk.clock.advance(seconds=6)
    desk.deliver()
    assert desk.slept == pytest.approx([54.0], abs=0.5)


def test_a_clock_that_was_put_back_stops_no_channel(desk: Desk) -> None:
    desk.set(pace=20)
    desk.add(1)
    desk.deliver()
    desk.clock.advance(days=-1)
    desk.add(2)
    desk.deliver()
    assert desk.ids_at(desk.legal) == ["al-1", "al-2"]
    assert sum(desk.slept) == pytest.approx(3.0, abs=0.1)


def test_what_fails_together_is_tried_again_together(desk: Desk) -> None:
    desk.legal.status = 503
    for number in range(5):
        desk.add(number)
    desk.deliver()
    desk.legal.status = 200
    desk.clock.advance(seconds=6)
    desk.deliver()
    assert len(desk.legal.received) == 1


def test_between_two_messages_lies_the_interval_but_not_before_a_retry(desk: Desk) -> None:
    desk.set(interval=timedelta(hours=1))
    desk.add(1)
    desk.deliver()
    desk.add(2)
    desk.clock.advance(minutes=50)
    desk.deliver()
    assert desk.ids_at(desk.legal) == ["al-1"]
    desk.legal.status = 503
    desk.clock.advance(minutes=11)
    desk.add(3)
    desk.deliver()
    desk.legal.status = 200
    desk.clock.advance(seconds=6)
    desk.deliver()
    assert desk.ids_at(desk.legal) == ["al-1", "al-2", "al-3"]


def test_quiet_hours_hold_back_retries_too_and_release_all_at_their_end(desk: Desk) -> None:
    desk.clock.now = desk.clock.now.replace(hour=21, minute=59, second=50)
    desk.set(quiet=QuietHours(time(22, 0), time(7, 0), UTC_ZONE))
    desk.legal.status = 503
    desk.add(1)
    desk.deliver()
    desk.legal.status = 200
    desk.clock.advance(minutes=5)
    desk.add(2)
    desk.deliver()
    desk.clock.advance(hours=8, minutes=50)
    desk.deliver()
    assert desk.legal.received == []
    desk.clock.advance(minutes=10)
    desk.deliver()
    assert sorted(desk.ids_at(desk.legal)) == ["al-1", "al-2"]


def test_a_digest_missed_while_nothing_ran_goes_out_at_the_start(desk: Desk) -> None:
    desk.clock.now = desk.clock.now.replace(hour=7, minute=0)
    desk.set(digest=Digest(time(8, 0), UTC_ZONE))
    desk.add(1, AlertEvent.MATCHES_HELD)
    desk.deliver()
    assert desk.legal.received == []
    desk.clock.advance(hours=3)  # down at 08:00
    desk.restart("next/0/1/1")
    desk.add(2, AlertEvent.MATCHES_HELD)
    desk.deliver()
    assert desk.ids_at(desk.legal) == ["al-1"]
    desk.clock.advance(days=1)
    desk.deliver()
    assert desk.ids_at(desk.legal) == ["al-1", "al-2"]


def _tell(conn: Connection, desk: Desk, number: int, match_id: int) -> None:
    alerts.add(
        conn,
        event=NewMatch(),
        dedup_key=f"key {number}",
        now=desk.clock(),
        alert_id=f"al-{number}",
        match_id=match_id,
    )
    alerts.route(conn, f"al-{number}", ["legal", "ops"], desk.clock())


def test_a_later_alert_of_a_listing_waits_for_the_earlier_one(desk: Desk) -> None:
    with desk.store.writing() as conn:
        shelf: Shelf = stock(conn)
        first = add_match(conn, shelf, listing("1")).id
        other = add_match(conn, shelf, listing("2")).id
        _tell(conn, desk, 1, first)
    desk.legal.status = 503
    desk.deliver("legal", "ops")
    desk.legal.status = 200
    with desk.store.writing() as conn:
        _tell(conn, desk, 2, first)
        _tell(conn, desk, 3, other)
    desk.deliver("legal", "ops")
    assert desk.ids_at(desk.legal) == ["al-3"]
    assert desk.ids_at(desk.ops)[0] == "al-1"  # nothing to wait for on this channel
    assert sorted(desk.ids_at(desk.ops)) == ["al-1", "al-2", "al-3"]
    desk.clock.advance(seconds=6)
    desk.deliver()
    assert desk.ids_at(desk.legal) == ["al-3", "al-1", "al-2"]


def test_an_alert_that_was_given_up_holds_back_no_later_one(desk: Desk) -> None:
    with desk.store.writing() as conn:
        shelf = stock(conn)
        match_id = add_match(conn, shelf, listing("1")).id
        _tell(conn, desk, 1, match_id)
        (item,) = claim(conn, "legal", "me", desk.clock(), timedelta(seconds=30), timedelta(0))
        delivery_states.give_up(conn, [item.id], "me", "gone")
        _tell(conn, desk, 2, match_id)
    desk.deliver()
    assert desk.ids_at(desk.legal) == ["al-2"]


def test_alerts_of_one_listing_may_go_in_one_message(desk: Desk) -> None:
    with desk.store.writing() as conn:
        match_id = add_match(conn, stock(conn), listing("1")).id
        for number in (1, 2):
            _tell(conn, desk, number, match_id)
    desk.deliver()
    assert len(desk.legal.received) == 1
    assert sorted(desk.ids_at(desk.legal)) == ["al-1", "al-2"]


def test_a_batch_that_another_process_took_over_is_left_to_it(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    fill(desk)
    desk.set(pace=20)

    def lose() -> None:
        if len(desk.slept) == 1:
            with desk.store.writing() as conn:
                late = desk.clock() + timedelta(minutes=10)
                assert claim(conn, "legal", "other", late, timedelta(hours=1), timedelta(0))

    desk.on_sleep = lose
    with caplog.at_level(logging.ERROR):
        deliver_next(desk.context, "legal")
    assert "leases ran out" in caplog.text
    assert len(desk.legal.received) == 2
    assert {state for state, _ in desk.states().values()} == {"sent", "sending"}
