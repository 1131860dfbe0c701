"""A week of digests over a change of clocks: each match in exactly one, whatever goes wrong."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.model import AlertEvent
from monitor.model.events import NewMatch
from monitor.schedule.wall_clock import Digest, QuietHours
from monitor.storage.telling import alerts
from tests.alerting.desk import Desk
from tests.storage.rows import add_match, listing, stock

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
STEP = timedelta(minutes=30)


@pytest.mark.parametrize("zone", [BERLIN, SHANGHAI], ids=str)
@pytest.mark.parametrize(
    ("start", "at"),
    [
        # in Berlin the clocks go back at 03:00 on the 25th, so 02:30 comes twice
        (datetime(2026, 10, 22, 12, 0, tzinfo=UTC), time(2, 30)),
        # and forward at 02:00 on the 29th, so 02:30 doesn't come
        (datetime(2026, 3, 26, 12, 0, tzinfo=UTC), time(2, 30)),
    ],
    ids=["back", "forward"],
)
def test_a_week_of_digests_tells_each_match_once(
    desk: Desk, zone: ZoneInfo, start: datetime, at: time
) -> None:
    rng = random.Random(f"{zone} {start}")
    desk.clock.now = start
    desk.set(digest=Digest(at, zone))
    with desk.store.writing() as conn:
        shelf = stock(conn)
    written: dict[str, datetime] = {}
    for step in range(7 * 48):
        now = start + step * STEP
        if rng.random() < 0.15:
            with desk.store.writing() as conn:
                alert_id = f"al-{len(written)}"
                match_id = add_match(conn, shelf, listing(alert_id), now=now).id
                alerts.add(
                    conn,
                    event=NewMatch(),
                    dedup_key=alert_id,
                    now=now,
                    alert_id=alert_id,
                    match_id=match_id,
                )
                alerts.route(conn, alert_id, ["legal"], now)
                written[alert_id] = now
        desk.legal.status = rng.choices([200, 503, 401], [6, 3, 1])[0]
        is_down = rng.random() < 0.2
        if not is_down:
            desk.clock.now = now
            desk.deliver("legal")
        if rng.random() < 0.1:
            desk.restart(f"next/0/1/{step}")
    desk.legal.status = 200
    for _ in range(3):
        desk.clock.advance(days=1)
        desk.deliver("legal")
    counted = Counter(desk.ids_at(desk.legal))
    assert counted == Counter(list(written))
    days = {
        (found.astimezone(zone) - timedelta(hours=at.hour)).date() for found in written.values()
    }
    assert len(days) > 5


@pytest.mark.parametrize("weekday", [None, 0])
def test_a_digest_is_one_message_a_period(desk: Desk, weekday: int | None) -> None:
    """Without trouble there is one message a day or week, at its wall time over the change."""
    desk.clock.now = datetime(2026, 10, 22, 12, 0, tzinfo=UTC)
    desk.set(digest=Digest(time(8, 0), BERLIN, weekday))
    came: list[datetime] = []
    for number in range(7 * 24):
        if number % 5 == 0:
            desk.add(number, AlertEvent.MATCHES_HELD)
        before = len(desk.legal.received)
        desk.deliver()
        if len(desk.legal.received) > before:
            came.append(desk.clock.now.astimezone(BERLIN))
        desk.clock.advance(hours=1)
    assert len(came) == len(desk.legal.received) == (7 if weekday is None else 1)
    assert {found.hour for found in came} == {8}
    assert weekday is None or came[0].weekday() == weekday


def test_that_the_monitor_is_in_trouble_waits_for_the_end_of_quiet_hours(desk: Desk) -> None:
    desk.clock.now = datetime(2026, 10, 22, 21, 0, tzinfo=UTC)
    quiet = QuietHours(time(22, 0), time(7, 0), BERLIN)
    desk.set(digest=Digest(time(20, 0), BERLIN, 0), quiet=quiet)
    desk.add(1, AlertEvent.SCAN_BLOCKED)
    desk.deliver()
    assert desk.legal.received == []
    desk.clock.now = datetime(2026, 10, 23, 5, 0, tzinfo=UTC)
    desk.deliver()
    assert desk.ids_at(desk.legal) == ["al-1"]


def test_that_the_monitor_is_in_trouble_waits_for_no_digest(desk: Desk) -> None:
    desk.clock.now = datetime(2026, 10, 22, 12, 0, tzinfo=UTC)
    desk.set(digest=Digest(time(8, 0), BERLIN, 0), group=timedelta(minutes=5))
    desk.add(1, AlertEvent.MATCHES_HELD)
    desk.add(2, AlertEvent.MARKETPLACE_PAUSED)
    desk.add(3, AlertEvent.SCAN_BLOCKED)
    desk.deliver()
    assert desk.legal.received == []
    desk.clock.advance(minutes=5)
    desk.deliver()
    assert desk.ids_at(desk.legal) == ["al-2", "al-3"]
    assert len(desk.legal.received) == 1
    desk.clock.advance(days=7)
    desk.deliver()
    assert desk.ids_at(desk.legal) == ["al-2", "al-3", "al-1"]
