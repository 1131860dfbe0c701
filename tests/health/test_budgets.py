"""What `monitor status` says of budgets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from monitor.cli import cli
from monitor.config import Config, load
from monitor.health.budgets import budget_findings, list_budgets
from monitor.health.findings import BudgetUse, Finding, describe
from monitor.marketplaces.registry import account_key, options_model
from monitor.storage.db.engine import Store
from monitor.storage.tables import pace_days
from monitor.storage.tables import paces as pace_rows

# a Tuesday with seven days to go in its month
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


OPTIONS = options_model("guide_1688").model_validate({"app_key": "key", "app_secret": "s"})
KEY = account_key("guide_1688", "alibaba", OPTIONS)


def _config(folder: Path, keys: str = "", url: str = "sqlite:///monitor.db") -> Path:
    (folder / "brands").mkdir(exist_ok=True)
    path = folder / "config.toml"
    path.write_text(
        f'[database]\nurl = "{url}"\n'
        '[marketplaces.alibaba]\ntype = "guide_1688"\napp_key = "key"\napp_secret = "s"\n'
        f"{keys}\n"
        '[[watch]]\nname = "acme"\nimages = "brands"\nmarketplaces = ["alibaba"]\nevery = "6h"\n'
        "channels = []\n",
        encoding="utf-8",
    )
    return path


def _use(store: Store, today: int, this_month: int, days: list[int], now: datetime = NOW) -> None:
    """`days` are those before today, the newest first."""
    with store.writing() as conn:
        row = {
            "key": KEY,
            "next_at": 0.0,
            "held_until": 0.0,
            "day": f"{now:%Y-%m-%d}",
            "month": f"{now:%Y-%m}",
            "used_today": today,
            "used_this_month": this_month,
        }
        conn.execute(sa.insert(pace_rows).values(row))
        for number, used in enumerate([today, *days]):
            day = f"{now - timedelta(days=number):%Y-%m-%d}"
            conn.execute(sa.insert(pace_days).values(key=KEY, day=day, used=used))


def _look(store: Store, config: Config, now: datetime = NOW) -> list[BudgetUse]:
    with store.reading() as conn:
        return list_budgets(conn, config, now)


def _problems(store: Store, config: Config, now: datetime = NOW) -> list[str]:
    return budget_problems(*_look(store, config, now))


def budget_problems(*uses: BudgetUse) -> list[str]:
    return [describe(found) for found in budget_findings(uses) if found.is_problem]


def budget_fact(use: BudgetUse) -> str:
    return describe(Finding.of(use.marketplace, use))


def test_nothing_is_said_of_what_has_neither_quota_nor_use(store: Store, tmp_path: Path) -> None:
    assert _look(store, load(_config(tmp_path), {})) == []


def test_use_without_a_quota_is_told(store: Store, tmp_path: Path) -> None:
    _use(store, 3, 1203, [])
    (use,) = _look(store, load(_config(tmp_path), {}))
    assert budget_fact(use) == "Marketplace alibaba: 3 calls today, 1,203 this month (UTC)"
    assert budget_problems(use) == []


def test_a_months_rest_is_told_in_usual_days(store: Store, tmp_path: Path) -> None:
    """Of the last seven days with any use; the eighth and the idle ones don't count."""
    _use(store, 12, 6_300, [100, 0, 200, 300, 200, 200, 200, 200, 9_999])
    (use,) = _look(store, load(_config(tmp_path, "monthly_quota = 9000\ndaily_quota = 5000"), {}))
    assert (use.usual_day, use.days_left, use.days_to_reset) == (200, 13.5, 7)
    assert budget_fact(use) == (
        "Marketplace alibaba: 12 of 388 calls today, 6,300 of 9,000 this month, "
        "a usual day takes 200, the rest lasts 13.5 such days, the month 7 more (UTC)"
    )


def test_yesterdays_and_last_months_use_is_over(store: Store, tmp_path: Path) -> None:
    _use(store, 10, 10, [10])
    config = load(_config(tmp_path, "daily_quota = 10\nmonthly_quota = 10"), {})
    assert "calls of the month" in _problems(store, config)[0]
    (use,) = _look(store, config, NOW + timedelta(days=7))
    assert (use.used_today, use.used_this_month) == (0, 0)
    assert budget_problems(use) == []


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("daily_quota = 20", "all 20 calls of the day (UTC) are used up"),
        ("monthly_quota = 90", "all 90 calls of the month (UTC) are used up"),
        ("monthly_quota = 200", "the day's share of the month, 19 calls, is used up"),
        ("monthly_quota = 200\nspread_quota = false", ""),
        ("daily_quota = 21\nmonthly_quota = 1000", ""),
    ],
)
def test_what_is_used_up_is_a_problem(
    sqlite_store: Store, tmp_path: Path, keys: str, said: str
) -> None:
    _use(sqlite_store, 20, 90, [70])
    problems = _problems(sqlite_store, load(_config(tmp_path, keys), {}))
    assert len(problems) == bool(said)
    assert all(said in problem for problem in problems)


def test_status_tells_budgets_in_words_and_in_json(sqlite_url: str, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    store = Store.open(sqlite_url)
    _use(store, 5, 5, [], now)
    store.close()
    path = str(_config(tmp_path, "daily_quota = 5", sqlite_url))
    said = CliRunner().invoke(cli, ["--config", path, "status"], standalone_mode=False).output
    assert "Marketplace alibaba: 5 of 5 calls today, 5 this month (UTC)" in said
    assert "Problem: marketplace alibaba: all 5 calls of the day (UTC) are used up" in said
    answer = CliRunner().invoke(cli, ["--config", path, "status", "--json"], standalone_mode=False)
    (budget,) = json.loads(answer.output)["budgets"]
    assert (budget["marketplace"], budget["used_today"], budget["daily_quota"]) == ("alibaba", 5, 5)
