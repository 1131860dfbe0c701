"""Tables of marketplaces and their accounts: trust, pace, memory."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.db.column_types import Instant
from monitor.storage.tables.base import metadata

# Whether a marketplace is searched at the moment, the same for all processes on this database.
breakers = sa.Table(
    "breakers",
    metadata,
    sa.Column("marketplace", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),  # closed, open (paused), probing
    sa.Column("failures", sa.Integer, nullable=False),  # in a row
    sa.Column("pause_seconds", sa.Float, nullable=False),  # the last one's length
    sa.Column("opened_at", Instant),
    sa.Column("probe_at", Instant),  # from when one search is let through
    sa.Column("closed_at", Instant),
    sa.Column("outcome", sa.Text),  # of the scans that wait in vain
    sa.Column("reason", sa.Text),
    sa.Column("owner", sa.Text),  # who probes
    sa.Column("lease_until", Instant),
    # a key or a setting is wrong, say: who restarts may have mended it
    sa.Column("is_mendable", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint("state IN ('closed', 'open', 'probing')", name="state"),
)

# The picture that is known to be on a marketplace, and whether it is still found there.
canaries = sa.Table(
    "canaries",
    metadata,
    sa.Column("marketplace", sa.Text, primary_key=True),
    sa.Column("looked_for", sa.Text, nullable=False),  # picture and item id: others start anew
    sa.Column("state", sa.Text, nullable=False),  # due, running
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", Instant),
    sa.Column("tried_at", Instant),
    sa.Column("found_at", Instant),
    sa.Column("missed", sa.Integer, nullable=False),  # in a row
    sa.Column("lost_at", Instant),
    sa.Column("problem", sa.Text),
    sa.CheckConstraint("state IN ('due', 'running')", name="state"),
)

# Pace and budget per credential, shared by all processes on this database.
paces = sa.Table(
    "paces",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("next_at", sa.Float, nullable=False),  # seconds since the epoch
    sa.Column("held_until", sa.Float, nullable=False),  # the same: nobody may call before
    sa.Column("day", sa.String(10), nullable=False),  # UTC day that used_today counts
    sa.Column("month", sa.String(7), nullable=False),  # UTC month that used_this_month counts
    sa.Column("used_today", sa.Integer, nullable=False),
    sa.Column("used_this_month", sa.Integer, nullable=False),
)

# What a credential used, day by day.
pace_days = sa.Table(
    "pace_days",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),  # UTC
    sa.Column("used", sa.Integer, nullable=False),
)

# What a marketplace account keeps between calls, under the same key as its pace. Secrets in it are
# sealed with the account's own secret, so that a backup of the database gives none away.
memories = sa.Table(
    "memories",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("expires_at", Instant, index=True),
)
