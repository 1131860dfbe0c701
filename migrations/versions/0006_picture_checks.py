"""Stored pictures are asked for again, and what hosts refuse is counted.

Revision: 0006, after 0005
"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.String(26).with_variant(sa.DateTime(timezone=True), "postgresql")
HAS_PROBLEM = sa.text("picture_problem IS NOT NULL")


def upgrade() -> None:
    op.add_column("picture_urls", sa.Column("checked_at", INSTANT, nullable=True))
    op.add_column("picture_urls", sa.Column("etag", sa.Text(), nullable=True))
    op.add_column("picture_urls", sa.Column("last_modified", sa.Text(), nullable=True))
    _spread_checks()
    op.create_index(
        op.f("ix_picture_urls_checked_at"), "picture_urls", ["checked_at"], unique=False
    )
    op.create_index(
        "ix_listings_picture_problem",
        "listings",
        ["last_seen_at"],
        sqlite_where=HAS_PROBLEM,
        postgresql_where=HAS_PROBLEM,
    )


def _spread_checks() -> None:
    """Pictures fetched long ago come due over a month, not all at once: by their first digit."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for number, digit in enumerate("0123456789abcdef"):
        at = datetime.now(UTC) - timedelta(days=10 + 2 * number)
        op.get_bind().execute(
            sa.text(
                "UPDATE picture_urls SET checked_at ="
                " CASE WHEN fetched_at > :at THEN fetched_at ELSE :at END"
                " WHERE substr(sha256, 1, 1) = :digit"
            ).bindparams(sa.bindparam("at", type_=INSTANT)),
            {"at": at.strftime("%Y-%m-%d %H:%M:%S.%f") if is_sqlite else at, "digit": digit},
        )


def downgrade() -> None:
    op.drop_index("ix_listings_picture_problem", "listings")
    op.drop_index(op.f("ix_picture_urls_checked_at"), "picture_urls")
    op.drop_column("picture_urls", "last_modified")
    op.drop_column("picture_urls", "etag")
    op.drop_column("picture_urls", "checked_at")
