"""When the URLs of stored pictures were last asked for; which hosts give pictures, which don't."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import sqlalchemy as sa

from monitor.model import FileVersion
from monitor.storage.db.engine import Connection
from monitor.storage.db.text import bounded, clean
from monitor.storage.db.upsert import PART, lock_catalogue
from monitor.storage.tables import HAS_PROBLEM, listings, picture_urls


@dataclass(frozen=True, slots=True)
class StoredUrl:
    """What is stored of a URL. `checked_at` is when it was last asked for, with success or not."""

    url: str
    sha256: str
    version: FileVersion
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class HostTries:
    """Pictures asked for on one host, each URL once; `problem` is the commonest reason stored."""

    host: str
    tried: int
    failed: int
    problem: str | None


def find_checked_before(
    conn: Connection, urls: Collection[str], before: datetime
) -> list[StoredUrl]:
    """Those of the URLs that were last asked for before an instant, the longest ago first."""
    wanted = {bounded(clean(url)): url for url in urls}
    last = sa.func.coalesce(picture_urls.c.checked_at, picture_urls.c.fetched_at)
    found: list[StoredUrl] = []
    keys = list(wanted)
    for start in range(0, len(keys), PART):
        part = picture_urls.c.url.in_(keys[start : start + PART])
        for row in conn.execute(sa.select(picture_urls).where(part, last < before)):
            version = FileVersion(row.etag, row.last_modified)
            at = row.checked_at or row.fetched_at
            found.append(StoredUrl(wanted[row.url], row.sha256, version, at))
    return sorted(found, key=lambda item: (item.checked_at, item.url))


def record_failure(conn: Connection, url: str, now: datetime) -> None:
    """The URL of a stored picture was asked for in vain: what is stored stays."""
    lock_catalogue(conn)
    where = picture_urls.c.url == bounded(clean(url))
    conn.execute(sa.update(picture_urls).where(where).values(checked_at=now))


def list_hosts(conn: Connection, since: datetime) -> list[HostTries]:
    """Every host that was asked for a picture since then, by name.

    A URL counts as failed while nothing was had from it: a listing seen since then has a problem
    with it, or its check failed.
    """
    was_had = (picture_urls.c.fetched_at >= since).label("was_had")
    checks = conn.execute(
        sa.select(picture_urls.c.url, was_had).where(picture_urls.c.checked_at >= since)
    ).all()
    had = {row.url for row in checks if row.was_had}
    problems: dict[str, str | None] = {row.url: None for row in checks if not row.was_had}
    for row in conn.execute(
        sa.select(listings.c.picture_url, listings.c.picture_problem).where(
            HAS_PROBLEM, listings.c.picture_url.is_not(None), listings.c.last_seen_at >= since
        )
    ):
        if (key := bounded(row.picture_url)) not in had:
            problems[key] = row.picture_problem
    return _count(had, problems)


def _count(had: set[str], problems: dict[str, str | None]) -> list[HostTries]:
    tried = Counter(_host(url) for url in [*had, *problems])
    failed = Counter(_host(url) for url in problems)
    said: dict[str, Counter[str]] = {}
    for url, problem in problems.items():
        if problem is not None:
            said.setdefault(_host(url), Counter())[problem] += 1
    return [
        HostTries(host, tried[host], failed[host], _commonest(said.get(host)))
        for host in sorted(tried)
        if host
    ]


def _commonest(said: Counter[str] | None) -> str | None:
    return said.most_common(1)[0][0] if said else None


def _host(url: str) -> str:
    """The host of a stored URL; "" for what has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
