"""Nouns that pass between rooms: frozen, without I/O, without third-party imports.

One noun, one meaning: docs/glossary.md defines each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias


class ScanOutcome(StrEnum):
    """How a scan ended. Only `ok` and `empty` saw everything they asked for."""

    OK = "ok"
    EMPTY = "empty"
    PARTIAL = "partial"
    BLOCKED = "blocked"
    QUOTA = "quota"
    FAILED = "failed"

    @property
    def is_complete(self) -> bool:
        return self in (ScanOutcome.OK, ScanOutcome.EMPTY)


class Relation(StrEnum):
    """How a candidate picture relates to a reference picture."""

    SAME = "same"
    PARTIAL = "partial"
    VARIANT = "variant"
    NONE = "none"


class Verdict(StrEnum):
    """What a person ruled on a match."""

    UNREVIEWED = "unreviewed"
    INFRINGING = "infringing"
    AUTHORISED = "authorised"
    NOT_OURS = "not_ours"
    IGNORED = "ignored"
    UNSURE = "unsure"

    @property
    def is_settled(self) -> bool:
        """Whether it ends the match's alerts."""
        return self in (Verdict.AUTHORISED, Verdict.NOT_OURS, Verdict.IGNORED)


class AlertEvent(StrEnum):
    """Why an alert is due. Operator events tell of the monitor's own state."""

    NEW_MATCH = "new_match"
    SCORE_CROSSED = "score_crossed"
    RELISTED = "relisted"
    PRICE_CHANGE = "price_change"
    GONE = "gone"
    REAPPEARED = "reappeared"
    REMINDER = "reminder"
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


_OF_MATCHES: Final = frozenset(
    {
        AlertEvent.NEW_MATCH,
        AlertEvent.SCORE_CROSSED,
        AlertEvent.RELISTED,
        AlertEvent.PRICE_CHANGE,
        AlertEvent.GONE,
        AlertEvent.REAPPEARED,
        AlertEvent.REMINDER,
    }
)


@dataclass(frozen=True, slots=True)
class Route:
    """Whom alerts that fit are told to: the channels, an empty list nobody.

    An alert fits what names one of its own in every condition; an empty one, or a score that is
    None, asks for nothing. Scores are 0..1, both ends included. What has no match has neither
    marketplace nor score, so it fits no condition on them. With `also` the channels are told
    besides those that a later route or the watch names.
    """

    channels: tuple[str, ...]
    watches: frozenset[str] = frozenset()
    marketplaces: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    relations: frozenset[Relation] = frozenset()
    events: frozenset[AlertEvent] = frozenset()
    min_score: float | None = None
    max_score: float | None = None
    also: bool = False


class CheckState(StrEnum):
    """What a check has said of a reference picture; `unspecific` and `featureless` are marked.

    `unspecific` matches pictures that have nothing to do with it, of a `featureless` one not even a
    plain copy would be told, `trusted` was set by a person and stays.
    """

    UNJUDGED = "unjudged"
    SOUND = "sound"
    UNSPECIFIC = "unspecific"
    FEATURELESS = "featureless"
    TRUSTED = "trusted"


class DeliveryState(StrEnum):
    """Where a delivery stands: `due` and `failed` wait for their next try, `dead` was given up.

    `held` waits until the reference picture that its match rests on is no longer `unspecific`, and
    until no silence asks for its match.
    """

    DUE = "due"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    DEAD = "dead"
    HELD = "held"


class SilenceState(StrEnum):
    """Where a silence stands: `pending` has not begun, `removed` was ended by a person."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Rights:
    """What protects an asset; everything a complaint asks for and the owner has told."""

    kind: str | None = None
    certificate: str | None = None
    territory: str | None = None
    official_url: str | None = None
    published_at: str | None = None


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A readable reference picture in a watch's folder; `path` is relative to the folder, POSIX."""

    path: str
    sha256: str
    asset: str
    rights: Rights
    tags: tuple[str, ...]
    format: str
    width: int
    height: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ReferencePicture:
    """One picture of an asset as the store knows it; `path` is relative to the watch's folder."""

    id: int
    asset_id: int
    asset: str
    sha256: str
    path: str


@dataclass(frozen=True, slots=True)
class Price:
    """`minimum` to `maximum` in `currency` (ISO 4217); `text` is what the site wrote."""

    minimum: Decimal
    maximum: Decimal
    currency: str
    text: str

    def __str__(self) -> str:
        """`CNY 12.50`, or `CNY 12.50 - 30.00`."""
        if self.minimum == self.maximum:
            return f"{self.currency} {self.minimum:.2f}"
        return f"{self.currency} {self.minimum:.2f} - {self.maximum:.2f}"


@dataclass(frozen=True, slots=True)
class Seller:
    """Who offers a listing, as far as the site says; at least one of both is given."""

    seller_id: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Observation:
    """A listing as one answer of a marketplace gave it. (site, item_id) is the listing's identity.

    `url` is canonical, `picture_url` full-size and absolute, or None where the site gave none that
    can be used; `picture_problem` then says why. `rank` counts from 1 over the whole search.
    `provider_score` is the site's own similarity, stored and never trusted.
    """

    site: str
    item_id: str
    url: str
    title: str
    picture_url: str | None
    price: Price | None = None
    seller: Seller | None = None
    sales: int | None = None
    rank: int = 0
    provider_score: float | None = None
    picture_problem: str | None = None
    picture_fallback_url: str | None = None


@dataclass(frozen=True, slots=True)
class FileVersion:
    """What a server calls the file it sent (RFC 9110, 8.8): asked with it, it may say "the same".

    Both as the server wrote them; None where it said nothing that can be repeated.
    """

    etag: str | None = None
    last_modified: str | None = None


# What a watch records and tells from, unless it says otherwise: docs/benchmarks.md has the reasons.
DEFAULT_RECORD_SCORE: Final = 0.50
DEFAULT_ALERT_SCORE: Final = 0.80

# Algorithm name (versioned, never changed once stored) -> what it computed from a picture.
Fingerprints: TypeAlias = Mapping[str, bytes]

# Corners in parts of width and height (0..1), clockwise from the top left of the upright picture.
Polygon: TypeAlias = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Region:
    """What the two pictures share: the same content as a polygon in each."""

    reference: Polygon
    candidate: Polygon


@dataclass(frozen=True, slots=True)
class Similarity:
    """The result of comparing two fingerprints; `score` is 0..1 and rises with the evidence.

    `method` names the comparison and its version, `reasons` the evidence in numbers.
    """

    score: float
    relation: Relation
    method: str
    region: Region | None = None
    mirrored: bool = False
    reasons: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class PictureRecord:
    """A picture the store knows, with what was computed from it."""

    sha256: str
    format: str
    width: int
    height: int
    size_bytes: int
    fingerprints: Fingerprints


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture that goes with a message; `name` is what the receiver sees."""

    path: Path
    name: str


class Language(StrEnum):
    """What messages are written in."""

    ENGLISH = "en"
    CHINESE = "zh"


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


@dataclass(frozen=True, slots=True)
class ScanCounts:
    """What one scan did so far."""

    listings_seen: int = 0
    listings_new: int = 0
    pictures_fetched: int = 0
    pictures_failed: int = 0
    matches_new: int = 0
    requests: int = 0

    def plus(self, other: ScanCounts) -> ScanCounts:
        return ScanCounts(
            self.listings_seen + other.listings_seen,
            self.listings_new + other.listings_new,
            self.pictures_fetched + other.pictures_fetched,
            self.pictures_failed + other.pictures_failed,
            self.matches_new + other.matches_new,
            self.requests + other.requests,
        )


@dataclass(frozen=True, slots=True)
class Scan:
    """One claimed run of a watch for one reference picture on one marketplace."""

    id: int
    cycle_id: int
    watch_id: int
    watch: str
    marketplace: str
    reference: ReferencePicture
    cursor: str | None
    attempts: int
    counts: ScanCounts
    started_at: datetime
