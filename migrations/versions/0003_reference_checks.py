"""Reference pictures are checked; what rests on a marked one is held.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = sa.String(26).with_variant(sa.DateTime(timezone=True), "postgresql")
WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_checks()
    _create_sightings()
    op.add_column("deliveries", sa.Column("summarised_at", INSTANT, nullable=True))
    op.create_index(
        "ix_deliveries_held",
        "deliveries",
        ["summarised_at", "alert_id"],
        sqlite_where=sa.text("state = 'held'"),
        postgresql_where=sa.text("state = 'held'"),
    )


def _create_checks() -> None:
    op.create_table(
        "reference_checks",
        sa.Column("reference_id", WIDE, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("record_score", sa.Float(), nullable=False),
        sa.Column("copy_score", sa.Float(), nullable=True),
        sa.Column("sampled", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("checked_at", INSTANT, nullable=True),
        sa.Column("again_from", sa.BigInteger(), nullable=False),
        sa.Column("trusted_at", INSTANT, nullable=True),
        sa.Column("trusted_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('unjudged', 'sound', 'unspecific', 'featureless', 'trusted')",
            name=op.f("ck_reference_checks_state"),
        ),
        sa.ForeignKeyConstraint(
            ["reference_id"],
            ["reference_pictures.id"],
            name=op.f("fk_reference_checks_reference_id_reference_pictures"),
        ),
        sa.PrimaryKeyConstraint("reference_id", name=op.f("pk_reference_checks")),
    )


def _create_sightings() -> None:
    op.create_table(
        "sightings",
        sa.Column("asset_id", WIDE, nullable=False),
        sa.Column("listing_id", WIDE, nullable=False),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["assets.id"], name=op.f("fk_sightings_asset_id_assets")
        ),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name=op.f("fk_sightings_listing_id_listings")
        ),
        sa.PrimaryKeyConstraint("asset_id", "listing_id", name=op.f("pk_sightings")),
    )
    # what can still be known: each listing's first search, and those that met it changed
    op.execute(
        "INSERT INTO sightings (asset_id, listing_id)"
        " SELECT DISTINCT r.asset_id, o.listing_id FROM observations AS o"
        " JOIN scans AS s ON s.id = o.scan_id"
        " JOIN reference_pictures AS r ON r.id = s.reference_id"
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_held", "deliveries")
    op.drop_column("deliveries", "summarised_at")
    op.drop_table("sightings")
    op.drop_table("reference_checks")
