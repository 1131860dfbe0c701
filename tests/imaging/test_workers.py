"""Work in processes of its own, with real ones."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from monitor.compare.spool import Spool, open_spool
from monitor.errors import MonitorError
from monitor.imaging.workers import open_workers


def square(shared: int, task: int) -> tuple[int, int, int]:
    return shared, task * task, os.getpid()


def end(how: int, task: int) -> int:
    if task == 3:
        os.kill(os.getpid(), how)
    return task


def fail(_: int, task: int) -> int:
    raise ValueError(f"task {task}")


def read_whole(spool: Spool, place: tuple[tuple[str, int, int], ...]) -> dict[str, bytes]:
    return dict(spool.get(place))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_every_task_is_answered_under_its_number(count: int) -> None:
    with open_workers(count, 7) as workers:
        answers = dict(workers.run(square, range(20)))
        again = dict(workers.run(square, []))
    assert again == {}
    assert {number: answer[:2] for number, answer in answers.items()} == {
        number: (7, number * number) for number in range(20)
    }
    processes = {process for *_, process in answers.values()}
    assert len(processes) <= max(1, count)
    assert (os.getpid() in processes) == (count == 0)


def test_a_task_may_be_larger_than_a_pipe_holds() -> None:
    tasks = [b"x" * 3_000_000, b"y" * 3_000_000]
    with open_workers(2, b"z") as workers:
        assert dict(workers.run(bytes.__add__, tasks)) == {0: b"z" + tasks[0], 1: b"z" + tasks[1]}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_worker_that_is_killed_is_an_error_and_ends_the_others(how: int) -> None:
    with open_workers(2, how) as workers:
        seen = {process for *_, process in dict(workers.run(square, range(8))).values()}
        with pytest.raises(MonitorError, match="a worker process"):
            list(workers.run(end, range(8)))
    assert seen
    for process in seen:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_an_exception_in_a_worker_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MonitorError, match="ended with 1"), open_workers(1, 0) as workers:
        list(workers.run(fail, [5]))
    assert "ValueError: task 5" in capfd.readouterr().err


def test_fingerprints_are_read_in_other_processes() -> None:
    prints = [{"a": b"one", "b": b"two"}, {"a": b"", "b": b"three"}]
    with open_spool() as spool, open_workers(2, spool) as workers:
        places = [spool.add(item) for item in prints]
        assert list(map(spool.get, places)) == prints
        assert dict(workers.run(read_whole, places)) == dict(enumerate(prints))


def test_a_folder_for_temporary_files_that_is_full_is_said() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(MonitorError, match="set TMPDIR"),
    ):
        Spool(full).add({"a": b"x"})
