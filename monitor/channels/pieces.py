"""A message -> what goes out for it: nearly always one piece.

Callers pack their messages so that each fits. For those that don't, a text is cut here, with
nothing lost: a service would cut it itself, or refuse it.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

from monitor.channels.html_text import plain_text
from monitor.channels.sending import Piece
from monitor.channels.services import TITLE_LENGTH, Kind
from monitor.channels.splitting import split
from monitor.model import Attachment, Message, MessageFormat

# " (12/34)" after a title
_COUNTER = 10


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message as its channel takes it; `left_out` says which pictures stay here, and why."""

    pieces: tuple[Piece, ...]
    format: MessageFormat
    left_out: tuple[str, ...]
    is_too_large: bool = False


def prepare(message: Message, kind: Kind, *, takes_pictures: bool, title_limit: int) -> Prepared:
    """Pieces that fit, the first with the pictures; every picture that stays is named in the text.

    `title_limit` is in characters, 0 where the service has no field for titles. HTML is never cut:
    `is_too_large` says that it doesn't fit.
    """
    chosen = message.format
    body = _clean(message.body)
    if chosen is MessageFormat.HTML and kind.capacity.format is not MessageFormat.HTML:
        chosen, body = MessageFormat.TEXT, plain_text(body)
    attached, notes, left_out = _pictures(message.attachments, takes_pictures=takes_pictures)
    title = " ".join(_clean(message.title).split())
    # apprise refuses an empty text
    body = _with_notes(body.rstrip() or title or "-", notes, chosen)
    title, body = _short_title(title, body, chosen, _title_limit(kind, title_limit))
    if chosen is MessageFormat.HTML:
        is_too_large = kind.size(title) + kind.size(body) > kind.room
        pieces: tuple[Piece, ...] = (Piece(title, body, attached),)
        return Prepared(pieces, chosen, left_out, is_too_large=is_too_large)
    return Prepared(tuple(_cut(title, body, attached, kind, chosen)), chosen, left_out)


def _clean(text: str) -> str:
    """Without halves of surrogate pairs, which can't be written as UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _title_limit(kind: Kind, of_service: int) -> int:
    """So that the text has at least two thirds of a message."""
    limits = [TITLE_LENGTH, kind.room // 9, of_service or TITLE_LENGTH]
    return max(1, min(limits) - _COUNTER)


def _short_title(title: str, body: str, chosen: MessageFormat, limit: int) -> tuple[str, str]:
    """A title that is too long goes whole into the text: a service would just cut it."""
    if len(title) <= limit:
        return title, body
    full = f"<p>{html.escape(title)}</p>" if chosen is MessageFormat.HTML else f"{title}\n\n"
    return f"{title[: limit - 1]}…", full + body


def _cut(
    title: str, body: str, attached: tuple[Attachment, ...], kind: Kind, chosen: MessageFormat
) -> list[Piece]:
    room = kind.room - kind.size(title)
    texts = [body]
    if kind.size(body) > room:
        texts = [text for text in split(body, room - _COUNTER, kind.size) if text.strip()]
    write = kind.write if chosen is MessageFormat.TEXT else str
    pieces = []
    for number, text in enumerate(texts, 1):
        counter = f" ({number}/{len(texts)})" if len(texts) > 1 else ""
        pieces.append(
            Piece(
                write(f"{title}{counter}".strip()),
                write(text.strip("\n")),
                attached if number == 1 else (),
            )
        )
    return pieces


def _pictures(
    attachments: tuple[Attachment, ...], *, takes_pictures: bool
) -> tuple[tuple[Attachment, ...], list[str], tuple[str, ...]]:
    """What goes along, a note for each that doesn't, and why it doesn't."""
    attached: list[Attachment] = []
    notes: list[str] = []
    left_out: list[str] = []
    for item in attachments:
        if not item.path.is_file():
            notes.append(f"Picture {item.name} is missing on disk: {item.path}")
            left_out.append(f"{item.name} (missing on disk)")
        elif takes_pictures:
            attached.append(item)
        else:
            notes.append(f"Picture {item.name}: {item.path}")
            left_out.append(f"{item.name} (the channel takes no pictures)")
    return tuple(attached), notes, tuple(left_out)


def _with_notes(body: str, notes: list[str], chosen: MessageFormat) -> str:
    if not notes:
        return body
    if chosen is not MessageFormat.HTML:
        return "\n".join([body, "", *notes])
    block = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    before, end, after = body.rpartition("</body>")
    return f"{before}{block}{end}{after}" if end else body + block
