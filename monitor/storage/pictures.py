"""Pictures by sha256, their fingerprints, the URLs they came from, and their clusters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

import sqlalchemy as sa

from monitor.model import Fingerprints, PictureRecord
from monitor.storage.engine import Connection
from monitor.storage.tables import (
    clusters,
    fingerprint_bands,
    fingerprints,
    picture_urls,
    pictures,
)
from monitor.storage.text import bounded, clean
from monitor.storage.upsert import PART, insert, insert_new, lock_catalogue

# Under which name the bands of today's fingerprint stand; changed with what they are made of.
BANDS = "phash-bands-1"
# A band value shared by more pictures than this says nothing: a common background, say.
_MOST_CANDIDATES = 500

NearIdentical = Callable[[Fingerprints, Fingerprints], bool]


def find(conn: Connection, sha256s: Collection[str]) -> dict[str, PictureRecord]:
    """The known ones among these, with their fingerprints."""
    found: dict[str, PictureRecord] = {}
    for part in _parts(sha256s):
        prints = _find_fingerprints(conn, part)
        for row in conn.execute(sa.select(pictures).where(pictures.c.sha256.in_(part))):
            found[row.sha256] = PictureRecord(
                row.sha256,
                row.format,
                row.width,
                row.height,
                row.size_bytes,
                fingerprints=prints.get(row.sha256, {}),
            )
    return found


def _find_fingerprints(conn: Connection, sha256s: Sequence[str]) -> dict[str, dict[str, bytes]]:
    found: dict[str, dict[str, bytes]] = {}
    for row in conn.execute(sa.select(fingerprints).where(fingerprints.c.sha256.in_(sha256s))):
        found.setdefault(row.sha256, {})[row.algorithm] = bytes(row.value)
    return found


def find_by_url(conn: Connection, urls: Collection[str]) -> dict[str, str]:
    """URL -> sha256 of the picture that was downloaded from it."""
    cleaned = {bounded(clean(url)): url for url in urls}
    found: dict[str, str] = {}
    for part in _parts(cleaned):
        rows = conn.execute(
            sa.select(picture_urls.c.url, picture_urls.c.sha256).where(picture_urls.c.url.in_(part))
        )
        found.update({cleaned[row.url]: row.sha256 for row in rows})
    return found


def find_stale(
    conn: Connection, algorithms: Collection[str], after: str, limit: int
) -> dict[str, PictureRecord]:
    """The next pictures by sha256 that lack a fingerprint of one of these algorithms."""
    taken = (
        sa.select(sa.func.count())
        .where(
            fingerprints.c.sha256 == pictures.c.sha256,
            fingerprints.c.algorithm.in_(algorithms),
        )
        .scalar_subquery()
    )
    rows = conn.execute(
        sa.select(pictures.c.sha256)
        .where(pictures.c.sha256 > after, taken < len(algorithms))
        .order_by(pictures.c.sha256)
        .limit(limit)
    )
    return find(conn, list(rows.scalars()))


def list_sha256(conn: Connection) -> list[str]:
    """Every picture that has a row."""
    return list(conn.execute(sa.select(pictures.c.sha256)).scalars())


def record(
    conn: Connection,
    picture: PictureRecord,
    bands: Sequence[tuple[int, int]],
    near_identical: NearIdentical,
    now: datetime,
) -> None:
    """Write the picture, its fingerprints and its cluster; known ones stay as they are.

    `bands` are (number, value) pairs: near-identical pictures share at least one. A picture
    without bands has no cluster.
    """
    lock_catalogue(conn)
    values = {
        "sha256": picture.sha256,
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "size_bytes": picture.size_bytes,
        "created_at": now,
    }
    is_new = insert_new(conn, pictures, values)
    for algorithm, value in picture.fingerprints.items():
        kept = insert(conn, fingerprints).values(
            sha256=picture.sha256, algorithm=algorithm, value=value
        )
        conn.execute(kept.on_conflict_do_nothing())
    if is_new and bands:
        _join_cluster(conn, picture, bands, near_identical, now)
        rows = [
            {"algorithm": BANDS, "band": band, "value": value, "sha256": picture.sha256}
            for band, value in bands
        ]
        conn.execute(insert(conn, fingerprint_bands).on_conflict_do_nothing(), rows)


def _join_cluster(
    conn: Connection,
    picture: PictureRecord,
    bands: Sequence[tuple[int, int]],
    near_identical: NearIdentical,
    now: datetime,
) -> None:
    """Join the cluster of near-identical pictures; one that links several makes them one."""
    candidates = find(conn, _find_candidates(conn, bands))
    near = [
        sha256
        for sha256, other in candidates.items()
        if sha256 != picture.sha256 and near_identical(picture.fingerprints, other.fingerprints)
    ]
    ids: set[int] = set()
    for part in _parts(near):
        rows = conn.execute(
            sa.select(pictures.c.cluster_id)
            .where(pictures.c.sha256.in_(part), pictures.c.cluster_id.is_not(None))
            .distinct()
        ).scalars()
        ids |= {row for row in rows if row is not None}
    cluster_id = min(ids) if ids else _new_cluster(conn, now)
    if others := ids - {cluster_id}:
        conn.execute(
            sa.update(pictures)
            .where(pictures.c.cluster_id.in_(others))
            .values(cluster_id=cluster_id)
        )
    conn.execute(
        sa.update(pictures).where(pictures.c.sha256 == picture.sha256).values(cluster_id=cluster_id)
    )


def _find_candidates(conn: Connection, bands: Sequence[tuple[int, int]]) -> set[str]:
    found: set[str] = set()
    for band, value in bands:
        rows = conn.execute(
            sa.select(fingerprint_bands.c.sha256)
            .where(
                fingerprint_bands.c.algorithm == BANDS,
                fingerprint_bands.c.band == band,
                fingerprint_bands.c.value == value,
            )
            .limit(_MOST_CANDIDATES)
        )
        found.update(rows.scalars())
    return found


def _new_cluster(conn: Connection, now: datetime) -> int:
    made = conn.execute(sa.insert(clusters).values(created_at=now).returning(clusters.c.id))
    return int(made.scalar_one())


def record_url(conn: Connection, url: str, sha256: str, now: datetime) -> None:
    """Remember what was downloaded from the URL."""
    lock_catalogue(conn)
    key = bounded(clean(url))
    statement = insert(conn, picture_urls).values(url=key, sha256=sha256, fetched_at=now)
    values = {"sha256": sha256, "fetched_at": now}
    conn.execute(statement.on_conflict_do_update(index_elements=["url"], set_=values))


def _parts(items: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(items)
    while part := list(islice(iterator, PART)):
        yield part
