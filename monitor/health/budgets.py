"""What each marketplace has used of its budget, and how long the rest lasts: for `monitor status`.

From the rows alone; of calls that others make with the same credential nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from monitor.config import Config, MarketplaceConfig
from monitor.health.findings import BudgetUse, BudgetUsedUp, Finding
from monitor.health.policy import USUAL_DAYS
from monitor.model import days_left
from monitor.storage.db.engine import Connection
from monitor.storage.searches.paces import Use, list_use


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


def budget_findings(uses: Iterable[BudgetUse]) -> Iterator[Finding]:
    """What is used of each, and which are used up: until then nothing is searched for."""
    for use in uses:
        yield Finding.of(use.marketplace, use)
        if (used_up := _used_up(use)) is not None:
            yield Finding.of(use.marketplace, used_up)


def _used_up(use: BudgetUse) -> BudgetUsedUp | None:
    """The one that nothing is searched for the longest."""
    if use.monthly_quota is not None and use.used_this_month >= use.monthly_quota:
        return BudgetUsedUp("month", use.monthly_quota)
    if use.daily_quota is not None and use.used_today >= use.daily_quota:
        return BudgetUsedUp("day", use.daily_quota)
    if use.day_limit is not None and use.used_today >= use.day_limit:
        return BudgetUsedUp("share", use.day_limit)
    return None
