"""Alert events: what is told, a frozen class each, with its facts as typed fields.

To add one: its name in `AlertEvent` and its class here, `alerts.add` where it is caused, and its
texts in each language (docs/languages.md).

Stored are the event's name and, as JSON, its facts: instants as `2026-01-05 08:00 UTC`, prices as
`CNY 12.50 - 30.00`, decimals as `+4.2`, all else as it is. The view `alert_history` shows that as
`detail`, so the names of fields are a contract with users.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType
from typing import ClassVar, Final, TypeAlias, get_args, get_type_hints

from monitor.model.listings import Price
from monitor.model.searches import ScanOutcome

# What a fact can be; names of an enum are texts.
Fact: TypeAlias = str | int | float | Decimal | datetime | Price | None


class AlertEvent(StrEnum):
    """Why an alert is due. Operator events tell of the monitor's own state.

    Those of matches stand as a message tells them: what calls for a decision first, what is only to
    be known last.
    """

    NEW_MATCH = "new_match"
    RELISTED = "relisted"
    SCORE_CROSSED = "score_crossed"
    PRICE_CHANGE = "price_change"
    REAPPEARED = "reappeared"
    REMINDER = "reminder"
    GONE = "gone"
    MATCHES_HELD = "matches_held"
    SCAN_BLOCKED = "scan_blocked"
    SCAN_QUOTA = "scan_quota"
    QUOTA_LOW = "quota_low"
    SCAN_FAILED = "scan_failed"
    MARKETPLACE_PAUSED = "marketplace_paused"
    MARKETPLACE_RESUMED = "marketplace_resumed"
    YIELD_DROPPED = "yield_dropped"
    CANARY_LOST = "canary_lost"
    CANARY_FOUND = "canary_found"
    PICTURE_UNREADABLE = "picture_unreadable"
    REFERENCE_FEATURELESS = "reference_featureless"
    REFERENCE_UNSPECIFIC = "reference_unspecific"
    CHANNEL_BROKEN = "channel_broken"
    DISK_LOW = "disk_low"
    SCAN_OVERDUE = "scan_overdue"

    @property
    def is_match(self) -> bool:
        """Whether it tells of one match."""
        return self in _OF_MATCHES

    @property
    def is_operator(self) -> bool:
        return not self.is_match and self is not AlertEvent.MATCHES_HELD


@dataclass(frozen=True)
class Event:
    """What an alert tells, `name` in the database; `kind` tells apart events of one name."""

    name: ClassVar[AlertEvent]
    kind: ClassVar[str] = ""

    @property
    def facts(self) -> dict[str, Fact]:
        """Its fields by name, and its kind."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**values, "kind": self.kind}


# -- of matches


@dataclass(frozen=True)
class MatchEvent(Event):
    """Of one match; the alert says which."""


@dataclass(frozen=True)
class NewMatch(MatchEvent):
    name = AlertEvent.NEW_MATCH


@dataclass(frozen=True)
class ScoreCrossed(MatchEvent):
    """The score has risen to where it is told."""

    name = AlertEvent.SCORE_CROSSED


@dataclass(frozen=True)
class Relisted(MatchEvent):
    """A new match in the place of a listing that is there no more: `relisted_from` is its item id,
    `last_seen_at` when that was seen.
    """

    name = AlertEvent.RELISTED
    relisted_from: str
    relisted_from_url: str
    last_seen_at: datetime


@dataclass(frozen=True)
class PriceChanged(MatchEvent):
    """`change_percent` with its sign, of the price before."""

    name = AlertEvent.PRICE_CHANGE
    old_price: Price
    new_price: Price
    change_percent: Decimal


@dataclass(frozen=True)
class Gone(MatchEvent):
    name = AlertEvent.GONE
    last_seen_at: datetime


@dataclass(frozen=True)
class Reappeared(MatchEvent):
    name = AlertEvent.REAPPEARED
    gone_since: datetime


@dataclass(frozen=True)
class Reminder(MatchEvent):
    name = AlertEvent.REMINDER
    first_told_at: datetime


@dataclass(frozen=True)
class MatchesHeld(Event):
    """New matches of a reference picture that also matches `matched` of `sampled` strange ones."""

    name = AlertEvent.MATCHES_HELD
    path: str
    asset: str
    watch: str
    matches: int
    matched: int
    sampled: int


# -- of searches and marketplaces


class Cause(StrEnum):
    """Why a search failed, as far as it says what an operator does about it."""

    BLOCKED = "blocked"
    QUOTA = "quota"
    AUTH = "auth"
    PERMISSION = "permission"
    PROTOCOL = "protocol"
    QUEUE = "queue"
    THROTTLED = "throttled"
    TRANSIENT = "transient"
    BAD_IMAGE = "bad_image"
    BUG = "bug"
    OTHER = "other"


@dataclass(frozen=True)
class ScanEnded(Event):
    """A search for the picture `path` did not see everything.

    `others` is how many other pictures were told to be refused there within `days`, once further
    ones are not told one by one; else 0.
    """

    watch: str
    marketplace: str
    path: str
    outcome: ScanOutcome
    error: str
    cause: Cause
    others: int = 0
    days: int = 0


@dataclass(frozen=True)
class ScanBlocked(ScanEnded):
    name = AlertEvent.SCAN_BLOCKED


@dataclass(frozen=True)
class ScanQuota(ScanEnded):
    name = AlertEvent.SCAN_QUOTA


@dataclass(frozen=True)
class ScanFailed(ScanEnded):
    name = AlertEvent.SCAN_FAILED


class Period(StrEnum):
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True)
class QuotaLow(Event):
    """Of the `quota` calls of a UTC day or month (`which`) so many are `used`."""

    name = AlertEvent.QUOTA_LOW
    marketplace: str
    period: Period
    which: str
    used: int
    quota: int


@dataclass(frozen=True)
class MarketplacePaused(Event):
    """After `failures` in a row; `is_mendable` where a person has to do something."""

    name = AlertEvent.MARKETPLACE_PAUSED
    marketplace: str
    error: str
    cause: Cause
    failures: int
    is_mendable: bool
    probe_at: datetime | None


@dataclass(frozen=True)
class MarketplaceResumed(Event):
    name = AlertEvent.MARKETPLACE_RESUMED
    marketplace: str
    paused_at: datetime


@dataclass(frozen=True)
class YieldDropped(Event):
    """The search for `path`, or all of a cycle (None), saw `seen` listings instead of `usual`."""

    name = AlertEvent.YIELD_DROPPED
    watch: str
    marketplace: str
    path: str | None
    seen: int
    usual: float


@dataclass(frozen=True)
class CanaryLost(Event):
    """`error` says why it could not be searched for; None if it was not among the `listings`.

    `unseen` of their pictures could not be had, of one `unseen_error` says why.
    """

    name = AlertEvent.CANARY_LOST
    marketplace: str
    picture: str
    error: str | None = None
    listings: int = 0
    pages: int = 0
    unseen: int = 0
    unseen_error: str = ""


@dataclass(frozen=True)
class CanaryFound(Event):
    name = AlertEvent.CANARY_FOUND
    marketplace: str
    lost_at: datetime


# -- of pictures


@dataclass(frozen=True)
class PictureUnreadable(Event):
    """Not watched: a file, or with no `path` the folder."""

    name = AlertEvent.PICTURE_UNREADABLE
    path: str | None
    reason: str


@dataclass(frozen=True)
class ReferenceFeatureless(Event):
    """Even a plain copy of it scores `score` only."""

    name = AlertEvent.REFERENCE_FEATURELESS
    path: str
    asset: str
    score: float


@dataclass(frozen=True)
class ReferenceUnspecific(Event):
    """It matches `matched` of `sampled` strange pictures; `held` deliveries wait for that now."""

    name = AlertEvent.REFERENCE_UNSPECIFIC
    path: str
    asset: str
    matched: int
    sampled: int
    held: int


@dataclass(frozen=True)
class ReferenceRetired(Event):
    """An unspecific one has left the folder; so many of its matches stay held."""

    name = AlertEvent.REFERENCE_UNSPECIFIC
    kind = "retired"
    path: str
    asset: str
    matches: int


# -- of channels and the machine


@dataclass(frozen=True)
class ChannelFailing(Event):
    name = AlertEvent.CHANNEL_BROKEN
    kind = "failing"
    channel: str
    error: str


@dataclass(frozen=True)
class ChannelRefuses(Event):
    """It refuses for good: so many alerts were given up."""

    name = AlertEvent.CHANNEL_BROKEN
    kind = "refuses"
    channel: str
    error: str
    given_up: int


@dataclass(frozen=True)
class ChannelGaveUp(Event):
    """Its messages were not accepted for `days`: so many alerts were given up."""

    name = AlertEvent.CHANNEL_BROKEN
    kind = "gave_up"
    channel: str
    error: str
    days: int
    given_up: int


class StoredIn(StrEnum):
    """What a folder of ours holds."""

    DATABASE = "database"
    PICTURES = "pictures"


@dataclass(frozen=True)
class DiskLow(Event):
    name = AlertEvent.DISK_LOW
    host: str
    use: StoredIn
    folder: str
    free_bytes: int
    total_bytes: int


class Lacking(StrEnum):
    """What a late cycle lacks."""

    PLANNED = "planned"
    DONE = "done"


@dataclass(frozen=True)
class WatchLate(Event):
    name = AlertEvent.SCAN_OVERDUE
    kind = "late"
    watch: str
    due_at: datetime
    lacking: Lacking


@dataclass(frozen=True)
class WatchUnplanned(Event):
    """`error` is the name of what nobody expected."""

    name = AlertEvent.SCAN_OVERDUE
    kind = "unplanned"
    watch: str
    error: str


@dataclass(frozen=True)
class Written:
    """An event whose facts are not known: of an earlier version, which stored a text, or a later.

    The text is in English; it may be empty.
    """

    text: str = ""


# -- how they are stored

# Of the form of the facts, which has it as `version`; the first, of all rows so far, has none.
VERSION: Final = 1


def iter_events(kind: type[Event] = Event) -> Iterator[type[Event]]:
    """Every class of an event that is told."""
    below = kind.__subclasses__()
    if not below:
        yield kind
    for each in below:
        yield from iter_events(each)


_OF_MATCHES: Final = frozenset(kind.name for kind in iter_events(MatchEvent))
_CLASSES: Final = {(kind.name, kind.kind): kind for kind in iter_events()}


def _types_of(kind: type[Event]) -> dict[str, tuple[type, ...]]:
    """The types that a class's fields may have."""
    hints = get_type_hints(kind)
    found = {field.name: hints[field.name] for field in fields(kind)}
    return {name: get_args(hint) or (hint,) for name, hint in found.items()}


_TYPES: Final = {kind: _types_of(kind) for kind in iter_events()}


def store_event(event: Event) -> dict[str, object]:
    """What of an event is stored beside its name, to be written as JSON."""
    stored: dict[str, object] = {
        field.name: _stored(getattr(event, field.name)) for field in fields(event)
    }
    if event.kind:
        stored["kind"] = event.kind
    return stored if VERSION == 1 else {**stored, "version": VERSION}


def read_event(
    name: AlertEvent, stored: Mapping[str, object] | None, text: str | None = None
) -> Event | Written:
    """The event that was stored so; `Written` where it is only known as a text, or not at all."""
    if text is not None:
        return Written(text)
    values = stored or {}
    kind = _CLASSES.get((name, str(values.get("kind", ""))))
    if kind is None or values.get("version", 1) != VERSION:
        return Written()
    try:
        facts = {key: _read(types, values.get(key)) for key, types in _TYPES[kind].items()}
    except (TypeError, ValueError):
        return Written()
    return kind(**facts)


def _stored(fact: Fact) -> object:
    if isinstance(fact, datetime):
        return instant_text(fact)
    if isinstance(fact, Decimal):
        return f"{fact:+}"
    return str(fact) if isinstance(fact, Price | str) else fact


def _read(types: tuple[type, ...], value: object) -> Fact:
    """Raises TypeError or ValueError for what is none of the types."""
    if value is None and NoneType in types:
        return None
    kind = types[0]
    if issubclass(kind, StrEnum) and isinstance(value, str):
        return kind(value)
    if kind in _READERS and isinstance(value, str):
        return _READERS[kind](value)
    if kind is float and isinstance(value, int):
        return float(value)
    if isinstance(value, str | int | float) and type(value) is kind:
        return value
    raise TypeError(f"{value!r} is no {kind.__name__}")


def instant_text(instant: datetime) -> str:
    """An instant to the minute, as texts have it."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _read_instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M UTC").replace(tzinfo=UTC)


def _read_decimal(text: str) -> Decimal:
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text):
        raise ValueError(f"{text!r} is no decimal")
    return Decimal(text)


def _read_price(text: str) -> Price:
    """As `Price` writes itself, to the cent."""
    found = re.fullmatch(r"(.*?) ([0-9.]+)(?: - ([0-9.]+))?", text)
    if found is None:
        raise ValueError(f"{text!r} is no price")
    least = _read_decimal(found[2])
    return Price(least, _read_decimal(found[3]) if found[3] else least, found[1], text)


_READERS: Final[Mapping[type, Callable[[str], Fact]]] = {
    datetime: _read_instant,
    Decimal: _read_decimal,
    Price: _read_price,
}
