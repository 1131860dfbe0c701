"""Pictures by sha256, their fingerprints, the URLs they came from, and their clusters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

import sqlalchemy as sa

from monitor.model import FileVersion, Fingerprints, PictureRecord
from monitor.storage.db.engine import Connection
from monitor.storage.db.text import bounded, clean
from monitor.storage.db.upsert import PART, Insert, insert, insert_new, lock_catalogue
from monitor.storage.tables import (
    clusters,
    fingerprint_bands,
    fingerprints,
    picture_urls,
    pictures,
    silences,
)

# Under which name the bands of today's fingerprint stand; changed with what they are made of.
BANDS = "hashes-bands-1"

NO_VERSION = FileVersion()

NearIdentical = Callable[[Fingerprints, Fingerprints], bool]


def find(
    conn: Connection, sha256s: Collection[str], algorithms: Collection[str] | None = None
) -> dict[str, PictureRecord]:
    """The known ones among these, with their fingerprints, or only those of `algorithms`."""
    prints = find_fingerprints(conn, sha256s, algorithms)
    found: dict[str, PictureRecord] = {}
    for part in _parts(sha256s):
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


def find_fingerprints(
    conn: Connection, sha256s: Collection[str], algorithms: Collection[str] | None = None
) -> dict[str, dict[str, bytes]]:
    """sha256 -> its fingerprints by algorithm, or only those of `algorithms`; none is left out."""
    found: dict[str, dict[str, bytes]] = {}
    if algorithms is not None and not algorithms:
        return found
    columns = (fingerprints.c.sha256, fingerprints.c.algorithm, fingerprints.c.value)
    for part in _parts(sha256s):
        wanted = sa.select(*columns).where(fingerprints.c.sha256.in_(part))
        if algorithms is not None:
            wanted = wanted.where(fingerprints.c.algorithm.in_(algorithms))
        for sha256, algorithm, value in conn.execute(wanted):
            found.setdefault(sha256, {})[algorithm] = bytes(value)
    return found


def find_lacking(
    conn: Connection, sha256s: Collection[str], algorithms: Collection[str]
) -> set[str]:
    """The known ones among these that lack a fingerprint of one of the algorithms.

    Reads no fingerprint: the names stand in the table's index.
    """
    lacking: set[str] = set()
    for part in _parts(sha256s):
        rows = conn.execute(
            sa.select(pictures.c.sha256).where(
                pictures.c.sha256.in_(part), _count_of(algorithms) < len(algorithms)
            )
        )
        lacking.update(rows.scalars())
    return lacking


def _count_of(algorithms: Collection[str]) -> sa.ScalarSelect[int]:
    """How many of these fingerprints a picture has."""
    return (
        sa.select(sa.func.count())
        .where(fingerprints.c.sha256 == pictures.c.sha256, fingerprints.c.algorithm.in_(algorithms))
        .scalar_subquery()
    )


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
    """The next pictures by sha256 that lack a fingerprint of one of these algorithms.

    Each comes with those of the algorithms that it has.
    """
    rows = conn.execute(
        sa.select(pictures.c.sha256)
        .where(pictures.c.sha256 > after, _count_of(algorithms) < len(algorithms))
        .order_by(pictures.c.sha256)
        .limit(limit)
    )
    return find(conn, list(rows.scalars()), algorithms)


def list_sha256(conn: Connection) -> list[str]:
    """Every picture that has a row."""
    return list(conn.execute(sa.select(pictures.c.sha256)).scalars())


def record(
    conn: Connection,
    picture: PictureRecord,
    bands: Sequence[tuple[int, int]],
    near_identical: NearIdentical,
    now: datetime,
    compared_by: Collection[str] | None = None,
    *,
    most_alike: int,
) -> None:
    """Write the picture, its fingerprints and its cluster; a known picture's row stays as it is.

    `bands` are (number, value) pairs: near-identical pictures share at least one, and one that more
    than `most_alike` share says nothing. A picture without bands has no cluster. `near_identical`
    is asked with the fingerprints of `compared_by`, by default with all.
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
    kept = [
        {"sha256": picture.sha256, "algorithm": algorithm, "value": value}
        for algorithm, value in picture.fingerprints.items()
    ]
    if kept:
        conn.execute(_written_over(insert(conn, fingerprints)), kept)
    if is_new and bands:
        candidates = find_fingerprints(conn, _find_candidates(conn, bands, most_alike), compared_by)
        near = [
            sha256
            for sha256, prints in candidates.items()
            if sha256 != picture.sha256 and near_identical(picture.fingerprints, prints)
        ]
        _join_cluster(conn, picture.sha256, near, now)
    if bands:  # also of a known picture: after an upgrade it has none under today's name
        rows = [
            {"algorithm": BANDS, "band": band, "value": value, "sha256": picture.sha256}
            for band, value in bands
        ]
        conn.execute(insert(conn, fingerprint_bands).on_conflict_do_nothing(), rows)


def _written_over(statement: Insert) -> Insert:
    """An algorithm's bytes never change: where others are stored, they were damaged."""
    given = statement.excluded.value
    return statement.on_conflict_do_update(
        index_elements=["sha256", "algorithm"],
        set_={"value": given},
        where=fingerprints.c.value != given,
    )


def drop_fingerprints(conn: Connection, sha256s: Collection[str], keep: Collection[str]) -> None:
    """Remove the fingerprints of these pictures that are of none of the algorithms in `keep`, and
    the bands of earlier ones.
    """
    for part in _parts(sha256s):
        conn.execute(
            sa.delete(fingerprint_bands).where(
                fingerprint_bands.c.sha256.in_(part), fingerprint_bands.c.algorithm != BANDS
            )
        )
        conn.execute(
            sa.delete(fingerprints).where(
                fingerprints.c.sha256.in_(part), fingerprints.c.algorithm.not_in(keep)
            )
        )


def _join_cluster(conn: Connection, sha256: str, near: Sequence[str], now: datetime) -> None:
    """Join the cluster of near-identical pictures; one that links several makes them one."""
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
            sa.update(silences)
            .where(silences.c.cluster_id.in_(others))
            .values(cluster_id=cluster_id)
        )
    conn.execute(
        sa.update(pictures).where(pictures.c.sha256 == sha256).values(cluster_id=cluster_id)
    )


def _find_candidates(conn: Connection, bands: Sequence[tuple[int, int]], most: int) -> set[str]:
    found: set[str] = set()
    for band, value in bands:
        rows = conn.execute(
            sa.select(fingerprint_bands.c.sha256)
            .where(
                fingerprint_bands.c.algorithm == BANDS,
                fingerprint_bands.c.band == band,
                fingerprint_bands.c.value == value,
            )
            .limit(most)
        )
        found.update(rows.scalars())
    return found


def _new_cluster(conn: Connection, now: datetime) -> int:
    made = conn.execute(sa.insert(clusters).values(created_at=now).returning(clusters.c.id))
    return int(made.scalar_one())


def record_url(
    conn: Connection,
    url: str,
    sha256: str,
    now: datetime,
    version: FileVersion = NO_VERSION,
) -> None:
    """Remember what was downloaded from the URL, and which version its server called it."""
    lock_catalogue(conn)
    values: dict[str, object] = {
        "sha256": sha256,
        "fetched_at": now,
        "checked_at": now,
        "etag": version.etag,
        "last_modified": version.last_modified,
    }
    statement = insert(conn, picture_urls).values(url=bounded(clean(url)), **values)
    conn.execute(statement.on_conflict_do_update(index_elements=["url"], set_=values))


def _parts(items: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(items)
    while part := list(islice(iterator, PART)):
        yield part
