"""Nothing is told twice, nothing drowns, nothing is lost while a receiver is away."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.app import App
from monitor.daemon.steps import Daemon
from tests.e2e.faulty_receivers import ALERT_ID, MailReceiver, Mode
from tests.e2e.rehearsal import Rehearsal, copy, rehearse

_OFFER = re.compile(r"https://detail\.1688\.com/offer/\d+\.html")


@pytest.fixture
def rehearsal(tmp_path: Path, database_url: str) -> Iterator[Rehearsal]:
    with rehearse(tmp_path / "home", database_url, copies=1, others=0) as running:
        yield running


@pytest.fixture
def sqlite_rehearsal(tmp_path: Path, sqlite_url: str) -> Iterator[Rehearsal]:
    with rehearse(tmp_path / "home", sqlite_url, copies=1, others=0) as running:
        yield running


def work_off(app: App) -> None:
    """What the daemon's threads would do until nothing is due any more."""
    daemon = Daemon(app, lambda _: None)
    steps = [daemon.plan_step, daemon.look_back_step, daemon.check_step, daemon.route_step]
    steps += [lambda: daemon.search_step("rehearsal"), lambda: daemon.tell_step("hook")]
    daemon.watch_over_step()
    while sum(step() for step in steps):
        pass


def restart(rehearsal: Rehearsal) -> None:
    """As another process on the same database would: everything in memory is gone."""
    with rehearsal.app() as app:
        work_off(app)


def fill(rehearsal: Rehearsal, count: int) -> None:
    """So many more listings with one and the same copy of the mug, on a site that shows all."""
    rehearsal.sandbox.rules = replace(rehearsal.sandbox.rules, max_items=1_000)
    first = copy(rehearsal.brand / "mug.jpg", rehearsal.shop / "hit_0.jpg")
    for number in range(1, count):
        shutil.copy(first, rehearsal.shop / f"hit_{number}.jpg")


def told(rehearsal: Rehearsal) -> tuple[Counter[str], Counter[str]]:
    """How often each listing's link and each alert's id arrived."""
    bodies = [item.body for item in rehearsal.receiver.received]
    return (
        Counter(link for body in bodies for link in _OFFER.findall(body)),
        Counter(found for body in bodies for found in ALERT_ID.findall(body)),
    )


def test_ten_restarts_tell_nothing_new(rehearsal: Rehearsal) -> None:
    restart(rehearsal)
    (first,) = rehearsal.receiver.received
    assert "1 match" in first.title
    for number in range(10):
        # every other time a whole cycle is due as well
        rehearsal.clock.advance(hours=6 * (number % 2), seconds=1)
        restart(rehearsal)
    assert rehearsal.receiver.received == [first]
    assert rehearsal.sandbox.counts["searches"] == 2 * 6  # two pictures, six cycles


@pytest.mark.timeout(300)
def test_a_first_scan_of_500_hits_is_one_summary_that_names_each(
    sqlite_rehearsal: Rehearsal,
) -> None:
    rehearsal = sqlite_rehearsal
    fill(rehearsal, 499)
    restart(rehearsal)
    messages = rehearsal.receiver.received
    # one, in as many parts as the channel demands
    assert all("First scan of watch acme: 500 matches" in item.title for item in messages)
    links, ids = told(rehearsal)
    assert len(links) == len(ids) == 500
    assert set(links.values()) == set(ids.values()) == {1}
    restart(rehearsal)
    assert rehearsal.receiver.received == messages


@pytest.mark.timeout(300)
def test_300_matches_in_a_window_are_told_together_and_each_by_name(
    sqlite_rehearsal: Rehearsal,
) -> None:
    rehearsal = sqlite_rehearsal
    restart(rehearsal)
    rehearsal.receiver.received.clear()
    fill(rehearsal, 300)
    rehearsal.clock.advance(hours=6)
    restart(rehearsal)
    links, ids = told(rehearsal)
    assert len(links) == len(ids) == 300
    assert set(links.values()) == set(ids.values()) == {1}
    # one message, in as many parts as the channel demands
    assert all("300" in item.title for item in rehearsal.receiver.received)


def test_a_mail_server_that_is_down_for_half_an_hour_loses_nothing(
    sqlite_rehearsal: Rehearsal,
) -> None:
    rehearsal = sqlite_rehearsal
    mail = MailReceiver()
    rehearsal.channel_url = mail.url
    rehearsal.every = "10m"
    try:
        restart(rehearsal)
        assert len(mail.log.arrivals) == 1
        mail.set_mode(Mode.DOWN)
        with rehearsal.app() as app:
            for minute in range(30):
                if minute % 10 == 2:
                    copy(rehearsal.brand / "shirt.jpg", rehearsal.shop / f"new_{minute}.jpg")
                rehearsal.clock.advance(minutes=1)
                work_off(app)
        assert len(mail.log.arrivals) == 1
        mail.set_mode(Mode.UP)
        rehearsal.clock.advance(hours=2)  # longer than the longest wait between two tries
        restart(rehearsal)
    finally:
        mail.close()
    receipts = Counter(found for item in mail.log.arrivals for found in item.ids)
    rows = rehearsal.rows("SELECT alert_id, state FROM alert_history WHERE event = 'new_match'")
    assert {row["state"] for row in rows} == {"sent"}
    assert {str(row["alert_id"]): 1 for row in rows}.items() <= receipts.items()
    assert len(rows) == 4
    assert set(receipts.values()) == {1}
