"""Messages: what a channel delivers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture that goes with a message; `name` is what the receiver sees."""

    path: Path
    name: str


class MessageFormat(StrEnum):
    """How a message's body is marked up."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel delivers: `title` one line, `body` in its format, pictures where it can.

    Messages of one `thread` (an asset, say) belong together, where the receiver has such a thing.
    """

    title: str
    body: str
    attachments: tuple[Attachment, ...] = ()
    format: MessageFormat = MessageFormat.TEXT
    thread: str | None = None
