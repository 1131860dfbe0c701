"""What waits for its gate is no trouble; what should have gone out long ago is."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.config import Config
from monitor.health.channels import channel_findings, explain_waits
from monitor.health.findings import describe
from monitor.model import AlertEvent
from monitor.storage.db.engine import Store
from monitor.storage.telling import alerts, channels, delivery_states
from tests.config.configs import load_text, swap
from tests.storage.rows import LEASE, START, claim, later
from tests.told import event_of

LEGAL = 'url = "json://127.0.0.1:9000/legal"\n'
AT_ONCE = timedelta(0)


def config(folder: Path, *lines: str) -> Config:
    return load_text(folder, swap(LEGAL, LEGAL + "".join(f"{line}\n" for line in lines)))


def add(
    store: Store,
    alert_id: str,
    at: datetime = START,
    event: AlertEvent = AlertEvent.MATCHES_HELD,
) -> None:
    with store.writing() as conn:
        alerts.add(conn, event=event_of(event), dedup_key=alert_id, now=at, alert_id=alert_id)
        alerts.route(conn, alert_id, ["legal"], at)


def fail(store: Store, next_try_at: datetime | None, at: datetime = START) -> None:
    with store.writing() as conn:
        (item,) = claim(conn, "legal", "me", at, LEASE, AT_ONCE)
        if next_try_at is None:
            delivery_states.give_up(conn, [item.id], "me", "it says no")
        else:
            delivery_states.fail(conn, [item.id], "me", "it says no", next_try_at)


def problems(store: Store, found: Config, now: datetime) -> list[str]:
    with store.reading() as conn:
        return [describe(item) for item in channel_findings(conn, found, now)]


def waits(store: Store, found: Config, now: datetime) -> dict[str, tuple[str | None, object]]:
    with store.reading() as conn:
        rows = explain_waits(conn, found, alerts.list_rows(conn), now)
    return {row.alert_id: (row.waits_for, row.next_try_at) for row in rows}


@pytest.mark.parametrize(
    ("line", "opens"),
    [
        ('group = "2h"', later(hours=2)),
        ('digest = "daily 20:00"', later(hours=12)),
        ('digest = "weekly mon 08:00"', later(days=6)),  # a Tuesday, 08:00
        ('quiet = "07:00-17:00"', later(hours=9)),
    ],
)
def test_what_waits_for_its_gate_is_overdue_after_it(
    sqlite_store: Store, tmp_path: Path, line: str, opens: datetime
) -> None:
    found = config(tmp_path, line)
    add(sqlite_store, "al-1")
    assert problems(sqlite_store, found, opens + timedelta(minutes=14)) == []
    (problem,) = problems(sqlite_store, found, opens + timedelta(minutes=16))
    assert "channel legal: 1 alerts wait" in problem


def test_an_interval_excuses_what_is_new_but_no_retry(sqlite_store: Store, tmp_path: Path) -> None:
    found = config(tmp_path, 'interval = "2h"')
    add(sqlite_store, "al-0")
    with sqlite_store.writing() as conn:
        (item,) = claim(conn, "legal", "me", START, LEASE, AT_ONCE)
        delivery_states.accept(conn, [item.id], "me", START)
    add(sqlite_store, "al-1", later(minutes=1))
    assert problems(sqlite_store, found, later(hours=1)) == []
    assert len(problems(sqlite_store, found, later(hours=2, minutes=20))) == 1
    fail(sqlite_store, later(hours=1), later(minutes=2))
    (problem,) = problems(sqlite_store, found, later(minutes=20))
    assert "it says no" in problem


def test_a_channel_that_refuses_is_named_with_what_to_do(
    sqlite_store: Store, tmp_path: Path
) -> None:
    found = config(tmp_path)
    add(sqlite_store, "al-1")
    add(sqlite_store, "al-2")
    with sqlite_store.writing() as conn:
        channels.note_failure(conn, "legal", START, is_permanent=True)
        channels.give_up(conn, "legal", "me", "HTTP 401", START)
    (problem,) = problems(sqlite_store, found, START)
    assert "legal refuses messages since 2026-11-24 08:00 UTC, 2 alerts were given up" in problem
    assert "HTTP 401" in problem


def test_what_was_given_up_otherwise_is_told_apart(sqlite_store: Store, tmp_path: Path) -> None:
    add(sqlite_store, "al-1")
    fail(sqlite_store, None)
    (problem,) = problems(sqlite_store, config(tmp_path), START)
    assert "1 alerts were given up; mend it" in problem


def test_trouble_that_could_be_told_is_overdue_whenever_the_digest_is(
    sqlite_store: Store, tmp_path: Path
) -> None:
    weekly = config(tmp_path, 'digest = "weekly mon 08:00"')
    add(sqlite_store, "al-1")
    add(sqlite_store, "al-2", event=AlertEvent.SCAN_BLOCKED)
    assert problems(sqlite_store, weekly, later(minutes=15)) == []
    (problem,) = problems(sqlite_store, weekly, later(minutes=16))
    assert problem == "channel legal: 2 alerts wait"


def test_the_list_says_what_each_waits_for(sqlite_store: Store, tmp_path: Path) -> None:
    add(sqlite_store, "al-1")
    fail(sqlite_store, later(minutes=5))
    add(sqlite_store, "al-2")
    for lines, now, expected in (
        (['group = "1h"'], START, {"al-1": "retry", "al-2": "group"}),
        (['digest = "daily 20:00"'], START, {"al-1": "retry", "al-2": "digest"}),
        (['quiet = "07:00-17:00"'], START, {"al-1": "quiet hours", "al-2": "quiet hours"}),
        (['group = "0s"'], later(hours=1), {"al-1": None, "al-2": None}),
    ):
        found = waits(sqlite_store, config(tmp_path, *lines), now)
        assert {key: reason for key, (reason, _) in found.items()} == expected
    add(sqlite_store, "al-3", event=AlertEvent.SCAN_BLOCKED)
    found = waits(sqlite_store, config(tmp_path, 'digest = "daily 20:00"'), START)
    assert found.pop("al-3") == ("group", later(seconds=30))
    assert found == {
        "al-1": ("retry", later(minutes=5)),
        "al-2": ("digest", later(hours=12)),
    }


def test_a_channel_that_has_left_the_config_is_no_riddle(
    sqlite_store: Store, tmp_path: Path
) -> None:
    add(sqlite_store, "al-1")
    found = config(tmp_path)
    others = {name: item for name, item in found.channels.items() if name != "legal"}
    found = found.model_copy(update={"channels": others})
    assert len(problems(sqlite_store, found, later(hours=1))) == 1
    assert waits(sqlite_store, found, START)["al-1"][0] == "group"
