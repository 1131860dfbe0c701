"""Whether the hosts of listing pictures still give them: a part of `monitor status`.

A scan whose pictures can't be had ends `ok` all the same, as listings without a picture are normal.
A name filter on the way (ad-block lists have named such hosts) or a host that refuses us would go
unnoticed.
"""

from __future__ import annotations

from datetime import datetime

from monitor.health.policy import FEWEST_TRIED, LOOKED_AT, MOST_FAILED
from monitor.storage import Store
from monitor.storage.catalogue import picture_urls
from monitor.storage.catalogue.picture_urls import HostTries


def list_picture_problems(store: Store, now: datetime) -> list[str]:
    """A line for each host of which more than half of the last day's pictures failed.

    Raises StoreError.
    """
    with store.reading() as conn:
        hosts = picture_urls.list_hosts(conn, now - LOOKED_AT)
    return [_line(host) for host in hosts if _is_failing(host)]


def _is_failing(host: HostTries) -> bool:
    return host.tried >= FEWEST_TRIED and host.failed > MOST_FAILED * host.tried


def _line(host: HostTries) -> str:
    said = f", mostly: {host.problem}" if host.problem else ""
    return (
        f"pictures from {host.host}: {host.failed} of {host.tried} failed in the last day{said}; "
        "listings without a picture are compared with nothing: see whether this machine's name "
        "server or the host itself refuses us"
    )
