"""Pace and budget are kept by credential; months are counted, days remembered.

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A row per account: the table is made anew, under its new shape, around the same rows."""
    old = sa.table("paces", *(sa.column(name) for name in ("name", *_OLD)))
    rows = op.get_bind().execute(sa.select(old)).mappings().all()
    op.drop_table("paces")
    paces = op.create_table(
        "paces",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("held_until", sa.Float(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("used_today", sa.Integer(), nullable=False),
        sa.Column("used_this_month", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_paces")),
    )
    days = op.create_table(
        "pace_days",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "day", name=op.f("pk_pace_days")),
    )
    # of the month no more is known than its last day
    op.bulk_insert(
        paces,
        [
            {
                "key": row["name"],
                **{name: row[name] for name in _OLD},
                "held_until": 0.0,
                "month": row["day"][:7],
                "used_this_month": row["used_today"],
            }
            for row in rows
        ],
    )
    op.bulk_insert(
        days, [{"key": row["name"], "day": row["day"], "used": row["used_today"]} for row in rows]
    )


_OLD = ("next_at", "day", "used_today")


def downgrade() -> None:
    new = sa.table("paces", *(sa.column(name) for name in ("key", *_OLD)))
    rows = op.get_bind().execute(sa.select(new)).mappings().all()
    op.drop_table("pace_days")
    op.drop_table("paces")
    paces = op.create_table(
        "paces",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("used_today", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_paces")),
    )
    op.bulk_insert(
        paces, [{"name": row["key"], **{name: row[name] for name in _OLD}} for row in rows]
    )
