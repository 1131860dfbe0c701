"""One channel: a message goes out whole and in time, or a ChannelError says why not."""

from __future__ import annotations

import mimetypes
import threading
from dataclasses import dataclass, field
from datetime import timedelta

from apprise import Apprise, AppriseAttachment, NotifyBase, NotifyFormat
from apprise.attachment.file import AttachFile

from monitor.channels.capacity import Capacity
from monitor.channels.transport import Reason, captured, explain
from monitor.channels.urls import check_url, open_service
from monitor.errors import ChannelError
from monitor.model import Attachment, Message, MessageFormat

# The daemon gives running steps 8 s when it is told to stop.
SEND_LIMIT = timedelta(seconds=8)
# Characters that every service takes.
_SMALLEST = 1000


@dataclass(slots=True)
class Channel:
    """A named destination. `limit` bounds the sending of each part that a message is split into."""

    name: str
    url: str = field(repr=False)
    limit: timedelta = SEND_LIMIT
    _is_slow: bool = field(default=False, init=False, repr=False)

    @property
    def takes_pictures(self) -> bool:
        """Whether the next message's pictures go along; where not, its text names their files."""
        service = open_service(self.url)
        return service is not None and self._attaches(service)

    @property
    def capacity(self) -> Capacity:
        """What one message to this channel may hold, as far as its service says."""
        service = open_service(self.url)
        if service is None:
            return Capacity(
                _SMALLEST, in_bytes=False, takes_pictures=False, format=MessageFormat.TEXT
            )
        size = max(1, service.body_maxlen - service.title_maxlen)
        return Capacity(
            size,
            in_bytes=False,
            takes_pictures=self._attaches(service),
            format=MessageFormat.TEXT,
        )

    def _attaches(self, service: NotifyBase) -> bool:
        return bool(service.attachment_support) and not self._is_slow

    def send(self, message: Message) -> None:
        """Deliver `message` once, with its pictures where the channel takes them.

        Pictures that are gone from the disk, or that the channel can't take, are named in the text.
        A channel that ran out of time with pictures gets the next messages without: they must not
        be lost, nor sent over and over, because an upload is slow.
        Raises ChannelError; `permanent` where trying again can't help. The message may have
        arrived if the error says that no answer came.
        """
        service = open_service(self.url)
        if service is None:
            reason = check_url(self.url) or "the URL is not accepted"
            raise ChannelError(f"channel {self.name}: {reason}", permanent=True)
        body, attached = _with_pictures(message, takes_pictures=self._attaches(service))
        job = _Sending(service, self.url, " ".join(message.title.split()), body, attached)
        limit = self.limit * count_parts(service, body)
        job.start()
        job.join(limit.total_seconds())
        if job.is_alive():
            self._is_slow = bool(attached)
            raise ChannelError(
                f"channel {self.name}: not done after {limit.total_seconds():g} s; "
                "the message may have arrived"
            )
        if job.failure is not None:
            raise ChannelError(
                f"channel {self.name}: not accepted: {job.failure.text}",
                permanent=job.failure.permanent,
            )


def count_parts(service: NotifyBase, body: str) -> int:
    """About how many messages the service makes of a text that is too long for one.

    A first scan may tell of hundreds of matches: with one limit for all its parts it would be
    given up every time, half sent, and begun anew.
    """
    return -(-len(body.encode()) // max(1, service.body_maxlen)) or 1


class _Sending(threading.Thread):
    """One send in a thread of its own, so that it can be given up: a server that drips an answer,
    or a slow upload, outlasts every timeout on a socket. A daemon thread, so that it doesn't hold
    up the end of the program either.
    """

    def __init__(
        self,
        service: NotifyBase,
        url: str,
        title: str,
        body: str,
        attached: list[Attachment],
    ) -> None:
        super().__init__(name="sending", daemon=True)
        self._service = service
        self._url = url
        self._title = title
        self._body = body
        self._attached = attached
        self.failure: Reason | None = Reason("the transport ended without a result")

    def run(self) -> None:
        with captured() as lines:
            transport = Apprise(asset=self._service.asset)
            transport.add(self._service)
            result = transport.notify(
                title=self._title,
                body=self._body,
                body_format=NotifyFormat.TEXT,
                attach=_files(self._attached),
            )
            # True for SUCCESS only: neither "no service matched" nor "some of them" will do.
            self.failure = None if result else explain(lines, self._url)


def _with_pictures(message: Message, *, takes_pictures: bool) -> tuple[str, list[Attachment]]:
    """The text with a note on each picture that doesn't go along, and the pictures that do."""
    notes: list[str] = []
    attached: list[Attachment] = []
    for item in message.attachments:
        if not item.path.is_file():
            notes.append(f"Picture {item.name} is missing on disk: {item.path}")
        elif takes_pictures:
            attached.append(item)
        else:
            notes.append(f"Picture {item.name}: {item.path}")
    # apprise refuses an empty text
    body = message.body.rstrip() or message.title.strip() or "-"
    return "\n".join([body, "", *notes]) if notes else body, attached


def _files(attached: list[Attachment]) -> AppriseAttachment | None:
    """As files with a name and a type: ours are stored by hash, without a suffix to guess from."""
    if not attached:
        return None
    files = AppriseAttachment()
    for item in attached:
        mimetype = mimetypes.guess_type(item.name)[0]
        file = AttachFile(str(item.path), name=item.name, mimetype=mimetype)  # type: ignore[no-untyped-call]
        files.add(file)
    return files
