"""A silence over the whole way: scan, hold, end, tell; by `monitor scan` and by the daemon."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.config import load
from monitor.daemon.steps import Daemon
from monitor.health.report import check_health
from monitor.storage.telling import silences
from monitor.storage.telling.silences import Matcher
from tests.e2e.rehearsal import Rehearsal


@pytest.fixture
def silenced(rehearsal: Rehearsal) -> Rehearsal:
    """A rehearsal whose shop is silenced for a day before it is searched for the first time."""
    with rehearsal.app() as app, app.store.writing() as conn:
        now = rehearsal.clock()
        silences.add(
            conn,
            Matcher(marketplace="rehearsal"),
            starts_at=now,
            expires_at=now + timedelta(days=1),
            author="anne",
            reason="moving house",
            now=now,
        )
    return rehearsal


def test_a_scan_stores_what_is_silenced_and_the_next_one_tells_it(silenced: Rehearsal) -> None:
    summary = silenced.scan()
    assert (len(summary.matches), summary.alerts_sent, summary.alerts_held) == (2, 0, 2)
    assert silenced.told == ""
    with silenced.app() as app:
        health = check_health(app.store, load(silenced.config, {}), silenced.clock())
    assert "Silences: 1, held deliveries: 2; `monitor silence list` shows which" in health.facts
    assert health.is_healthy
    silenced.clock.advance(days=1)
    assert (silenced.scan().alerts_sent, silenced.scan().alerts_held) == (2, 0)
    assert all(silenced.told.count(f"copy {number}") == 1 for number in range(2))


def test_the_daemon_tells_it_when_the_silence_ends(silenced: Rehearsal) -> None:
    silenced.scan()
    silenced.clock.advance(days=1)
    with silenced.app() as app:
        daemon = Daemon(app, lambda _: None)
        assert daemon.route_step()
        assert not daemon.route_step()
        while daemon.tell_step("hook"):
            pass
    assert all(silenced.told.count(f"copy {number}") == 1 for number in range(2))
