"""What `monitor status` says of marketplaces: paused, blind, their canaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from monitor.config import Config, MarketplaceConfig
from monitor.storage import Connection
from monitor.storage.searches import breakers, canaries
from monitor.storage.searches.breakers import Breaker
from monitor.storage.searches.canaries import CanaryStatus
from monitor.storage.searches.scans import ScanHealth


def canary_facts(conn: Connection, config: Config) -> list[str]:
    """When each canary was last found."""
    known = canaries.list_rows(conn)
    return [
        _canary_fact(item.name, _known(item, known))
        for item in config.marketplaces.values()
        if item.canary is not None
    ]


def marketplace_problems(
    conn: Connection, config: Config, newest: Iterable[ScanHealth]
) -> list[str]:
    """What keeps marketplaces from being seen; `newest` are the scans of the last cycles."""
    paused = breakers.list_paused(conn)
    known = canaries.list_rows(conn)
    problems = [
        _paused_problem(name, paused[name]) for name in config.marketplaces if name in paused
    ]
    for item in config.marketplaces.values():
        problems += _canary_problems(item, _known(item, known))
    return [*problems, *_yield_problems(newest)]


def _paused_problem(name: str, breaker: Breaker) -> str:
    return (
        f"marketplace {name} is paused since {_at(breaker.opened_at)} after {breaker.failures} "
        f"failures, tried again from {_at(breaker.probe_at)} on: {breaker.reason}"
    )


def _known(item: MarketplaceConfig, known: dict[str, CanaryStatus]) -> CanaryStatus | None:
    """What is known of the canary that the config names now, not of an earlier one."""
    row = known.get(item.name)
    canary = item.find_canary()
    if row is None or canary is None:
        return None
    return row if row.looked_for == canary.key else None


def _canary_fact(name: str, row: CanaryStatus | None) -> str:
    if row is None or row.found_at is None:
        return f"Canary of {name}: not found yet"
    return f"Canary of {name}: last found {_at(row.found_at)}"


def _canary_problems(item: MarketplaceConfig, row: CanaryStatus | None) -> Iterator[str]:
    if row is None or row.lost_at is None or item.canary is None:
        return
    times = f"{row.missed} times in a row" if row.missed > 1 else "once"
    yield (
        f"marketplace {item.name}: its canary {item.canary.name} was missed {times}, since "
        f"{_at(row.lost_at)}: {row.problem}"
    )


def _yield_problems(newest: Iterable[ScanHealth]) -> Iterator[str]:
    scans = list(newest)
    suspect = Counter((scan.watch, scan.marketplace) for scan in scans if scan.is_suspect)
    total = Counter((scan.watch, scan.marketplace) for scan in scans)
    for (watch, marketplace), count in suspect.items():
        yield (
            f"watch {watch} on {marketplace}: {count} of {total[watch, marketplace]} scans of the "
            "last cycle saw less than half of what is usual: it may be blind"
        )


def _at(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant else "an unknown time"
