"""Tables: which reference pictures are believed."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.db.column_types import Instant
from monitor.storage.tables.base import metadata

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
