"""`monitor` in a process of its own that needn't import the program first.

Nearly all of a start is imports, two seconds of a core on a small machine, and the end-to-end tests
start a hundred processes. Here they come from a server that has imported everything and done
nothing else: memory, descriptors, signals and exit codes are a process' own as ever. Tests of the
start itself, or of what a shell does around it, have an interpreter of their own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["monitor.cli.scan", "monitor.daemon.once", "monitor.daemon.run"])


class WarmProcess:
    """As much of `subprocess.Popen` as the tests use."""

    def __init__(
        self, folder: Path, words: Sequence[str], environ: Mapping[str, str], out: Path, log: Path
    ) -> None:
        self._process = _server.Process(
            target=_be_monitor, args=(folder, tuple(words), dict(environ), out, log)
        )
        self._process.start()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (code := self._process.exitcode) is None:
            raise subprocess.TimeoutExpired("monitor", timeout or 0.0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self._process.pid is not None and self.poll() is None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _be_monitor(
    folder: Path, words: tuple[str, ...], environ: dict[str, str], out: Path, log: Path
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    for path, descriptor in ((out, 1), (log, 2)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    sys.argv = ["monitor", *words]
    from monitor.cli import main

    main()
