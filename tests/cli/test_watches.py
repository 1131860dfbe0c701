from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner

from monitor.cli import cli
from monitor.storage.catalogue import watches
from monitor.storage.db.engine import Store
from tests.config.configs import write

DUE = datetime(2026, 1, 1, 6, tzinfo=UTC)


def test_watches_are_listed_with_their_schedule(tmp_path: Path, sqlite_url: str) -> None:
    store = Store.open(sqlite_url)  # the file that the config names, relative to its folder
    with store.writing() as conn:
        row = watches.WatchRow("acme-mugs", 0.6, 0.85, "every 6h")
        watches.mirror(conn, [row], DUE, first_due=lambda _: DUE)
    store.close()
    words = ["--config", str(write(tmp_path)), "watches", "list"]
    runner = CliRunner(env={"STATE_DIRECTORY": None})
    table = runner.invoke(cli, words, standalone_mode=False).stdout
    assert "acme-mugs" in table
    assert "every 6h" in table
    (listed,) = json.loads(runner.invoke(cli, [*words, "--json"], standalone_mode=False).stdout)
    assert listed["name"] == "acme-mugs"
    assert listed["next_due_at"] == "2026-01-01T06:00:00+00:00"
