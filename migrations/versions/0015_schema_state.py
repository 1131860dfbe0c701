"""The database says who made its views, and which programs may work on it.

Revision: 0015, after 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# The oldest revision whose programs may work on this one.
works_from = "0015"


def upgrade() -> None:
    op.create_table(
        "schema_state",
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("works_from", sa.Text(), nullable=False),
        sa.Column("views", sa.JSON(), nullable=False),
        sa.Column("views_version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_schema_state")),
    )


def downgrade() -> None:
    op.drop_table("schema_state")
