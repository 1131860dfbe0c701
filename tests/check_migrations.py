"""Whether a migrated database is what the tables say: `python -m tests.check_migrations`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from monitor.storage.db.engine import Store
from monitor.storage.schema.versions import ensure_schema
from monitor.storage.tables import metadata


def differences(url: str) -> list[str]:
    """What autogenerate would still have to do; empty if nothing."""
    store = Store.open(url)
    try:
        ensure_schema(store)
        with store.reading() as conn:
            context = MigrationContext.configure(conn, opts={"compare_type": True})
            return [repr(change) for change in compare_metadata(context, metadata)]
    finally:
        store.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = differences(f"sqlite:///{Path(folder) / 'monitor.db'}")
    for change in found:
        print(change)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
