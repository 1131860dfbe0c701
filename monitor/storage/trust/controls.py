"""Control pictures: random listing pictures that have nothing to do with an asset."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from monitor.model import Verdict
from monitor.storage.db.engine import Connection
from monitor.storage.tables import (
    clusters,
    listings,
    matches,
    pictures,
    reference_pictures,
    sightings,
)

# A person has ruled that these do have to do with the asset.
_RELATED = (Verdict.INFRINGING.value, Verdict.AUTHORISED.value)


def newest_cluster(conn: Connection) -> int:
    """The number of the newest cluster: about how many different pictures there have been."""
    return conn.execute(sa.select(sa.func.max(clusters.c.id))).scalar() or 0


def find(
    conn: Connection,
    asset_id: int,
    seed: str,
    most: int,
    *,
    window: int,
    most_windows: int,
) -> list[str]:
    """The sha256 of up to `most` listing pictures that have nothing to do with the asset.

    No search for the asset has returned them, nor any picture of their cluster, and no cluster
    gives two. They are a random sample, the same for the same `seed` and rows: a sha256 says
    nothing of what the picture shows, so those that follow a number made from the seed will do.
    No more than `most_windows` times `window` pictures are looked through.
    """
    related = _find_related(conn, asset_id)
    start = hashlib.sha256(seed.encode()).hexdigest()
    chosen: dict[int, str] = {}
    after, has_wrapped = start, False
    for _ in range(most_windows):
        seen = _next_window(conn, after, window)
        for sha256, cluster_id in seen:
            if has_wrapped and sha256 > start:
                return list(chosen.values())
            if cluster_id is not None and cluster_id not in related:
                chosen.setdefault(cluster_id, sha256)
            if len(chosen) == most:
                return list(chosen.values())
        if len(seen) == window:
            after = seen[-1][0]
        elif has_wrapped:
            break
        else:
            after, has_wrapped = "", True
    return list(chosen.values())


def _next_window(conn: Connection, after: str, limit: int) -> list[tuple[str, int | None]]:
    """The next listing pictures by sha256, with their clusters; blank ones have none."""
    rows = conn.execute(
        sa.select(listings.c.picture_sha256, pictures.c.cluster_id)
        .select_from(listings.join(pictures))
        .where(listings.c.picture_sha256 > after)
        .distinct()
        .order_by(listings.c.picture_sha256)
        .limit(limit)
    )
    return [(row.picture_sha256, row.cluster_id) for row in rows]


def _find_related(conn: Connection, asset_id: int) -> set[int]:
    """The clusters that have to do with the asset.

    Those of its own pictures, of what its searches have returned (a marketplace puts the copies
    first), and of what a person has ruled to be a copy.
    """
    found: set[int] = set()
    cluster = sa.select(pictures.c.cluster_id).where(pictures.c.cluster_id.is_not(None))
    for statement in (
        cluster.select_from(pictures.join(reference_pictures)).where(
            reference_pictures.c.asset_id == asset_id
        ),
        cluster.select_from(sightings.join(listings).join(pictures)).where(
            sightings.c.asset_id == asset_id
        ),
        cluster.select_from(pictures.join(matches)).where(
            matches.c.asset_id == asset_id, matches.c.verdict.in_(_RELATED)
        ),
    ):
        found.update(conn.execute(statement.distinct()).scalars())
    return found
