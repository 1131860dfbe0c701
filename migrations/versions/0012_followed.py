"""Matches are followed: their price, whether they are gone, and what alerts say of it.

Revision: 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.String(26).with_variant(sa.DateTime(timezone=True), "postgresql")
OF_MATCHES = (
    ("gone_at", INSTANT),
    ("reappeared_at", INSTANT),
    ("told_prices", sa.JSON()),
    ("price_before", sa.Text()),
    ("price_changed_at", INSTANT),
)


def upgrade() -> None:
    _create_appearances()
    for name, kind in OF_MATCHES:
        op.add_column("matches", sa.Column(name, kind, nullable=True))
    op.add_column("watches", sa.Column("reminded_at", INSTANT, nullable=True))
    op.add_column("alerts", sa.Column("detail", sa.JSON(), nullable=True))
    op.add_column(
        "alerts",
        sa.Column("waits_for_cycle", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def _create_appearances() -> None:
    op.create_table(
        "appearances",
        sa.Column("reference_id", WIDE, nullable=False),
        sa.Column("marketplace", sa.Text(), nullable=False),
        sa.Column("listing_id", WIDE, nullable=False),
        sa.Column("last_scan_id", WIDE, nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("missed_from", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["reference_id"],
            ["reference_pictures.id"],
            name=op.f("fk_appearances_reference_id_reference_pictures"),
        ),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name=op.f("fk_appearances_listing_id_listings")
        ),
        sa.ForeignKeyConstraint(
            ["last_scan_id"], ["scans.id"], name=op.f("fk_appearances_last_scan_id_scans")
        ),
        sa.PrimaryKeyConstraint(
            "reference_id", "marketplace", "listing_id", name=op.f("pk_appearances")
        ),
    )
    op.create_index(op.f("ix_appearances_listing_id"), "appearances", ["listing_id"])
    # what can still be known: the searches that met a listing when it was new, or once a day
    op.execute(
        "INSERT INTO appearances (reference_id, marketplace, listing_id, last_scan_id, missed)"
        " SELECT s.reference_id, s.marketplace, o.listing_id, max(s.id), 0 FROM observations AS o"
        " JOIN scans AS s ON s.id = o.scan_id"
        " WHERE EXISTS (SELECT 1 FROM matches AS m"
        " WHERE m.listing_id = o.listing_id AND m.watch_id = s.watch_id)"
        " GROUP BY s.reference_id, s.marketplace, o.listing_id"
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_appearances_listing_id"), "appearances")
    op.drop_table("appearances")
    op.drop_column("alerts", "waits_for_cycle")
    op.drop_column("alerts", "detail")
    op.drop_column("watches", "reminded_at")
    for name, _ in reversed(OF_MATCHES):
        op.drop_column("matches", name)
