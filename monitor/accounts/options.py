"""`[marketplaces.NAME]`: how much may be asked of an account."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from monitor.model import Budget
from monitor.options import KeyPath, Options, from_text

_SECONDS = {"s": 1, "m": 60, "h": 3_600}


def parse_rate(text: str) -> float:
    """`5/s`, `30/m` or `1000/h` as calls per second. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/([smh])", text)
    if match is None or float(match[1]) == 0:
        raise ValueError("not a rate: write calls per second, minute or hour, such as 5/s or 30/m")
    return float(match[1]) / _SECONDS[match[2]]


Rate = Annotated[float, from_text(parse_rate, "5/s")]
Quota = Annotated[int, Field(gt=0)]


class AccountOptions(Options):
    """The limits that all marketplaces of one account share, and so must agree on.

    `rate` is in calls per second; quotas are in calls of a day and of a month, in UTC. With
    `spread_quota` a day may take its share of what is left of the month.
    """

    rate: Rate = 5.0
    daily_quota: Quota | None = None
    monthly_quota: Quota | None = None
    spread_quota: bool = True

    @property
    def budget(self) -> Budget:
        return Budget(self.daily_quota, self.monthly_quota, self.spread_quota)

    @classmethod
    def contradictions(cls, given: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:
        yield from super().contradictions(given)
        daily, monthly = given.get("daily_quota"), given.get("monthly_quota")
        if isinstance(daily, int) and isinstance(monthly, int) and daily > monthly > 0:
            yield (
                ("daily_quota",),
                f"daily_quota ({daily}) is above monthly_quota ({monthly}), so no day reaches it",
            )
        if monthly is None and "spread_quota" in given:
            yield ("spread_quota",), "it goes with monthly_quota only"
