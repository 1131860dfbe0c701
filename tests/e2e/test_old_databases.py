"""A database of the version before, with alerts waiting, is upgraded and goes on: nothing twice,
nothing lost."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from monitor.daemon.steps import Daemon
from monitor.errors import SchemaMismatch
from monitor.sandbox.receiver import JsonReceiver
from monitor.storage.db.engine import Store
from monitor.storage.schema.versions import (
    check_schema,
    ensure_schema,
    migrations_folder,
    run_migrations,
    upgrade_schema,
)
from tests.e2e.rehearsal import Rehearsal, rehearse

OLD: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("old").joinpath("rows_at_0014.json").read_text(encoding="utf-8")
)
# two hours after its last scan; the monday after is the digest's
AFTER = datetime(2026, 1, 7, 19, 0, tzinfo=UTC)
MONDAY = datetime(2026, 1, 12, 8, 1, tzinfo=UTC)
_ALERT_ID = re.compile(r"al-[0-9a-f]{12}")


def fill_with_old_rows(store: Store) -> None:
    """The schema at revision 0014, and in it what the old program wrote."""
    with store.migrating() as conn:
        run_migrations(conn, migrations_folder(), "0014")
    with store.writing() as conn:
        known = sa.MetaData()
        known.reflect(conn)
        for table in known.sorted_tables:
            if rows := OLD.get(table.name):
                conn.execute(sa.insert(table), [as_stored(conn, table, row) for row in rows])
            if conn.dialect.name == "postgresql" and rows and isinstance(rows[0].get("id"), int):
                sequence = sa.func.pg_get_serial_sequence(table.name, "id")
                conn.execute(sa.select(sa.func.setval(sequence, max(row["id"] for row in rows))))


def as_stored(conn: sa.Connection, table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """SQLite keeps instants, truth values and JSON as texts and numbers; PostgreSQL has types."""
    return {name: _value(conn, table.c[name].type, value) for name, value in row.items()}


def _value(conn: sa.Connection, kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, sa.JSON):
        return json.loads(value)
    if conn.dialect.name == "sqlite":
        return value
    if isinstance(kind, sa.DateTime):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return bool(value) if isinstance(kind, sa.Boolean) else value


@pytest.fixture
def store(empty_url: str) -> Iterator[Store]:
    opened = Store.open(empty_url)
    fill_with_old_rows(opened)
    yield opened
    opened.close()


@pytest.fixture
def rehearsal(store: Store, empty_url: str, tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearse(tmp_path / "home", empty_url, copies=3, others=2) as running:
        running.channels = ("hook", "late", "weekly")
        running.watch_lines = ("price_change_percent = 1", "tell_gone = true")
        running.clock.now = AFTER
        yield running


def waiting(channel: str) -> set[str]:
    """The ids of the alerts that the old program had not told there, and that nothing holds."""
    return {
        row["alert_id"]
        for row in OLD["deliveries"]
        if row["channel"] == channel and row["state"] in ("due", "failed", "sending")
    }


def tell(rehearsal: Rehearsal) -> None:
    """What the daemon's threads would tell until nothing is due."""
    with rehearsal.app() as app:
        daemon = Daemon(app, lambda _: None)
        while any(daemon.tell_step(name) for name in ("hook", "late", "weekly")):
            pass


def told(receiver: JsonReceiver) -> Counter[str]:
    return Counter(
        found for item in receiver.received for found in _ALERT_ID.findall(item.body + item.title)
    )


def test_what_waited_is_told_once_and_what_was_told_is_not_told_again(
    store: Store, rehearsal: Rehearsal
) -> None:
    assert upgrade_schema(store)[0] == "0014"
    assert check_schema(store) == []
    with JsonReceiver() as late, JsonReceiver() as weekly:
        rehearsal.more = (
            f'[channels.late]\nurl = "{late.url}"\ngroup = "0s"\n\n'
            f'[channels.weekly]\nurl = "{weekly.url}"\ndigest = "weekly mon 08:00"\n'
        )
        for _ in range(2):  # a second start tells nothing more
            tell(rehearsal)
            assert rehearsal.told == ""
            assert told(late) == Counter(waiting("late"))
            assert weekly.received == []
        rehearsal.clock.now = MONDAY
        for _ in range(2):
            tell(rehearsal)
            assert told(weekly) == Counter(waiting("weekly"))
        assert told(late) == Counter(waiting("late"))
    bodies = "\n".join(item.body for item in late.received)
    for fact in ("CNY 10.26", "CNY 99.00", "2026-01-05 11:00 UTC", "connection refused"):
        assert fact in bodies
    assert "429 the daily quota is used up" in bodies


def test_the_history_says_what_it_said(store: Store, rehearsal: Rehearsal) -> None:
    upgrade_schema(store)
    rows = rehearsal.rows("SELECT alert_id, event, channel, state, detail FROM alert_history")
    alerts = {row["id"]: row for row in OLD["alerts"]}
    assert len(rows) == len(OLD["deliveries"])
    for row in rows:
        old = alerts[str(row["alert_id"])]
        assert row["event"] == old["event"]
        if old["detail"] is not None:
            assert json.loads(str(row["detail"])) == json.loads(old["detail"])
    held = rehearsal.rows("SELECT channel FROM alert_history WHERE held_by = 'silence'")
    assert sorted(str(row["channel"]) for row in held) == ["late", "weekly"]
    assert len(rehearsal.rows("SELECT * FROM match_history")) == len(OLD["matches"])
    assert len(rehearsal.rows("SELECT * FROM scan_health")) == len(OLD["scans"])


def test_it_is_refused_until_it_is_upgraded(store: Store) -> None:
    with pytest.raises(SchemaMismatch, match="0014"):
        ensure_schema(store)
