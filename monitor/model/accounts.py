"""Accounts of marketplaces: how many calls they may take."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Budget:
    """The most calls of a UTC day and of a UTC month; None is without a limit.

    `is_spread` keeps a day from taking more than its share of the month.
    """

    daily: int | None = None
    monthly: int | None = None
    is_spread: bool = True

    def limit_of(self, day: date, used_before: int) -> int | None:
        """The most calls of a day when the days of its month before it used `used_before`."""
        limits = [] if self.daily is None else [self.daily]
        if self.monthly is not None:
            left = max(0, self.monthly - used_before)
            limits.append(share(left, days_left(day)) if self.is_spread else left)
        return min(limits, default=None)


def share(left: int, days: int) -> int:
    """One day's share of what is left for so many days, rounded up: ceil(left / days)."""
    return -(-left // days)


def days_left(day: date) -> int:
    """How many days its month has left, the day itself among them."""
    return calendar.monthrange(day.year, day.month)[1] - day.day + 1
