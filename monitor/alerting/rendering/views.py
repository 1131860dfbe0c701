"""What a template is given of one alert: texts that are harmless wherever it puts them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from monitor.alerting.rendering.attaching import Enclosed, Enclosure, Missing, PictureKind
from monitor.alerting.rendering.escaping import (
    foreign,
    link,
    one_line,
    operator_text,
    own_name,
    web_address,
)
from monitor.matching import reasons_in_words
from monitor.model import MessageFormat, Verdict
from monitor.model.events import Relisted
from monitor.storage.matches.matches import MatchRow
from monitor.storage.telling.deliveries import DueDelivery
from monitor.words import Words


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many characters the texts of an alert may have at most."""

    title: int = 300
    names: int = 300
    has_details: bool = True


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a match told in full."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class PictureView:
    """A picture that goes with the message: `address` is what an `img` of HTML shows."""

    name: str
    address: str
    label: str


@dataclass(frozen=True, slots=True)
class MatchView:
    """A match as templates see it; docs/messages.md says what each is."""

    alert_id: str
    id: str
    event: str
    event_name: str
    is_new: bool
    change: str
    asset: str
    watch: str
    marketplace: str
    site: str
    title: str
    price: str
    seller: str
    score: str
    relation: str
    reasons: str
    url: str
    link: str
    first_seen: str
    verdict: str
    fields: tuple[Field, ...]
    pictures: tuple[PictureView, ...]
    left_out: str


@dataclass(frozen=True, slots=True)
class NoticeView:
    """An operator alert or a summary of held matches."""

    alert_id: str
    event: str
    event_name: str
    text: str
    created_at: str


def template_words(words: Words) -> dict[str, str]:
    """The single texts of a language's messages as they stand in its file, and its `language`."""
    return {**words.table("message"), "language": words.language}


def notice_view(item: DueDelivery, words: Words, length: int) -> NoticeView:
    said = words.tell(item.told)
    return NoticeView(
        alert_id=item.alert_id,
        event=item.event.value,
        event_name=sentence(words.say(f"events.{item.event}.name")),
        text=operator_text(said, length) if said else "",
        created_at=instant_text(item.created_at),
    )


def match_view(
    item: DueDelivery,
    match: MatchRow,
    words: Words,
    form: MessageFormat,
    lengths: Lengths,
    enclosed: Enclosed,
) -> MatchView:
    """Names that the owner gave may have dots, what the site wrote becomes no link."""
    short = lengths.names
    reasons = reasons_in_words(match.similarity, words)
    not_given = words.say("message.not_given")
    view = MatchView(
        alert_id=item.alert_id,
        id=str(match.id),
        event=item.event.value,
        event_name=sentence(words.say(f"events.{item.event}.name")),
        is_new=item.event.value == "new_match",
        change=words.tell(item.told, lambda text: foreign(text, min(short, 60))),
        asset=own_name(match.asset, short),
        watch=own_name(match.watch, short),
        marketplace=own_name(match.marketplace, short),
        site=own_name(match.site, short),
        title=foreign(match.title, lengths.title) or not_given,
        price=foreign(str(match.price), short) if match.price else not_given,
        seller=foreign(match.seller or match.seller_id or "", short) or not_given,
        score=f"{match.score:.3f}",
        relation=_relation(match, words),
        reasons=words.say("message.comma").join(reasons) if lengths.has_details else "",
        url=web_address(match.url) or one_line(match.url, len(match.url)),
        link=link(form, match.url, words.say("message.open_listing")),
        first_seen=instant_text(match.first_seen_at),
        verdict=""
        if match.verdict is Verdict.UNREVIEWED
        else words.say(f"verdicts.{match.verdict}"),
        fields=(),
        pictures=tuple(_picture(each, words) for each in enclosed.enclosures),
        left_out=_left_out(enclosed, words) if lengths.has_details else "",
    )
    if not lengths.has_details:
        return _with_fields(view, words)
    earlier = item.told.relisted_from_url if isinstance(item.told, Relisted) else ""
    return _with_fields(
        view,
        words,
        earlier=link(form, earlier, words.say("message.open_listing")) if earlier else "",
        kept=", ".join(str(path) for path in enclosed.kept),
    )


def _with_fields(view: MatchView, words: Words, earlier: str = "", kept: str = "") -> MatchView:
    values = (
        ("change", "" if view.is_new else _said(view, words)),
        ("earlier", earlier),
        ("asset", view.asset),
        ("watch", view.watch),
        ("marketplace", words.say("message.aside", text=view.marketplace, more=view.site)),
        ("title", view.title),
        ("price", view.price),
        ("seller", view.seller),
        ("score", words.say("message.aside", text=view.score, more=view.relation)),
        ("why", view.reasons),
        ("link", view.link),
        ("first_seen", view.first_seen),
        ("verdict", view.verdict),
        ("pictures", kept),
        ("match", view.id),
        ("alert", view.alert_id),
    )
    shown = tuple(Field(words.say(f"message.{name}"), value) for name, value in values if value)
    return replace(view, fields=shown)


def _said(view: MatchView, words: Words) -> str:
    return view.event_name + (f"{words.say('message.colon')}{view.change}" if view.change else "")


def _relation(match: MatchRow, words: Words) -> str:
    relation = words.say(f"relations.{match.relation}")
    mirrored = words.say("message.comma") + words.say("message.mirrored")
    return relation + (mirrored if match.mirrored else "")


_LABELS: Final = {
    PictureKind.DRAWING: "message.drawing",
    PictureKind.OURS: "message.your_picture",
    PictureKind.THEIRS: "message.their_picture",
}
_REASONS: Final = {Missing.GONE: "message.gone", Missing.TOO_LARGE: "message.too_large"}


def _picture(enclosure: Enclosure, words: Words) -> PictureView:
    name = enclosure.attachment.name
    return PictureView(name, f"cid:{name}", words.say(_LABELS[enclosure.kind]))


def _left_out(enclosed: Enclosed, words: Words) -> str:
    texts = (f"{name} ({words.say(_REASONS[why])})" for name, why in enclosed.left_out)
    return words.say("message.comma").join(texts)


def sentence(text: str) -> str:
    """With a capital at its beginning, where the script has them."""
    return text[:1].upper() + text[1:]


def instant_text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
