"""The daemon's steps one by one, and what signals do."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitor import matching
from monitor.accounts.policy import PACE_RULES
from monitor.app import App
from monitor.daemon.signals import Signals, handling
from monitor.daemon.steps import Daemon
from monitor.errors import StoreError
from monitor.scanning.policy import MAX_ATTEMPTS
from monitor.storage.searches import paces
from monitor.storage.searches.paces import Asked
from tests.e2e.rehearsal import Rehearsal, copy, rehearse


@pytest.fixture
def rehearsal(tmp_path: Path, sqlite_url: str) -> Iterator[Rehearsal]:
    with rehearse(tmp_path / "home", sqlite_url, copies=1, others=0) as running:
        yield running


def drain(app: App, daemon: Daemon) -> None:
    while daemon.plan_step() or daemon.look_step("rehearsal"):
        pass
    while daemon.route_step() or daemon.tell_step("hook"):
        pass


def test_steps_say_whether_there_is_more_to_do(rehearsal: Rehearsal) -> None:
    with rehearsal.app() as app:
        daemon = Daemon(app, lambda _: None)
        assert [daemon.plan_step() for _ in range(2)] == [True, False]
        assert [daemon.check_step() for _ in range(2)] == [True, False]
        assert [daemon.look_step("rehearsal") for _ in range(3)] == [True, True, False]
        assert not daemon.route_step()  # the baseline waits for the judgement of its pictures
        assert [daemon.check_step() for _ in range(3)] == [True, True, False]
        assert [daemon.route_step() for _ in range(2)] == [True, False]
        assert [daemon.tell_step("hook") for _ in range(2)] == [True, False]
    assert "1 match" in rehearsal.told


def test_after_an_upgrade_stored_pictures_are_fingerprinted_anew(rehearsal: Rehearsal) -> None:
    rehearsal.scan()
    downloads = rehearsal.sandbox.counts["pictures"]
    with rehearsal.app() as app:
        with app.store.writing() as conn:
            conn.exec_driver_sql("UPDATE fingerprints SET algorithm = 'before ' || algorithm")
        daemon = Daemon(app, lambda _: None)
        assert [daemon.refresh_step() for _ in range(3)] == [True, False, False]
    rows = rehearsal.rows("SELECT algorithm, count(*) AS n FROM fingerprints GROUP BY algorithm")
    assert {str(row["algorithm"]): row["n"] for row in rows} == dict.fromkeys(
        matching.ALGORITHMS, 3
    )
    assert rehearsal.sandbox.counts["pictures"] == downloads


def test_a_new_picture_after_an_upgrade_is_no_trouble_to_those_from_before(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.scan()
    with rehearsal.app() as app, app.store.writing() as conn:
        conn.exec_driver_sql("UPDATE fingerprints SET algorithm = 'before ' || algorithm")
    copy(rehearsal.brand / "mug.jpg", rehearsal.shop / "another.jpg")
    assert rehearsal.scan().outcomes == {"ok": 2}
    assert len(rehearsal.rows("SELECT * FROM match_history")) == 2


def test_a_full_disk_does_not_use_up_the_attempts_of_a_scan(rehearsal: Rehearsal) -> None:
    with rehearsal.app() as app:
        daemon = Daemon(app, lambda _: None)
        daemon.plan_step()
        pictures = rehearsal.folder / "pictures"
        pictures.rename(rehearsal.folder / "away")
        pictures.write_bytes(b"in the way")
        for _ in range(MAX_ATTEMPTS + 2):
            with pytest.raises(StoreError):
                daemon.look_step("rehearsal")
        pictures.unlink()
        (rehearsal.folder / "away").rename(pictures)
        drain(app, daemon)
    rows = rehearsal.rows("SELECT outcome FROM scan_health")
    assert [row["outcome"] for row in rows] == ["ok", "ok"]
    assert "1 match" in rehearsal.told


def test_what_a_marketplace_had_used_before_an_upgrade_counts_for_its_account(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.marketplace_lines = ("daily_quota = 5",)
    with rehearsal.app() as app, app.store.writing() as conn:
        for _ in range(4):
            asked = Asked("rehearsal", timedelta(seconds=1), timedelta(minutes=1), PACE_RULES)
            paces.reserve(conn, asked, rehearsal.clock(), lambda: 0.0)
    summary = rehearsal.scan()
    assert summary.outcomes == {"ok": 1, "quota": 1}


def test_a_beat_feeds_the_watchdog_only_while_the_store_answers(rehearsal: Rehearsal) -> None:
    said: list[str] = []
    with rehearsal.app() as app:
        daemon = Daemon(app, said.append)
        daemon.beat_step()
        Path(rehearsal.database_url.removeprefix("sqlite:///")).unlink()
        daemon.beat_step()
    assert said == ["WATCHDOG=1\nSTATUS=working on 0 rows"]


def test_a_stop_reaches_what_is_still_starting() -> None:
    signals = Signals()
    with signals.installed():
        starting = signals.new_stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert starting.wait(5)
        assert signals.wake.wait(5)
        assert signals.is_stopping
        assert signals.new_stop().is_set()


def test_a_reload_wakes_and_stops_nothing() -> None:
    signals = Signals()
    with signals.installed():
        running = signals.new_stop()
        os.kill(os.getpid(), signal.SIGHUP)
        assert signals.wake.wait(5)
    assert not signals.is_stopping
    assert not running.is_set()


def test_a_signal_is_acted_on_whatever_lock_the_main_thread_holds() -> None:
    event = threading.Event()
    inside = event._cond  # type: ignore[attr-defined]
    old = signal.getsignal(signal.SIGUSR1)
    with handling({signal.SIGUSR1: event.set}):
        with inside:
            os.kill(os.getpid(), signal.SIGUSR1)
            assert sum(range(10_000))  # the handler has run by now
        assert event.wait(5)
    assert signal.getsignal(signal.SIGUSR1) == old
