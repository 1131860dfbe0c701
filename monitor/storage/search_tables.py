"""The tables of what searches have returned; part of `metadata`."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.column_types import Instant
from monitor.storage.tables import metadata

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
