"""When a watch is due: after an interval, or at the wall times of a cron expression.

Everything here is a pure function of an instant; instants are aware, results are in UTC.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from monitor.errors import InputError
from monitor.schedule.cron import Cron
from monitor.schedule.durations import format_duration, parse_duration

# How far a due time may be put off, as a part of the time to the one after it.
LARGEST_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Every:
    """Due `interval` after it was last due."""

    interval: timedelta

    def __post_init__(self) -> None:
        if self.interval < timedelta(seconds=1):
            raise InputError(f"the interval must be at least 1s, not {self.interval}")

    @property
    def text(self) -> str:
        """Stands in the database: another spelling of the same interval gives the same text."""
        return f"every {format_duration(self.interval)}"

    def next_after(self, instant: datetime) -> datetime:
        return instant.astimezone(UTC) + self.interval

    def first_after(self, instant: datetime) -> datetime:
        """A new watch on an interval is due at once."""
        return instant.astimezone(UTC)


Trigger: TypeAlias = Every | Cron


def with_jitter(
    trigger: Trigger, instant: datetime, jitter: timedelta, rng: random.Random
) -> datetime:
    """`instant` put off by a random time up to `jitter`.

    Never by more than a tenth of the time to the due time after it, so that the order stays.
    """
    if jitter <= timedelta(0):
        return instant
    gap = trigger.next_after(instant) - instant
    return instant + min(jitter, gap * LARGEST_JITTER) * rng.random()


def shortest_gap(trigger: Trigger, start: datetime, count: int = 100) -> timedelta:
    """The shortest time between two of the next `count` due times."""
    if isinstance(trigger, Every):
        return trigger.interval
    shortest, due = timedelta.max, trigger.next_after(start)
    for _ in range(count):
        following = trigger.next_after(due)
        shortest, due = min(shortest, following - due), following
    return shortest


def parse_jitter(text: str) -> timedelta | float:
    """A duration, or a percentage as the part (0 to 0.1) of the time between two due times.

    Raises ValueError.
    """
    match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%", text)
    if match is None:
        try:
            return parse_duration(text, least=timedelta(0))
        except ValueError:
            raise ValueError("write a percentage or a duration, such as 5% or 10m") from None
    part = float(match[1]) / 100
    if part > LARGEST_JITTER:
        raise ValueError("too much: at most 10%")
    return part
