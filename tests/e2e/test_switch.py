"""The dead man's switch of a real daemon, and what it says when its database is not its own."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.sandbox import Fault
from monitor.storage.db.engine import Store
from tests.e2e.processes import daemon, run, until
from tests.e2e.rehearsal import Rehearsal, rehearse
from tests.pings import ping_receiver

PING, FAIL = "/uuid-1234", "/uuid-1234/fail"


@pytest.fixture
def rehearsal(tmp_path: Path, sqlite_url: str) -> Iterator[Rehearsal]:
    with rehearse(tmp_path / "home", sqlite_url, copies=1, others=0) as running:
        yield running


def upgrade_under_it(rehearsal: Rehearsal) -> None:
    store = Store.open(rehearsal.database_url)
    with store.writing() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()


def test_pings_come_while_all_is_well_and_stop_when_the_daemon_hangs(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.every = "1s"
    with ping_receiver() as (url, asked):
        rehearsal.alerts_lines = (f'ping_url = "{url}"', 'ping_every = "1s"')
        with daemon(rehearsal.config) as process:
            until(lambda: asked.count(PING) >= 2, 40)
            rehearsal.sandbox.faults.order(Fault.HTML)
            until(lambda: FAIL in asked, 40)
            rehearsal.sandbox.faults.clear()
            process.send(signal.SIGSTOP)
            time.sleep(0.2)  # what was on its way
            count = len(asked)
            time.sleep(2)  # nothing is what we wait for
            assert len(asked) == count
            process.send(signal.SIGCONT)
            assert process.stop()[0] == 0
        assert asked.count(FAIL) == 1
        assert "uuid-1234" not in process.log


def test_a_daemon_whose_database_is_upgraded_under_it_ends_and_says_so(
    rehearsal: Rehearsal,
) -> None:
    with ping_receiver() as (url, asked):
        rehearsal.alerts_lines = (f'ping_url = "{url}"',)
        with daemon(rehearsal.config) as process:
            upgrade_under_it(rehearsal)
            assert process.wait(90) == 2
        assert asked[-1] == FAIL
        assert "is at 9999 now" in process.log
        assert "Traceback" not in process.log
        (message,) = [item for item in rehearsal.receiver.received if "stopped" in item.title]
        assert "outdated schema" in message.title
        assert "sent once, past the database" in message.body

        # the service manager starts it again and again: the channels are left alone
        assert run(rehearsal.folder, "--config", "config.toml", "run").popen.returncode == 2
        assert asked[-2:] == [FAIL, FAIL]
        assert sum("stopped" in item.title for item in rehearsal.receiver.received) == 1


def test_a_reload_that_finds_the_database_upgraded_ends_it_too(rehearsal: Rehearsal) -> None:
    with daemon(rehearsal.config) as process:
        until(lambda: rehearsal.told)  # its first look is over
        time.sleep(1)
        upgrade_under_it(rehearsal)
        process.send(signal.SIGHUP)
        assert process.wait() == 2
    assert "stop the daemon" in process.log or "a newer version has used it" in process.log
    assert sum("stopped" in item.title for item in rehearsal.receiver.received) == 1
