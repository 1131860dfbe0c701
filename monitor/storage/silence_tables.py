"""Silences, and how deliveries that are held are found; part of `metadata`."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.column_types import Instant
from monitor.storage.tables import deliveries, metadata

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
