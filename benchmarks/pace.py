"""How well two processes share the pace of one credential: ours, and rate limiters' as peers.

    python benchmarks/pace.py                        both rates, both databases, a minute or two
    python benchmarks/pace.py --seconds 30 --rate 5

Two processes of four threads each call as fast as they are allowed to. A call is a datagram to
loopback; the kernel says when it came, so that a receiver that is late doesn't blur the figures.
Peers run if they are installed (benchmarks/requirements.txt).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module, util
from pathlib import Path
from typing import Any, Final

from databases import has_postgresql, postgresql

RATES: Final = (5, 50)
PROCESSES: Final = 2
THREADS: Final = 4
# Linux: a datagram comes with the time at which the kernel got it (socket(7)).
_TIMESTAMPS: Final = 35
_START_IN: Final = 4.0
KEY: Final = "one credential"

Wait = Callable[[], None]


# -- a process that calls


def _ours(url: str, rate: int) -> tuple[Wait, Callable[[], int]]:
    from monitor.accounts.pace import StorePace
    from monitor.model import Budget
    from monitor.storage.db.engine import Store

    lost = _Counter()
    logging.getLogger("monitor.accounts.pace").addHandler(lost)
    logging.getLogger("monitor.accounts.pace").setLevel(logging.DEBUG)
    pace = StorePace(
        store=Store.open(url),
        key=KEY,
        name=KEY,
        rate_per_second=rate,
        budget=Budget(daily=1_000_000_000),
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        new_alert_id=str,
    )
    return pace.wait, lambda: lost.count


class _Counter(logging.Handler):
    """Slots that were given up; each is one line of the log."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        self.count += 1


def _pyrate(path: str, rate: int, *, is_locked: bool) -> tuple[Wait, Callable[[], int]]:
    peer: Any = import_module("pyrate_limiter")
    bucket = peer.SQLiteBucket.init_from_file(
        [peer.Rate(rate, peer.Duration.SECOND)], db_path=path, use_file_lock=is_locked
    )
    limiter = peer.Limiter(bucket)

    def wait() -> None:
        if not limiter.try_acquire(KEY):
            raise RuntimeError("not allowed")

    return wait, lambda: 0


def call(kind: str, where: str, rate: int, port: int, start: float, seconds: float) -> None:
    """Call from four threads until the time is over; prints what went wrong, by name."""
    if kind == "ours":
        wait, lost = _ours(where, rate)
    else:
        wait, lost = _pyrate(where, rate, is_locked=kind == "pyrate-locked")
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.connect(("127.0.0.1", port))
    mark = struct.pack("i", os.getpid())
    errors: Counter[str] = Counter()

    def work() -> None:
        time.sleep(max(0.0, start - time.time()))
        while time.time() < start + seconds:
            try:
                wait()
            except Exception as error:  # noqa: BLE001  a peer's failure is a result
                errors[type(error).__name__] += 1
                time.sleep(0.05)
                continue
            out.send(mark)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=max(0.0, start + seconds - time.time()) + 5)
    sys.stdout.write(json.dumps({"errors": errors, "lost": lost()}))
    sys.stdout.flush()
    os._exit(0)  # a peer's threads may wait for ever


# -- the one that counts


@dataclass
class Receiver:
    """Takes down when each datagram came, and from which process."""

    calls: list[tuple[float, int]] = field(default_factory=list)

    @contextmanager
    def listen(self) -> Iterator[int]:
        inbox = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        inbox.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)
        inbox.bind(("127.0.0.1", 0))
        inbox.settimeout(0.2)
        done = threading.Event()
        thread = threading.Thread(target=self._take, args=(inbox, done))
        thread.start()
        try:
            yield inbox.getsockname()[1]
        finally:
            done.set()
            thread.join()
            inbox.close()

    def _take(self, inbox: socket.socket, done: threading.Event) -> None:
        while not done.is_set():
            try:
                data, extra, _, _ = inbox.recvmsg(16, 64)
            except TimeoutError:
                continue
            seconds, nanoseconds = struct.unpack("qq", extra[0][2][:16])
            self.calls.append((seconds + nanoseconds / 1e9, struct.unpack("i", data)[0]))


def busiest(times: Sequence[float]) -> int:
    """The most calls in any second, its end not counted in."""
    ordered = sorted(times)
    return max(
        (bisect_left(ordered, at + 1.0) - number for number, at in enumerate(ordered)), default=0
    )


def measure(label: str, kind: str, where: str, rate: int, seconds: float) -> None:
    """One line of the table."""
    receiver, start = Receiver(), time.time() + _START_IN
    with receiver.listen() as port:
        arguments = [kind, where, str(rate), str(port), str(start), str(seconds)]
        processes = [
            subprocess.Popen(
                [sys.executable, __file__, "--call", *arguments], stdout=subprocess.PIPE
            )
            for _ in range(PROCESSES)
        ]
        said = [json.loads(process.communicate()[0] or "{}") for process in processes]
    calls = [(at, who) for at, who in receiver.calls if start <= at < start + seconds]
    split = sorted(Counter(who for _, who in calls).values(), reverse=True)
    errors = sum((Counter(item.get("errors")) for item in said), Counter[str]())
    lost = sum(item.get("lost", 0) for item in said)
    told = ", ".join(f"{count} {name}" for name, count in errors.items())
    print(
        f"| {label} | {rate}/s | {busiest([at for at, _ in calls])} "
        f"| {len(calls) / (rate * seconds):.3f} | {' / '.join(map(str, split))} "
        f"| {lost or ''} | {told} |",
        flush=True,
    )


def _migrated(url: str) -> str:
    from monitor.storage.db.engine import Store
    from monitor.storage.schema.versions import ensure_schema

    store = Store.open(url)
    ensure_schema(store)
    store.close()
    return url


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=int, action="append")
    parser.add_argument("--folder", type=Path, help="where the SQLite files are put")
    options = parser.parse_args()
    rates, seconds = options.rate or RATES, options.seconds
    print("| | rate | most in a second | share used | split | given up | errors |")
    print("|---|---|---|---|---|---|---|")
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as name,
        postgresql() if has_postgresql() else nullcontext() as server,
    ):
        ours = {"ours, SQLite": _migrated(f"sqlite:///{name}/monitor.db")}
        if server is not None:
            ours["ours, PostgreSQL"] = _migrated(server)
        for label, url in ours.items():
            for rate in rates:
                measure(label, "ours", url, rate, seconds)
        if util.find_spec("pyrate_limiter") is None:
            print("pyrate-limiter is not installed: no peers", file=sys.stderr)
            return
        for label, kind in (
            ("pyrate-limiter, SQLite", "pyrate"),
            ("pyrate-limiter, SQLite, file lock", "pyrate-locked"),
        ):
            for rate in rates:
                measure(label, kind, f"{name}/{kind}-{rate}.db", rate, seconds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--call"]:
        kind, where, rate, port, start, seconds = sys.argv[2:]
        call(kind, where, int(rate), int(port), float(start), float(seconds))
    else:
        main()
