"""A receiver of alerts on loopback: the other end of a `json://` channel."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from types import TracebackType

from monitor.sandbox.server import LoopbackServer


@dataclass(frozen=True, slots=True)
class ReceivedAlert:
    """One message as it arrived; `attachments` are file names."""

    title: str
    body: str
    attachments: tuple[str, ...]


class JsonReceiver:
    """Receives while the `with` block runs; `url` is the channel's address."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[ReceivedAlert] = []
        self.status = 200
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self._server.server_address[1]}/alerts"

    def __enter__(self) -> JsonReceiver:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(LoopbackServer):
    def __init__(self, address: tuple[str, int], receiver: JsonReceiver) -> None:
        super().__init__(address, _Handler)
        self.receiver = receiver


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """A message in the JSON that apprise sends."""
        receiver = self.server.receiver
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        if receiver.status == 200:
            names = tuple(str(item.get("filename")) for item in body.get("attachments", []))
            receiver.received.append(ReceivedAlert(body["title"], body["message"], names))
        self.send_response(receiver.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: what arrived stands in `received`."""
