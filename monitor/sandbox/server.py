"""The rehearsal marketplace: a folder of pictures served in the guide's dialect over real HTTP."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, quote, unquote, urlsplit

from PIL import Image

from monitor.errors import InputError
from monitor.marketplaces.signing import sign_guide
from monitor.sandbox.faults import Fault, Faults
from monitor.sandbox.shelf import Good, Shelf, search

SEARCH_PATH = "/router/imageSearch"
MAX_UPLOAD_BYTES = 5_000_000
# A clock further off than this is refused, as by most signed interfaces.
MAX_SKEW_SECONDS = 300
# search_type 1 asks for the same product: what looks less alike is left out.
SAME_SIMILARITY = 0.97

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the sandbox asks of its callers. `rate` is searches in any one second."""

    app_key: str = "sandbox"
    app_secret: str = "sandbox-secret"  # noqa: S105
    rate: int = 5
    max_items: int = 60
    slow_seconds: float = 60.0


@dataclass(slots=True)
class Pacer:
    """A strict counter: no more than `rate` calls in any sliding second."""

    rate: int
    clock: Callable[[], float]
    _calls: deque[float] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def allows(self) -> bool:
        with self._lock:
            now = self.clock()
            while self._calls and now - self._calls[0] >= 1.0:
                self._calls.popleft()
            if len(self._calls) >= self.rate:
                return False
            self._calls.append(now)
            return True


class Sandbox:
    """Serves while the `with` block runs; `url` is the endpoint for a config's `base_url`."""

    def __init__(self, images: Path, rules: Rules | None = None, *, port: int = 0) -> None:
        self.rules = rules or Rules()
        self.faults = Faults()
        self.counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self.stop = threading.Event()
        self.shelf = Shelf(images)
        self._pacer = Pacer(self.rules.rate, time.monotonic)
        self._server = _listen(port, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{SEARCH_PATH}"

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
        self.stop.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def count(self, what: str) -> None:
        with self._counting:
            self.counts[what] += 1

    def stats(self) -> dict[str, int]:
        """What was served so far."""
        with self._counting:
            return dict(self.counts)

    # -- answers

    def answer_search(self, query: str, headers: dict[str, str], body: bytes) -> Answer:
        """The answer to one search: refusals in the order a real gateway checks them."""
        self.count("searches")
        if not self._pacer.allows():
            self.count("throttled")
            return _failure(429, "too many calls", {"Retry-After": "1"})
        if problem := self._find_auth_problem(headers):
            return _failure(401, problem)
        if len(body) > MAX_UPLOAD_BYTES:
            return _failure(413, "the picture is over 5 MB")
        picture = _read_picture(headers.get("content-type", ""), body)
        if isinstance(picture, str):
            return _failure(400, picture)
        search_type = parse_qs(query).get("search_type", ["1"])[0]
        if search_type not in ("1", "2"):
            return _failure(400, f"search_type {search_type!r} is not 1 or 2")
        return self._answer_items(picture, search_type)

    def _find_auth_problem(self, headers: dict[str, str]) -> str | None:
        key, timestamp = headers.get("appkey", ""), headers.get("timestamp", "")
        if key != self.rules.app_key:
            return "unknown appkey"
        if not timestamp.isdigit():
            return "timestamp is not in milliseconds"
        if abs(int(timestamp) / 1000 - time.time()) > MAX_SKEW_SECONDS:
            return "timestamp is too far off"
        if headers.get("sign") != sign_guide(self.rules.app_secret, key, int(timestamp)):
            return "wrong signature"
        return None

    def _answer_items(self, picture: Image.Image, search_type: str) -> Answer:
        found = search(self.shelf.goods(), picture)
        if search_type == "1":
            found = [(good, score) for good, score in found if score >= SAME_SIMILARITY]
        try:
            overrides = self.shelf.overrides()
        except InputError as error:
            return _failure(500, str(error))
        items = [
            self._item(good, score) | dict(overrides.get(self.shelf.name_of(good), {}))
            for good, score in found[: self.rules.max_items]
        ]
        answer = {
            "success": True,
            "request_id": hashlib.sha256(repr(time.time()).encode()).hexdigest()[:13],
            "data": {"total": len(found), "items": items},
        }
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()

    def _item(self, good: Good, similarity: float) -> dict[str, object]:
        """A listing in the guide's shape; like its sample, the link lacks its scheme."""
        name = self.shelf.name_of(good)
        number = int(hashlib.sha256(name.encode()).hexdigest()[:12], 16)
        item_id = f"6{number % 10**11:011d}"
        return {
            "itemId": item_id,
            "title": good.path.stem.replace("_", " ").replace("-", " "),
            "price": round(5 + number % 20_000 / 100, 2),
            "imageUrl": f"http://127.0.0.1:{self.port}/pictures/{good.sha256[:16]}/{quote(name)}",
            "detailUrl": f"detail.1688.com/offer/{item_id}.html",
            "similarity": round(similarity, 4),
        }

    def answer_picture(self, path: str) -> Answer:
        """A listing's picture, by the start of its sha256 and its name."""
        self.count("pictures")
        for good in self.shelf.goods():
            if path == f"/pictures/{good.sha256[:16]}/{self.shelf.name_of(good)}":
                return self._answer_file(good)
        return _failure(404, "there is no such picture")

    def _answer_file(self, good: Good) -> Answer:
        try:
            return 200, {"Content-Type": good.content_type}, good.path.read_bytes()
        except OSError as error:  # removed in this moment
            return _failure(404, f"the picture can't be read: {error.strerror}")

    def answer_fault(self, fault: Fault, whole: Callable[[], Answer]) -> Answer:
        """What goes wrong; `whole` makes the right answer, for faults that spoil it."""
        self.count(f"fault {fault.value}")
        as_json = {"Content-Type": "application/json"}
        html = (
            200,
            {"Content-Type": "text/html"},
            b"<!doctype html><title>Verify</title><p>Please slide to verify",
        )
        plain: dict[Fault, Answer] = {
            Fault.SERVER_ERROR: _failure(500, "internal error"),
            Fault.THROTTLED: _failure(429, "too many calls", {"Retry-After": "1"}),
            Fault.UNAUTHORISED: _failure(401, "wrong signature"),
            Fault.TOO_LARGE: _failure(413, "too large"),
            Fault.GARBAGE: (200, as_json, b'{"success": tru\xff\x00'),
            Fault.HTML: html,
            Fault.PICTURE_HTML: html,
            Fault.REFUSED: (200, as_json, b'{"success": false, "message": "rejected"}'),
            Fault.UNKNOWN_SHAPE: (200, as_json, b'{"success": true, "result": []}'),
            Fault.EMPTY: (200, as_json, b'{"success": true, "data": {"total": 0, "items": []}}'),
            Fault.PICTURE_MISSING: _failure(404, "there is no such picture"),
        }
        if fault in plain:
            return plain[fault]
        if fault is Fault.SLOW:
            self.stop.wait(self.rules.slow_seconds)
        return whole()


def _failure(status: int, message: str, headers: dict[str, str] | None = None) -> Answer:
    body = json.dumps({"success": False, "code": str(status), "message": message}).encode()
    return status, {"Content-Type": "application/json", **(headers or {})}, body


def _read_picture(content_type: str, body: bytes) -> Image.Image | str:
    """The uploaded picture, or what is wrong with the upload."""
    if not content_type.startswith("multipart/form-data"):
        return "the body is not multipart/form-data"
    if "boundary=" not in content_type:
        return "Content-Type has no boundary"
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts = message.get_payload() if message.is_multipart() else []
    for part in parts if isinstance(parts, list) else []:
        if not isinstance(part, str) and part.get_param("name", header="Content-Disposition") == (
            "image"
        ):
            payload = part.get_payload(decode=True)
            return _open_picture(payload if isinstance(payload, bytes) else b"")
    return "there is no field `image`"


def _open_picture(data: bytes) -> Image.Image | str:
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return "the picture is not a JPG or PNG"
    return image


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
        """A search."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if parts.path != SEARCH_PATH:
            self._send(_failure(404, f"searches go to {SEARCH_PATH}"))
            return
        self._answer(
            lambda: self.server.sandbox.answer_search(parts.query, headers, body), picture=False
        )

    def do_GET(self) -> None:
        """A listing's picture, or what was served so far."""
        path = unquote(urlsplit(self.path).path)
        if path == "/stats":
            body = json.dumps(self.server.sandbox.stats()).encode()
            self._send((200, {"Content-Type": "application/json"}, body))
            return
        self._answer(lambda: self.server.sandbox.answer_picture(path), picture=True)

    def _answer(self, whole: Callable[[], Answer], *, picture: bool) -> None:
        sandbox = self.server.sandbox
        fault = sandbox.faults.take(picture=picture)
        answer = sandbox.answer_fault(fault, whole) if fault else whole()
        self._send(answer, cut=fault in (Fault.CUT_OFF, Fault.PICTURE_CUT_OFF))

    def _send(self, answer: Answer, *, cut: bool = False) -> None:
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the rehearsal's own output stays readable."""
