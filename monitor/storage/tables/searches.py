"""Tables: cycles, scans, and what they are known by."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.model import COMPLETE_OUTCOMES
from monitor.storage.db.column_types import Instant
from monitor.storage.tables.base import id_column, metadata, ref_column

cycles = sa.Table(
    "cycles",
    metadata,
    id_column(),
    ref_column("watch_id", "watches.id", index=True),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
)

scans = sa.Table(
    "scans",
    metadata,
    id_column(),
    ref_column("cycle_id", "cycles.id", index=True),
    ref_column("watch_id", "watches.id"),
    sa.Column("marketplace", sa.Text, nullable=False),
    ref_column("reference_id", "reference_pictures.id"),
    sa.Column("state", sa.Text, nullable=False),  # due, running, finished
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", Instant),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("cursor", sa.Text),
    sa.Column("started_at", Instant),
    sa.Column("finished_at", Instant),
    sa.Column("outcome", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("listings_seen", sa.Integer, nullable=False, default=0),
    sa.Column("listings_new", sa.Integer, nullable=False, default=0),
    sa.Column("pictures_fetched", sa.Integer, nullable=False, default=0),
    sa.Column("pictures_failed", sa.Integer, nullable=False, default=0),
    sa.Column("matches_new", sa.Integer, nullable=False, default=0),
    sa.Column("requests", sa.Integer, nullable=False, default=0),
    # complete, but it saw far less than it used to: nothing is gone because of it
    sa.Column("is_suspect", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint("state IN ('due', 'running', 'finished')", name="state"),
    sa.Index("ix_scans_queue", "marketplace", "state", "due_at"),
)
# One open scan per (watch, reference picture, marketplace): a slow cycle is not planned twice.
sa.Index(
    "uq_scans_open",
    scans.c.watch_id,
    scans.c.reference_id,
    scans.c.marketplace,
    unique=True,
    sqlite_where=scans.c.state != "finished",
    postgresql_where=scans.c.state != "finished",
)


def is_complete(scan: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether a scan saw everything it asked for.

    Without a parameter in it, so that both databases use the index below: years stay quick.
    """
    return scan.c.outcome.in_([sa.literal_column(f"'{outcome}'") for outcome in COMPLETE_OUTCOMES])


IS_COMPLETE = is_complete(scans)
sa.Index(
    "ix_scans_complete",
    scans.c.reference_id,
    scans.c.marketplace,
    scans.c.id,
    sqlite_where=IS_COMPLETE,
    postgresql_where=IS_COMPLETE,
)

baselines = sa.Table(
    "baselines",
    metadata,
    sa.Column("watch_id", sa.ForeignKey("watches.id"), primary_key=True),
    sa.Column("reference_id", sa.ForeignKey("reference_pictures.id"), primary_key=True),
    sa.Column("marketplace", sa.Text, primary_key=True),
    sa.Column("done_at", Instant, nullable=False),
)

# How far a reference picture has been compared with the listing pictures stored before it came.
look_backs = sa.Table(
    "look_backs",
    metadata,
    sa.Column("reference_id", sa.ForeignKey("reference_pictures.id"), primary_key=True),
    sa.Column("method", sa.Text, nullable=False),  # another version looks back anew
    sa.Column("after_sha256", sa.String(64), nullable=False),
    sa.Column("finished_at", Instant),
)

# Which listings the searches for an asset have returned. Observations don't tell: they are written
# when a listing changes, not for each search that meets it.
sightings = sa.Table(
    "sightings",
    metadata,
    sa.Column("asset_id", sa.ForeignKey("assets.id"), primary_key=True),
    sa.Column("listing_id", sa.ForeignKey("listings.id"), primary_key=True),
)

# Which searches return the listings that match, and since when they do no more. A listing that is
# gone has no rows, so that counting stays as quick as it was in the first year.
appearances = sa.Table(
    "appearances",
    metadata,
    sa.Column("reference_id", sa.ForeignKey("reference_pictures.id"), primary_key=True),
    sa.Column("marketplace", sa.Text, primary_key=True),
    sa.Column("listing_id", sa.ForeignKey("listings.id"), primary_key=True, index=True),
    sa.Column("last_scan_id", sa.ForeignKey("scans.id"), nullable=False),
    # complete scans since then that did not return it, and the first of them
    sa.Column("missed", sa.Integer, nullable=False),
    sa.Column("missed_from", Instant),
)
