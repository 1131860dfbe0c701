"""Listings by (site, item id), and their observations over time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from monitor.errors import Ambiguous, Unknown
from monitor.model import Observation, Price
from monitor.storage.catalogue import sellers as seller_rows
from monitor.storage.db.engine import Connection
from monitor.storage.db.rows import to_noun
from monitor.storage.db.text import clean
from monitor.storage.db.upsert import PART, insert, lock_catalogue
from monitor.storage.tables import listings, observations, sellers

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class KnownListing:
    """What decides whether a seen listing's picture must be downloaded."""

    picture_url: str | None
    picture_sha256: str | None
    picture_problem: str | None


@dataclass(frozen=True, slots=True)
class Recorded:
    id: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One observation as people are shown it."""

    observed_at: datetime
    title: str
    price: Price | None
    sales: int | None
    rank: int
    provider_score: float | None


@dataclass(frozen=True, slots=True)
class ListingRow:
    """A listing as people are shown it."""

    site: str
    item_id: str
    title: str
    price: Price | None
    sales: int | None
    seller: str | None
    url: str
    picture_url: str | None
    picture_sha256: str | None
    picture_problem: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    times_seen: int
    history: tuple[HistoryRow, ...] = ()


def find_known(conn: Connection, keys: Collection[Key]) -> dict[Key, KnownListing]:
    """The known ones among these (site, item id) pairs."""
    found: dict[Key, KnownListing] = {}
    wanted = [(site, clean(item_id)) for site, item_id in keys]
    for start in range(0, len(wanted), PART):
        pairs = sa.tuple_(listings.c.site, listings.c.item_id).in_(wanted[start : start + PART])
        for row in conn.execute(sa.select(listings).where(pairs)):
            found[row.site, row.item_id] = KnownListing(
                row.picture_url, row.picture_sha256, row.picture_problem
            )
    return found


def record(
    conn: Connection,
    scan_id: int,
    seen: Observation,
    picture_sha256: str | None,
    picture_problem: str | None,
    now: datetime,
    *,
    observe_every: timedelta,
) -> Recorded:
    """Write a listing as it was seen now, and in its history if it has changed or is due there.

    Without a picture (`picture_problem` says why) the one known so far stays only while its URL
    is unchanged: it would be taken for the new one otherwise. A seller once named stays where the
    site names none.
    """
    lock_catalogue(conn)
    old = conn.execute(
        sa.select(listings)
        .where(listings.c.site == seen.site, listings.c.item_id == clean(seen.item_id))
        .with_for_update()
    ).one_or_none()
    values = _values(conn, seen, now)
    if picture_sha256 is None and old is not None and old.picture_url == values["picture_url"]:
        picture_sha256 = old.picture_sha256
    if old is not None and values["seller_id"] is None:
        values["seller_id"] = old.seller_id
    values |= {"picture_sha256": picture_sha256, "picture_problem": clean(picture_problem)}
    if old is None:
        return _insert(conn, scan_id, seen, values, now)
    is_due = _has_changed(old, values) or now - old.last_observed_at >= observe_every
    if is_due:
        values["last_observed_at"] = now
        _observe(conn, old.id, scan_id, seen, values, now)
    values |= {"last_seen_at": now, "times_seen": old.times_seen + 1}
    conn.execute(sa.update(listings).where(listings.c.id == old.id).values(values))
    return Recorded(old.id, is_new=False)


def _values(conn: Connection, seen: Observation, now: datetime) -> dict[str, object]:
    price = seen.price
    return {
        "url": clean(seen.url),
        "title": clean(seen.title),
        "price_min": price.minimum if price else None,
        "price_max": price.maximum if price else None,
        "currency": price.currency if price else None,
        "price_text": clean(price.text) if price else None,
        "sales": seen.sales,
        "seller_id": seller_rows.record(conn, seen.site, seen.seller, now),
        "picture_url": clean(seen.picture_url),
    }


def _insert(
    conn: Connection, scan_id: int, seen: Observation, values: dict[str, object], now: datetime
) -> Recorded:
    statement = insert(conn, listings).values(
        site=seen.site,
        item_id=clean(seen.item_id),
        first_seen_at=now,
        last_seen_at=now,
        last_observed_at=now,
        times_seen=1,
        **values,
    )
    # another process may have met the same listing a moment ago
    newer = {**values, "last_seen_at": now, "times_seen": listings.c.times_seen + 1}
    row = conn.execute(
        statement.on_conflict_do_update(index_elements=["site", "item_id"], set_=newer).returning(
            listings.c.id, listings.c.times_seen
        )
    ).one()
    if row.times_seen == 1:
        _observe(conn, row.id, scan_id, seen, values, now)
    return Recorded(row.id, is_new=row.times_seen == 1)


_COMPARED = ("title", "price_min", "price_max", "currency", "sales")


def _has_changed(old: sa.Row[tuple[object, ...]], values: dict[str, object]) -> bool:
    fields = old._mapping
    if any(fields[name] != values[name] for name in _COMPARED):
        return True
    if old.picture_sha256 is not None and values["picture_sha256"] is not None:
        # some sites give the same picture another URL with every answer
        return bool(old.picture_sha256 != values["picture_sha256"])
    fresh = values["picture_sha256"] is not None
    return fresh or old.picture_url != values["picture_url"]


def _observe(
    conn: Connection,
    listing_id: int,
    scan_id: int,
    seen: Observation,
    values: dict[str, object],
    now: datetime,
) -> None:
    conn.execute(
        sa.insert(observations).values(
            listing_id=listing_id,
            scan_id=scan_id,
            observed_at=now,
            title=values["title"],
            price_min=values["price_min"],
            price_max=values["price_max"],
            currency=values["currency"],
            price_text=values["price_text"],
            sales=values["sales"],
            rank=seen.rank,
            provider_score=seen.provider_score,
            picture_url=values["picture_url"],
            picture_sha256=values["picture_sha256"],
        )
    )


def list_rows(
    conn: Connection, *, site: str | None = None, limit: int | None = None
) -> list[ListingRow]:
    """Listings, the last seen first."""
    where = sa.true() if site is None else listings.c.site == site
    rows = _select(conn).where(where).order_by(listings.c.last_seen_at.desc(), listings.c.id)
    return [_row(row) for row in conn.execute(rows.limit(limit))]


def get(conn: Connection, item_id: str, *, site: str | None = None) -> ListingRow:
    """One listing with its history, the newest first. Raises NotFound, also where several fit."""
    where = listings.c.item_id == item_id
    if site is not None:
        where = sa.and_(where, listings.c.site == site)
    rows = conn.execute(_select(conn).where(where)).all()
    if not rows:
        raise Unknown("listing", item_id)
    if len(rows) > 1:
        raise Ambiguous("listing", item_id, len(rows), [row.site for row in rows])
    history = conn.execute(
        sa.select(observations)
        .where(observations.c.listing_id == rows[0].id)
        .order_by(observations.c.observed_at.desc())
    )
    return _row(rows[0], tuple(to_noun(HistoryRow, row, price=price_of(row)) for row in history))


def _select(conn: Connection) -> sa.Select[tuple[object, ...]]:  # noqa: ARG001
    return sa.select(
        listings, sa.func.coalesce(sellers.c.name, sellers.c.seller_id).label("seller")
    ).select_from(listings.outerjoin(sellers))


def _row(row: sa.Row[tuple[object, ...]], history: tuple[HistoryRow, ...] = ()) -> ListingRow:
    return to_noun(ListingRow, row, price=price_of(row), history=history)


def price_of(row: sa.Row[tuple[object, ...]]) -> Price | None:
    """The price in the columns that listings and observations share."""
    if row.price_min is None or row.price_max is None:
        return None
    return Price(row.price_min, row.price_max, row.currency or "", row.price_text or "")
