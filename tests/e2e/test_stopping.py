"""SIGTERM ends `monitor run` within 10 s whatever it waits for, with nothing half-written."""

from __future__ import annotations

import hashlib
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from monitor.sandbox import Fault
from monitor.storage.db.engine import Store
from tests.e2e.processes import daemon, locked, run, scanning, start_warm, until
from tests.e2e.rehearsal import Rehearsal
from tests.e2e.slow_receivers import Holding, holding_receiver

LONGEST = 10.0


@pytest.fixture
def holding() -> Iterator[Holding]:
    with holding_receiver() as receiver:
        yield receiver


def assert_nothing_is_half_written(rehearsal: Rehearsal) -> None:
    """No row in hand, and every picture file is what its name says."""
    with rehearsal.app() as app, app.store.reading() as conn:
        for table, held in (("scans", "running"), ("deliveries", "sending")):
            statement = f"SELECT count(*) FROM {table} WHERE state = '{held}'"  # noqa: S608
            assert conn.exec_driver_sql(statement).scalar() == 0
    for path in (rehearsal.folder / "pictures").rglob("*"):
        if path.is_file():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name


def test_while_idle(sqlite_rehearsal: Rehearsal) -> None:
    rehearsal = sqlite_rehearsal
    with daemon(rehearsal.config) as process:
        until(lambda: rehearsal.told)
        code, seconds = process.stop()
    assert code == 0, process.log
    assert seconds < 3
    assert_nothing_is_half_written(rehearsal)


def test_in_mid_scan_and_the_next_start_goes_on(pg_rehearsal: Rehearsal) -> None:
    rehearsal = pg_rehearsal
    rehearsal.sandbox.faults.order(Fault.SLOW)
    with daemon(rehearsal.config) as process:
        until(lambda: rehearsal.sandbox.counts["fault slow"])
        code, seconds = process.stop()
    assert code == 0, process.log
    assert seconds < 3
    assert "Traceback" not in process.log
    assert_nothing_is_half_written(rehearsal)
    rehearsal.sandbox.faults.clear()
    with daemon(rehearsal.config) as process:
        until(lambda: "2 matches" in rehearsal.told)
        process.stop()
    # the same two scans, not two more
    assert len(rehearsal.rows("SELECT * FROM scan_health WHERE outcome = 'ok'")) == 2
    assert len(rehearsal.rows("SELECT * FROM scan_health")) == 2


def test_while_a_channel_hangs(sqlite_rehearsal: Rehearsal, holding: Holding) -> None:
    sqlite_rehearsal.channel_url = holding.url
    with daemon(sqlite_rehearsal.config) as process:
        until(lambda: holding.taken)
        code, seconds = process.stop()
    assert code == 0, process.log
    assert seconds < LONGEST
    assert "Traceback" not in process.log
    # opening the database takes over what was in hand, if the time was too short to give it back
    assert_nothing_is_half_written(sqlite_rehearsal)
    rows = sqlite_rehearsal.rows("SELECT attempts, state FROM alert_history")
    assert {(row["attempts"], row["state"]) for row in rows} == {(1, "failed")}


def test_while_another_process_holds_the_database(sqlite_rehearsal: Rehearsal) -> None:
    with daemon(sqlite_rehearsal.config) as process:
        until(lambda: sqlite_rehearsal.told)
        with locked(sqlite_rehearsal.database_url):
            time.sleep(0.5)  # now some steps wait for the lock
            code, seconds = process.stop()
    assert code == 0, process.log
    assert seconds < 3
    assert "Traceback" not in process.log


def test_while_another_session_holds_the_tables(pg_rehearsal: Rehearsal) -> None:
    with daemon(pg_rehearsal.config) as process:
        until(lambda: pg_rehearsal.told)
        store = Store.open(pg_rehearsal.database_url)
        with store.writing() as conn:
            conn.exec_driver_sql("LOCK TABLE scans, deliveries, watches")
            code, seconds = process.stop()
        store.close()
        assert code == 0, process.log
        assert seconds < LONGEST
        assert "Traceback" not in process.log


def test_while_it_starts_on_a_database_that_another_process_holds(
    sqlite_rehearsal: Rehearsal,
) -> None:
    config = sqlite_rehearsal.config
    with locked(sqlite_rehearsal.database_url), ExitStack() as stack:
        process = stack.enter_context(start_warm(config.parent, ["--config", str(config), "run"]))
        time.sleep(3)
        assert process.is_alive
        assert "ready" not in process.log
        code, seconds = process.stop()
    assert code == 0, process.log
    assert seconds < 3
    assert "Traceback" not in process.log


def test_signals_in_quick_succession(sqlite_rehearsal: Rehearsal) -> None:
    with daemon(sqlite_rehearsal.config) as process:
        for _ in range(200):
            process.send(signal.SIGHUP)
        for _ in range(20):
            process.send(signal.SIGINT)
        code, seconds = process.stop()
    assert code == 0, process.log
    assert seconds < LONGEST
    assert "Traceback" not in process.log


def test_a_scan_by_hand_is_given_back_and_done_by_the_next(sqlite_rehearsal: Rehearsal) -> None:
    rehearsal = sqlite_rehearsal
    config = rehearsal.config
    rehearsal.sandbox.faults.order(Fault.SLOW)
    with scanning(config) as process:
        until(lambda: rehearsal.sandbox.counts["fault slow"])
        code, seconds = process.stop()
    assert code == 1
    assert seconds < 3
    assert "stopped; what was begun is given back" in process.log
    assert "Traceback" not in process.log
    assert_nothing_is_half_written(rehearsal)
    rehearsal.sandbox.faults.clear()
    assert run(config.parent, "--config", str(config), "scan").popen.returncode == 0
    assert "2 matches" in rehearsal.told
