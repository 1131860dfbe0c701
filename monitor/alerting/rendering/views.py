"""What a template is given of one alert: texts that are harmless wherever it puts them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from monitor.alerting.rendering.attaching import Enclosed, Enclosure, Missing, PictureKind
from monitor.alerting.rendering.escaping import (
    foreign,
    link,
    one_line,
    operator_text,
    own_name,
    web_address,
)
from monitor.alerting.rendering.wording import Words
from monitor.matching import reasons_in_words
from monitor.model import Language, MessageFormat, Verdict
from monitor.storage.matches.matches import MatchRow
from monitor.storage.telling.deliveries import DueDelivery


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
    """An operator alert or a summary of held matches; its text is in English."""

    alert_id: str
    event: str
    event_name: str
    text: str
    created_at: str


def notice_view(item: DueDelivery, words: Words, length: int) -> NoticeView:
    text = operator_text(item.text, length) if item.text else ""
    return NoticeView(
        alert_id=item.alert_id,
        event=item.event.value,
        event_name=sentence(words.event_name(item.event.value)),
        text=text,
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
    reasons = reasons_in_words(match.similarity, Language(words.language))
    view = MatchView(
        alert_id=item.alert_id,
        id=str(match.id),
        event=item.event.value,
        event_name=sentence(words.event_name(item.event.value)),
        is_new=item.event.value == "new_match",
        change=_change(item, words, short),
        asset=own_name(match.asset, short),
        watch=own_name(match.watch, short),
        marketplace=own_name(match.marketplace, short),
        site=own_name(match.site, short),
        title=foreign(match.title, lengths.title) or words.not_given,
        price=foreign(str(match.price), short) if match.price else words.not_given,
        seller=foreign(match.seller or match.seller_id or "", short) or words.not_given,
        score=f"{match.score:.3f}",
        relation=_relation(match, words),
        reasons=words.comma.join(reasons) if lengths.has_details else "",
        url=web_address(match.url) or one_line(match.url, len(match.url)),
        link=link(form, match.url, words.open_listing),
        first_seen=instant_text(match.first_seen_at),
        verdict="" if match.verdict is Verdict.UNREVIEWED else words.verdicts[match.verdict],
        fields=(),
        pictures=tuple(_picture(each, words) for each in enclosed.enclosures),
        left_out=_left_out(enclosed, words) if lengths.has_details else "",
    )
    if not lengths.has_details:
        return _with_fields(view, words)
    earlier = item.detail.get("relisted_from_url")
    return _with_fields(
        view,
        words,
        earlier=link(form, earlier, words.open_listing) if earlier else "",
        kept=", ".join(str(path) for path in enclosed.kept),
    )


def _with_fields(view: MatchView, words: Words, earlier: str = "", kept: str = "") -> MatchView:
    event = () if view.is_new else ((words.change, _said(view, words)),)
    fields = (
        *event,
        (words.earlier, earlier),
        (words.asset, view.asset),
        (words.watch, view.watch),
        (words.marketplace, words.aside.format(text=view.marketplace, more=view.site)),
        (words.title, view.title),
        (words.price, view.price),
        (words.seller, view.seller),
        (words.score, words.aside.format(text=view.score, more=view.relation)),
        (words.why, view.reasons),
        (words.link, view.link),
        (words.first_seen, view.first_seen),
        (words.verdict, view.verdict),
        (words.pictures, kept),
        (words.match, view.id),
        (words.alert, view.alert_id),
    )
    shown = tuple(Field(name, value) for name, value in fields if value)
    return replace(view, fields=shown)


def _said(view: MatchView, words: Words) -> str:
    return view.event_name + (f"{words.colon}{view.change}" if view.change else "")


def _change(item: DueDelivery, words: Words, length: int) -> str:
    """What the event says beside the match; empty where its details are not those we know."""
    detail = {name: foreign(str(value), min(length, 60)) for name, value in item.detail.items()}
    try:
        return words.changes.get(item.event.value, "").format_map(detail)
    except KeyError:
        return ""


def _relation(match: MatchRow, words: Words) -> str:
    relation = words.relations[match.relation]
    return relation + (f"{words.comma}{words.mirrored}" if match.mirrored else "")


def _picture(enclosure: Enclosure, words: Words) -> PictureView:
    labels = {
        PictureKind.DRAWING: words.drawing,
        PictureKind.OURS: words.your_picture,
        PictureKind.THEIRS: words.their_picture,
    }
    name = enclosure.attachment.name
    return PictureView(name, f"cid:{name}", labels[enclosure.kind])


def _left_out(enclosed: Enclosed, words: Words) -> str:
    reasons = {Missing.GONE: words.gone, Missing.TOO_LARGE: words.too_large}
    return words.comma.join(f"{name} ({reasons[why]})" for name, why in enclosed.left_out)


def sentence(text: str) -> str:
    """With a capital at its beginning, where the script has them."""
    return text[:1].upper() + text[1:]


def instant_text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
