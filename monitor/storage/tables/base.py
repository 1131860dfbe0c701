"""What all tables share.

Every constraint is named by one convention, so that migrations can address it on both databases.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def id_column() -> sa.Column[int]:
    # SQLite gives row ids only to a column of type INTEGER; PostgreSQL's is 64 bits wide.
    wide = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", wide, sa.Identity(), primary_key=True)


def ref_column(
    name: str, target: str, *, nullable: bool = False, index: bool = False
) -> sa.Column[int]:
    return sa.Column(name, sa.ForeignKey(target), nullable=nullable, index=index)
