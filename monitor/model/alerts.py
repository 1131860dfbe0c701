"""Alerts: whom they go to, and where their deliveries stand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from monitor.model.events import AlertEvent
from monitor.model.matches import Relation


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
