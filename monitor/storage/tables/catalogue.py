"""Tables: watches with their assets, listings with their sellers, and their pictures."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.db.column_types import Exact, Instant
from monitor.storage.tables.base import id_column, metadata, ref_column

watches = sa.Table(
    "watches",
    metadata,
    id_column(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("record_score", sa.Float, nullable=False),
    sa.Column("alert_score", sa.Float, nullable=False),
    # what the daemon plans by: survives restarts, so that none rescans everything or skips
    sa.Column("trigger", sa.Text),
    sa.Column("next_due_at", Instant),
    sa.Column("retired_at", Instant),  # no longer in the config; its history stays
    sa.Column("reminded_at", Instant),  # when it was last seen to what nobody has reviewed
)

assets = sa.Table(
    "assets",
    metadata,
    id_column(),
    ref_column("watch_id", "watches.id"),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("right_kind", sa.Text),
    sa.Column("certificate", sa.Text),
    sa.Column("territory", sa.Text),
    sa.Column("official_url", sa.Text),
    sa.Column("published_at", sa.Text),  # as the owner wrote it: often a day, sometimes a year
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("retired_at", Instant),
    sa.UniqueConstraint("watch_id", "name"),
)

clusters = sa.Table(
    "clusters",
    metadata,
    id_column(),
    sa.Column("created_at", Instant, nullable=False),
)

pictures = sa.Table(
    "pictures",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("size_bytes", sa.Integer, nullable=False),
    ref_column("cluster_id", "clusters.id", nullable=True, index=True),
    sa.Column("created_at", Instant, nullable=False),
)

# Apart from `pictures`: wide rows that a list of pictures never needs.
fingerprints = sa.Table(
    "fingerprints",
    metadata,
    sa.Column("sha256", sa.ForeignKey("pictures.sha256"), primary_key=True),
    sa.Column("algorithm", sa.Text, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)

# Multi-index hashing: two 64-bit hashes at most 3 bits apart share one of four 16-bit bands.
fingerprint_bands = sa.Table(
    "fingerprint_bands",
    metadata,
    sa.Column("algorithm", sa.Text, primary_key=True),
    sa.Column("band", sa.Integer, primary_key=True),
    sa.Column("value", sa.Integer, primary_key=True),
    sa.Column("sha256", sa.ForeignKey("pictures.sha256"), primary_key=True),
)

picture_urls = sa.Table(
    "picture_urls",
    metadata,
    sa.Column("url", sa.Text, primary_key=True),
    sa.Column("sha256", sa.ForeignKey("pictures.sha256"), nullable=False, index=True),
    # when the picture was last had from there, or said to be unchanged
    sa.Column("fetched_at", Instant, nullable=False),
    # when it was last asked for; later than fetched_at where that failed
    sa.Column("checked_at", Instant, index=True),
    # what the server called it, to ask whether it is another by now
    sa.Column("etag", sa.Text),
    sa.Column("last_modified", sa.Text),
)

reference_pictures = sa.Table(
    "reference_pictures",
    metadata,
    id_column(),
    ref_column("asset_id", "assets.id", index=True),
    sa.Column("sha256", sa.ForeignKey("pictures.sha256"), nullable=False, index=True),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("added_at", Instant, nullable=False),
    sa.Column("retired_at", Instant),
    sa.UniqueConstraint("asset_id", "sha256"),
)

sellers = sa.Table(
    "sellers",
    metadata,
    id_column(),
    sa.Column("site", sa.Text, nullable=False),
    sa.Column("seller_key", sa.Text, nullable=False),  # the site's id, else its name
    sa.Column("seller_id", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("first_seen_at", Instant, nullable=False),
    sa.Column("last_seen_at", Instant, nullable=False),
    sa.UniqueConstraint("site", "seller_key"),
)

listings = sa.Table(
    "listings",
    metadata,
    id_column(),
    sa.Column("site", sa.Text, nullable=False),
    sa.Column("item_id", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("price_min", Exact),
    sa.Column("price_max", Exact),
    sa.Column("currency", sa.Text),
    sa.Column("price_text", sa.Text),
    sa.Column("sales", sa.BigInteger),
    ref_column("seller_id", "sellers.id", nullable=True, index=True),
    sa.Column("picture_url", sa.Text),
    sa.Column("picture_sha256", sa.ForeignKey("pictures.sha256"), index=True),
    # why the picture named by picture_url is not stored; null when it is
    sa.Column("picture_problem", sa.Text),
    sa.Column("first_seen_at", Instant, nullable=False),
    sa.Column("last_seen_at", Instant, nullable=False),
    sa.Column("last_observed_at", Instant, nullable=False),
    sa.Column("times_seen", sa.Integer, nullable=False),
    sa.UniqueConstraint("site", "item_id"),
)

# Few rows: what health asks for, among all listings.
HAS_PROBLEM = listings.c.picture_problem.is_not(None)
sa.Index(
    "ix_listings_picture_problem",
    listings.c.last_seen_at,
    sqlite_where=HAS_PROBLEM,
    postgresql_where=HAS_PROBLEM,
)

observations = sa.Table(
    "observations",
    metadata,
    id_column(),
    ref_column("listing_id", "listings.id"),
    ref_column("scan_id", "scans.id"),
    sa.Column("observed_at", Instant, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("price_min", Exact),
    sa.Column("price_max", Exact),
    sa.Column("currency", sa.Text),
    sa.Column("price_text", sa.Text),
    sa.Column("sales", sa.BigInteger),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("provider_score", sa.Float),
    sa.Column("picture_url", sa.Text),
    sa.Column("picture_sha256", sa.ForeignKey("pictures.sha256")),
    sa.Index("ix_observations_listing_id_observed_at", "listing_id", "observed_at"),
)

# A reference picture and a listing picture are compared once per version of the comparison.
comparisons = sa.Table(
    "comparisons",
    metadata,
    sa.Column("reference_sha256", sa.ForeignKey("pictures.sha256"), primary_key=True),
    sa.Column("picture_sha256", sa.ForeignKey("pictures.sha256"), primary_key=True),
    sa.Column("method", sa.Text, primary_key=True),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("relation", sa.Text, nullable=False),
    sa.Column("mirrored", sa.Boolean, nullable=False),
    sa.Column("region", sa.JSON),
    sa.Column("reasons", sa.JSON),
)
