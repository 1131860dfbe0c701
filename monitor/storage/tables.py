"""The tables. They are ours to change; what users query are the views (views.py).

Every constraint is named by one convention, so that migrations can address it on both databases.
"""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.column_types import Exact, Instant

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> sa.Column[int]:
    # SQLite gives row ids only to a column of type INTEGER; PostgreSQL's is 64 bits wide.
    wide = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", wide, sa.Identity(), primary_key=True)


def _ref(name: str, target: str, *, nullable: bool = False, index: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.ForeignKey(target), nullable=nullable, index=index)


watches = sa.Table(
    "watches",
    metadata,
    _id(),
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
    _id(),
    _ref("watch_id", "watches.id"),
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
    _id(),
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
    _ref("cluster_id", "clusters.id", nullable=True, index=True),
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
    _id(),
    _ref("asset_id", "assets.id", index=True),
    sa.Column("sha256", sa.ForeignKey("pictures.sha256"), nullable=False, index=True),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("added_at", Instant, nullable=False),
    sa.Column("retired_at", Instant),
    sa.UniqueConstraint("asset_id", "sha256"),
)

sellers = sa.Table(
    "sellers",
    metadata,
    _id(),
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
    _id(),
    sa.Column("site", sa.Text, nullable=False),
    sa.Column("item_id", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("price_min", Exact),
    sa.Column("price_max", Exact),
    sa.Column("currency", sa.Text),
    sa.Column("price_text", sa.Text),
    sa.Column("sales", sa.BigInteger),
    _ref("seller_id", "sellers.id", nullable=True, index=True),
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

cycles = sa.Table(
    "cycles",
    metadata,
    _id(),
    _ref("watch_id", "watches.id", index=True),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
)

scans = sa.Table(
    "scans",
    metadata,
    _id(),
    _ref("cycle_id", "cycles.id", index=True),
    _ref("watch_id", "watches.id"),
    sa.Column("marketplace", sa.Text, nullable=False),
    _ref("reference_id", "reference_pictures.id"),
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
# Without a parameter in it, so that both databases use the index below: years of scans stay quick.
IS_COMPLETE = scans.c.outcome.in_([sa.literal_column("'ok'"), sa.literal_column("'empty'")])
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

# What random other listing pictures have said of a reference picture (see scanning/check.py).
reference_checks = sa.Table(
    "reference_checks",
    metadata,
    sa.Column("reference_id", sa.ForeignKey("reference_pictures.id"), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    # under which version of the comparison, and from which score, it was looked at
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("record_score", sa.Float, nullable=False),
    sa.Column("copy_score", sa.Float),  # what a plain copy of it reaches
    sa.Column("sampled", sa.Integer, nullable=False),
    sa.Column("matched", sa.Integer, nullable=False),
    sa.Column("checked_at", Instant),  # when the sample was taken
    # judged again once there is a cluster of this number: clusters are numbered as they come
    sa.Column("again_from", sa.BigInteger, nullable=False),
    sa.Column("trusted_at", Instant),
    sa.Column("trusted_by", sa.Text),
    sa.CheckConstraint(
        "state IN ('unjudged', 'sound', 'unspecific', 'featureless', 'trusted')", name="state"
    ),
)

observations = sa.Table(
    "observations",
    metadata,
    _id(),
    _ref("listing_id", "listings.id"),
    _ref("scan_id", "scans.id"),
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

matches = sa.Table(
    "matches",
    metadata,
    _id(),
    _ref("watch_id", "watches.id"),
    _ref("asset_id", "assets.id", index=True),
    _ref("listing_id", "listings.id", index=True),
    _ref("reference_id", "reference_pictures.id"),
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

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    # one alert per cause, however often the cause is met again
    sa.Column("dedup_key", sa.Text, nullable=False, unique=True),
    sa.Column("event", sa.Text, nullable=False),
    _ref("watch_id", "watches.id", nullable=True),
    _ref("match_id", "matches.id", nullable=True, index=True),
    _ref("scan_id", "scans.id", nullable=True),
    # set for what a baseline scan found: told as one message when the cycle ends
    _ref("baseline_cycle_id", "cycles.id", nullable=True, index=True),
    # set for a search that failed: whether the marketplace is paused for it is told instead
    sa.Column("failed_marketplace", sa.Text),
    sa.Column("text", sa.Text),  # operator alerts: what happened and what to do
    sa.Column("detail", sa.JSON(none_as_null=True)),  # of a match: names and texts
    # not routed while its cycle runs: it may prove to be a relisting
    sa.Column("waits_for_cycle", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("routed_at", Instant),  # when it was fanned out to deliveries
    sa.Index("ix_alerts_routed_at", "routed_at"),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    _id(),
    sa.Column("alert_id", sa.ForeignKey("alerts.id"), nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("next_try_at", Instant),  # null once sent or dead, and while held
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", Instant),
    sa.Column("last_error", sa.Text),
    sa.Column("sent_at", Instant),
    sa.Column("summarised_at", Instant),  # when a summary of what is held has told of it
    _ref("silence_id", "silences.id", nullable=True),  # what it is to be held by, once not in hand
    sa.Column("first_tried_at", Instant),
    sa.Column("refused_at", Instant),  # given up because its channel refuses messages for good
    sa.Column("left_out", sa.Text),  # what of it wasn't in the message that was accepted, and why
    sa.UniqueConstraint("alert_id", "channel"),
    sa.CheckConstraint(
        "state IN ('due', 'sending', 'sent', 'failed', 'dead', 'held')", name="state"
    ),
    sa.Index("ix_deliveries_queue", "channel", "state", "next_try_at", "id"),
    sa.Index("ix_deliveries_sent", "channel", "sent_at"),
)
