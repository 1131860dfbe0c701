"""What a living process holds stays its own, by one heartbeat for the daemon and a scan by hand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.app import App
from monitor.daemon.heartbeat import beat, beating
from monitor.daemon.policy import HEARTBEAT
from monitor.daemon.steps import Daemon
from monitor.model import Scan
from monitor.scanning.look.look import claim_scan
from monitor.scanning.policy import LEASE
from tests.e2e.processes import database_file
from tests.e2e.rehearsal import Rehearsal, rehearse


@pytest.fixture
def rehearsal(tmp_path: Path, database_url: str) -> Iterator[Rehearsal]:
    with rehearse(tmp_path / "home", database_url, copies=1, others=0) as running:
        yield running


def claim(app: App) -> Scan | None:
    return claim_scan(app.scans, "rehearsal", LEASE)


def take(app: App) -> Scan:
    """A scan that this process has in hand."""
    Daemon(app, lambda _: None).plan_step()
    scan = claim(app)
    assert scan is not None
    return scan


def fail_with(app: App, taken: list[Scan]) -> None:
    taken.append(take(app))
    raise KeyError("nobody expected it")


def state_of(rehearsal: Rehearsal, scan: Scan) -> tuple[object, object]:
    rows = rehearsal.rows("SELECT id, owner, lease_until FROM scans")
    return next((row["owner"], row["lease_until"]) for row in rows if row["id"] == scan.id)


def test_two_beats_may_fail_before_a_lease_runs_out() -> None:
    assert timedelta(0) < 2 * HEARTBEAT < LEASE


def test_a_beat_moves_the_end_of_every_lease_on(rehearsal: Rehearsal) -> None:
    held: list[int] = []
    with rehearsal.app() as app:
        scan = take(app)
        before = state_of(rehearsal, scan)
        rehearsal.clock.advance(seconds=20)
        beat(app.scans, held.append)
        after = state_of(rehearsal, scan)
    assert held == [1]
    assert after[0] == before[0]
    assert str(after[1]) > str(before[1])


def test_what_is_in_hand_when_a_scan_by_hand_ends_is_given_back(rehearsal: Rehearsal) -> None:
    with rehearsal.app() as app:
        with beating(app.scans):
            scan = take(app)
            assert state_of(rehearsal, scan)[0] is not None
        assert state_of(rehearsal, scan)[0] is None


def test_it_is_given_back_even_if_the_scan_by_hand_fails(rehearsal: Rehearsal) -> None:
    with rehearsal.app() as app:
        taken: list[Scan] = []
        with pytest.raises(KeyError), beating(app.scans):
            fail_with(app, taken)
        assert state_of(rehearsal, taken[0])[0] is None
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]


def test_beats_that_fail_are_logged_and_end_nothing(
    tmp_path: Path, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    held: list[int] = []
    with (
        rehearse(tmp_path / "home", sqlite_url, copies=1, others=0) as rehearsal,
        rehearsal.app() as app,
    ):
        away = database_file(sqlite_url).rename(tmp_path / "away")
        with caplog.at_level(logging.WARNING, "monitor.daemon.heartbeat"):
            beat(app.scans, held.append)
        assert held == []
        assert "heartbeat: " in caplog.text
        away.rename(database_file(sqlite_url))
        beat(app.scans, held.append)
    assert held == [0]
