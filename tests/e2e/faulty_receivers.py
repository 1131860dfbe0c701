"""Receivers that go down, refuse, hang and lose their answers; they note what they have taken."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import quote

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.channels.receivers import free_port

ALERT_ID = re.compile(r"\bal-[0-9a-f]{12}\b")
_HANG_SECONDS = 30.0
_SLOW_SECONDS = 0.5


class Mode(Enum):
    """`HANG` and `LOSE` take the message: it has arrived, but the sender doesn't learn of it."""

    UP = auto()
    SLOW = auto()  # answers half a second after it has taken the message
    DOWN = auto()  # nobody listens
    REFUSE = auto()  # 500, 451 of a mail server, a bot's code; nothing is taken
    HANG = auto()  # no answer comes
    LOSE = auto()  # the connection is cut instead of an answer


@dataclass
class Arrival:
    """A message that was taken. `is_answered` says that the sender is, or was to be, told so."""

    at: float
    ids: frozenset[str]
    text: str
    is_answered: bool


@dataclass
class Log:
    """What a receiver has taken, in order, and how often it refused."""

    mode: Mode = Mode.UP
    arrivals: list[Arrival] = field(default_factory=list)
    in_hand: list[Arrival] = field(default_factory=list)
    refused: int = 0

    @contextmanager
    def taking(self, text: str, mode: Mode) -> Iterator[None]:
        """A message has arrived; it is answered, if at all, inside the block."""
        ids = frozenset(ALERT_ID.findall(text))
        is_answered = mode in (Mode.UP, Mode.SLOW)
        arrival = Arrival(time.monotonic(), ids, text, is_answered)
        self.arrivals.append(arrival)
        self.in_hand.append(arrival)
        try:
            yield
        finally:
            self.in_hand.remove(arrival)

    def go_down(self) -> None:
        """What is in hand is never answered."""
        for arrival in self.in_hand:
            arrival.is_answered = False


class Receiver(Protocol):
    """One end of a channel; `url` is the channel's, `log` what came."""

    log: Log

    @property
    def url(self) -> str: ...

    def set_mode(self, mode: Mode) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b'{"errcode": 0, "errmsg": "ok"}'


class HttpReceiver:
    """A web hook (json://)."""

    refusal = Answer(500)

    def __init__(self) -> None:
        self.log = Log()
        self._port = free_port()
        self._server: _HookServer | None = None
        self.set_mode(Mode.UP)

    @property
    def url(self) -> str:
        return f"json://{self.host}/alerts"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._port}"

    def set_mode(self, mode: Mode) -> None:
        self.log.mode = mode
        if mode is Mode.DOWN:
            self.close()
        elif self._server is None:
            self._server = _HookServer(("127.0.0.1", self._port), self.log, self.refusal)
            threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class WeComReceiver(HttpReceiver):
    """A WeCom group bot, which says no with HTTP 200."""

    refusal = Answer(200, b'{"errcode": -1, "errmsg": "system busy"}')

    @property
    def url(self) -> str:
        return f"wecombot://{'k' * 32}/?base_url={quote(f'http://{self.host}', safe='')}"


class _HookServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], log: Log, refusal: Answer) -> None:
        super().__init__(address, _Hook)
        self.log, self.refusal = log, refusal

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that was killed is what this is about."""


class _Hook(BaseHTTPRequestHandler):
    server: _HookServer

    def do_POST(self) -> None:
        """A message in the JSON of whatever service: every text in it counts."""
        log = self.server.log
        length = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(length)
        mode = log.mode
        if len(data) < length:
            return  # the sender was killed in the middle
        if mode is Mode.REFUSE:
            log.refused += 1
            self._answer(self.server.refusal)
            return
        with log.taking(_text_of(json.loads(data)), mode):
            if mode is Mode.HANG:
                _await(lambda: log.mode is not Mode.HANG)
            elif mode in (Mode.UP, Mode.SLOW):
                time.sleep(_SLOW_SECONDS if mode is Mode.SLOW else 0)
                self._answer(Answer(200))

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


def _text_of(value: object) -> str:
    """Every text in a JSON value but attachments, which are long and hold no id."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(_text_of(item) for key, item in value.items() if key != "attachments")
    return "\n".join(_text_of(item) for item in value) if isinstance(value, list) else ""


def _await(condition: object) -> None:
    assert callable(condition)
    end = time.monotonic() + _HANG_SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)


class MailReceiver:
    """A mail server."""

    def __init__(self) -> None:
        self.log = Log()
        self._port = free_port()
        self._controller: Controller | None = None
        self.set_mode(Mode.UP)

    @property
    def url(self) -> str:
        return (
            f"mailto://127.0.0.1:{self._port}?from=monitor@example.org&to=legal@example.org"
            "&mode=insecure"
        )

    def set_mode(self, mode: Mode) -> None:
        self.log.mode = mode
        if mode is Mode.DOWN:
            self.close()
        elif self._controller is None:
            self._controller = Controller(_Mailbox(self.log), hostname="127.0.0.1", port=self._port)
            self._controller.start()

    def close(self) -> None:
        if self._controller is not None:
            self.log.go_down()
            self._controller.stop()
            self._controller = None


class _Mailbox:
    def __init__(self, log: Log) -> None:
        self._log = log

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        log, mode = self._log, self._log.mode
        if mode is Mode.REFUSE:
            log.refused += 1
            return "451 not now"
        with log.taking(_mail_text(envelope.content), mode):
            return await self._answer(mode)

    async def _answer(self, mode: Mode) -> str:
        log = self._log
        if mode is Mode.HANG:
            for _ in range(int(_HANG_SECONDS / 0.05)):
                if log.mode is not Mode.HANG:
                    break
                await asyncio.sleep(0.05)
        if mode is Mode.SLOW:
            await asyncio.sleep(_SLOW_SECONDS)
        elif mode is not Mode.UP:
            # as a server does whose disk fails after it has passed the message on
            return "451 taken, but this answer says otherwise"
        return "250 OK"


def _mail_text(content: object) -> str:
    assert isinstance(content, bytes)
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    parts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    return "\n".join([str(mail["Subject"]), *parts])
