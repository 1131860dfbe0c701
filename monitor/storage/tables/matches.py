"""Tables: matches."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.db.column_types import Instant
from monitor.storage.tables.base import id_column, metadata, ref_column

matches = sa.Table(
    "matches",
    metadata,
    id_column(),
    ref_column("watch_id", "watches.id"),
    ref_column("asset_id", "assets.id", index=True),
    ref_column("listing_id", "listings.id", index=True),
    ref_column("reference_id", "reference_pictures.id"),
    sa.Column("picture_sha256", sa.ForeignKey("pictures.sha256"), nullable=False),
    sa.Column("marketplace", sa.Text, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("relation", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("mirrored", sa.Boolean, nullable=False),
    sa.Column("region", sa.JSON),
    sa.Column("reasons", sa.JSON),
    sa.Column("provider_score", sa.Float),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("verdict_at", Instant),
    sa.Column("verdict_by", sa.Text),
    sa.Column("verdict_note", sa.Text),
    sa.Column("first_seen_at", Instant, nullable=False),
    sa.Column("last_seen_at", Instant, nullable=False),
    sa.Column("times_seen", sa.Integer, nullable=False),
    sa.Column("gone_at", Instant),  # since then no search of the watch has found it
    sa.Column("reappeared_at", Instant),
    # currency -> lowest and highest price, as last told or as it was at the first alert
    sa.Column("told_prices", sa.JSON(none_as_null=True)),
    sa.Column("price_before", sa.Text),  # the last change that was told
    sa.Column("price_changed_at", Instant),
    sa.UniqueConstraint("watch_id", "asset_id", "listing_id"),
)
