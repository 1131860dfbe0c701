"""Runs migrations on the connection that the program hands over, inside its transaction.

Developers may name a database: `alembic -x url=sqlite:///new.db revision --autogenerate`.
"""

from alembic import context

from monitor.storage.db.engine import Connection, Store
from monitor.storage.tables import metadata


def migrate(conn: Connection) -> None:
    """SQLite can't alter tables in place: changes to one go through a copy (batch mode)."""
    context.configure(
        connection=conn,
        target_metadata=metadata,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    migrate(connection)
else:
    store = Store.open(context.get_x_argument(as_dictionary=True)["url"])
    with store.migrating() as own:
        migrate(own)
    store.close()
