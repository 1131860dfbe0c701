"""Marketplaces that block, go blind or lose their canary: the daemon's steps and `monitor scan`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from monitor.cli.scan import summary_lines
from monitor.config import load
from monitor.daemon.steps import Daemon
from monitor.health.report import Health, check_health
from monitor.marketplaces.base import Page, Query
from monitor.sandbox import Fault
from tests.e2e.rehearsal import Rehearsal, draw


@pytest.fixture
def rehearsal(sqlite_rehearsal: Rehearsal) -> Rehearsal:
    """With five pictures to search for."""
    for seed in (40, 41, 42):
        draw(sqlite_rehearsal.brand / f"{seed}.jpg", seed)
    return sqlite_rehearsal


def work(daemon: Daemon) -> None:
    """Every step until none has anything to do."""
    steps: list[Callable[[], bool]] = [
        daemon.plan_step,
        lambda: daemon.search_step("rehearsal"),
        daemon.check_step,
        daemon.route_step,
        lambda: daemon.tell_step("hook"),
    ]
    while sum(step() for step in steps):
        pass


def titles(rehearsal: Rehearsal) -> list[str]:
    return [
        item.title.removeprefix("Infringement Monitor: ") for item in rehearsal.receiver.received
    ]


def outcomes(rehearsal: Rehearsal) -> list[object]:
    rows = rehearsal.rows("SELECT scan_id, outcome FROM scan_health")
    return [row["outcome"] for row in sorted(rows, key=lambda row: int(str(row["scan_id"])))]


def health(rehearsal: Rehearsal) -> Health:
    config = load(rehearsal.config, {})
    with rehearsal.app() as app:
        return check_health(app.store, config, rehearsal.clock())


def test_a_blocked_marketplace_is_paused_told_once_and_resumed(rehearsal: Rehearsal) -> None:
    rehearsal.sandbox.faults.order(Fault.HTML)
    with rehearsal.app() as app:
        daemon = Daemon(app, lambda _: None)
        work(daemon)
        assert outcomes(rehearsal) == ["blocked"] * 3 + [None] * 2
        rehearsal.clock.advance(minutes=1)
        work(daemon)
        assert outcomes(rehearsal) == ["blocked"] * 4 + [None]
        assert titles(rehearsal) == ["marketplace paused"]
        rehearsal.sandbox.faults.clear()
        rehearsal.clock.advance(minutes=2)
        work(daemon)
        assert outcomes(rehearsal) == ["blocked"] * 4 + ["ok"]
        told = [title for title in titles(rehearsal) if title.startswith("marketplace")]
        assert told == ["marketplace paused", "marketplace resumed"]


def test_a_daemon_that_starts_tries_a_paused_marketplace_at_once(rehearsal: Rehearsal) -> None:
    rehearsal.sandbox.faults.order(Fault.HTML)
    with rehearsal.app() as app:
        work(Daemon(app, lambda _: None))
    assert _searched(rehearsal) == 3
    with rehearsal.app() as app:
        app.stop.set()
        assert Daemon(app, lambda _: None).start().drain() == []
    with rehearsal.app() as app:
        work(Daemon(app, lambda _: None))
    assert _searched(rehearsal) == 4


def test_a_cycle_behind_a_pause_ends_and_what_it_found_is_told(rehearsal: Rehearsal) -> None:
    with rehearsal.app() as app:
        daemon = Daemon(app, lambda _: None)
        daemon.plan_step()
        while "1" not in _matched(rehearsal):
            assert daemon.look_step("rehearsal")
        rehearsal.sandbox.faults.order(Fault.HTML)
        work(daemon)
        assert titles(rehearsal) == ["marketplace paused"]
        for _ in range(4):
            rehearsal.clock.advance(minutes=10)
            work(daemon)
        assert None not in outcomes(rehearsal)
        assert len(titles(rehearsal)) == 2
        assert titles(rehearsal)[1].startswith("First scan of watch acme: ")


def _matched(rehearsal: Rehearsal) -> set[str]:
    return {str(row["match_id"]) for row in rehearsal.rows("SELECT match_id FROM match_history")}


def test_a_scan_on_demand_waits_for_nothing_and_asks_once(rehearsal: Rehearsal) -> None:
    rehearsal.sandbox.faults.order(Fault.HTML)
    assert rehearsal.scan().outcomes == {"blocked": 5}
    assert _searched(rehearsal) == 3
    summary = rehearsal.scan()
    assert summary.outcomes == {"blocked": 5}
    assert _searched(rehearsal) == 4
    assert sum(str(row.error).startswith("not searched: ") for row in summary.scans) == 4
    assert titles(rehearsal) == ["marketplace paused"]
    (paused, *_) = health(rehearsal).problems
    assert "marketplace rehearsal is paused since 2026-01-05 09:00 UTC" in paused
    rehearsal.sandbox.faults.clear()
    assert rehearsal.scan().outcomes == {"ok": 5}  # however long the pause would have been
    assert set(titles(rehearsal)[1:]) > {"marketplace resumed"}
    assert health(rehearsal).problems == ()


def _searched(rehearsal: Rehearsal) -> int:
    return len(rehearsal.rows("SELECT * FROM scan_health WHERE started_at IS NOT NULL"))


def test_a_yield_that_halves_is_one_alert_and_a_problem(rehearsal: Rehearsal) -> None:
    for _ in range(3):
        assert rehearsal.scan().is_complete
    told = len(titles(rehearsal))
    for path in sorted(rehearsal.shop.glob("*.jpg"))[1:]:
        path.unlink()
    for _ in range(2):
        summary = rehearsal.scan()
        assert summary.outcomes == {"ok": 5}
        assert sum(row.is_suspect for row in summary.scans) == 5
        lines = list(summary_lines(summary))
        assert "Problem: rehearsal: 5 scans saw less than half of what is usual" in lines
    assert titles(rehearsal)[told:] == ["yield dropped"]
    (problem,) = health(rehearsal).problems
    assert "5 of 5 scans of the last cycle saw less than half of what is usual" in problem


def test_a_canary_is_missed_and_found_again(rehearsal: Rehearsal) -> None:
    canary = rehearsal.folder / "canary.jpg"
    shutil.copy(rehearsal.shop / "other_0.jpg", canary)
    rehearsal.marketplace_lines = ('canary = "canary.jpg"', 'canary_every = "1h"')
    rehearsal.scan()
    assert health(rehearsal).problems == ()
    assert any("Canary of rehearsal: last found" in fact for fact in health(rehearsal).facts)
    told = len(titles(rehearsal))
    hidden = rehearsal.folder / "hidden.jpg"
    (rehearsal.shop / "other_0.jpg").rename(hidden)
    with rehearsal.app() as app:
        daemon = Daemon(app, lambda _: None)
        for _ in range(2):
            rehearsal.clock.advance(hours=2)
            work(daemon)
    assert titles(rehearsal)[told:] == ["canary lost"]
    (problem,) = health(rehearsal).problems
    assert "its canary canary.jpg was missed 2 times in a row" in problem
    hidden.rename(rehearsal.shop / "other_0.jpg")
    rehearsal.clock.advance(hours=2)
    rehearsal.scan()
    assert titles(rehearsal)[told:] == ["canary lost", "canary found"]
    assert health(rehearsal).problems == ()


@dataclass
class Broken:
    """An adapter with a mistake in it."""

    name: str = "rehearsal"
    site: str = "1688"
    is_loopback: bool = True

    def search(self, query: Query) -> Page:
        raise KeyError(query.path)

    def close(self) -> None:
        """Nothing is open."""


def test_an_error_nobody_expected_loses_the_canary_and_keeps_no_scan_waiting(
    rehearsal: Rehearsal,
) -> None:
    shutil.copy(rehearsal.shop / "other_0.jpg", rehearsal.folder / "canary.jpg")
    rehearsal.marketplace_lines = ('canary = "canary.jpg"',)
    with rehearsal.app() as app:
        source = replace(app.scans.sources["rehearsal"], marketplace=Broken())
        broken = replace(app, scans=replace(app.scans, sources={"rehearsal": source}))
        work(Daemon(broken, lambda _: None))
    assert outcomes(rehearsal) == ["failed"] * 5
    (lost,) = rehearsal.rows("SELECT * FROM alert_history WHERE event = 'canary_lost'")
    assert lost["state"] == "sent"
    assert "unexpected KeyError: 'canary.jpg'" in rehearsal.told
