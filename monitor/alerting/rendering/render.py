"""render: a batch of due deliveries -> the messages that tell them all.

Every alert of a batch has its line, link and id in exactly one part, however long the batch is
and however little the channel takes; pictures and details go with the first few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from markupsafe import Markup

from monitor.alerting.options import ChannelOptions
from monitor.alerting.rendering.attaching import Envelope
from monitor.alerting.rendering.blocks import Block, Writer
from monitor.alerting.rendering.escaping import Ready
from monitor.alerting.rendering.headings import arrange, headline, introduction, section_of
from monitor.alerting.rendering.part import Part
from monitor.alerting.rendering.template_set import Book, BrokenTemplateError
from monitor.alerting.rendering.views import template_words
from monitor.channels import Capacity
from monitor.model import Message, MessageFormat
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.matches.matches import MatchRow
from monitor.storage.telling.deliveries import DueDelivery
from monitor.words import Words

# A title, and all that stands around the alerts, may take so much of what a message holds.
_TITLE_SHARE = 4
_FRAME_SHARE = 2


def told_with_pictures(
    batch: Sequence[DueDelivery], options: ChannelOptions, capacity: Capacity
) -> list[MatchRow]:
    """The matches of a batch for which `render` takes a drawing."""
    if not (options.pictures and capacity.takes_pictures):
        return []
    return [item.match for item in _in_full(batch, options) if item.match]


def _in_full(batch: Sequence[DueDelivery], options: ChannelOptions) -> list[DueDelivery]:
    """The matches that are told with everything: the first in the order of the message."""
    return [item for item in arrange(batch) if item.match][: options.in_full]


def render(
    batch: Sequence[DueDelivery],
    options: ChannelOptions,
    words: Words,
    capacity: Capacity,
    files: PictureFiles,
    drawings: Mapping[int, Path],
    templates: Path | None,
) -> tuple[Part, ...]:
    """A batch as messages, each within `capacity`; empty for an empty batch.

    `words` are those of the channel's language. `drawings` are files by match id; a match without
    one brings both its pictures. `templates` is a folder whose templates stand in for ours; one
    that fails is left aside, logged once, and named in the first part. Nothing is sent twice or
    left out: each delivery is in exactly one part.
    """
    book = Book(capacity.format, templates, template_words(words))
    while batch:
        try:
            return _Page(batch, options, words, capacity, book).write(files, drawings)
        except BrokenTemplateError as error:
            book = book.without(error)  # each fails once at most
    return ()


@dataclass(slots=True)
class _Draft:
    """A part that is being filled; `room` is what its alerts may still take."""

    room: int
    envelope: Envelope
    is_first: bool
    is_bare: bool
    content: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    threads: set[str | None] = field(default_factory=set)
    section: str | None = None
    left_out: dict[int, str] = field(default_factory=dict)

    def put(self, item: DueDelivery, block: Block, size: int) -> None:
        self.content.append(block.text)
        self.envelope.take(block.enclosed)
        self.ids.append(item.id)
        if block.left_out:
            self.left_out[item.id] = block.left_out
        self.threads.add(None if item.match is None else item.match.asset)
        self.room -= size


class _Page:
    """One try at a batch, with one set of templates."""

    def __init__(
        self,
        batch: Sequence[DueDelivery],
        options: ChannelOptions,
        words: Words,
        capacity: Capacity,
        book: Book,
    ) -> None:
        self._batch, self._options, self._capacity, self._book = batch, options, capacity, book
        self._words = words
        self._writer = Writer(book, words, capacity.is_compact)
        self._in_full = {item.id for item in _in_full(batch, options)}
        self._has_sections = len({section_of(item, words) for item in batch}) > 1
        self._title = self._short_title()

    def write(self, files: PictureFiles, drawings: Mapping[int, Path]) -> tuple[Part, ...]:
        takes = self._capacity.takes_pictures
        shown = drawings if self._options.pictures else {}
        envelope = Envelope(files, shown, takes, is_wanted=self._options.pictures)
        drafts = [self._open(envelope, is_first=True)]
        for item in arrange(self._batch):
            if drafts[-1].ids and self._add(drafts[-1], item):
                continue
            if drafts[-1].ids:
                drafts.append(self._open(envelope, is_first=False))
            if not self._add(drafts[-1], item):
                drafts[-1] = self._squeeze(item, envelope, is_first=drafts[-1].is_first)
        return tuple(self._finish(draft, at, len(drafts)) for at, draft in enumerate(drafts, 1))

    def _add(self, draft: _Draft, item: DueDelivery) -> bool:
        """Whether there was room for the alert as it is wanted, below its heading."""
        section = section_of(item, self._words)
        is_new = self._has_sections and draft.section != section
        heading = self._writer.section(section) if is_new else ""
        block = next(self._variants(draft, item))
        block = replace(block, text=heading + block.text)
        size = self._capacity.size(block.text)
        if size > draft.room:
            return False
        draft.put(item, block, size)
        draft.section = section
        return True

    def _variants(self, draft: _Draft, item: DueDelivery) -> Iterator[Block]:
        return self._writer.variants(item, draft.envelope, in_full=item.id in self._in_full)

    def _squeeze(self, item: DueDelivery, envelope: Envelope, *, is_first: bool) -> _Draft:
        """A part for an alert that is too long for one: shortened until it fits."""
        for is_bare in (False, True):
            draft = self._open(envelope, is_first=is_first, is_bare=is_bare)
            draft.section = section_of(item, self._words)
            for block in self._variants(draft, item):
                size = self._capacity.size(block.text)
                if size <= draft.room:
                    draft.put(item, block, size)
                    return draft
        block = self._writer.smallest(item)
        draft.put(item, block, self._capacity.size(block.text))
        return draft

    def _open(self, envelope: Envelope, *, is_first: bool, is_bare: bool = False) -> _Draft:
        title = self._numbered(len(self._batch), len(self._batch))
        around = self._capacity.size(f"{title}\n")
        if not is_bare:
            frame = self._capacity.size(self._frame(title, "", is_first=is_first))
            is_bare = around + frame > self._capacity.max_size // _FRAME_SHARE
            if is_bare and self._book.is_users("message"):
                problem = "it leaves too little room for the alerts"
                raise BrokenTemplateError(self._book.name("message"), problem)
            around += 0 if is_bare else frame
        room = self._capacity.max_size - around
        return _Draft(room, envelope.emptied(), is_first=is_first, is_bare=is_bare)

    def _frame(self, title: str, content: str, *, is_first: bool) -> str:
        is_html = self._book.form is MessageFormat.HTML
        return self._book.render(
            "message",
            title=title,
            intro=introduction(self._batch, self._words) if is_first else "",
            content=Markup(content) if is_html else Ready(content),  # noqa: S704
            notes=self._notes() if is_first else [],
            total=len(self._batch),
            has_matches=any(item.match is not None for item in self._batch),
        )

    def _notes(self) -> list[str]:
        return [
            self._words.say("message.template_broken", name=name, problem=problem)
            for name, problem in self._book.left_aside.items()
        ]

    def _finish(self, draft: _Draft, at: int, parts: int) -> Part:
        title = self._numbered(at, parts)
        body = content = "".join(draft.content).rstrip("\n")
        if not draft.is_bare:
            body = self._frame(title, content, is_first=draft.is_first)
            self._check(body, content, title)
        (thread,) = draft.threads if len(draft.threads) == 1 else (None,)
        message = Message(title, body, draft.envelope.attachments, self._book.form, thread)
        return Part(message, tuple(draft.ids), draft.left_out)

    def _check(self, body: str, content: str, title: str) -> None:
        """A template of the user's may write what it likes around the alerts, but not too much."""
        if not self._book.is_users("message"):
            return
        is_whole = content in body and self._capacity.fits(f"{title}\n{body}")
        if not is_whole:
            problem = "it changes the content, or makes it too long"
            raise BrokenTemplateError(self._book.name("message"), problem)

    def _numbered(self, at: int, parts: int) -> str:
        return self._title if parts == 1 else f"{self._title} ({at}/{parts})"

    def _short_title(self) -> str:
        """The title, cut where it would take too much of a message."""
        title, most = headline(self._batch, self._words), self._capacity.max_size // _TITLE_SHARE
        if self._capacity.size(title) <= most:
            return title
        while title and self._capacity.size(f"{title}…") > most:
            title = title[:-1]
        return f"{title}…"
