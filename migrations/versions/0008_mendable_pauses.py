"""Pauses say whether a person can end them: then a restart tries the marketplace at once.

Revision: 0008, after 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "breakers",
        sa.Column("is_mendable", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    with op.batch_alter_table("breakers") as batch:
        batch.drop_column("is_mendable")
