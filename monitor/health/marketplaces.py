"""What there is to say of marketplaces: paused, and their canaries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from monitor.config import Config, MarketplaceConfig
from monitor.health.findings import CanaryLost, CanaryState, Finding, MarketplacePaused
from monitor.storage.db.engine import Connection
from monitor.storage.searches import breakers, canaries
from monitor.storage.searches.canaries import CanaryStatus


def marketplace_findings(conn: Connection, config: Config) -> Iterator[Finding]:
    """When each canary was last found, which marketplaces are paused, and which are blind."""
    paused = breakers.list_paused(conn)
    known = _of_config(config, canaries.list_rows(conn))
    for item in config.marketplaces.values():
        if item.canary is not None:
            row = known.get(item.name)
            yield Finding.of(item.name, CanaryState(row.found_at if row else None))
    for name in config.marketplaces:
        if (breaker := paused.get(name)) is not None:
            facts = MarketplacePaused(breaker.failures, breaker.probe_at, breaker.reason)
            yield Finding.of(name, facts, breaker.opened_at)
    for item in config.marketplaces.values():
        row = known.get(item.name)
        if row is not None and row.lost_at is not None and item.canary is not None:
            yield Finding.of(
                item.name, CanaryLost(item.canary.name, row.missed, row.problem), row.lost_at
            )


def _of_config(config: Config, rows: Mapping[str, CanaryStatus]) -> dict[str, CanaryStatus]:
    """What is known of the canaries that the config names now, not of earlier ones."""
    return {
        item.name: row
        for item in config.marketplaces.values()
        if (row := rows.get(item.name)) is not None and row.looked_for == _key(item)
    }


def _key(item: MarketplaceConfig) -> str | None:
    canary = item.find_canary()
    return canary.key if canary else None
