"""Alerts: why one is due, whom it goes to, and where its deliveries stand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from monitor.model.matches import Relation


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
