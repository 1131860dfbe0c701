"""kill -9, and two daemons at once: every match is told, and told once."""

from __future__ import annotations

import random
import re
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import replace

import pytest

from monitor.sandbox import Fault
from tests.e2e.crashes import crashing
from tests.e2e.processes import daemon, until
from tests.e2e.rehearsal import Rehearsal, copy, draw
from tests.e2e.slow_receivers import holding_receiver

_LEASE_SECONDS = 30
_ALERT_ID = re.compile(r"\bal-[0-9a-f]{12}\b")
_OFFER = re.compile(r"https://detail\.1688\.com/offer/\d+\.html")


def told_ids(messages: list[str]) -> dict[str, list[str]]:
    """Which alert ids told of a listing, once per message."""
    told: dict[str, list[str]] = defaultdict(list)
    for message in messages:
        offers, ids = _OFFER.findall(message), _ALERT_ID.findall(message)
        assert len(offers) == len(ids)
        for offer, alert_id in zip(offers, ids, strict=True):
            told[offer].append(alert_id)
    return told


def messages(rehearsal: Rehearsal) -> list[str]:
    return [item.body for item in rehearsal.receiver.received]


def matched(rehearsal: Rehearsal) -> set[str]:
    rows = rehearsal.rows("SELECT listing_url FROM match_history")
    return {str(row["listing_url"]) for row in rows}


def test_killed_in_mid_scan_the_next_takes_over_at_once(sqlite_rehearsal: Rehearsal) -> None:
    rehearsal = sqlite_rehearsal
    rehearsal.sandbox.faults.order(Fault.SLOW)
    with daemon(rehearsal.config) as process:
        until(lambda: rehearsal.sandbox.counts["fault slow"])
        process.kill()
    (held,) = rehearsal.rows("SELECT count(*) AS n FROM scan_health WHERE started_at IS NOT NULL")
    assert held["n"] == 1
    rehearsal.sandbox.faults.clear()
    began = time.monotonic()
    with daemon(rehearsal.config) as process:
        until(lambda: rehearsal.told)
        assert time.monotonic() - began < _LEASE_SECONDS / 2
        assert "took over 1 rows of a process that died" in process.log
        process.stop()
    rows = rehearsal.rows("SELECT outcome FROM scan_health")
    assert [row["outcome"] for row in rows] == ["ok", "ok"]
    told = told_ids(messages(rehearsal))
    assert {offer: len(ids) for offer, ids in told.items()} == dict.fromkeys(matched(rehearsal), 1)


def test_killed_in_mid_delivery_the_next_tells_it_again_under_the_same_id(
    sqlite_rehearsal: Rehearsal,
) -> None:
    rehearsal = sqlite_rehearsal
    with holding_receiver() as holding:
        rehearsal.channel_url = holding.url
        with daemon(rehearsal.config) as process:
            until(lambda: holding.taken)
            process.kill()
        rehearsal.channel_url = None
        began = time.monotonic()
        with daemon(rehearsal.config) as process:
            until(lambda: rehearsal.told)
            assert time.monotonic() - began < _LEASE_SECONDS / 2
            process.stop()
        told = told_ids([*holding.taken, *messages(rehearsal)])
    assert set(told) == matched(rehearsal)
    assert all(len(ids) == 2 and len(set(ids)) == 1 for ids in told.values())
    rows = rehearsal.rows("SELECT state, attempts FROM alert_history WHERE event = 'new_match'")
    assert {(row["state"], row["attempts"]) for row in rows} == {("sent", 2)}


def test_killed_again_and_again_nothing_is_lost_and_nothing_told_twice(
    rehearsal: Rehearsal,
) -> None:
    """Whatever the moment: a message twice is one whose answer never reached the database."""
    rehearsal.every = "1s"
    kill_again_and_again(rehearsal, random.Random(20260105))


def kill_again_and_again(rehearsal: Rehearsal, rng: random.Random) -> None:
    config = rehearsal.config
    with daemon(config) as process:
        until(lambda: rehearsal.told)
        process.kill()
    for number in range(3):
        copy(rehearsal.brand / "shirt.jpg", rehearsal.shop / f"new_{number}.jpg")
        with (rehearsal.shop / f"new_{number}.jpg").open("ab") as file:
            file.write(bytes([number]))
        with daemon(config) as process:
            time.sleep(rng.uniform(0, 1.0))
            process.kill()
    with daemon(config) as process:
        until(lambda: len(told_ids(messages(rehearsal))) == 5, what="2 + 3 matches told")
        assert process.stop()[0] == 0
    told = told_ids(messages(rehearsal))
    assert set(told) == matched(rehearsal)
    assert all(len(set(ids)) == 1 for ids in told.values()), told
    # tried once means told once
    rows = rehearsal.rows("SELECT alert_id, attempts, state FROM alert_history")
    assert {row["state"] for row in rows} == {"sent"}
    attempts = {str(row["alert_id"]): int(str(row["attempts"])) for row in rows}
    assert all(len(ids) <= attempts[ids[0]] for ids in told.values())


@pytest.mark.timeout(600)
def test_whatever_is_killed_and_whoever_fails_every_channel_is_told(rehearsal: Rehearsal) -> None:
    """Three channels whose receivers go down, refuse, hang and cut; benchmarks/alerts_crash.py is
    the long form.
    """
    with crashing(rehearsal, seed=20260105) as crashes:
        for _ in range(6):
            crashes.live_and_die()
        crashes.finish()
        assert crashes.count_untold_matches() == 0
        tallies = crashes.tally()
    for tally in tallies:
        assert tally.deliveries >= crashes.goods, tally
        assert (tally.missing, tally.unknown_ids, tally.unexplained) == (0, 0, 0), tally
        repeated = tally.repeated_by_kill + tally.repeated_by_lost_answer
        assert repeated <= len(crashes.kills) + tally.lost_answers, tally


def test_two_daemons_share_the_work(rehearsal: Rehearsal) -> None:
    for number in range(10):
        draw(rehearsal.brand / f"more_{number}.jpg", 40 + number)
    # until both are there
    rehearsal.sandbox.rules = replace(rehearsal.sandbox.rules, slow_seconds=3)
    rehearsal.sandbox.faults.order(Fault.SLOW, 1)
    config = rehearsal.config
    with ExitStack() as stack:
        first, second = (stack.enter_context(daemon(config)) for _ in range(2))
        until(lambda: rehearsal.told)
        logs = [first.log, second.log]
        assert [process.stop()[0] for process in (first, second)] == [0, 0]
    ids = [found for log in logs for found in re.findall(r"scan id=(\d+) ", log)]
    assert len(ids) == len(set(ids)) == 12
    assert all("scan id=" in log for log in logs)
    assert rehearsal.sandbox.counts["searches"] == 12
    assert len(rehearsal.receiver.received) == 1
    told = told_ids(messages(rehearsal))
    assert {offer: len(ids) for offer, ids in told.items()} == dict.fromkeys(matched(rehearsal), 1)
