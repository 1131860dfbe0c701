"""The rehearsal marketplace: a folder of pictures served over real HTTP in several dialects."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit

from monitor.errors import InputError
from monitor.sandbox.dialects import DIALECTS, Dialect, Reply, Request
from monitor.sandbox.dialects.base import as_json
from monitor.sandbox.faults import Fault, Faults, Purpose
from monitor.sandbox.rules import Pacer, Rules
from monitor.sandbox.shelf import Shelf
from monitor.sandbox.shop import Shop

__all__ = ["LoopbackServer", "Pacer", "Rules", "Sandbox"]

_HTML = Reply(
    200,
    {"Content-Type": "text/html"},
    b"<!doctype html><title>Verify</title><p>Please slide to verify",
)
# What breaks in the same way everywhere.
_PLAIN: Mapping[Fault, Reply] = {
    Fault.GARBAGE: Reply(200, {"Content-Type": "application/json"}, b'{"success": tru\xff\x00'),
    Fault.HTML: _HTML,
    Fault.PICTURE_HTML: _HTML,
    Fault.PICTURE_MISSING: as_json({"message": "there is no such picture"}, 404),
}


class Sandbox:
    """Serves while the `with` block runs; `urls` are the `base_url`s for a config, by type.

    `monotonic` is the clock, in seconds, by which the rate is kept.
    """

    def __init__(
        self,
        images: Path,
        rules: Rules | None = None,
        *,
        port: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.shop = Shop(images, rules or Rules())
        self.dialects: tuple[Dialect, ...] = tuple(dialect(self.shop) for dialect in DIALECTS)
        rate = self.shop.rules.rate
        self._pacers = {dialect.name: Pacer(rate, monotonic) for dialect in self.dialects}
        self._server = _listen(port, self)
        self.shop.origin = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def urls(self) -> dict[str, str]:
        """The `base_url` of each marketplace type."""
        return {item.name: self.shop.origin + item.base_path for item in self.dialects}

    @property
    def url(self) -> str:
        """The `base_url` of type guide_1688."""
        return self.urls["guide_1688"]

    @property
    def rules(self) -> Rules:
        return self.shop.rules

    @rules.setter
    def rules(self, rules: Rules) -> None:
        self.shop.rules = rules

    @property
    def faults(self) -> Faults:
        return self.shop.faults

    @property
    def counts(self) -> Counter[str]:
        return self.shop.counts

    @property
    def shelf(self) -> Shelf:
        return self.shop.shelf

    def stats(self) -> dict[str, int]:
        """What was served so far."""
        return self.shop.stats()

    def revoke_tokens(self) -> None:
        """Make every token worthless that was handed out so far, but not the static one."""
        for dialect in self.dialects:
            dialect.tokens.revoke()

    def __enter__(self) -> Sandbox:
        self.shelf.goods()  # the first search should not wait for all pictures
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shop.stop.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # -- answers; True with one that breaks off in the middle

    def answer(self, request: Request) -> tuple[Reply, bool]:
        """A dialect's call, what was served so far, or a listing's picture."""
        for dialect in self.dialects:
            if (call := dialect.find_call(request)) is not None:
                return self._answer_call(dialect, call, request)
        if request.method == "GET" and request.path == "/stats":
            return as_json(self.stats()), False
        if request.method == "GET":
            return self._answer_picture(request.path)
        known = ", ".join(dialect.name for dialect in self.dialects)
        return as_json({"message": f"no call of {known} goes here"}, 404), False

    def _answer_call(self, dialect: Dialect, call: str, request: Request) -> tuple[Reply, bool]:
        purpose, place = dialect.calls[call], f"{dialect.name}/{call}"
        fault = self._take_fault(purpose, place)
        if fault is not None and fault in _PLAIN:
            return _PLAIN[fault], False
        if fault is Fault.SLOW:
            self.shop.stop.wait(self.rules.slow_seconds)
        elif fault not in (None, Fault.CUT_OFF):
            return dialect.fail(fault, call, request), False
        return self._serve(dialect, call, request), fault is Fault.CUT_OFF

    def _take_fault(self, purpose: Purpose, place: str) -> Fault | None:
        fault = self.faults.take(purpose, place)
        if fault is not None:
            self.shop.count(f"fault {fault}")
        return fault

    def _serve(self, dialect: Dialect, call: str, request: Request) -> Reply:
        """The right answer, or the refusal of a call too many: failed calls count too."""
        purpose = dialect.calls[call]
        self.shop.count(
            f"{dialect.name}/{call}", *(["searches"] if purpose is Purpose.SEARCH else [])
        )
        if purpose.is_paced and not self._pacers[dialect.name].allows():
            self.shop.count("throttled")
            return dialect.fail(Fault.THROTTLED, call, request)
        try:
            return dialect.answer(call, request)
        except InputError as error:
            return dialect.trouble(str(error))

    def _answer_picture(self, path: str) -> tuple[Reply, bool]:
        """A listing's picture, by the start of its sha256 and its name."""
        fault = self._take_fault(Purpose.PICTURE, "pictures")
        if fault is not None and fault in _PLAIN:
            return _PLAIN[fault], False
        self.shop.count("pictures")
        return self._read_picture(path), fault is Fault.PICTURE_CUT_OFF

    def _read_picture(self, path: str) -> Reply:
        good = self.shop.find_picture(path)
        try:
            if good is not None:
                return Reply(200, {"Content-Type": good.content_type}, good.path.read_bytes())
        except OSError:  # removed in this moment
            pass
        return _PLAIN[Fault.PICTURE_MISSING]


class LoopbackServer(ThreadingHTTPServer):
    """A server for rehearsals: a caller that is gone is no news."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Server(LoopbackServer):
    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        super().__init__(address, _Handler)
        self.sandbox = sandbox


def _listen(port: int, sandbox: Sandbox) -> _Server:
    try:
        return _Server(("127.0.0.1", port), sandbox)
    except OSError as error:
        raise InputError(f"can't listen on port {port}: {error.strerror}; take another") from error


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """A dialect's call."""
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def do_GET(self) -> None:
        """The same, without a body, or a listing's picture."""
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, unquote(parts.path), parts.query, headers, body)
        self._send(*self.server.sandbox.answer(request))

    def _send(self, answer: Reply, is_cut: bool) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if is_cut else answer.body)
        if is_cut:
            self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The site's clock, for the Date header."""
        now = self.server.sandbox.shop.now()
        return super().date_time_string(now if timestamp is None else timestamp)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the rehearsal's own output stays readable."""
