"""The table of the schema itself."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.storage.tables.base import metadata

# One row, beside Alembic's own: programs that lack a revision's migration read of it here.
schema_state = sa.Table(
    "schema_state",
    metadata,
    sa.Column("revision", sa.Text, primary_key=True),  # of which the next is said
    sa.Column("works_from", sa.Text, nullable=False),  # the oldest whose programs may work on it
    sa.Column("views", sa.JSON, nullable=False),  # digest of the definition by name
    sa.Column("views_version", sa.Text, nullable=False),  # of the program that made them
)
