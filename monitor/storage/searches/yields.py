"""How many listings the searches for a reference picture on a marketplace have returned."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from monitor.storage.db.engine import Connection
from monitor.storage.db.upsert import PART
from monitor.storage.tables import IS_COMPLETE, cycles, is_complete, reference_pictures, scans


def find_latest(
    conn: Connection, reference_id: int, marketplace: str, limit: int, *, without: int
) -> list[int]:
    """The listings seen by the last complete scans, the newest first, without the scan `without`.

    Suspect ones count: so the monitor gets used to a site that returns less for good.
    """
    rows = conn.execute(
        sa.select(scans.c.listings_seen)
        .where(
            scans.c.reference_id == reference_id,
            scans.c.marketplace == marketplace,
            scans.c.id != without,
            IS_COMPLETE,
        )
        .order_by(scans.c.id.desc())
        .limit(limit)
    )
    return list(rows.scalars())


def find_last_complete(
    conn: Connection, reference_ids: Sequence[int], marketplaces: Collection[str]
) -> dict[tuple[int, str], int]:
    """(reference picture, marketplace) -> its last complete scan, if there is one.

    Scans are numbered as they are planned, so a smaller number is one longer ago.
    """
    last: dict[tuple[int, str], int] = {}
    for name in marketplaces:
        newest = (
            sa.select(sa.func.max(scans.c.id))
            .where(
                scans.c.reference_id == reference_pictures.c.id,
                scans.c.marketplace == name,
                IS_COMPLETE,
            )
            .scalar_subquery()
        )
        for start in range(0, len(reference_ids), PART):
            wanted = reference_pictures.c.id.in_(reference_ids[start : start + PART])
            for row in conn.execute(
                sa.select(reference_pictures.c.id, newest.label("scan_id")).where(wanted)
            ):
                if row.scan_id is not None:
                    last[row.id, name] = row.scan_id
    return last


def find_cycle_totals(
    conn: Connection, cycle_id: int, watch_id: int, marketplace: str, limit: int
) -> tuple[int, list[int]]:
    """The listings that the complete scans of a cycle there saw together, and how many those of
    the same pictures did in up to `limit` finished cycles before it.
    """
    there = [scans.c.marketplace == marketplace, IS_COMPLETE]
    ours = sa.and_(scans.c.cycle_id == cycle_id, *there)
    total = sa.func.coalesce(sa.func.sum(scans.c.listings_seen), 0)
    seen = conn.execute(sa.select(total).where(ours)).scalar_one()
    searched = sa.exists().where(scans.c.cycle_id == cycles.c.id, *there)
    before = conn.execute(
        sa.select(cycles.c.id)
        .where(
            cycles.c.watch_id == watch_id,
            cycles.c.id < cycle_id,
            cycles.c.finished_at.is_not(None),
            searched,
        )
        .order_by(cycles.c.id.desc())
        .limit(limit)
    )
    same = scans.alias()
    pictures = sa.select(same.c.reference_id).where(
        same.c.cycle_id == cycle_id,
        same.c.marketplace == marketplace,
        is_complete(same),
    )
    rows = conn.execute(
        sa.select(total)
        .where(
            scans.c.cycle_id.in_(before.scalars().all()),
            *there,
            scans.c.reference_id.in_(pictures),
        )
        .group_by(scans.c.cycle_id)
    )
    return int(seen), [int(number) for number in rows.scalars()]


def mark_cycle_suspect(conn: Connection, cycle_id: int, marketplace: str) -> None:
    """The same as `mark_suspect`, for all complete scans of a cycle there."""
    there = sa.and_(scans.c.cycle_id == cycle_id, scans.c.marketplace == marketplace)
    conn.execute(sa.update(scans).where(there, IS_COMPLETE).values(is_suspect=True))


def mark_suspect(conn: Connection, scan_id: int) -> None:
    """Note that a scan saw far less than it used to: nothing is gone because of it."""
    conn.execute(sa.update(scans).where(scans.c.id == scan_id).values(is_suspect=True))


def last_steady_cycle(conn: Connection, watch_id: int, marketplace: str) -> int | None:
    """The newest finished cycle whose complete scans on the marketplace were all as ever."""
    there = sa.and_(scans.c.cycle_id == cycles.c.id, scans.c.marketplace == marketplace)
    found = conn.execute(
        sa.select(cycles.c.id)
        .where(
            cycles.c.watch_id == watch_id,
            cycles.c.finished_at.is_not(None),
            sa.exists().where(there, IS_COMPLETE),
            ~sa.exists().where(there, scans.c.is_suspect),
        )
        .order_by(cycles.c.id.desc())
        .limit(1)
    ).scalar()
    return None if found is None else int(found)
