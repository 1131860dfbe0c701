"""One alert -> the text that tells it, and shorter ones in case it doesn't fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from monitor.alerting.rendering.attaching import Enclosed, Envelope
from monitor.alerting.rendering.escaping import Ready, escape_for, link, web_address
from monitor.alerting.rendering.template_set import Book, BrokenTemplateError
from monitor.alerting.rendering.views import Lengths, match_view, notice_view
from monitor.model import MessageFormat
from monitor.storage.matches.matches import MatchRow
from monitor.storage.telling.deliveries import DueDelivery
from monitor.words import Words

# Shorter and shorter, the title first.
_FULL: Final = (
    Lengths(),
    Lengths(title=80),
    Lengths(title=30),
    Lengths(title=30, names=60),
    Lengths(title=20, names=20, has_details=False),
)
_CHAT: Final = (Lengths(title=120, names=80), *_FULL[2:])
_LINE: Final = (
    Lengths(title=80, names=60),
    Lengths(title=30, names=60),
    Lengths(title=10, names=20),
    Lengths(title=1, names=8),
)
_NOTHING: Final = Enclosed()
_NOTICE: Final = (2_000, 1_000, 500, 200, 80, 0)


@dataclass(frozen=True, slots=True)
class Block:
    """How an alert is told in a part, which pictures go with it, and what of it stays out."""

    text: str
    enclosed: Enclosed = _NOTHING
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes blocks in one format and language; `is_compact` asks for few lines."""

    book: Book
    words: Words
    is_compact: bool

    @property
    def _gap(self) -> str:
        return "\n" if self.book.form is MessageFormat.HTML else "\n\n"

    def section(self, text: str) -> str:
        """The heading over several alerts."""
        return self._closed(self.book.render("section", section=text))

    def variants(self, item: DueDelivery, envelope: Envelope, *, in_full: bool) -> Iterator[Block]:
        """The alert as it is wanted, then ever shorter; all with its id, and its link."""
        match = item.match
        if match is None:
            yield from self._notices(item)
            return
        if in_full:
            yield from self._full(item, match, envelope.enclose(match))
        for lengths in _LINE:
            text = self._match("line", item, match, lengths)
            yield Block(text, left_out="details and pictures: told in a line")
        text = self._bare(item, match.url)
        yield Block(text, left_out="everything but its link: no room for more")

    def smallest(self, item: DueDelivery) -> Block:
        """The id alone, where not even the link fits."""
        match = item.match
        note = (
            ""
            if match is None
            else " " + self.words.say("message.link_too_long", match=str(match.id))
        )
        text = self._closed(escape_for(self.book.form, f"[{item.alert_id}]{note}"))
        return Block(text, left_out="everything but its id: no room for more")

    def plain(self, delivery: DueDelivery, *, with_link: bool) -> str:
        """The alert's id with its link, or with the command that shows the rest."""
        match = delivery.match
        if match is not None and with_link:
            return self._bare(delivery, match.url)
        command = "alerts list --json" if match is None else f"matches show {match.id}"
        note = self.words.say("message.refused_text", command=f"monitor {command}")
        text = escape_for(self.book.form, f"[{delivery.alert_id}] {note}")
        if self.book.form is MessageFormat.HTML:
            text = Markup("<p>{}</p>").format(text)
        return self._closed(text)

    def _full(self, item: DueDelivery, match: MatchRow, enclosed: Enclosed) -> Iterator[Block]:
        is_chat = self.is_compact and self.book.form is not MessageFormat.HTML
        for lengths in _CHAT if is_chat else _FULL:
            kind = "chat" if is_chat else "match"
            text = self._match(kind, item, match, lengths, enclosed)
            yield Block(text, enclosed, enclosed.explain())

    def _match(
        self,
        kind: str,
        item: DueDelivery,
        match: MatchRow,
        lengths: Lengths,
        enclosed: Enclosed = _NOTHING,
    ) -> str:
        form = self.book.form
        view = match_view(item, match, self.words, form, lengths, enclosed)
        text = self.book.render(kind, match=view)
        self._check(kind, text, item.alert_id, "alert id")
        if address := web_address(match.url):
            self._check(kind, text, address, "link")
        return self._closed(text)

    def _notices(self, item: DueDelivery) -> Iterator[Block]:
        for length in _NOTICE:
            view = notice_view(item, self.words, length)
            text = self.book.render("notice", notice=view)
            self._check("notice", text, item.alert_id, "alert id")
            yield Block(self._closed(text))

    def _check(self, kind: str, text: str, wanted: str, what: str) -> None:
        """A template of the user's may leave out everything but these."""
        shown = (wanted, escape_for(self.book.form, wanted))
        if self.book.is_users(kind) and not any(form in text for form in shown):
            raise BrokenTemplateError(self.book.name(kind), f"it leaves out the {what}")

    def _bare(self, item: DueDelivery, url: str) -> str:
        form, label = self.book.form, self.words.say("message.open_listing")
        shown = link(form, url, label)
        if form is not MessageFormat.HTML:
            return self._closed(f"{shown} {escape_for(form, f'[{item.alert_id}]')}")
        address = web_address(url)
        if address is not None:
            shown = Markup('<a href="{}">{}</a>').format(address, label)
        return self._closed(Markup("<p>{} [{}]</p>").format(shown, item.alert_id))

    def _closed(self, text: str) -> str:
        return Ready(text.strip("\n") + self._gap)
