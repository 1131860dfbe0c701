"""How far reference pictures have looked back at the listing pictures stored before they came."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from monitor.model import ReferencePicture, Seller
from monitor.storage.db.engine import Connection
from monitor.storage.db.upsert import PART, insert
from monitor.storage.tables import (
    assets,
    listings,
    look_backs,
    observations,
    reference_pictures,
    scans,
    sellers,
)


@dataclass(frozen=True, slots=True)
class StoredListing:
    """A listing that shows a stored picture, and the account that saw it last."""

    id: int
    picture_sha256: str
    marketplace: str
    seller: Seller | None


def find_pending(
    conn: Connection, watch_id: int, method: str
) -> tuple[str, list[ReferencePicture]]:
    """The reference pictures that have come equally far, the least far first, and how far.

    Those that have finished with this version of the comparison are left out.
    """
    same = look_backs.c.method == method
    after = sa.case((same, look_backs.c.after_sha256), else_="").label("after")
    is_done = sa.and_(same, look_backs.c.finished_at.is_not(None))
    rows = conn.execute(
        sa.select(reference_pictures, assets.c.name.label("asset"), after)
        .select_from(reference_pictures.join(assets).outerjoin(look_backs))
        .where(
            assets.c.watch_id == watch_id,
            reference_pictures.c.retired_at.is_(None),
            sa.func.coalesce(is_done, sa.false()).is_(sa.false()),
        )
        .order_by(after, reference_pictures.c.id)
    ).all()
    first = rows[0].after if rows else ""
    references = [
        ReferencePicture(row.id, row.asset_id, row.asset, row.sha256, row.path)
        for row in rows
        if row.after == first
    ]
    return first, references


def find_pictures(
    conn: Connection, marketplaces: Collection[str], after: str, limit: int
) -> list[str]:
    """The next listing pictures by sha256 that one of these accounts has seen."""
    rows = conn.execute(
        sa.select(listings.c.picture_sha256)
        .where(listings.c.picture_sha256 > after, _seen_by(marketplaces))
        .distinct()
        .order_by(listings.c.picture_sha256)
        .limit(limit)
    )
    return [sha256 for sha256 in rows.scalars() if sha256 is not None]


def _seen_by(marketplaces: Collection[str]) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        observations.c.listing_id == listings.c.id,
        scans.c.id == observations.c.scan_id,
        scans.c.marketplace.in_(marketplaces),
    )


def find_listings(
    conn: Connection, marketplaces: Collection[str], sha256s: Sequence[str]
) -> list[StoredListing]:
    """The listings that show one of these pictures, as one of these accounts saw them."""
    newest = (
        sa.select(scans.c.marketplace)
        .select_from(observations.join(scans))
        .where(observations.c.listing_id == listings.c.id, scans.c.marketplace.in_(marketplaces))
        .order_by(observations.c.observed_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    found: list[StoredListing] = []
    for start in range(0, len(sha256s), PART):
        rows = conn.execute(
            sa.select(
                listings.c.id,
                listings.c.picture_sha256,
                newest.label("marketplace"),
                sellers.c.seller_id,
                sellers.c.name,
            )
            .select_from(listings.outerjoin(sellers))
            .where(
                listings.c.picture_sha256.in_(sha256s[start : start + PART]),
                _seen_by(marketplaces),
            )
            .order_by(listings.c.id)
        )
        for row in rows:
            named = row.seller_id or row.name
            seller = Seller(row.seller_id, row.name) if named else None
            found.append(StoredListing(row.id, row.picture_sha256, row.marketplace, seller))
    return found


def advance(
    conn: Connection,
    references: Collection[ReferencePicture],
    method: str,
    after: str,
    finished_at: datetime | None,
) -> None:
    """Note how far these have come; with `finished_at` they are done."""
    values = {"method": method, "after_sha256": after, "finished_at": finished_at}
    for reference in references:
        statement = insert(conn, look_backs).values(reference_id=reference.id, **values)
        conn.execute(statement.on_conflict_do_update(index_elements=["reference_id"], set_=values))
