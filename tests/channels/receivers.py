"""Real receivers on loopback: what a channel's message looks like where it arrives.

    with WeComReceiver() as receiver:
        Channel("legal", receiver.channel_url).send(message)
        receiver.messages        # what was accepted, as Got(title, text, pictures, size_bytes)
        receiver.mode = Mode.ACCEPT_AND_HANG
        receiver.down()          # and up() again, on the same port
        receiver.problems        # what came in and was not as the service wants it
        receiver.requests        # how many came in, accepted or not

JsonReceiver, MailReceiver, WeComReceiver, DingTalkReceiver, FeishuReceiver and LarkReceiver serve
any process; SlackReceiver, DiscordReceiver and TelegramReceiver only the one they run in.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.channels.bots import DingTalkReceiver, FeishuReceiver, LarkReceiver, WeComReceiver
from tests.channels.chats import DiscordReceiver, SlackReceiver, TelegramReceiver
from tests.channels.wire import Answer, Got, HttpReceiver, Mode, Refused, Request

__all__ = [
    "DingTalkReceiver",
    "DiscordReceiver",
    "FeishuReceiver",
    "Got",
    "JsonReceiver",
    "LarkReceiver",
    "MailReceiver",
    "Mode",
    "SlackReceiver",
    "TelegramReceiver",
    "WeComReceiver",
]


class JsonReceiver(HttpReceiver):
    """A web hook of one's own (json://)."""

    @property
    def channel_url(self) -> str:  # type: ignore[override]
        return f"json://{self.host}/in"

    def error_answer(self) -> Answer:
        return Answer(400, b"no")

    def take(self, request: Request) -> Answer:
        if request.path != "/in" or request.content_type != "application/json":
            raise Refused(f"{request.path} {request.content_type}", Answer(404))
        payload = json.loads(request.body)
        pictures = tuple(base64.b64decode(item["base64"]) for item in payload["attachments"])
        self.messages.append(Got(payload["title"], payload["message"], pictures, len(request.body)))
        return Answer(200)


class MailReceiver:
    """A mail server; the same handles as an HttpReceiver, and `mails`, the messages themselves.

    The `text` of a message is its plain part.
    """

    def __init__(self, *, port: int = 0) -> None:
        self.port = port or free_port()
        self.mode = Mode.ACCEPT
        self.requests = 0
        self.mails: list[EmailMessage] = []
        self._controller: Controller | None = None

    @property
    def channel_url(self) -> str:
        return (
            f"mailto://127.0.0.1:{self.port}?from=monitor@example.org&to=legal@example.org"
            "&mode=insecure"
        )

    @property
    def messages(self) -> list[Got]:
        return [_got(mail) for mail in self.mails]

    @property
    def text(self) -> str:
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
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def down(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.requests += 1
        mode = self.mode
        if mode is Mode.REFUSE:
            return "451 try again later"
        if mode is Mode.ERROR_CODE:
            return "552 too big"
        if mode is not Mode.HANG:
            content = envelope.content
            assert isinstance(content, bytes)
            mail = message_from_bytes(content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
        while mode in (Mode.HANG, Mode.ACCEPT_AND_HANG) and self.mode is mode:
            await asyncio.sleep(0.02)  # stopping the controller ends it too
        return "250 OK"


def _got(mail: EmailMessage) -> Got:
    body = mail.get_body(("plain",))
    text = body.get_content().rstrip("\r\n").replace("\r\n", "\n") if body else ""
    pictures = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    contents = [picture.get_payload(decode=True) for picture in pictures]
    return Got(
        str(mail["Subject"]),
        text,
        tuple(content for content in contents if isinstance(content, bytes)),
        len(mail.as_bytes()),
    )


@dataclass(slots=True)
class Hook:
    """An HTTP receiver; `status` is what it answers, `body` with what."""

    port: int = 0
    status: int = 200
    body: bytes = b"ok"
    received: list[dict[str, object]] = field(default_factory=list)


@contextmanager
def http_hook(status: int = 200, body: bytes = b"ok") -> Iterator[Hook]:
    hook = Hook(status=status, body=body)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            hook.received.append(json.loads(self.rfile.read(length)))
            self.send_response(hook.status)
            self.send_header("Content-Length", str(len(hook.body)))
            self.end_headers()
            self.wfile.write(hook.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()


@dataclass(slots=True)
class Mailbox:
    """A mail server; `refusal` is what it answers to a message instead of taking it."""

    port: int = 0
    refusal: str | None = None
    received: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refusal:
            return self.refusal
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        return "250 OK"


@contextmanager
def mail_server(refusal: str | None = None) -> Iterator[Mailbox]:
    mailbox = Mailbox(port=free_port(), refusal=refusal)
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


@contextmanager
def silent_server() -> Iterator[int]:
    """Accepts connections (the kernel does) and never says a word; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def dripping_server() -> Iterator[int]:
    """Answers a byte at a time, so that no timeout between two bytes ever strikes; its port."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not stop.wait(0.02):
                    connection.sendall(b".")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
