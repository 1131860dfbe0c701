"""Whether the hosts of listing pictures still give them: a part of `monitor status`.

A scan whose pictures can't be had ends `ok` all the same, as listings without a picture are normal.
A name filter on the way (ad-block lists have named such hosts) or a host that refuses us would go
unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from monitor.health.findings import Finding, PicturesUnavailable
from monitor.health.policy import FEWEST_TRIED, LOOKED_AT, MOST_FAILED
from monitor.storage.catalogue import picture_urls
from monitor.storage.catalogue.picture_urls import HostTries
from monitor.storage.db.engine import Connection


def picture_findings(conn: Connection, now: datetime) -> Iterator[Finding]:
    """A finding for each host of which more than half of the last day's pictures failed."""
    for host in picture_urls.list_hosts(conn, now - LOOKED_AT):
        if _is_failing(host):
            yield Finding.of(host.host, PicturesUnavailable(host.failed, host.tried, host.problem))


def _is_failing(host: HostTries) -> bool:
    return host.tried >= FEWEST_TRIED and host.failed > MOST_FAILED * host.tried
