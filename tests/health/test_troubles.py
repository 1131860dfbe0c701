"""Troubles of the daemon itself: each told once, and again when it comes back."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitor.app import App
from monitor.config import load
from monitor.daemon.steps import Daemon
from monitor.errors import SchemaMismatch
from monitor.health.dead_mans_switch import DeadMansSwitch
from monitor.health.findings import Finding
from monitor.health.report import check_health
from monitor.health.troubles import lasting_findings, least_free, watch_over
from monitor.model.events import DiskLow, Lacking, WatchLate
from monitor.sandbox import Fault
from monitor.storage import tables
from monitor.storage.telling import alerts
from tests.e2e.processes import database_file
from tests.e2e.rehearsal import Rehearsal, rehearse
from tests.told import text_of

GB = 1_000_000_000


@pytest.fixture
def rehearsal(tmp_path: Path, database_url: str) -> Iterator[Rehearsal]:
    with rehearse(tmp_path / "home", database_url, copies=1, others=0) as running:
        yield running


@dataclass
class Disk:
    """Every folder is on it; sizes are in bytes."""

    total: int = 100 * GB
    free: int = 50 * GB

    def __call__(self, folder: Path) -> tuple[int, int]:
        return self.total, self.free


def told(app: App, event: str) -> list[str]:
    with app.store.reading() as conn:
        rows = [row for row in alerts.list_rows(conn) if row.event == event]
    return [text_of(row) for row in reversed(rows)]


def problems(rehearsal: Rehearsal, app: App) -> tuple[str, ...]:
    return check_health(app.store, load(rehearsal.config, {}), rehearsal.clock()).problems


# -- disks


def test_a_disk_that_runs_full_is_told_once_until_it_has_recovered(rehearsal: Rehearsal) -> None:
    disk = Disk()
    with rehearsal.app() as app:
        for free, count in ((50, 0), (4.9, 1), (2, 1), (5.2, 1), (4.9, 1), (6, 1), (4, 2)):
            disk.free = int(free * GB)
            watch_over(app, disk)
            assert len(told(app, "disk_low")) == count, free
        assert "4.9 of 100 GB are free" in told(app, "disk_low")[0]


def test_status_tells_of_a_low_disk_until_it_has_room(rehearsal: Rehearsal) -> None:
    rehearsal.scan()
    disk = Disk(free=GB)
    with rehearsal.app() as app:
        watch_over(app, disk)
        (problem,) = problems(rehearsal, app)
        assert "make room" in problem
        disk.free = 50 * GB
        watch_over(app, disk)
        assert problems(rehearsal, app) == ()


def test_low_is_below_one_gigabyte_or_a_twentieth() -> None:
    assert least_free(10 * GB) == GB
    assert least_free(1_000 * GB) == 50 * GB
    assert least_free(GB) == GB / 2  # of a small disk of its own, half


def test_a_disk_that_cannot_be_asked_is_no_low_one(rehearsal: Rehearsal) -> None:
    def unreachable(folder: Path) -> tuple[int, int]:
        raise OSError("stale file handle")

    with rehearsal.app() as app:
        watch_over(app, unreachable)
        assert told(app, "disk_low") == []


# -- watches


def test_a_watch_late_by_more_than_its_interval_is_told_once(rehearsal: Rehearsal) -> None:
    with rehearsal.app() as app:
        rehearsal.clock.advance(hours=5.9)
        watch_over(app, Disk())
        assert told(app, "scan_overdue") == []
        rehearsal.clock.advance(hours=0.2)
        watch_over(app, Disk())
        watch_over(app, Disk())
        (text,) = told(app, "scan_overdue")
        assert text.startswith("Watch acme is late: the cycle that was due at 2026-01-05 08:00 UTC")
        assert len([line for line in problems(rehearsal, app) if "acme" in line]) == 1


def test_a_short_interval_has_a_quarter_of_an_hour(rehearsal: Rehearsal) -> None:
    rehearsal.every = "1s"
    with rehearsal.app() as app:
        rehearsal.clock.advance(minutes=14)
        watch_over(app, Disk())
        assert told(app, "scan_overdue") == []
        rehearsal.clock.advance(minutes=2)
        watch_over(app, Disk())
        assert len(told(app, "scan_overdue")) == 1


def test_a_daemon_that_was_down_over_a_cycle_says_so_once(rehearsal: Rehearsal) -> None:
    rehearsal.scan()
    rehearsal.clock.advance(hours=13)
    with rehearsal.app() as app:
        daemon = Daemon(app, lambda _: None)
        for _ in range(3):
            daemon.plan_step()
            daemon.watch_over_step()
        assert len(told(app, "scan_overdue")) == 1
        while daemon.look_step("rehearsal"):
            pass
        daemon.watch_over_step()
        assert not [line for line in problems(rehearsal, app) if "late" in line]
    rehearsal.clock.advance(hours=13)
    with rehearsal.app() as app:
        Daemon(app, lambda _: None).plan_step()
        assert len(told(app, "scan_overdue")) == 2


def test_a_cycle_that_nobody_finishes_is_late_too(rehearsal: Rehearsal) -> None:
    with rehearsal.app() as app:
        Daemon(app, lambda _: None).plan_step()
        rehearsal.clock.advance(hours=7)
        watch_over(app, Disk())
        (text,) = told(app, "scan_overdue")
        assert "is not planned" in text or "is not done" in text


def test_what_waits_for_a_paused_marketplace_is_not_late(rehearsal: Rehearsal) -> None:
    rehearsal.every = "20m"
    rehearsal.sandbox.faults.order(Fault.HTML)
    with rehearsal.app() as app:
        daemon = Daemon(app, lambda _: None)
        for _ in range(3):
            daemon.plan_step()
            while daemon.look_step("rehearsal"):
                pass
            rehearsal.clock.advance(minutes=21)
        daemon.plan_step()
        rehearsal.clock.advance(minutes=21)
        daemon.plan_step()
        watch_over(app, Disk())
        assert told(app, "marketplace_paused")
        assert told(app, "scan_overdue") == []


def test_a_watch_that_cannot_be_planned_is_told_at_once_and_once(rehearsal: Rehearsal) -> None:
    with rehearsal.app() as app:
        daemon = Daemon(app, lambda _: None)
        rules = dict(app.scans.watches)
        app.scans.watches.clear()  # type: ignore[attr-defined]
        for _ in range(3):
            with pytest.raises(KeyError):
                daemon.plan_step()
            daemon.watch_over_step()
            rehearsal.clock.advance(hours=1)
        (text,) = told(app, "scan_overdue")
        assert "Watch acme can't be planned" in text
        assert text in problems(rehearsal, app)
        app.scans.watches.update(rules)  # type: ignore[attr-defined]
        daemon.plan_step()
        assert text not in problems(rehearsal, app)


def test_a_watch_that_left_the_config_has_no_troubles(rehearsal: Rehearsal) -> None:
    with rehearsal.app() as app:
        rehearsal.clock.advance(hours=7)
        watch_over(app, Disk())
        assert told(app, "scan_overdue")
    rehearsal.watch_name = "another"
    with rehearsal.app() as app:
        watch_over(app, Disk())
        assert not [line for line in problems(rehearsal, app) if "Watch acme" in line]


# -- rows


def noted(app: App) -> list[Finding]:
    with app.store.reading() as conn:
        return list(lasting_findings(conn, (), app.scans.clock()))


def write_row(app: App, kind: str, subject: str, facts: object, text: str | None) -> None:
    now = app.scans.clock()
    row = {"kind": kind, "subject": subject, "facts": facts, "text": text}
    with app.store.writing() as conn:
        conn.execute(sa.insert(tables.troubles).values(**row, since_at=now, seen_at=now))


def test_what_is_noted_comes_back_with_its_facts_and_since_when(rehearsal: Rehearsal) -> None:
    with rehearsal.app() as app:
        due_at = rehearsal.clock.now
        rehearsal.clock.advance(hours=7)
        began_at = rehearsal.clock.now
        watch_over(app, Disk(free=GB))
        rehearsal.clock.advance(minutes=1)
        watch_over(app, Disk(free=GB - 1))
        low, late = noted(app)
        host = socket.gethostname()
        assert isinstance(low.facts, DiskLow)
        assert low.subject == f"{host}:{low.facts.folder}"
        assert (low.facts.host, low.facts.total_bytes, low.facts.free_bytes) == (
            host,
            100 * GB,
            GB - 1,
        )
        assert late.subject == "acme"
        assert isinstance(late.facts, WatchLate)
        assert late.facts.lacking is Lacking.PLANNED
        for finding in (low, late):
            assert finding.since is not None
            assert timedelta(0) <= finding.since - began_at < timedelta(seconds=1)
        assert abs(late.facts.due_at - due_at) < timedelta(minutes=1)


def test_what_the_version_before_noted_is_told_as_it_was(rehearsal: Rehearsal) -> None:
    rehearsal.scan()
    with rehearsal.app() as app:
        write_row(app, "disk_low", "elsewhere:/srv", None, "Only 1 of 100 GB are free.")
        assert problems(rehearsal, app) == ("Only 1 of 100 GB are free.",)
        watch_over(app, Disk())  # another machine's
        assert problems(rehearsal, app) == ("Only 1 of 100 GB are free.",)


def test_what_the_version_before_noted_is_neither_told_again_nor_twice(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.scan()
    with rehearsal.app() as app:
        rehearsal.clock.advance(hours=7)
        write_row(app, "watch_late", "acme", None, "Watch acme is late.")
        (overdue,) = problems(rehearsal, app)
        assert "watch acme is overdue" in overdue
        rehearsal.clock.advance(hours=6)
        watch_over(app, Disk())
        assert told(app, "scan_overdue") == []
        (late,) = noted(app)
        assert isinstance(late.facts, WatchLate)


def test_what_another_version_has_noted_in_its_own_way_is_told_by_its_kind(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.scan()
    with rehearsal.app() as app:
        write_row(app, "disk_low", "elsewhere:/srv", {"bytes": 1}, None)
        write_row(app, "watch_lost", "acme", {"why": "?"}, None)
        assert problems(rehearsal, app) == ("elsewhere:/srv: disk_low", "acme: watch_lost")


# -- the daemon's own look


def test_the_switch_is_held_by_what_status_says_and_by_steps_that_hang(
    rehearsal: Rehearsal,
) -> None:
    visited: list[str] = []
    switch = DeadMansSwitch("https://hc.example/uuid", timedelta(0), visited.append)
    rehearsal.scan()
    with rehearsal.app() as app:
        daemon = Daemon(app, lambda _: None, switch)
        daemon.ping_step()
        assert visited == ["https://hc.example/uuid"]
        daemon.clock.running["look rehearsal"] = time.monotonic() - 3 * 3_600
        daemon.ping_step()
        assert visited[1:] == ["https://hc.example/uuid/fail"]
        daemon.clock.running.clear()
        daemon.ping_step()
        assert visited[2:] == ["https://hc.example/uuid"]
        rehearsal.clock.advance(hours=7)
        daemon.ping_step()
        assert visited[3:] == ["https://hc.example/uuid/fail"]


def test_without_its_database_the_switch_says_so(tmp_path: Path, sqlite_url: str) -> None:
    visited: list[str] = []
    switch = DeadMansSwitch("https://hc.example/uuid", timedelta(0), visited.append)
    with (
        rehearse(tmp_path / "home", sqlite_url, copies=1, others=0) as rehearsal,
        rehearsal.app() as app,
    ):
        daemon = Daemon(app, lambda _: None, switch)
        database_file(sqlite_url).unlink()
        daemon.ping_step()
    assert visited == ["https://hc.example/uuid/fail"]


# -- schema


def test_a_database_upgraded_under_the_daemon_makes_it_give_up(rehearsal: Rehearsal) -> None:
    given_up: list[Exception] = []
    with rehearsal.app() as app:
        daemon = Daemon(app, lambda _: None, give_up=given_up.append)
        daemon.watch_over_step()
        with app.store.writing() as conn:
            conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(SchemaMismatch, match="is at 9999 now"):
            daemon.watch_over_step()
        daemon.clock.ring("watch over", daemon.watch_over_step)
    assert [type(error) for error in given_up] == [SchemaMismatch]
