"""How channels fare, when a delivery was first tried, and what was given up for good.

Revision: 0010, after 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INSTANT = sa.String(26).with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "channels",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url_digest", sa.Text(), nullable=True),
        sa.Column("tried_at", INSTANT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_from", INSTANT, nullable=True),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("refused_from", INSTANT, nullable=True),
        sa.Column("broken_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_channels")),
    )
    op.add_column("deliveries", sa.Column("first_tried_at", INSTANT, nullable=True))
    op.add_column("deliveries", sa.Column("refused_at", INSTANT, nullable=True))
    op.create_index("ix_deliveries_sent", "deliveries", ["channel", "sent_at"])


def downgrade() -> None:
    op.drop_index("ix_deliveries_sent", "deliveries")
    op.drop_column("deliveries", "refused_at")
    op.drop_column("deliveries", "first_tried_at")
    op.drop_table("channels")
