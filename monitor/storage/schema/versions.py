"""The schema's versions: made, upgraded and checked by Alembic, also from an installed wheel."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import monitor
from monitor.errors import SchemaMismatch, StoreError
from monitor.storage.db.engine import Connection, Store
from monitor.storage.schema.views import VIEWS, create_views, drop_views


def migrations_folder() -> Path:
    """Packed into the wheel, or beside the package in a checkout."""
    package = Path(monitor.__file__).parent
    packed = package / "migrations"
    return packed if packed.is_dir() else package.parent / "migrations"


def head_revision() -> str:
    """The revision that this program works with."""
    head = ScriptDirectory(str(migrations_folder())).get_current_head()
    if head is None:
        raise StoreError("there are no migrations; is the installation whole?")
    return head


def find_revision(conn: Connection) -> str | None:
    """The database's revision; None for an empty one. Raises StoreError for a foreign one."""
    revision = MigrationContext.configure(conn).get_current_revision()
    if revision is None and sa.inspect(conn).get_table_names():
        raise StoreError("the database holds tables of another program; give this one its own")
    return revision


def ensure_schema(store: Store) -> None:
    """Create the schema in an empty database; refuse one of another revision.

    Several processes may do so at once. Raises SchemaMismatch naming both revisions, StoreError.
    """
    head = head_revision()
    with store.reading() as conn:
        revision = find_revision(conn)
    if revision == head:
        return
    if revision is not None:
        raise SchemaMismatch(_mismatch(revision, head))
    upgrade_schema(store)


def check_revision(store: Store, expected: str) -> None:
    """Whether the database is still at the revision that was found at the start.

    Raises SchemaMismatch if another program has upgraded it meanwhile, StoreError.
    """
    with store.reading() as conn:
        revision = find_revision(conn)
    if revision != expected:
        raise SchemaMismatch(
            f"the database was at revision {expected} and is at {revision or 'none'} now: it was "
            "upgraded or replaced while in use; start the program that belongs to it"
        )


def _mismatch(revision: str, head: str) -> str:
    if revision in known_revisions():
        return (
            f"the database is at revision {revision}, this program needs {head}: "
            "stop the daemon, back up, then run `monitor db upgrade`"
        )
    return (
        f"the database is at revision {revision}, which this program (at {head}) doesn't know: "
        "a newer version has used it; install that one"
    )


def upgrade_schema(store: Store) -> tuple[str | None, str]:
    """Bring the schema to this program's revision; (revision before, revision now).

    All in one transaction: it is upgraded whole or not at all. Raises StoreError.
    """
    head = head_revision()
    with store.migrating() as conn:
        before = find_revision(conn)
        if before == head:
            return before, head
        if before is not None and before not in known_revisions():
            raise SchemaMismatch(_mismatch(before, head))
        run_migrations(conn, migrations_folder(), "head")
    return before, head


def run_migrations(conn: Connection, folder: Path, target: str) -> None:
    """Migrate within the caller's transaction.

    SQLite's batch migrations fail while a view depends on the table: all views are dropped before
    and created anew after, from their one definition.
    """
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = conn
    drop_views(conn)
    command.upgrade(config, target)
    if target == "head":
        create_views(conn)


def known_revisions() -> set[str]:
    """Every revision this program can read or upgrade."""
    scripts = ScriptDirectory(str(migrations_folder()))
    return {script.revision for script in scripts.walk_revisions()}


def check_schema(store: Store) -> list[str]:
    """What is wrong with the database's structure; empty if nothing is. Raises StoreError."""
    head = head_revision()
    with store.reading() as conn:
        revision = find_revision(conn)
        if revision != head:
            return [_mismatch(revision, head) if revision else "the database is empty"]
        present = set(sa.inspect(conn).get_view_names())
        problems = [f"view {name} is missing" for name in VIEWS if name not in present]
        if store.dialect == "sqlite":
            problems += _check_sqlite(conn)
    return problems


def _check_sqlite(conn: Connection) -> list[str]:
    answers = conn.exec_driver_sql("PRAGMA integrity_check").scalars()
    problems = [f"damaged: {answer}" for answer in answers if answer != "ok"]
    for table, row, parent, _ in conn.exec_driver_sql("PRAGMA foreign_key_check"):
        problems.append(f"row {row} of {table} has no row in {parent}")
    return problems
