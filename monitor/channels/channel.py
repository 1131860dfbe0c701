"""One channel: a message goes out whole and in time, or a ChannelError says why not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache

from apprise import NotifyBase

from monitor.channels.capacity import Capacity
from monitor.channels.mail import Mail
from monitor.channels.pieces import Prepared, prepare
from monitor.channels.sending import Sending
from monitor.channels.services import kind_of
from monitor.channels.urls import check_url, open_service
from monitor.errors import ChannelError
from monitor.model import Message, MessageFormat

# The daemon gives running steps 8 s when it is told to stop.
SEND_LIMIT = timedelta(seconds=8)
# Characters that every service takes.
_SMALLEST = 1000


@dataclass(frozen=True, slots=True)
class Sent:
    """A message was accepted; `left_out` says which of its pictures did not go along, and why."""

    left_out: tuple[str, ...] = ()


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
        return self.capacity.takes_pictures

    @property
    def capacity(self) -> Capacity:
        """What the next message to this channel may hold."""
        capacity = _capacity_of(self.url)
        return replace(capacity, takes_pictures=capacity.takes_pictures and not self._is_slow)

    def send(self, message: Message) -> Sent:
        """Deliver `message` once, with its pictures where the channel takes them.

        A message that fits `capacity` goes out as one; a text that doesn't is split at the ends of
        lines. Pictures that are gone from the disk, or that the channel can't take, are named in
        the text. A channel that ran out of time with pictures gets the next messages without: they
        must not be lost, nor sent over and over, because an upload is slow.
        Raises ChannelError; `permanent` where the channel takes no message at all, `about_message`
        where it may take another one. The message may have arrived if the error says that no
        answer came, and parts of it if it says how many.
        """
        service = open_service(self.url)
        if service is None:
            reason = check_url(self.url) or "the URL is not accepted"
            raise ChannelError(f"channel {self.name}: {reason}", permanent=True)
        if isinstance(service, Mail):
            service.thread = message.thread
        prepared = self._prepare(service, message)
        job = Sending(
            service,
            self.url,
            prepared.pieces,
            kind_of(service, message.format).format_of(prepared.format),
        )
        job.start()
        limit = self.limit * len(prepared.pieces)
        job.join(limit.total_seconds())
        self._check(job, prepared, limit)
        return Sent(prepared.left_out)

    def _prepare(self, service: NotifyBase, message: Message) -> Prepared:
        kind = kind_of(service, message.format)
        prepared = prepare(
            message,
            kind,
            takes_pictures=kind.capacity.takes_pictures and not self._is_slow,
            title_limit=service.title_maxlen,
        )
        if prepared.is_too_large:
            raise ChannelError(
                f"channel {self.name}: a message of {len(message.body)} characters of HTML is too "
                f"large for it, more than {kind.room} bytes",
                about_message=True,
            )
        return prepared

    def _check(self, job: Sending, prepared: Prepared, limit: timedelta) -> None:
        total = len(prepared.pieces)
        parts = f" ({job.accepted} of {total} parts were)" if job.accepted else ""
        if job.is_alive():
            self._is_slow = bool(prepared.pieces[0].attached)
            raise ChannelError(
                f"channel {self.name}: not done after {limit.total_seconds():g} s; "
                "the message may have arrived"
            )
        if job.failure is not None:
            raise ChannelError(
                f"channel {self.name}: not accepted{parts}: {job.failure.text}",
                permanent=job.failure.permanent,
                about_message=job.failure.about_message,
            )


@lru_cache(maxsize=256)
def _capacity_of(url: str) -> Capacity:
    """Opening a service takes longer than most services take to answer."""
    service = open_service(url)
    if service is None:
        return Capacity(_SMALLEST, in_bytes=False, takes_pictures=False, format=MessageFormat.TEXT)
    return kind_of(service).capacity
