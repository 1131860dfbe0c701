"""Where the deliveries of alerts stand, and silences."""

from __future__ import annotations

from enum import StrEnum


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
