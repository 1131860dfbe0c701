"""The sending itself: a thread of its own with a time limit, since no timeout of theirs holds."""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from apprise import Apprise, AppriseAttachment, NotifyBase, NotifyFormat
from apprise.attachment.file import AttachFile

from monitor.channels.bots import Bot
from monitor.channels.mail import Mail
from monitor.channels.transport import Reason, captured, explain, redact
from monitor.model import Attachment


@dataclass(frozen=True, slots=True)
class Piece:
    """What goes out at once, written as the service wants it."""

    title: str
    body: str
    attached: tuple[Attachment, ...] = ()


class Sending(threading.Thread):
    """Sends pieces one after another, up to the first that is not accepted.

    In a thread so that it can be given up: a server that drips an answer, or a slow upload,
    outlasts every timeout on a socket. A daemon thread, so that it doesn't hold up the end of the
    program either.
    """

    def __init__(
        self, service: NotifyBase, url: str, pieces: Sequence[Piece], body_format: NotifyFormat
    ) -> None:
        super().__init__(name="sending", daemon=True)
        self._service = service
        self._url = url
        self._pieces = pieces
        self._body_format = body_format
        self.accepted = 0
        self.failure: Reason | None = Reason("the transport ended without a result")

    def run(self) -> None:
        for piece in self._pieces:
            failure = self._send(piece)
            if failure is not None:
                self.failure = failure
                return
            self.accepted += 1
        self.failure = None

    def _send(self, piece: Piece) -> Reason | None:
        service = self._service
        if isinstance(service, Mail):
            service.pictures = piece.attached
        with captured() as lines:
            transport = Apprise(asset=service.asset)
            transport.add(service)
            result = transport.notify(
                title=piece.title,
                body=piece.body,
                body_format=self._body_format,
                attach=_files(piece.attached),
            )
            # True for SUCCESS only: neither "no service matched" nor "some of them" will do.
            if result:
                return None
            return self._refusal() or explain(lines, self._url)

    def _refusal(self) -> Reason | None:
        """A bot's no, with its own words, which may hold anything."""
        refusal = self._service.refusal if isinstance(self._service, Bot) else None
        if refusal is None:
            return None
        words = redact(refusal.words, self._url)
        code = "" if refusal.code is None else f"code {refusal.code}"
        parts = [part for part in (code, refusal.meaning, words) if part]
        return Reason(": ".join(parts), refusal.permanent, refusal.about_message)


def _files(attached: Sequence[Attachment]) -> AppriseAttachment | None:
    """As files with a name and a type: ours are stored by hash, without a suffix to guess from."""
    if not attached:
        return None
    files = AppriseAttachment()
    for item in attached:
        mimetype = mimetypes.guess_type(item.name)[0]
        file = AttachFile(str(item.path), name=item.name, mimetype=mimetype)  # type: ignore[no-untyped-call]
        files.add(file)
    return files
