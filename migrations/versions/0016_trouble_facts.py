"""Troubles are stored as kind, subject and facts; what was noted before keeps its text.

Revision: 0016, after 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INSTANT = sa.String(26).with_variant(sa.DateTime(timezone=True), "postgresql")
# The oldest revision whose programs may work on this one.
works_from = "0016"
# How keys began.
KINDS = {"late": "watch_late", "plan": "watch_unplanned", "disk": "disk_low"}


def upgrade() -> None:
    known = op.get_bind().execute(sa.text("SELECT key, text, since_at, seen_at FROM troubles"))
    rows = [row._asdict() for row in known]
    op.drop_table("troubles")
    troubles = op.create_table(
        "troubles",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("since_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_troubles")),
    )
    for row in rows:
        kind, _, subject = row.pop("key").partition(":")
        values = {"kind": KINDS.get(kind, kind), "subject": subject, **row}
        op.get_bind().execute(sa.insert(troubles).values(values))


def downgrade() -> None:
    # whatever still lasts is noted again within a minute or an hour
    op.drop_table("troubles")
    op.create_table(
        "troubles",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_troubles")),
    )
