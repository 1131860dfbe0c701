"""How fast due deliveries drain, and whether a dead channel beside slows that down.

    PYTHONPATH=. python benchmarks/alerts_throughput.py       10,000 due alerts, both databases
    PYTHONPATH=. python benchmarks/alerts_throughput.py --alerts 1000 --seconds 10 --database sqlite

Each alert tells of a match of its own and is due on two channels. The fast one's receiver is an
HTTP server in a process of its own that answers at once; nothing is drawn, as it takes no pictures.
The dead one's takes connections and never answers. Where the backlog doesn't drain within
--seconds, the rate is that of what did.
"""

from __future__ import annotations

import argparse
import itertools
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module, util
from pathlib import Path
from typing import Final

from databases import KINDS, new_database

from monitor.alerting.context import AlertContext, Destination, Routes
from monitor.alerting.deliver import deliver_next
from monitor.alerting.options import ChannelOptions
from monitor.channels import Channel
from monitor.model import Basis
from monitor.model.events import NewMatch
from monitor.scanning.policy import LEASE, OBSERVE_EVERY
from monitor.storage.catalogue import listings
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Store
from monitor.storage.leases import this_process
from monitor.storage.matches import matches
from monitor.storage.telling import alerts, deliveries
from tests.channels.receivers import silent_server
from tests.storage.rows import listing, similarity, stock

FAST, DEAD = "fast", "dead"
_AT_ONCE: Final = 500
# What bounds how many alerts one message tells.
_MODULES: Final = (
    "monitor.alerting.gate",
    "monitor.storage.telling.deliveries",
    "monitor.storage.telling.ready",
)
_CONSTANTS: Final = ("MOST_IN_A_GROUP", "MOST_IN_A_MESSAGE")
# What gathers alerts must have been due for longer than that.
_GROUP: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Drained:
    alerts: int
    messages: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.alerts / self.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--database", choices=KINDS, action="append")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    print("| database | messages hold | beside | alerts | messages | s | alerts/s |")
    print("|---|---|---|---|---|---|---|")
    for kind, is_grouped, is_beside in itertools.product(
        options.database or KINDS, (True, False), (False, True)
    ):
        drained = measure(
            kind, options.alerts, options.seconds, is_grouped=is_grouped, is_beside=is_beside
        )
        what = "a group" if is_grouped else "one alert"
        beside = "a dead channel" if is_beside else "nothing"
        print(
            f"| {kind} | {what} | {beside} | {drained.alerts} | {drained.messages} | "
            f"{drained.seconds:.1f} | {drained.rate:.0f} |",
            flush=True,
        )


def measure(kind: str, count: int, seconds: float, *, is_grouped: bool, is_beside: bool) -> Drained:
    """Drain the fast channel of a new backlog, perhaps while the dead one is tried in a thread."""
    with (
        new_database(kind) as url,
        tempfile.TemporaryDirectory() as folder,
        silent_server() as silent,
        fast_server() as fast,
        _bounded(None if is_grouped else 1),
    ):
        store = Store.open(url)
        try:
            fill(store, count, (FAST, DEAD))
            context = _context(store, Path(folder), {FAST: fast, DEAD: silent}, is_grouped)
            done = threading.Event()
            beside = threading.Thread(target=_drain, args=(context, DEAD, done), daemon=True)
            if is_beside:
                beside.start()
            began = time.monotonic()
            _drain(context, FAST, done, until=began + seconds)
            took = time.monotonic() - began
            messages = count_messages(fast)
            done.set()
            if is_beside:
                beside.join()
            with store.reading() as conn:
                sent = deliveries.count_sent_since(conn, datetime(2000, 1, 1, tzinfo=UTC))
        finally:
            store.close()
    return Drained(sent, messages, took)


def _drain(
    context: AlertContext, channel: str, done: threading.Event, until: float = float("inf")
) -> None:
    """As the daemon's thread of the channel does."""
    while not done.is_set() and time.monotonic() < until and deliver_next(context, channel):
        pass


@contextmanager
def _bounded(most: int | None) -> Iterator[None]:
    """Let a message tell so many alerts: a backlog goes out in large ones, whatever is asked."""
    old = [
        (module, constant, getattr(module, constant))
        for module in map(import_module, filter(util.find_spec, _MODULES))
        for constant in _CONSTANTS
        if hasattr(module, constant)
    ]
    if not old:
        raise LookupError(f"none of {_CONSTANTS} is left to bound a message with")
    for module, constant, value in old:
        setattr(module, constant, most or value)
    try:
        yield
    finally:
        for module, constant, value in old:
            setattr(module, constant, value)


def _context(store: Store, folder: Path, ports: dict[str, int], is_grouped: bool) -> AlertContext:
    group = _GROUP if is_grouped else timedelta(0)
    return AlertContext(
        store=store,
        files=PictureFiles(folder),
        destinations={
            name: Destination(
                Channel(name, f"gotify://127.0.0.1:{port}/token"), ChannelOptions(group=group)
            )
            for name, port in ports.items()
        },
        routes=Routes(ops=()),
        lease=LEASE,
        owner=this_process(),
        clock=lambda: datetime.now(UTC),
        random=random.Random(1),
        new_alert_id=lambda: f"al-{time.monotonic_ns()}",
    )


def fill(store: Store, count: int, channels: tuple[str, ...]) -> None:
    """So many alerts, due since a minute ago."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    with store.writing() as conn:
        shelf = stock(conn)
    reference = shelf.references[0]
    for start in range(0, count, _AT_ONCE):
        with store.writing() as conn:
            for number in range(start, min(count, start + _AT_ONCE)):
                seen = listings.record(
                    conn,
                    shelf.scan.id,
                    listing(str(number)),
                    reference.sha256,
                    None,
                    now,
                    observe_every=OBSERVE_EVERY,
                )
                match = matches.record(
                    conn,
                    watch_id=shelf.watch_id,
                    asset_id=reference.asset_id,
                    listing_id=seen.id,
                    bases=[Basis(reference.id, reference.sha256, similarity())],
                    marketplace="alibaba",
                    provider_score=None,
                    own_seller=False,
                    now=now,
                )
                alert_id = f"al-{number:012x}"
                alerts.add(
                    conn,
                    event=NewMatch(),
                    dedup_key=alert_id,
                    now=now,
                    alert_id=alert_id,
                    watch_id=shelf.watch_id,
                    match_id=match.id,
                )
                alerts.route(conn, alert_id, channels, now)


# -- the receiver


@contextmanager
def fast_server() -> Iterator[int]:
    """The port of a receiver in a process of its own."""
    words = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def count_messages(port: int) -> int:
    """How many the receiver has taken."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    count = int(connection.getresponse().read())
    connection.close()
    return count


class _Hook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    taken = itertools.count()

    def do_POST(self) -> None:
        """Take it and say so."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        next(self.taken)
        self._answer(b"{}")

    def do_GET(self) -> None:
        """How many were taken; asked once."""
        self._answer(str(next(self.taken)).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


def serve() -> None:
    """Receive until killed; prints the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
