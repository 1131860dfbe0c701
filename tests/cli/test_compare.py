"""`monitor compare`, run as a user runs it."""

from __future__ import annotations

import csv
import io
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from monitor.cli import cli
from monitor.cli.progress import progress_bar
from monitor.compare.pairs import compare_pairs
from monitor.errors import InputError, MonitorError, PictureError
from monitor.imaging.workers import count_cores
from tests.matching.drawing import draw


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with pictures in it."""
    draw(1, 400, 300).save(tmp_path / "ours.jpg")
    draw(1, 400, 300).resize((200, 150)).save(tmp_path / "copy.png")
    draw(1, 400, 300).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "mirrored.webp")
    draw(2, 400, 300).save(tmp_path / "other.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"<html>no picture</html>")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["compare", *arguments], standalone_mode=False)


def in_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitor", "compare", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "COLUMNS": "200"},
    )


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# -- files


def test_a_table_is_printed(folder: Path) -> None:
    result = run("ours.jpg", "copy.png", "mirrored.webp", "other.jpg")
    assert result.return_value == 0
    lines = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.strip()}
    assert lines["file"] == ["file", "score", "relation", "method", "mirrored"]
    assert lines["copy.png"][2:] == ["same", "hash-keypoints-1", "no"]
    assert lines["mirrored.webp"][2:] == ["same", "hash-keypoints-1", "yes"]
    assert lines["other.jpg"][2:] == ["none", "hash-keypoints-1", "no"]
    assert float(lines["copy.png"][1]) > 0.80 > 0.5 > float(lines["other.jpg"][1])


def test_json_says_why(folder: Path) -> None:
    copy, other = json.loads(run("--json", "ours.jpg", "copy.png", "other.jpg").stdout)
    assert copy["relation"] == "same"
    assert copy["reasons"]["phash_distance"] <= 3
    assert len(copy["region"]["reference"]) == 4
    assert (other["relation"], other["region"], other["error"]) == ("none", None, None)


def test_an_unreadable_candidate_does_not_stop_the_others(folder: Path) -> None:
    result = in_process(folder, "ours.jpg", "broken.jpg", "missing.jpg", "copy.png")
    assert result.returncode == 1
    assert "broken.jpg" not in result.stdout
    assert "copy.png" in result.stdout
    assert "broken.jpg: not a picture we can read: it looks like a web page" in result.stderr
    assert "missing.jpg: there is no such file" in result.stderr


def test_an_unreadable_reference_is_the_users_input(folder: Path) -> None:
    result = in_process(folder, "broken.jpg", "copy.png")
    assert result.returncode == 2
    assert result.stderr.startswith("Error: broken.jpg: not a picture")
    assert not result.stdout


def test_a_folder_or_a_pipe_is_no_picture(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    for name in (".", "pipe"):
        assert isinstance(run(name, "copy.png").exception, PictureError)


@pytest.mark.parametrize(
    "arguments",
    [[], ["ours.jpg"], ["--out", "x.csv", "a", "b"], ["--pairs", "p.csv", "a"]],
    ids=" ".join,
)
def test_what_does_not_go_together_is_refused(folder: Path, arguments: list[str]) -> None:
    assert in_process(folder, *arguments).returncode == 2


# -- pairs


PAIRS = """asset,note,candidate
ours.jpg,"a, comma",copy.png
ours.jpg,,broken.jpg

ours.jpg,ü,other.jpg
missing.jpg,,copy.png
ours.jpg,again,copy.png
"""


def test_pairs_are_answered_row_by_row_in_order(folder: Path) -> None:
    (folder / "in.csv").write_text(PAIRS, encoding="utf-8-sig")
    result = in_process(folder, "--pairs", "in.csv", "--out", "out.csv")
    assert result.returncode == 1
    text = (folder / "out.csv").read_text(encoding="utf-8")
    assert text.startswith("asset,note,candidate,score,relation,method,region,error\n")
    rows = read_csv(text)
    assert [row["note"] for row in rows] == ["a, comma", "", "ü", "", "again"]
    assert [row["relation"] for row in rows] == ["same", "", "none", "", "same"]
    assert rows[0]["score"] == rows[4]["score"]
    assert len(rows[0]["score"].split(".")[1]) >= 6
    assert json.loads(rows[0]["region"])["candidate"][0] == [0.0, 0.0]
    assert rows[1]["score"] == rows[3]["score"] == ""
    assert "broken.jpg: not a picture" in rows[1]["error"]
    assert "missing.jpg: there is no such file" in rows[3]["error"]
    assert "2 pairs could not be compared" in result.stderr
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".tmp") == []


def test_pairs_go_to_stdout_without_out(folder: Path) -> None:
    (folder / "in.csv").write_text("candidate,asset\ncopy.png,ours.jpg\n")
    result = run("--pairs", "in.csv")
    assert result.return_value == 0
    assert [row["relation"] for row in read_csv(result.stdout)] == ["same"]


def test_the_single_and_the_batch_form_agree(folder: Path) -> None:
    (folder / "in.csv").write_text("asset,candidate\nours.jpg,mirrored.webp\n")
    (batch,) = read_csv(run("--pairs", "in.csv").stdout)
    (single,) = json.loads(run("--json", "ours.jpg", "mirrored.webp").stdout)
    assert float(batch["score"]) == pytest.approx(single["score"], abs=1e-11)


def test_results_of_an_earlier_run_are_replaced(folder: Path) -> None:
    (folder / "in.csv").write_text("asset,candidate,score,error\nours.jpg,copy.png,0.1,old\n")
    (row,) = read_csv(run("--pairs", "in.csv").stdout)
    assert float(row["score"]) > 0.80
    assert row["error"] == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"asset,other\na,b\n", "has no column candidate"),
        (b"asset,candidate\na\n", "row 2: 1 fields"),
        (b"asset,candidate\na,\xff\n", "is not a CSV file in UTF-8"),
    ],
)
def test_a_wrong_input_is_refused(folder: Path, content: bytes, reason: str) -> None:
    (folder / "in.csv").write_bytes(content)
    error = run("--pairs", "in.csv", "--out", "out.csv").exception
    assert isinstance(error, InputError)
    assert "in.csv" in str(error)
    assert reason in str(error)
    assert not (folder / "out.csv").exists()


def test_an_absent_input_is_refused(folder: Path) -> None:
    assert isinstance(run("--pairs", "absent.csv").exception, InputError)


def test_a_nul_in_a_file_name_is_that_rows_error(folder: Path) -> None:
    (folder / "in.csv").write_bytes(b"asset,candidate\nours.jpg,a\x00b\nours.jpg,copy.png\n")
    result = run("--pairs", "in.csv")
    assert [bool(row["error"]) for row in read_csv(result.stdout)] == [True, False]


def test_the_input_is_never_overwritten(folder: Path) -> None:
    content = "asset,candidate\nours.jpg,copy.png\n"
    (folder / "in.csv").write_text(content)
    (folder / "link.csv").symlink_to("in.csv")
    for name in ("in.csv", "./in.csv", "link.csv"):
        assert isinstance(run("--pairs", "in.csv", "--out", name).exception, InputError)
    assert (folder / "in.csv").read_text() == content


def test_an_output_that_can_not_be_written_is_said_before_the_work(folder: Path) -> None:
    (folder / "in.csv").write_text("asset,candidate\nours.jpg,copy.png\n")
    for name in ("no/such/folder.csv", "."):
        assert isinstance(run("--pairs", "in.csv", "--out", name).exception, InputError)


def test_a_full_disk_is_said(folder: Path) -> None:
    (folder / "in.csv").write_text("asset,candidate\nours.jpg,copy.png\n")
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    result = run("--pairs", "in.csv", "--out", "/dev/full")
    assert isinstance(result.exception, MonitorError)
    assert "can't be written" in str(result.exception)


def test_the_batch_uses_each_file_once_however_often_it_is_named(folder: Path) -> None:
    rows = "ours.jpg,copy.png\n" * 200
    (folder / "in.csv").write_text("asset,candidate\n" + rows)
    answers = read_csv(run("--pairs", "in.csv").stdout)
    assert len(answers) == 200
    assert len({row["score"] for row in answers}) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_not_be_written_is_said(folder: Path) -> None:
    (folder / "in.csv").write_text("asset,candidate\nours.jpg,copy.png\n")
    (folder / "locked").mkdir(mode=0o500)
    assert isinstance(run("--pairs", "in.csv", "--out", "locked/o.csv").exception, MonitorError)


# -- pairs, in several processes


def test_any_number_of_processes_gives_the_same_answers(folder: Path) -> None:
    names = ["ours.jpg", "copy.png", "mirrored.webp", "other.jpg", "broken.jpg", "missing.jpg"]
    for number in range(3, 6):
        draw(number, 320, 240).save(folder / f"{number}.jpg")
        names.append(f"{number}.jpg")
    rows = [f"{one},{other},{one} {other}\n" for other in names for one in names]
    (folder / "in.csv").write_text("asset,candidate,note\n" + "".join(rows))
    answers = {}
    for processes in (0, 1, 3):
        out = folder / f"{processes}.csv"
        assert compare_pairs(folder / "in.csv", out, progress_bar, processes) == 4 * len(names) - 4
        answers[processes] = out.read_bytes()
    assert answers[0] == answers[1] == answers[3]
    written = read_csv(answers[3].decode())
    assert [row["note"] for row in written] == [row.split(",")[2].strip() for row in rows]
    assert sum(row["relation"] == "same" for row in written) >= len(names) - 2


@contextmanager
def running_in_a_terminal(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A batch of several seconds, in a session of its own; (process, what its terminal shows)."""
    (folder / "in.csv").write_text("asset,candidate\n" + "ours.jpg,copy.png\n" * 20_000)
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "monitor", "compare", "--pairs", "in.csv", "--out", "out.csv"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_hear_signals,  # noqa: PLW1509
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        os.close(ours)
        process.kill()
        process.wait()


def _hear_signals() -> None:
    """As a terminal starts it: whoever runs the tests in the background has them ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def read_until(terminal: int, text: bytes) -> bytes:
    """What it shows up to this text, or until the last process that could write to it has ended."""
    shown = b""
    while text not in shown:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # nobody has its other end
            return shown
    return shown


NEVER: Final = b"\0never"


@pytest.mark.parametrize("to_all", [True, False], ids=["to all", "to one"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_batch_leaves_no_process_and_no_file(
    folder: Path, number: signal.Signals, *, to_all: bool
) -> None:
    before = {path.name for path in folder.iterdir()} | {"in.csv"}
    with running_in_a_terminal(folder) as (process, terminal):
        read_until(terminal, b"comparing")
        if to_all:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        shown = read_until(terminal, NEVER)
        assert process.wait() == 1
    assert b"interrupted" in shown
    assert b"Traceback" not in shown
    assert {path.name for path in folder.iterdir()} == before


@pytest.mark.skipif(count_cores() < 2, reason="one core needs no workers")
def test_a_killed_batch_leaves_no_process(folder: Path) -> None:
    with running_in_a_terminal(folder) as (process, terminal):
        read_until(terminal, b"comparing")
        ends = [os.pidfd_open(child) for child in children_of(process.pid)]
        process.kill()
        ended = [end for end in ends if select.select([end], [], [], 30)[0]]
        assert ended == ends
        assert len(ends) >= count_cores()
    assert not (folder / "out.csv").exists()


@pytest.mark.skipif(count_cores() < 2, reason="one core needs no workers")
def test_a_killed_worker_is_an_error_and_no_hang(folder: Path) -> None:
    with running_in_a_terminal(folder) as (process, terminal):
        read_until(terminal, b"comparing")
        workers = [child for child in children_of(process.pid) if b"spawn_main" in words_of(child)]
        assert len(workers) == count_cores()
        os.kill(workers[0], signal.SIGKILL)
        shown = read_until(terminal, NEVER)
        assert process.wait() == 1
    assert b"Error: a worker process was killed" in shown
    assert not (folder / "out.csv").exists()


def children_of(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    if not path.exists():
        pytest.skip("this system doesn't name a process's children")
    return [int(child) for child in path.read_text().split()]


def words_of(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


# -- why


def test_the_reason_is_drawn(folder: Path) -> None:
    result = run("--explain", "why.png", "ours.jpg", "mirrored.webp")
    assert result.return_value == 0
    with Image.open(folder / "why.png") as drawn:
        assert 500 < drawn.height <= 700
        assert 2 * 500 < drawn.width <= 1600


def test_an_unreadable_picture_is_not_drawn(folder: Path) -> None:
    done = in_process(folder, "--explain", "why.png", "ours.jpg", "broken.jpg")
    assert done.returncode == 1
    assert not (folder / "why.png").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("--explain", "why.png", "ours.jpg", "copy.png", "other.jpg"),
        ("--explain", "why.unknown", "ours.jpg", "copy.png"),
        ("--explain", "why.png", "--pairs", "in.csv"),
    ],
)
def test_a_drawing_that_can_not_be_made_is_the_users_error(
    folder: Path, words: tuple[str, ...]
) -> None:
    done = in_process(folder, *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
