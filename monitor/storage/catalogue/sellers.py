"""Sellers, as far as the sites name them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from monitor.errors import Ambiguous, Unknown
from monitor.model import Seller
from monitor.storage.db.engine import Connection
from monitor.storage.db.rows import to_noun
from monitor.storage.db.text import bounded, clean
from monitor.storage.db.upsert import insert, lock_catalogue
from monitor.storage.tables import listings, matches, sellers


@dataclass(frozen=True, slots=True)
class SellerRow:
    """A seller as people are shown it."""

    site: str
    seller_id: str | None
    seller: str | None
    listings: int
    matches: int
    infringing: int
    first_seen_at: datetime
    last_seen_at: datetime


def record(conn: Connection, site: str, seller: Seller | None, now: datetime) -> int | None:
    """The row of a seller, made or brought up to date; None where the site names none."""
    if seller is None or not (seller.seller_id or seller.name):
        return None
    lock_catalogue(conn)
    seller_id, name = clean(seller.seller_id), clean(seller.name)
    statement = insert(conn, sellers).values(
        site=site,
        seller_key=bounded(f"id:{seller_id}" if seller_id else f"name:{name}"),
        seller_id=seller_id,
        name=name,
        first_seen_at=now,
        last_seen_at=now,
    )
    newer = sa.func.coalesce(statement.excluded.name, sellers.c.name)
    done = conn.execute(
        statement.on_conflict_do_update(
            index_elements=["site", "seller_key"], set_={"last_seen_at": now, "name": newer}
        ).returning(sellers.c.id)
    )
    return int(done.scalar_one())


def list_rows(conn: Connection) -> list[SellerRow]:
    """Every seller, those with the most matches first."""
    return _select(conn, sa.true())


def get(conn: Connection, seller: str, *, site: str | None = None) -> SellerRow:
    """One seller by id or name. Raises NotFound, also where several fit."""
    where = sa.or_(sellers.c.seller_id == seller, sellers.c.name == seller)
    if site is not None:
        where = sa.and_(where, sellers.c.site == site)
    rows = _select(conn, where)
    if not rows:
        raise Unknown("seller", seller)
    if len(rows) > 1:
        raise Ambiguous("seller", seller, len(rows))
    return rows[0]


def _select(conn: Connection, where: sa.ColumnElement[bool]) -> list[SellerRow]:
    offers = (
        sa.select(sa.func.count()).where(listings.c.seller_id == sellers.c.id).scalar_subquery()
    )
    found = (
        sa.select(sa.func.count())
        .select_from(matches.join(listings))
        .where(listings.c.seller_id == sellers.c.id)
    )
    infringing = found.where(matches.c.verdict == "infringing").scalar_subquery()
    shown = (
        sellers.c.name.label("seller"),
        offers.label("listings"),
        found.scalar_subquery().label("matches"),
        infringing.label("infringing"),
    )
    rows = conn.execute(
        sa.select(sellers, *shown)
        .where(where)
        .order_by(sa.desc("matches"), sellers.c.site, sellers.c.seller_key)
    )
    return [to_noun(SellerRow, row) for row in rows]
