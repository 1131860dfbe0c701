"""Work on all cores, in processes of its own: much of a comparison holds Python's one lock.

A worker has one task at a time and waits for the next on a pipe of its own. So each side sees at
once when the other ends: a killed worker is an error, and no worker outlives the program.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Final, Generic, TypeVar

from monitor.errors import MonitorError

Shared = TypeVar("Shared")
Task = TypeVar("Task")
Result = TypeVar("Result")

# A new interpreter copies none of this one's threads and locks, as a fork would, and is a child of
# this process, as with a fork server it would not be. It takes a third of a second to start.
_CONTEXT: Final = multiprocessing.get_context("spawn")
# What a worker starts with, unless the user says otherwise. glibc gives pieces of memory above
# 128 kB back to the system each time they are freed; taking them anew for every picture took 6 % of
# the CPU time.
_ENVIRONMENT: Final = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
}
# A terminal and a service manager send these to all processes; ours ends its workers itself.
_HELD_BACK: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def count_cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers(Generic[Shared]):
    """Processes that share one thing; where there are none, the work is done here."""

    def __init__(self, shared: Shared, started: dict[Connection, SpawnProcess]) -> None:
        self._shared = shared
        self._started = started

    def run(
        self, function: Callable[[Shared, Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[int, Result]]:
        """(number of the task, `function(shared, task)`), as they are ready; to be run to its end.

        The function is one of a module: it is sent by its name. Raises MonitorError when a worker
        ends, also by an exception, which it has then printed.
        """
        waiting = iter(enumerate(tasks))
        if not self._started:
            yield from ((number, function(self._shared, task)) for number, task in waiting)
            return
        busy: dict[Connection, int] = {}
        idle = list(self._started)
        done: list[tuple[int, Result]] = []
        while True:
            # The pipes first, so that nobody waits while the results are looked at.
            for connection, (number, task) in zip(idle, waiting, strict=False):
                with self._seeing_its_end(connection):
                    connection.send((function, task))
                busy[connection] = number
            yield from done
            if not busy:
                return
            ready, done = wait(list(busy)), []
            idle = [connection for connection in busy if connection in ready]
            for connection in idle:
                with self._seeing_its_end(connection):
                    done.append((busy.pop(connection), connection.recv()))

    @contextmanager
    def _seeing_its_end(self, connection: Connection) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError) as error:
            raise self._explain_end(connection) from error

    def _explain_end(self, connection: Connection) -> MonitorError:
        process = self._started[connection]
        process.join()
        if process.exitcode == -signal.SIGKILL:
            return MonitorError(
                "a worker process was killed, by the system if memory ran out; nothing was written"
            )
        return MonitorError(f"a worker process ended with {process.exitcode}; nothing was written")


@contextmanager
def open_workers(count: int, shared: Shared) -> Iterator[Workers[Shared]]:
    """`count` processes, each with its copy of `shared`; they are ended with the block."""
    started: dict[Connection, SpawnProcess] = {}
    if count:
        _prepare()
    try:
        for _ in range(count):
            _start(shared, started)
        yield Workers(shared, started)
    finally:
        with _signals_held_back():
            _end(started)


def _prepare() -> None:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # By itself it would start with the first process, and let the signals through as it does.
    resource_tracker.ensure_running()


def _start(shared: object, started: dict[Connection, SpawnProcess]) -> None:
    try:
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=_serve, args=(theirs, shared), daemon=True)
        with _signals_held_back():
            process.start()
            started[ours] = process
        theirs.close()
    except OSError as error:
        raise MonitorError(
            f"no worker process can be started: {error.strerror or error}"
        ) from error


def _end(started: Mapping[Connection, SpawnProcess]) -> None:
    """At once, also in the middle of a task: all that they have done is here."""
    for process in started.values():
        process.kill()
    for connection, process in started.items():
        process.join()
        connection.close()


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Nothing inside is interrupted, and a process started there never acts on signals."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, shared: Shared) -> None:
    """The life of a worker, until the other end of its pipe is closed."""
    while (message := _next(connection)) is not None:
        function, task = message
        result = function(shared, task)
        try:
            connection.send(result)
        except OSError:
            return


def _next(connection: Connection) -> tuple[Callable[[object, object], object], object] | None:
    try:
        function, task = connection.recv()
    except (EOFError, OSError):
        return None
    return function, task
