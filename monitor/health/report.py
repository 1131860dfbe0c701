"""Whether all is well, from the rows alone: `monitor status`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from monitor.alerting.route import count_stranded
from monitor.app import routes_of
from monitor.cases.trust import count_marked
from monitor.config import Config
from monitor.health.budgets import budget_findings, list_budgets
from monitor.health.channels import channel_findings
from monitor.health.findings import (
    AlertsHomeless,
    AlertsStranded,
    BudgetUse,
    Finding,
    SilencesHold,
    WatchOverdue,
    describe,
)
from monitor.health.marketplaces import marketplace_findings
from monitor.health.pictures import picture_findings
from monitor.health.policy import HOMELESS_FOR
from monitor.health.troubles import lasting_findings
from monitor.health.watches import scan_findings, watch_findings, yield_findings
from monitor.storage.catalogue import watches
from monitor.storage.db.engine import Connection, Store
from monitor.storage.searches import scans
from monitor.storage.telling import alerts, silences


@dataclass(frozen=True, slots=True)
class Health:
    """All findings of one moment, in the order in which people are told them."""

    findings: tuple[Finding, ...]

    @property
    def is_healthy(self) -> bool:
        return not any(finding.is_problem for finding in self.findings)

    @property
    def facts(self) -> tuple[str, ...]:
        """What there is, in English."""
        return tuple(describe(item) for item in self.findings if not item.is_problem)

    @property
    def problems(self) -> tuple[str, ...]:
        """What needs a person, in English."""
        return tuple(describe(item) for item in self.findings if item.is_problem)

    @property
    def budgets(self) -> tuple[BudgetUse, ...]:
        """What is used of each."""
        return tuple(item.facts for item in self.findings if isinstance(item.facts, BudgetUse))


def check_health(store: Store, config: Config, now: datetime) -> Health:
    """What stands in the rows, against what the config asks for. Raises StoreError."""
    with store.reading() as conn:
        return Health(tuple(_find(conn, config, now)))


def _find(conn: Connection, config: Config, now: datetime) -> Iterator[Finding]:
    newest = scans.list_newest(conn)
    known = {row.name: row for row in watches.list_rows(conn)}
    marked = count_marked(conn)
    of_watches = list(watch_findings(config, known, marked, newest, now))
    yield from of_watches
    yield from _silences(conn, now)
    of_budgets = list(budget_findings(list_budgets(conn, config, now)))
    yield from (item for item in of_budgets if not item.is_problem)
    overdue = {item.subject for item in of_watches if isinstance(item.facts, WatchOverdue)}
    yield from lasting_findings(conn, overdue, now)
    yield from marketplace_findings(conn, config)
    yield from yield_findings(newest)
    yield from scan_findings(newest)
    yield from picture_findings(conn, now)
    yield from (item for item in of_budgets if item.is_problem)
    yield from channel_findings(conn, config, now)
    yield from _untold(conn, config, now)


def _silences(conn: Connection, now: datetime) -> Iterator[Finding]:
    active, held = silences.count_active(conn, now), silences.count_held(conn)
    if active or held:
        yield Finding.of("", SilencesHold(active, held))


def _untold(conn: Connection, config: Config, now: datetime) -> Iterator[Finding]:
    if homeless := alerts.count_homeless(conn, now - HOMELESS_FOR):
        yield Finding.of("", AlertsHomeless(homeless))
    if stranded := count_stranded(conn, routes_of(config), now):
        yield Finding.of("", AlertsStranded(stranded))
