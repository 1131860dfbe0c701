"""Channels that refuse for good are given up soon, told through others, and come back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import pytest

from monitor.alerting.context import Routes
from monitor.alerting.retry import digest_of_url
from monitor.channels import Channel
from monitor.storage.telling import alerts, channels, deliveries
from tests.alerting.desk import Desk
from tests.told import text_of

HOUR = timedelta(hours=1)


class Told(NamedTuple):
    text: str
    channels: tuple[str, ...]


def told(desk: Desk) -> list[Told]:
    """The alerts that a channel is broken, the oldest first, and where they went."""
    with desk.store.reading() as conn:
        rows = alerts.list_rows(conn)
    found: dict[str, Told] = {}
    for row in reversed(rows):
        if row.event == "channel_broken":
            known = found.get(row.alert_id, Told(text_of(row), ()))
            names = (*known.channels, row.channel) if row.channel else known.channels
            found[row.alert_id] = Told(known.text, tuple(sorted(names)))
    return list(found.values())


def live(desk: Desk, *, minutes: int, step: int = 4) -> None:
    for _ in range(0, minutes, step):
        desk.deliver("legal", "ops")
        desk.clock.advance(minutes=step)


def mirror(desk: Desk, url: str) -> dict[str, int]:
    with desk.store.writing() as conn:
        return channels.mirror(conn, {"legal": digest_of_url("legal", url)}, desk.clock())


def test_a_refused_channel_is_tried_three_times_within_the_hour_and_then_given_up(
    desk: Desk,
) -> None:
    desk.context = replace(desk.context, routes=Routes(ops=("legal", "ops")))
    desk.legal.status = 401
    desk.add(1)
    live(desk, minutes=32)
    assert told(desk) == []
    desk.set(group=HOUR)
    desk.add(2)
    live(desk, minutes=20)
    with desk.store.reading() as conn:
        rows = alerts.list_rows(conn, channel="legal", state="dead")
    # the second has waited for its gate, and never went out
    assert {row.alert_id: row.attempts for row in rows} == {"al-1": 3, "al-2": 0}
    assert all("401" in (row.last_error or "") for row in rows)
    ((text, names),) = told(desk)
    assert "401" in text
    assert "2 alerts" in text
    assert names == ("ops",)
    assert sum("Channel legal refuses" in item.body for item in desk.ops.received) == 1


def test_three_refusals_within_a_moment_are_not_the_end(desk: Desk) -> None:
    desk.legal.status = 404
    for number in range(6):
        desk.add(number)
        desk.deliver()
        desk.clock.advance(seconds=10)
    assert {state for state, _ in desk.states().values()} == {"failed"}
    desk.legal.status = 200
    live(desk, minutes=40)
    assert {state for state, _ in desk.states().values()} == {"sent"}
    assert told(desk) == []


def test_another_url_makes_due_what_the_old_one_refused(desk: Desk) -> None:
    mirror(desk, "json://old")
    desk.legal.status = 401
    desk.add(1)
    live(desk, minutes=60)
    assert desk.states()["al-1"][0] == "dead"
    assert mirror(desk, "json://old") == {}
    desk.legal.status = 200
    assert mirror(desk, "json://new") == {"legal": 1}
    assert mirror(desk, "json://new") == {}
    desk.deliver()
    assert desk.ids_at(desk.legal) == ["al-1"]


def test_another_url_brings_back_nothing_that_another_trouble_ended(desk: Desk) -> None:
    mirror(desk, "json://old")
    desk.legal.status = 503
    desk.add(1)
    desk.deliver()
    desk.clock.advance(days=8)
    desk.deliver()
    assert desk.states()["al-1"][0] == "dead"
    assert mirror(desk, "json://new") == {}


def test_what_comes_to_a_broken_channel_is_tried_once_and_told_no_more(desk: Desk) -> None:
    desk.legal.status = 401
    desk.add(1)
    live(desk, minutes=60)
    desk.add(2)
    desk.deliver()
    assert desk.states()["al-2"] == ("dead", 1)
    assert len(told(desk)) == 1


def test_a_channel_that_was_mended_in_its_place_gets_all_it_refused(desk: Desk) -> None:
    desk.legal.status = 401
    desk.add(1)
    live(desk, minutes=60)
    desk.legal.status = 200
    desk.add(2)
    live(desk, minutes=2)
    assert desk.ids_at(desk.legal) == ["al-2", "al-1"]
    # and it has its three tries again
    desk.legal.status = 401
    desk.add(3)
    desk.deliver()
    assert desk.states()["al-3"] == ("failed", 1)


def test_a_person_may_retry_what_was_refused(desk: Desk) -> None:
    desk.legal.status = 401
    desk.add(1)
    live(desk, minutes=60)
    desk.legal.status = 200
    with desk.store.writing() as conn:
        assert deliveries.retry(conn, "al-1", None, desk.clock()) == 1
    desk.deliver()
    assert desk.ids_at(desk.legal) == ["al-1"]


@pytest.mark.parametrize(
    ("ops", "expected"),
    [(("legal", "ops"), ("ops",)), (("legal",), ("mail", "ops")), (("ops",), ("ops",)), ((), ())],
)
def test_a_broken_channel_is_told_through_others(
    desk: Desk, ops: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    spare = replace(desk.context.destinations["ops"], channel=Channel("mail", desk.ops.url))
    destinations = {**desk.context.destinations, "mail": spare}
    desk.context = replace(desk.context, destinations=destinations, routes=Routes(ops=ops))
    desk.legal.status = 401
    desk.add(1)
    with desk.store.writing() as conn:
        alerts.route(conn, "al-1", ["legal"], desk.clock())
    live(desk, minutes=60)
    assert [item.channels for item in told(desk)] == [expected]


def test_the_only_channel_hears_of_a_trouble_that_has_passed(desk: Desk) -> None:
    destinations = {"legal": desk.context.destinations["legal"]}
    desk.context = replace(desk.context, destinations=destinations)
    desk.legal.status = 503
    desk.add(1)
    for _ in range(6):
        desk.deliver()
        desk.clock.advance(seconds=20)
    assert [item.channels for item in told(desk)] == [("legal",)]
    desk.legal.status = 200
    desk.clock.advance(hours=2)
    desk.deliver()
    assert any("Channel legal" in item.body for item in desk.legal.received)


def test_one_message_that_a_working_channel_does_not_take_breaks_nothing(desk: Desk) -> None:
    desk.add(0)
    desk.legal.status = 503
    desk.deliver()
    for number in range(1, 8):
        desk.legal.status = 200
        desk.add(number)
        desk.deliver()
        desk.legal.status = 503
        desk.clock.advance(hours=1, minutes=10)
        desk.deliver()
    assert desk.states()["al-0"][0] == "failed"
    assert told(desk) == []


def test_a_week_of_trouble_is_told_when_alerts_are_given_up(desk: Desk) -> None:
    desk.legal.status = 503
    desk.add(1)
    live(desk, minutes=8 * 24 * 60, step=6 * 60)
    assert desk.states()["al-1"][0] == "dead"
    texts = [item.text for item in told(desk)]
    assert len(texts) == 2
    assert "are kept and tried again" in texts[0]
    assert "1 alerts were given up" in texts[1]


def test_what_has_waited_for_a_digest_has_its_whole_week_after_it(desk: Desk) -> None:
    desk.legal.status = 503
    desk.add(1)
    with desk.store.writing() as conn:
        alerts.route(conn, "al-1", ["legal"], desk.clock())
    desk.clock.advance(days=6, hours=23)  # a weekly digest
    desk.deliver()
    desk.clock.advance(days=2)
    desk.deliver()
    assert desk.states()["al-1"][0] == "failed"


def test_a_digest_of_a_url_shows_nothing_of_it() -> None:
    digest = digest_of_url("legal", "mailto://user:password@example.org")
    assert digest == digest_of_url("legal", "mailto://user:password@example.org")
    assert digest != digest_of_url("legal", "mailto://user:passwore@example.org")
    assert digest != digest_of_url("ops", "mailto://user:password@example.org")
    assert len(digest) == 32
