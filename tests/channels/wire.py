"""The ground the receivers stand on: an HTTP server that does as it is told, and what it got."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit


class Mode(StrEnum):
    """What a receiver does with what comes in.

    `refuse` answers HTTP 500 (mail: 451); `error_code` says no in the service's own way, which for
    the bots of WeCom, DingTalk, Feishu and Lark is HTTP 200 with a code inside. `hang` never
    answers, `accept_and_hang` takes the message and then never answers.
    """

    ACCEPT = "accept"
    REFUSE = "refuse"
    ERROR_CODE = "error_code"
    HANG = "hang"
    ACCEPT_AND_HANG = "accept_and_hang"


@dataclass(frozen=True, slots=True)
class Got:
    """One accepted message as a person sees it. `title` is empty where it is part of the text."""

    title: str
    text: str
    pictures: tuple[bytes, ...] = ()
    size_bytes: int = 0

    @property
    def whole(self) -> str:
        return f"{self.title}\n{self.text}"


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request that came in."""

    path: str
    query: dict[str, str]
    content_type: str
    body: bytes

    def parts(self) -> dict[str, tuple[str | None, bytes]]:
        """The fields of a form: name -> (file name, content)."""
        head = f"Content-Type: {self.content_type}\r\n\r\n".encode()
        form = message_from_bytes(head + self.body, policy=policy.HTTP)
        found: dict[str, tuple[str | None, bytes]] = {}
        for part in form.iter_parts():
            assert isinstance(part, EmailMessage)
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            found[str(name)] = (part.get_filename(), content)
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: bytes = b"ok"


class Refused(Exception):
    """What came in is not what the service takes; it says so with this answer."""

    def __init__(self, why: str, answer: Answer) -> None:
        super().__init__(why)
        self.answer = answer


class HttpReceiver:
    """An HTTP service on loopback, while its `with` block lasts.

    `channel_url` is the URL of a channel that ends here; `messages` is what was accepted, `mode`
    what it does with the next request, `requests` counts all that came in, `problems` says what
    was not as the service wants it. `down()` and `up()` take it off the net and back on its port.
    """

    channel_url: str = ""

    def __init__(self, *, port: int = 0) -> None:
        self.port = port
        self.messages: list[Got] = []
        self.problems: list[str] = []
        self.requests = 0
        self._mode = Mode.ACCEPT
        self._release = threading.Event()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    # What a service is: how it takes a message in, and how it says yes and no.

    def take(self, request: Request) -> Answer:
        """Check a request, keep its message, say yes. Raises Refused."""
        raise NotImplementedError

    def error_answer(self) -> Answer:
        """How the service says no."""
        raise NotImplementedError

    # The rest is the same for all.

    @property
    def mode(self) -> Mode:
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        """What hangs is let go without an answer."""
        self._mode = mode
        self._let_go()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def text(self) -> str:
        """All that was accepted, as one text."""
        return "\n".join(message.whole for message in self.messages)

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    def up(self) -> None:
        self._server = _Server(self)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def down(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = None
        self._let_go()

    def _let_go(self) -> None:
        self._release.set()
        self._release = threading.Event()

    def answer(self, request: Request) -> Answer | None:
        """None: the connection is closed without an answer, after a hang."""
        with self._lock:
            self.requests += 1
            mode, release = self._mode, self._release
            answer = self._answer(request, mode)
        if answer is None:
            release.wait()
        return answer

    def _answer(self, request: Request, mode: Mode) -> Answer | None:
        if mode is Mode.HANG:
            return None
        if mode is Mode.REFUSE:
            return Answer(500, b"oops")
        if mode is Mode.ERROR_CODE:
            return self.error_answer()
        try:
            answer = self.take(request)
        except Refused as refused:
            self.problems.append(str(refused))
            return refused.answer
        return None if mode is Mode.ACCEPT_AND_HANG else answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 100

    def __init__(self, receiver: HttpReceiver) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", receiver.port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that gave up, or was killed, is no error here."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            content_type=self.headers.get("Content-Type", ""),
            body=self.rfile.read(length),
        )
        if len(request.body) < length:
            return  # cut off in the middle
        answer = self.server.receiver.answer(request)
        if answer is None:
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""
