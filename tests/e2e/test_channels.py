"""Channels over whole runs: what a wrong token keeps back, another URL sends."""

from __future__ import annotations

from pathlib import Path

from monitor.sandbox.receiver import JsonReceiver
from tests.e2e.rehearsal import Rehearsal


def test_what_a_wrong_token_kept_back_comes_with_another_url(sqlite_rehearsal: Rehearsal) -> None:
    with JsonReceiver() as wrong:
        wrong.status = 401
        sqlite_rehearsal.channel_url = wrong.url
        for _ in range(3):
            sqlite_rehearsal.scan()  # an hour between them
    dead = sqlite_rehearsal.rows("SELECT alert_id FROM alert_history WHERE state = 'dead'")
    assert len(dead) == 2
    sqlite_rehearsal.channel_url = None
    summary = sqlite_rehearsal.scan()
    assert summary.alerts_sent == 2
    assert all(str(row["alert_id"]) in sqlite_rehearsal.told for row in dead)
    url = wrong.url.rpartition("/")[0].encode()
    assert url not in Path(sqlite_rehearsal.database_url.removeprefix("sqlite:///")).read_bytes()
