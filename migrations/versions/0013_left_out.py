"""A delivery says what of it was left out of its message.

Revision: 0013, after 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("left_out", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("deliveries", "left_out")
