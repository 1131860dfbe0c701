"""A real HTTP server on loopback that answers by a script."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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


WEB_PAGE = Reply(200, {"Content-Type": "text/html"}, b"<!doctype html><p>Please slide to verify")


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
