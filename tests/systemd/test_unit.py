from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "infringement-monitor.service"
TEXT = UNIT.read_text(encoding="utf-8")

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here"
)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists: verify looks for it."""
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={shutil.which('true')}", TEXT))
    return copy


@needs_systemd
def test_systemd_understands_every_line(unit: Path) -> None:
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze is too old to verify strictly")
    assert (done.stderr, done.returncode) == ("", 0)


@needs_systemd
def test_the_service_is_hardened(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze is too old to judge a file")
    assert done.returncode == 0, done.stdout[-2000:]


def settings() -> dict[str, str]:
    pairs = (line.split("=", 1) for line in TEXT.splitlines() if re.match(r"[A-Z]\w+=", line))
    return dict(pairs)


def test_the_times_fit_the_daemon() -> None:
    from monitor.daemon.policy import DRAIN, HEARTBEAT

    values = {
        key: int(value[:-1])
        for key, value in settings().items()
        if value.endswith("s") and value[:-1].isdigit()
    }
    assert values["TimeoutStopSec"] > DRAIN.total_seconds()
    # the store may be locked for a minute, and no beat comes through in that time
    assert values["WatchdogSec"] > 60 + 2 * HEARTBEAT.total_seconds()


def test_every_directive_has_a_comment() -> None:
    """A comment stands above each directive, or above the block of them that it begins."""
    blocks = re.split(r"\n(?=#)|\n\n|(?<=\])\n", TEXT)
    bare = [block for block in blocks if re.match(r"[A-Z]\w+=", block)]
    assert bare == []


def test_the_unit_starts_a_command_that_exists() -> None:
    from monitor.cli import COMMANDS

    assert settings()["ExecStart"].split()[-1] in COMMANDS
    assert settings()["Type"] == "notify"
    assert settings()["Environment"] == "PYTHONUNBUFFERED=1"
