"""Silences hold alerts back until a time.

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INSTANT = sa.String(26).with_variant(sa.DateTime(timezone=True), "postgresql")
WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FOREIGN_KEY = "fk_deliveries_silence_id_silences"


def upgrade() -> None:
    _create_silences()
    _add_silence_id()
    op.drop_index("ix_deliveries_held", "deliveries")
    _create_index(
        "ix_deliveries_held",
        ["summarised_at", "alert_id"],
        "state = 'held' AND silence_id IS NULL",
    )
    _create_index("ix_deliveries_silenced", ["silence_id", "state"], "silence_id IS NOT NULL")


def _create_silences() -> None:
    op.create_table(
        "silences",
        sa.Column("id", WIDE, sa.Identity(), nullable=False),
        sa.Column("watch", sa.Text(), nullable=True),
        sa.Column("asset", sa.Text(), nullable=True),
        sa.Column("marketplace", sa.Text(), nullable=True),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("item_id", sa.Text(), nullable=True),
        sa.Column("seller", sa.Text(), nullable=True),
        sa.Column("cluster_id", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("applied_at", INSTANT, nullable=True),
        sa.Column("released_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )


def _add_silence_id() -> None:
    """As both databases write it: a batch would copy all deliveries, and lose their checks."""
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE deliveries ADD COLUMN silence_id {kind}"
        f" CONSTRAINT {FOREIGN_KEY} REFERENCES silences (id)"
    )


def _create_index(name: str, columns: list[str], where: str) -> None:
    op.create_index(
        name,
        "deliveries",
        columns,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_silenced", "deliveries")
    op.drop_index("ix_deliveries_held", "deliveries")
    op.drop_column("deliveries", "silence_id")
    _create_index("ix_deliveries_held", ["summarised_at", "alert_id"], "state = 'held'")
    op.drop_table("silences")
