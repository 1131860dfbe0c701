"""A real HTTP server on loopback with scripted answers, and recorders for time and turns."""

from __future__ import annotations

import json
import random
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from monitor.marketplaces.base import Outside
from monitor.net.wire import ExchangeLimits

# Real time that a test may wait for a server that never answers.
QUICK = ExchangeLimits(connect=2.0, read=0.15, total=0.3, max_bytes=200_000)
PATIENT = ExchangeLimits(connect=5.0, read=10.0, total=10.0, max_bytes=200_000)
NOW = 1_700_000_000.0


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """`cut` sends half of the body, `silent` nothing at all, `drip` a byte every 10 ms."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False
    silent: bool = False
    drip: bool = False


def as_json(value: object, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    body = json.dumps(value).encode()
    return Reply(status, {"Content-Type": "application/json", **named}, body)


PAGE = Reply(200, {"Content-Type": "text/html"}, b"<!doctype html><p>Please slide to verify")


class Scripted:
    """Serves its replies one after the other, the last one for ever; keeps what was asked."""

    def __init__(self, *replies: Reply, ssl_context: ssl.SSLContext | None = None) -> None:
        self.replies = list(replies)
        self.routes: dict[str, Reply | Callable[[Request], Reply]] = {}
        self.requests: list[Request] = []
        self.connections = 0
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self, ssl_context)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/search") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def __enter__(self) -> Scripted:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            route = self.routes.get(request.path.partition("?")[0])
            if route is None:
                return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return route(request) if callable(route) else route


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self, address: tuple[str, int], script: Scripted, context: ssl.SSLContext | None
    ) -> None:
        super().__init__(address, _Handler)
        self.script = script
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are meant here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self.server.script.connections += 1
        super().setup()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        script = self.server.script
        reply = script.answer(Request(self.command, self.path, headers, body))
        if reply.silent:
            script.stop.wait(20)
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        is_chunked = "Transfer-Encoding" in reply.headers
        length = {} if is_chunked else {"Content-Length": str(len(reply.body))}
        for name, value in {**length, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self._send_body(reply)

    def _send_body(self, reply: Reply) -> None:
        if reply.drip:
            for byte in reply.body:
                self.wfile.write(bytes([byte]))
                if self.server.script.stop.wait(0.01):
                    break
        else:
            self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)
        self.close_connection = reply.cut or reply.drip or self.close_connection

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@dataclass
class RecordedPace:
    """Lets every call pass, and remembers; `refusal` is raised instead from call `after` on."""

    waits: int = 0
    holds: list[timedelta] = field(default_factory=list)
    refusal: Exception | None = None
    after: int = 0

    def wait(self) -> None:
        if self.refusal is not None and self.waits >= self.after:
            raise self.refusal
        self.waits += 1

    def hold(self, duration: timedelta) -> None:
        self.holds.append(duration)


@dataclass
class RecordedSleep:
    """Never sleeps; remembers the waits. Zeros are only questions whether to stop."""

    calls: list[float] = field(default_factory=list)
    stop: Exception | None = None

    def __call__(self, seconds: float) -> None:
        if self.stop is not None:
            raise self.stop
        if seconds > 0:
            self.calls.append(seconds)


@dataclass
class RecordedMemory:
    """Remembers in a dict, by a clock that stands still until it is set."""

    now: float = NOW
    kept: dict[str, tuple[str, float]] = field(default_factory=dict)

    def find(self, key: str) -> str | None:
        value, end = self.kept.get(key, ("", 0.0))
        return value if end > self.now else None

    def keep(self, key: str, value: str, lifetime: timedelta | None = None) -> None:
        end = self.now + lifetime.total_seconds() if lifetime else float("inf")
        self.kept[key] = (value, end)

    def forget(self, key: str) -> None:
        self.kept.pop(key, None)

    def claim(self, key: str, lifetime: timedelta) -> bool:
        is_free = self.find(key) is None
        if is_free:
            self.keep(key, "", lifetime)
        return is_free


def make_outside(
    pace: RecordedPace | None = None,
    sleep: RecordedSleep | None = None,
    memory: RecordedMemory | None = None,
    *,
    limits: ExchangeLimits = PATIENT,
    proxy: str | None = None,
) -> Outside:
    """Recorders for everything that an adapter gets, at a time that stands still."""
    memory = memory or RecordedMemory()
    return Outside(
        pace=pace or RecordedPace(),
        memory=memory,
        sleep=sleep or RecordedSleep(),
        rng=random.Random(1),
        now=lambda: memory.now,
        limits=limits,
        proxy=proxy,
    )
