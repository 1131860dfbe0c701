"""The database locked, deleted or its disk full: said clearly, nothing lost, the work goes on."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack

from PIL import Image

from monitor.sandbox import Fault
from tests.e2e.processes import daemon, database_file, locked, run, scanning, start, until
from tests.e2e.rehearsal import Rehearsal, copy

_LOCK_SECONDS = 20


def test_a_database_locked_for_20_s_stops_nobody(sqlite_rehearsal: Rehearsal) -> None:
    """A daemon in mid-scan and a scan by hand at once; takes its real 20 s."""
    rehearsal = sqlite_rehearsal
    rehearsal.sandbox.faults.order(Fault.SLOW, 1)
    config = rehearsal.config
    with ExitStack() as stack:
        process = stack.enter_context(daemon(config))
        until(lambda: rehearsal.sandbox.counts["fault slow"])
        with locked(rehearsal.database_url):
            by_hand = stack.enter_context(scanning(config))
            time.sleep(_LOCK_SECONDS)
            assert process.is_alive
            assert by_hand.is_alive
            assert rehearsal.rows("SELECT * FROM scan_health WHERE outcome = 'ok'") == []
        assert by_hand.wait() == 0
        until(lambda: rehearsal.told)
        assert process.stop()[0] == 0
    for log in (process.log, by_hand.log):
        assert "Traceback" not in log
    assert len(rehearsal.receiver.received) == 1
    outcomes = {row["outcome"] for row in rehearsal.rows("SELECT outcome FROM scan_health")}
    assert outcomes == {"ok"}


def test_a_database_that_is_deleted_is_told_and_not_made_anew(sqlite_rehearsal: Rehearsal) -> None:
    rehearsal = sqlite_rehearsal
    path = database_file(rehearsal.database_url)
    kept = path.with_name("kept.db")
    rehearsal.every = "1s"
    config = rehearsal.config
    with daemon(config) as process:
        until(lambda: rehearsal.told)
        path.rename(kept)
        process.await_log("was deleted while in use; put it back or restart")
        assert process.is_alive
        assert not path.exists()
        kept.rename(path)
        copy(rehearsal.brand / "shirt.jpg", rehearsal.shop / "brand_new.jpg")
        until(lambda: "shirt found on 1688" in rehearsal.told)
        path.unlink()
        code, seconds = process.stop()
        assert (code, path.exists()) == (0, False)
        assert seconds < 3
        assert "Traceback" not in process.log


def test_a_scan_by_hand_whose_database_is_deleted_says_so(sqlite_rehearsal: Rehearsal) -> None:
    rehearsal = sqlite_rehearsal
    rehearsal.sandbox.faults.order(Fault.SLOW, 1)
    path = database_file(rehearsal.database_url)
    with scanning(rehearsal.config) as process:
        until(lambda: rehearsal.sandbox.counts["fault slow"])
        path.unlink()
        assert process.wait() == 1
    assert "was deleted while in use" in process.log
    assert "Traceback" not in process.log
    assert not path.exists()


def test_a_disk_without_room_for_a_picture_loses_nothing(sqlite_rehearsal: Rehearsal) -> None:
    """A limit on the size of files stands in: the kernel refuses the write in the same way."""
    rehearsal = sqlite_rehearsal
    large = rehearsal.shop / "large.png"
    Image.frombytes("RGB", (900, 900), os.urandom(900 * 900 * 3)).save(large)
    assert large.stat().st_size > 2_000_000
    config = rehearsal.config
    words = ["--config", str(config), "scan"]
    limited = ["bash", "-c", 'ulimit -f 2000; exec "$@"', "-"]
    with start(config.parent, words, wrapper=limited) as process:
        assert process.wait() == 1
    assert "can't keep a picture in" in process.log
    assert "Traceback" not in process.log
    assert rehearsal.rows("SELECT * FROM match_history") == []
    assert rehearsal.told == ""
    assert run(config.parent, *words).popen.returncode == 0
    assert "First scan of watch acme: 2 matches" in rehearsal.told
    assert len(rehearsal.rows("SELECT * FROM scan_health")) == 2


def test_a_database_that_cannot_be_made_ends_the_daemon_with_1(
    sqlite_rehearsal: Rehearsal,
) -> None:
    sqlite_rehearsal.database_url = "sqlite:////proc/nowhere/monitor.db"
    config = sqlite_rehearsal.config
    done = run(config.parent, "--config", str(config), "run")
    assert done.popen.returncode == 1
    assert "Error: can't" in done.log
    assert "Traceback" not in done.log
