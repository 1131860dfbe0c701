"""Which searches return the listings that match, and since when they do no more."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from monitor.model import Scan
from monitor.storage.db.engine import Connection
from monitor.storage.db.upsert import PART, insert, lock_catalogue
from monitor.storage.tables import (
    IS_COMPLETE,
    appearances,
    assets,
    listings,
    reference_pictures,
    scans,
)

lock = lock_catalogue


def record(conn: Connection, scan: Scan, listing_ids: Collection[int]) -> None:
    """Note that the scan has returned these listings."""
    if not listing_ids:
        return
    statement = insert(conn, appearances)
    seen = {
        "last_scan_id": statement.excluded.last_scan_id,
        "missed": statement.excluded.missed,
        "missed_from": None,
    }
    upsert = statement.on_conflict_do_update(index_elements=_KEY, set_=seen)
    rows = [
        {
            "reference_id": scan.reference.id,
            "marketplace": scan.marketplace,
            "listing_id": listing_id,
            "last_scan_id": scan.id,
            "missed": 0,
        }
        for listing_id in sorted(listing_ids)
    ]
    conn.execute(upsert, rows)


_KEY = ["reference_id", "marketplace", "listing_id"]


def count_missed(
    conn: Connection, cycle_id: int, marketplace: str, now: datetime, most: int
) -> None:
    """Note what the searches of a cycle there did not return that they used to; counted up to
    `most`. Of scans that were complete and not suspect.

    Counts twice if it is called twice: it belongs into the transaction that ends the cycle.
    """
    lock(conn)
    first = sa.literal(now, appearances.c.missed_from.type)
    conn.execute(
        sa.update(appearances)
        .where(
            appearances.c.marketplace == marketplace,
            appearances.c.missed < most,
            _is_missed_in(cycle_id),
        )
        .values(
            missed=appearances.c.missed + 1,
            missed_from=sa.func.coalesce(appearances.c.missed_from, first),
        )
    )


def _is_missed_in(cycle_id: int) -> sa.ColumnElement[bool]:
    """Whether a believable scan of the cycle has run this search and did not return it."""
    return (
        sa.select(scans.c.id)
        .where(
            scans.c.reference_id == appearances.c.reference_id,
            scans.c.marketplace == appearances.c.marketplace,
            # of years of scans the index gives those that came later
            scans.c.id > appearances.c.last_scan_id,
            scans.c.cycle_id == cycle_id,
            IS_COMPLETE,
            ~scans.c.is_suspect,
        )
        .correlate(appearances)
        .exists()
    )


def forget_missed(conn: Connection, marketplace: str) -> None:
    """Begin counting anew there: what its searches did not return says nothing."""
    lock(conn)
    conn.execute(
        sa.update(appearances)
        .where(appearances.c.marketplace == marketplace, appearances.c.missed > 0)
        .values(missed=0, missed_from=None)
    )


def find_gone(
    conn: Connection,
    scan: Scan,
    marketplaces: Collection[str],
    sound: Collection[str],
    *,
    missed: int,
    since: datetime,
) -> list[int]:
    """Listings that the cycle of this scan there missed, and every other search of the watch that
    used to return them.

    Searches for retired pictures or elsewhere than on the watch's `marketplaces` are run no more
    and don't count; one on a marketplace that is not `sound` at the moment lets nothing be gone.
    Each of them has missed it `missed` times in a row, from `since` or before on; a listing that
    any watch has seen later is not gone.
    """
    others = appearances.alias()
    returns_it = (
        sa.select(others.c.listing_id)
        .select_from(
            others.join(reference_pictures, reference_pictures.c.id == others.c.reference_id).join(
                assets, assets.c.id == reference_pictures.c.asset_id
            )
        )
        .where(
            others.c.listing_id == appearances.c.listing_id,
            assets.c.watch_id == scan.watch_id,
            reference_pictures.c.retired_at.is_(None),
            others.c.marketplace.in_(marketplaces),
            sa.or_(
                others.c.missed < missed,
                others.c.missed_from > since,
                others.c.marketplace.not_in(sound),
            ),
        )
        .exists()
    )
    rows = conn.execute(
        sa.select(appearances.c.listing_id)
        .select_from(appearances.join(listings))
        .where(
            appearances.c.marketplace == scan.marketplace,
            _is_missed_in(scan.cycle_id),
            appearances.c.missed >= missed,
            appearances.c.missed_from <= since,
            listings.c.last_seen_at <= since,
            ~returns_it,
        )
        .distinct()
        .order_by(appearances.c.listing_id)
    )
    return list(rows.scalars())


def drop(conn: Connection, watch_id: int, listing_ids: list[int]) -> None:
    """Forget which searches of the watch used to return these listings."""
    ours = (
        sa.select(reference_pictures.c.id)
        .select_from(reference_pictures.join(assets))
        .where(assets.c.watch_id == watch_id)
    )
    for start in range(0, len(listing_ids), PART):
        part = appearances.c.listing_id.in_(listing_ids[start : start + PART])
        conn.execute(sa.delete(appearances).where(part, appearances.c.reference_id.in_(ours)))
