"""Tables: alerts, deliveries, and what holds them back."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.db.column_types import Instant
from monitor.storage.tables.base import id_column, metadata, ref_column

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    # one alert per cause, however often the cause is met again
    sa.Column("dedup_key", sa.Text, nullable=False, unique=True),
    sa.Column("event", sa.Text, nullable=False),
    ref_column("watch_id", "watches.id", nullable=True),
    ref_column("match_id", "matches.id", nullable=True, index=True),
    ref_column("scan_id", "scans.id", nullable=True),
    # set for what a baseline scan found: told as one message when the cycle ends
    ref_column("baseline_cycle_id", "cycles.id", nullable=True, index=True),
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
    id_column(),
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
    ref_column(
        "silence_id", "silences.id", nullable=True
    ),  # what it is to be held by, once not in hand
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

# Rules that hold alerts of matches back until a time. What is null asks for nothing; of the rest a
# match must have everything.
silences = sa.Table(
    "silences",
    metadata,
    sa.Column(
        "id",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        sa.Identity(),
        primary_key=True,
    ),
    sa.Column("watch", sa.Text),
    sa.Column("asset", sa.Text),
    sa.Column("marketplace", sa.Text),
    sa.Column("site", sa.Text),
    sa.Column("item_id", sa.Text),
    sa.Column("seller", sa.Text),  # id or name, as the site says it
    sa.Column("cluster_id", sa.BigInteger),  # follows its cluster when that becomes one of another
    sa.Column("starts_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),  # when a person removed it
    sa.Column("applied_at", Instant),  # when it held what was due
    sa.Column("released_at", Instant),  # when what it held was let go: it holds nothing any more
)

# Without a parameter in them, so that both databases use the indices below.
IS_SILENCED = deliveries.c.silence_id.is_not(None)
IS_HELD = sa.and_(
    deliveries.c.state == sa.literal_column("'held'"), deliveries.c.silence_id.is_(None)
)
_HELD = sa.text("state = 'held' AND silence_id IS NULL")
_SILENCED = sa.text("silence_id IS NOT NULL")

# Held for another reason than a silence.
sa.Index(
    "ix_deliveries_held",
    deliveries.c.summarised_at,
    deliveries.c.alert_id,
    sqlite_where=_HELD,
    postgresql_where=_HELD,
)
sa.Index(
    "ix_deliveries_silenced",
    deliveries.c.silence_id,
    deliveries.c.state,
    sqlite_where=_SILENCED,
    postgresql_where=_SILENCED,
)

# How each channel fares, the same for all processes on this database and over their restarts.
channels = sa.Table(
    "channels",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("url_digest", sa.Text),  # tells another URL from the same; the URL is a secret
    sa.Column("tried_at", Instant),  # the last message, accepted or not: its pace counts from here
    sa.Column("failures", sa.Integer, nullable=False),  # in a row
    sa.Column("failing_from", Instant),
    sa.Column("refusals", sa.Integer, nullable=False),  # permanent errors since the last success
    sa.Column("refused_from", Instant),
    sa.Column("broken_at", Instant),  # refuses for good: what waited for it was given up
)

troubles = sa.Table(
    "troubles",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("facts", sa.JSON(none_as_null=True)),
    sa.Column("text", sa.Text),  # instead of facts, where it was noted before 0016
    sa.Column("since_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),  # when it was last met
)
