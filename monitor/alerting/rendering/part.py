"""What rendering makes of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.model import Message


@dataclass(frozen=True, slots=True)
class Part:
    """One message, and the deliveries that it tells.

    `left_out` says what of a delivery isn't in it and why, by the delivery's id.
    """

    message: Message
    delivery_ids: tuple[int, ...]
    left_out: Mapping[int, str] = field(default_factory=dict)
