"""Whether all is well, from the rows alone: `monitor status`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from monitor.alerting import count_stranded, stranded_text
from monitor.app import routes_of
from monitor.cases.trust import Marked, count_marked
from monitor.config import Config
from monitor.health.budgets import BudgetUse, budget_fact, budget_problems, list_budgets
from monitor.health.channels import channel_problems
from monitor.health.marketplaces import canary_facts, marketplace_problems
from monitor.health.pictures import list_picture_problems
from monitor.health.policy import HOMELESS_FOR, OVERDUE_AFTER, TROUBLE_FORGOTTEN
from monitor.model import ScanOutcome
from monitor.storage import Store
from monitor.storage.catalogue import watches
from monitor.storage.catalogue.watches import WatchStatus
from monitor.storage.searches import scans
from monitor.storage.searches.scans import ScanHealth
from monitor.storage.telling import alerts, silences, troubles
from monitor.storage.telling.troubles import Trouble


@dataclass(frozen=True, slots=True)
class Health:
    """`facts` say what there is, `problems` what needs a person, `budgets` what is used."""

    facts: tuple[str, ...]
    problems: tuple[str, ...]
    budgets: tuple[BudgetUse, ...] = ()

    @property
    def is_healthy(self) -> bool:
        return not self.problems


def check_health(store: Store, config: Config, now: datetime) -> Health:
    """What stands in the rows, against what the config asks for. Raises StoreError."""
    with store.reading() as conn:
        known = {row.name: row for row in watches.list_rows(conn)}
        newest = scans.list_newest(conn)
        channels = channel_problems(conn, config, now)
        homeless = alerts.count_homeless(conn, now - HOMELESS_FOR)
        stranded = count_stranded(conn, routes_of(config), now)
        marked = count_marked(conn)
        silenced = silences.count_active(conn, now), silences.count_held(conn)
        budgets = list_budgets(conn, config, now)
        canaries = canary_facts(conn, config)
        blind = marketplace_problems(conn, config, newest)
        lasting = troubles.list_open(conn)
    facts: list[str] = []
    problems: list[str] = []
    for watch in config.watches:
        row = known.get(watch.name)
        facts.append(_watch_fact(watch.name, row, newest))
        facts += _marked_facts(watch.name, marked.get(watch.name))
        problems += _watch_problems(watch.name, row, now)
    facts += _silence_facts(*silenced)
    facts += [budget_fact(budget) for budget in budgets]
    facts += canaries
    problems += _troubles_beside(problems, lasting, now)
    problems += blind
    problems += _scan_problems(newest)
    problems += list_picture_problems(store, now)
    problems += [problem for budget in budgets for problem in budget_problems(budget)]
    problems += channels
    if homeless:
        problems.append(
            f"{homeless} operator alerts of the last day had no channel to go to: name one in "
            "[alerts] ops, and see `monitor alerts list`"
        )
    if stranded:
        problems.append(stranded_text(stranded))
    return Health(tuple(facts), tuple(problems), tuple(budgets))


def _watch_fact(name: str, row: WatchStatus | None, newest: list[ScanHealth]) -> str:
    if row is None:
        return f"Watch {name}: never run"
    last = max(
        (scan.finished_at for scan in newest if scan.watch == name and scan.finished_at),
        default=None,
    )
    when = f"last scanned {last:%Y-%m-%d %H:%M} UTC" if last else "not scanned yet"
    return (
        f"Watch {name}: {row.reference_pictures} pictures, {row.open_matches} open matches, {when}"
    )


def _marked_facts(name: str, marked: Marked | None) -> list[str]:
    """Known, told when it came, and safe: no problem that should drown out others."""
    if marked is None:
        return []
    facts = []
    if marked.unspecific or marked.held:
        facts.append(
            f"Watch {name}: unspecific pictures: {marked.unspecific}, held deliveries: "
            f"{marked.held}; `monitor assets list` shows which, `monitor assets trust` sends them"
        )
    if marked.featureless:
        facts.append(
            f"Watch {name}: featureless pictures, of which no copy would be told: "
            f"{marked.featureless}; `monitor assets list` shows which"
        )
    return facts


def _silence_facts(active: int, count: int) -> list[str]:
    """Asked for by a person, so no problem."""
    if not active and not count:
        return []
    return [f"Silences: {active}, held deliveries: {count}; `monitor silence list` shows which"]


def _watch_problems(name: str, row: WatchStatus | None, now: datetime) -> list[str]:
    if row is None or row.retired_at is not None or row.next_due_at is None:
        return [f"watch {name} is not in the database yet: run `monitor scan` or the daemon"]
    problems = []
    if now - row.next_due_at > OVERDUE_AFTER:
        problems.append(f"watch {name} is overdue since {row.next_due_at:%Y-%m-%d %H:%M} UTC")
    elif row.reference_pictures == 0 and row.next_due_at > now:  # else it is about to be planned
        problems.append(f"watch {name} has no picture to search for")
    return problems


def _troubles_beside(problems: list[str], lasting: list[Trouble], now: datetime) -> Iterator[str]:
    """What the daemon has found, but for watches of whose lateness the rows tell already."""
    for trouble in lasting:
        name = trouble.key.removeprefix(troubles.LATE)
        is_told = any(problem.startswith(f"watch {name} is overdue") for problem in problems)
        if now - trouble.seen_at < TROUBLE_FORGOTTEN and not is_told:
            yield trouble.text


def _scan_problems(newest: list[ScanHealth]) -> list[str]:
    """One line per watch, marketplace and outcome, with an error as example."""
    bad: dict[tuple[str, str, str], list[str]] = {}
    for scan in newest:
        if scan.outcome is None or not ScanOutcome(scan.outcome).is_complete:
            key = (scan.watch, scan.marketplace, scan.outcome or "open")
            bad.setdefault(key, []).append(scan.error or "no reason stored")
    return [
        f"watch {watch} on {marketplace}: {len(errors)} scans {outcome} in the last cycle: "
        f"{errors[0]}"
        for (watch, marketplace, outcome), errors in bad.items()
    ]
