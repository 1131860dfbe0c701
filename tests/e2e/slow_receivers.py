"""Receivers of alerts that don't answer when they should."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Holding:
    """Takes each message and answers only once `answers` is set."""

    port: int = 0
    taken: list[str] = field(default_factory=list)
    answers: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/alerts"


@contextmanager
def holding_receiver() -> Iterator[Holding]:
    holding = Holding()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            holding.taken.append(f"{body['title']}\n{body['message']}")
            holding.answers.wait(60)
            try:
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                """The sender died in the meantime."""

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        holding.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield holding
        finally:
            holding.answers.set()
            server.shutdown()
            thread.join()
