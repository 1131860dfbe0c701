"""What marketplace accounts keep between calls.

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = sa.String(26).with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "memories",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("account", "key", name=op.f("pk_memories")),
    )
    op.create_index(op.f("ix_memories_expires_at"), "memories", ["expires_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_memories_expires_at"), "memories")
    op.drop_table("memories")
