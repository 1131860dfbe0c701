"""New reference pictures look back at stored listing pictures.

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INSTANT = sa.String(26).with_variant(sa.DateTime(timezone=True), "postgresql")
WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "look_backs",
        sa.Column("reference_id", WIDE, nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("after_sha256", sa.String(64), nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["reference_id"],
            ["reference_pictures.id"],
            name=op.f("fk_look_backs_reference_id_reference_pictures"),
        ),
        sa.PrimaryKeyConstraint("reference_id", name=op.f("pk_look_backs")),
    )


def downgrade() -> None:
    op.drop_table("look_backs")
