"""`monitor scan`, `demo` and `sandbox` as processes: exit codes, output, files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import httpx
import pytest

from monitor.sandbox import Fault
from monitor.sandbox.server import Sandbox
from tests.e2e.processes import Process, run, start
from tests.e2e.rehearsal import Rehearsal


def scan(rehearsal: Rehearsal, *words: str) -> Process:
    config = rehearsal.config
    return run(config.parent, "--config", str(config), "scan", *words)


def code_of(process: Process) -> int:
    assert "Traceback" not in process.log
    code = process.popen.returncode
    assert isinstance(code, int)
    return code


def test_a_second_scan_downloads_adds_and_sends_nothing(rehearsal: Rehearsal) -> None:
    first = scan(rehearsal)
    assert code_of(first) == 0, first.log
    assert "New matches: 2" in first.out
    counts = ("listings", "match_history", "alert_history")
    before = [rehearsal.rows(f"SELECT count(*) AS n FROM {name}") for name in counts]  # noqa: S608
    pictures = rehearsal.sandbox.counts["pictures"]
    second = scan(rehearsal)
    assert code_of(second) == 0
    assert "0 new; pictures downloaded: 0; requests: 2" in second.out
    assert "New matches: 0" in second.out
    assert "Alerts: 0 sent, 0 waiting" in second.out
    after = [rehearsal.rows(f"SELECT count(*) AS n FROM {name}") for name in counts]  # noqa: S608
    assert after == before
    assert rehearsal.sandbox.counts["pictures"] == pictures
    assert len(rehearsal.receiver.received) == 1


def test_a_marketplace_that_answers_garbage_ends_with_3(sqlite_rehearsal: Rehearsal) -> None:
    sqlite_rehearsal.sandbox.faults.order(Fault.GARBAGE)
    done = scan(sqlite_rehearsal)
    assert code_of(done) == 3
    assert "Problem: rehearsal: 2 scans" in done.out
    assert "New matches: 0" in done.out
    assert len(sqlite_rehearsal.receiver.received) == 1


def test_a_marketplace_that_is_down_ends_with_3(sqlite_rehearsal: Rehearsal) -> None:
    (sqlite_rehearsal.brand / "shirt.jpg").unlink()  # one search that is tried four times will do
    with Sandbox(sqlite_rehearsal.shop) as other:
        port = other.port
    config = sqlite_rehearsal.config
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace(f":{sqlite_rehearsal.sandbox.port}/", f":{port}/"))
    done = run(config.parent, "--config", str(config), "scan")
    assert code_of(done) == 3
    assert "Problem: rehearsal: 1 scans failed: rehearsal: 127.0.0.1: no connection" in done.out
    assert "scan failed: rehearsal: 127.0.0.1: no connection" in sqlite_rehearsal.told


def test_a_config_with_problems_ends_with_2(sqlite_rehearsal: Rehearsal) -> None:
    sqlite_rehearsal.watch_lines = ("alert_score = 7",)
    done = scan(sqlite_rehearsal)
    assert code_of(done) == 2
    assert re.search(r"config\.toml:\d+: .*alert_score", done.log)
    assert done.out == ""


def test_a_file_that_is_no_database_ends_with_1(sqlite_rehearsal: Rehearsal) -> None:
    path = sqlite_rehearsal.folder / "text.db"
    path.write_text("no database at all, but a text that is long enough to be one\n" * 20)
    sqlite_rehearsal.database_url = f"sqlite:///{path}"
    done = scan(sqlite_rehearsal)
    assert code_of(done) == 1
    assert "is not a SQLite database" in done.log


@pytest.mark.timeout(200)  # it takes 25 s of one core, beside two other tests
def test_a_demo_leaves_everything_where_it_says(tmp_path: Path) -> None:
    # started as people start it: it says how to go on in the same words
    with start(tmp_path, ["demo"]) as done:
        done.wait(150)
    assert code_of(done) == 0, done.log
    named = dict(re.findall(r"^(Database|Pictures|Report|Config) +(\S.*)$", done.out, re.M))
    assert set(named) == {"Database", "Pictures", "Report", "Config"}
    assert all(Path(path).exists() for path in named.values())
    assert "New matches: 12" in done.out
    assert "The receiver got: 'First scan of watch demo: 12 matches'" in done.out
    follow_up = re.search(r"-m monitor (--config \S+ matches list)$", done.out, re.M)
    assert follow_up
    listed = run(tmp_path, *follow_up[1].split())
    assert code_of(listed) == 0
    assert "cat mug" in listed.out.lower()


def test_a_sandbox_serves_the_config_that_it_prints(sqlite_rehearsal: Rehearsal) -> None:
    rehearsal = sqlite_rehearsal
    words = ["sandbox", "--images", "shop", "--port", "0", "--fail", "picture-404=1"]
    with start(rehearsal.folder, words) as process:
        process.await_log("# 6 listings from shop")
        printed = tomllib.loads(process.out)["marketplaces"]["sandbox"]
        config = rehearsal.config
        text = config.read_text(encoding="utf-8")
        before = re.search(r"\[marketplaces\.rehearsal\]\n(.+\n)+", text)
        assert before
        first = process.out.partition("\n\n")[0] + "\n"
        config.write_text(
            text.replace(before[0], first.replace("marketplaces.sandbox", before[0][1:23]))
        )
        scanned = run(rehearsal.folder, "--config", str(config), "scan")
        assert code_of(scanned) == 0, scanned.log
        url = printed["base_url"].replace("/router/imageSearch", "/stats")
        assert httpx.get(url, trust_env=False).json()["searches"] == 2
        code, seconds = process.stop()
    assert code == 0
    assert seconds < 2
    assert "# served: 1 fault picture-404" in process.log


def test_a_sandbox_whose_port_is_taken_says_so(sqlite_rehearsal: Rehearsal) -> None:
    port = str(sqlite_rehearsal.sandbox.port)
    done = run(sqlite_rehearsal.folder, "sandbox", "--images", "shop", "--port", port)
    assert code_of(done) == 2
    assert f"port {port}" in done.log
