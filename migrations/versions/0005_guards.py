"""Marketplaces are paused, scans can be suspect, canaries are looked for.

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANT = sa.String(26).with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    _create_breakers()
    _create_canaries()
    op.add_column(
        "scans",
        sa.Column("is_suspect", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index(
        "ix_scans_complete",
        "scans",
        ["reference_id", "marketplace", "id"],
        sqlite_where=sa.text("outcome IN ('ok', 'empty')"),
        postgresql_where=sa.text("outcome IN ('ok', 'empty')"),
    )
    op.add_column("alerts", sa.Column("failed_marketplace", sa.Text(), nullable=True))


def _create_breakers() -> None:
    op.create_table(
        "breakers",
        sa.Column("marketplace", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("pause_seconds", sa.Float(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=True),
        sa.Column("probe_at", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.CheckConstraint(
            "state IN ('closed', 'open', 'probing')", name=op.f("ck_breakers_state")
        ),
        sa.PrimaryKeyConstraint("marketplace", name=op.f("pk_breakers")),
    )


def _create_canaries() -> None:
    op.create_table(
        "canaries",
        sa.Column("marketplace", sa.Text(), nullable=False),
        sa.Column("looked_for", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.Column("tried_at", INSTANT, nullable=True),
        sa.Column("found_at", INSTANT, nullable=True),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("lost_at", INSTANT, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('due', 'running')", name=op.f("ck_canaries_state")),
        sa.PrimaryKeyConstraint("marketplace", name=op.f("pk_canaries")),
    )


def downgrade() -> None:
    op.drop_column("alerts", "failed_marketplace")
    op.drop_index("ix_scans_complete", "scans")
    with op.batch_alter_table("scans") as batch:
        batch.drop_column("is_suspect")
    op.drop_table("canaries")
    op.drop_table("breakers")
