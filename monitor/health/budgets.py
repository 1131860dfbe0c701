"""What each marketplace has used of its budget, and how long the rest lasts: for `monitor status`.

From the rows alone; of calls that others make with the same credential nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.config import Config, MarketplaceConfig
from monitor.health.policy import USUAL_DAYS
from monitor.storage import Connection
from monitor.storage.searches.paces import Use, days_left, list_use


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """Calls that a marketplace's credential made on this UTC day and in this UTC month.

    `day_limit` is what today may take: the daily quota, or the share of the month if that is less.
    `usual_day` is the mean of the last seven days with any use, `days_left` how many such days the
    rest of the month's quota lasts, `days_to_reset` when it is new again, today counted in.
    """

    marketplace: str
    used_today: int
    day_limit: int | None
    daily_quota: int | None
    used_this_month: int
    monthly_quota: int | None
    usual_day: float | None
    days_left: float | None
    days_to_reset: int


def list_budgets(conn: Connection, config: Config, now: datetime) -> list[BudgetUse]:
    """Each marketplace that has a quota, or was used this month or on the days before."""
    used = list_use(conn, now, USUAL_DAYS)
    found = []
    for item in config.marketplaces.values():
        use = used.get(item.account_key, Use(0, 0, ()))
        if item.daily_quota or item.monthly_quota or use.this_month or use.days:
            found.append(_budget(item, use, now))
    return found


def _budget(item: MarketplaceConfig, use: Use, now: datetime) -> BudgetUse:
    day = now.astimezone(UTC).date()
    budget = item.budget
    usual = sum(use.days) / len(use.days) if use.days else None
    lasts = None
    if item.monthly_quota is not None and usual:
        lasts = max(0, item.monthly_quota - use.this_month) / usual
    return BudgetUse(
        marketplace=item.name,
        used_today=use.today,
        day_limit=budget.limit_of(day, use.this_month - use.today),
        daily_quota=item.daily_quota,
        used_this_month=use.this_month,
        monthly_quota=item.monthly_quota,
        usual_day=usual,
        days_left=lasts,
        days_to_reset=days_left(day),
    )


def budget_fact(use: BudgetUse) -> str:
    """One line for people: used of what, and how long it lasts."""
    parts = [f"{_of(use.used_today, use.day_limit)} calls today"]
    parts.append(f"{_of(use.used_this_month, use.monthly_quota)} this month")
    if use.usual_day is not None:
        parts.append(f"a usual day takes {use.usual_day:,.0f}")
    if use.days_left is not None:
        parts.append(
            f"the rest lasts {use.days_left:,.1f} such days, the month {use.days_to_reset} more"
        )
    return f"Marketplace {use.marketplace}: {', '.join(parts)} (UTC)"


def budget_problems(use: BudgetUse) -> list[str]:
    """A budget that is used up; the longest that nothing is searched for."""
    where = f"marketplace {use.marketplace}"
    if use.monthly_quota is not None and use.used_this_month >= use.monthly_quota:
        return [f"{where}: all {use.monthly_quota:,} calls of the month (UTC) are used up"]
    if use.daily_quota is not None and use.used_today >= use.daily_quota:
        return [f"{where}: all {use.daily_quota:,} calls of the day (UTC) are used up"]
    if use.day_limit is not None and use.used_today >= use.day_limit:
        return [
            f"{where}: the day's share of the month, {use.day_limit:,} calls, is used up until "
            "midnight (UTC): search less often, or see spread_quota"
        ]
    return []


def _of(used: int, quota: int | None) -> str:
    return f"{used:,}" if quota is None else f"{used:,} of {quota:,}"
