"""New matches that may be a relisting: the same seller, a near-identical picture, another item."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from monitor.model.events import Event, store_event
from monitor.storage.db.engine import Connection
from monitor.storage.db.text import clean_values
from monitor.storage.tables import (
    IS_COMPLETE,
    alerts,
    appearances,
    assets,
    cycles,
    listings,
    matches,
    pictures,
    reference_pictures,
    scans,
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A listing that another one may have taken the place of.

    `is_missed` says that no search that used to return it did so the last time it was run whole.
    """

    item_id: str
    url: str
    last_seen_at: datetime
    is_missed: bool


@dataclass(frozen=True, slots=True)
class Question:
    """An alert of a new match that waits, and when the cycle that found it became due."""

    alert_id: str
    match_id: int
    cycle_due_at: datetime


def find_earlier(conn: Connection, match_id: int) -> list[Earlier]:
    """What the new match may be a relisting of, the last seen first.

    Listings of the same seller, matched by the same watch, with a picture of the same cluster; the
    same file for the same asset where a picture has no cluster.
    """
    new, old = matches.alias(), matches.alias()
    new_listing, old_listing = listings.alias(), listings.alias()
    new_picture, old_picture = pictures.alias(), pictures.alias()
    is_same_file = sa.and_(
        old.c.picture_sha256 == new.c.picture_sha256, old.c.asset_id == new.c.asset_id
    )
    rows = conn.execute(
        sa.select(
            old_listing.c.item_id,
            old_listing.c.url,
            old_listing.c.last_seen_at,
            sa.or_(old.c.gone_at.is_not(None), _is_missed(old)).label("is_missed"),
        )
        .select_from(
            new.join(new_listing, new_listing.c.id == new.c.listing_id)
            .join(new_picture, new_picture.c.sha256 == new.c.picture_sha256)
            .join(
                old_listing,
                sa.and_(
                    # a seller's row is one of a site
                    old_listing.c.seller_id == new_listing.c.seller_id,
                    old_listing.c.id != new_listing.c.id,
                ),
            )
            .join(
                old,
                sa.and_(old.c.listing_id == old_listing.c.id, old.c.watch_id == new.c.watch_id),
            )
            .join(old_picture, old_picture.c.sha256 == old.c.picture_sha256)
        )
        .where(
            new.c.id == match_id,
            old_listing.c.first_seen_at < new_listing.c.first_seen_at,
            sa.or_(old_picture.c.cluster_id == new_picture.c.cluster_id, is_same_file),
        )
        .order_by(old_listing.c.last_seen_at.desc(), old_listing.c.id.desc())
    )
    return [Earlier(row.item_id, row.url, row.last_seen_at, bool(row.is_missed)) for row in rows]


def _is_missed(old: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether the last whole run of each search that used to return it did not.

    Searches for pictures that have left the watch's folder are run no more.
    """
    ran_since = (
        sa.select(scans.c.id)
        .where(
            scans.c.reference_id == appearances.c.reference_id,
            scans.c.marketplace == appearances.c.marketplace,
            scans.c.id > appearances.c.last_scan_id,
            IS_COMPLETE,
            ~scans.c.is_suspect,
        )
        .correlate(appearances)
        .exists()
    )
    its = (
        sa.select(appearances.c.listing_id)
        .select_from(
            appearances.join(
                reference_pictures, reference_pictures.c.id == appearances.c.reference_id
            ).join(assets, assets.c.id == reference_pictures.c.asset_id)
        )
        .where(
            appearances.c.listing_id == old.c.listing_id,
            assets.c.watch_id == old.c.watch_id,
            reference_pictures.c.retired_at.is_(None),
        )
    )
    return sa.and_(its.exists(), ~its.where(~ran_since).exists())


def find_due_at(conn: Connection, scan_id: int) -> datetime:
    """When the cycle of a scan became due."""
    its = sa.select(cycles.c.due_at).select_from(cycles.join(scans)).where(scans.c.id == scan_id)
    due_at: datetime = conn.execute(its).scalar_one()
    return due_at


def list_open(conn: Connection, watch_id: int) -> list[Question]:
    """The watch's alerts that wait for what their cycle says, once their own scan has ended."""
    rows = conn.execute(
        sa.select(alerts.c.id, alerts.c.match_id, cycles.c.due_at)
        .select_from(
            alerts.join(scans, scans.c.id == alerts.c.scan_id).join(
                cycles, cycles.c.id == scans.c.cycle_id
            )
        )
        .where(
            alerts.c.routed_at.is_(None),
            alerts.c.waits_for_cycle,
            alerts.c.watch_id == watch_id,
            scans.c.finished_at.is_not(None),
        )
        .order_by(alerts.c.id)
    )
    return [Question(row.id, row.match_id, row.due_at) for row in rows]


def settle(conn: Connection, alert_id: str, event: Event) -> None:
    """The alert waits no more, and tells this; nothing happens to one that was routed meanwhile."""
    values = {
        "event": event.name.value,
        "detail": clean_values(store_event(event)),
        "waits_for_cycle": False,
    }
    conn.execute(
        sa.update(alerts)
        .where(alerts.c.id == alert_id, alerts.c.routed_at.is_(None))
        .values(values)
    )
