"""The program as its users run it: processes with their logs, signals and exit codes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from sqlalchemy.engine import make_url

from tests.e2e.warm import WarmProcess

_OURS = ("MONITOR_CONFIG", "STATE_DIRECTORY", "NOTIFY_SOCKET")
_numbers = count(1)
# For what is over within a second or two on a machine that has nothing else to do.
_PATIENCE_SECONDS = 60.0


def until(
    condition: Callable[[], object], seconds: float = _PATIENCE_SECONDS, what: str = ""
) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        time.sleep(0.02)


@dataclass
class Process:
    """`monitor` with its stdout and stderr in files."""

    popen: subprocess.Popen[bytes] | WarmProcess
    out_path: Path
    log_path: Path

    @property
    def out(self) -> str:
        return self.out_path.read_text(encoding="utf-8")

    @property
    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8")

    @property
    def is_alive(self) -> bool:
        return self.popen.poll() is None

    def await_log(self, text: str, seconds: float = _PATIENCE_SECONDS) -> None:
        def is_there() -> bool:
            assert self.is_alive or text in self.log, f"ended early:\n{self.log}"
            return text in self.log

        until(is_there, seconds, f"{text!r} in the log:\n{self.log}")

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def wait(self, seconds: float = 30.0) -> int:
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s:\n{self.log}") from None

    def stop(self) -> tuple[int, float]:
        """SIGTERM; (exit code, seconds it took)."""
        began = time.monotonic()
        self.send(signal.SIGTERM)
        return self.wait(), time.monotonic() - began

    def kill(self) -> None:
        """As a power cut for the process: kill -9."""
        self.popen.kill()
        self.popen.wait()


@contextmanager
def start(
    folder: Path,
    words: Sequence[str],
    environ: Mapping[str, str] | None = None,
    *,
    wrapper: Sequence[str] = (),
) -> Iterator[Process]:
    """`monitor WORDS` in `folder`, by `wrapper` if given; killed at the end if it still runs.

    From an interpreter of its own, as a user's shell starts it.
    """
    out_path, log_path = _files(folder)
    with out_path.open("wb") as out, log_path.open("wb") as log:
        popen = subprocess.Popen(
            [*wrapper, sys.executable, "-m", "monitor", *words],
            cwd=folder,
            env=_environ(environ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
        )
    with _ending(Process(popen, out_path, log_path)) as process:
        yield process


@contextmanager
def start_warm(
    folder: Path, words: Sequence[str], environ: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """The same, from a process that has imported the program already."""
    out_path, log_path = _files(folder)
    popen = WarmProcess(folder, words, _environ(environ), out_path, log_path)
    with _ending(Process(popen, out_path, log_path)) as process:
        yield process


def _files(folder: Path) -> tuple[Path, Path]:
    number = next(_numbers)
    paths = folder / f"out-{number}.txt", folder / f"log-{number}.txt"
    for path in paths:
        path.touch()
    return paths


def _environ(more: Mapping[str, str] | None) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name not in _OURS}
    return {**ours, **(more or {})}


@contextmanager
def _ending(process: Process) -> Iterator[Process]:
    try:
        yield process
    finally:
        process.kill()


@contextmanager
def daemon(config: Path, environ: Mapping[str, str] | None = None) -> Iterator[Process]:
    """`monitor run`, ready."""
    with start_warm(config.parent, ["--config", str(config), "run"], environ) as process:
        process.await_log("ready watches=")
        yield process


@contextmanager
def scanning(config: Path, *words: str) -> Iterator[Process]:
    """`monitor scan`, begun."""
    with start_warm(config.parent, ["--config", str(config), "scan", *words]) as process:
        yield process


def run(folder: Path, *words: str, seconds: float = 60.0) -> Process:
    """`monitor WORDS`, ended."""
    with start_warm(folder, words) as process:
        process.wait(seconds)
        return process


class ServiceManager:
    """systemd's end of the notify protocol: what arrived, in order."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)
        self._lines: list[str] = []

    @property
    def lines(self) -> list[str]:
        while True:
            try:
                self._lines += self._socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self._lines

    def close(self) -> None:
        self._socket.close()


@contextmanager
def service_manager() -> Iterator[ServiceManager]:
    # a short path: the address of a Unix socket holds 107 bytes
    folder = Path(tempfile.mkdtemp(prefix="notify-"))
    manager = ServiceManager(folder / "socket")
    try:
        yield manager
    finally:
        manager.close()
        shutil.rmtree(folder)


def database_file(url: str) -> Path:
    return Path(str(make_url(url).database))


_HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Another process' write transaction on a SQLite database."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(database_file(url))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.communicate()
