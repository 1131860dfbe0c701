"""The table of channels; part of `metadata`."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.column_types import Instant
from monitor.storage.tables import metadata

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
