"""The schema's versions: made, upgraded and checked by Alembic, also from an installed wheel.

A program works on the revision that it brings, and on a newer one that says so. Views follow the
newest program that has worked on the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import monitor
from monitor.errors import DependentsInTheWay, SchemaMismatch, StoreError
from monitor.storage.db.engine import Connection, Store
from monitor.storage.schema.state import SchemaState, find_state, put_state
from monitor.storage.schema.views import VIEWS, digest_of, may_make, renew_views, selects_of
from monitor.storage.tables import schema_state


@dataclass(frozen=True, slots=True)
class Program:
    """One version of this program, as far as a database is concerned.

    `revisions` is what its migrations lead to, the newest first; `works_from` is the oldest of
    them whose programs may work on the newest.
    """

    version: str
    views: Mapping[str, str]
    migrations: Path
    revisions: tuple[str, ...]
    works_from: str

    @classmethod
    def of(cls, version: str, views: Mapping[str, str], migrations: Path) -> Program:
        """Read the migrations of a folder. Raises StoreError if there are none."""
        scripts = list(ScriptDirectory(str(migrations)).walk_revisions())
        if not scripts:
            raise StoreError("there are no migrations; is the installation whole?")
        head = scripts[0]
        return cls(
            version=version,
            views=views,
            migrations=migrations,
            revisions=tuple(script.revision for script in scripts),
            works_from=str(getattr(head.module, "works_from", head.revision)),
        )

    @property
    def head(self) -> str:
        return self.revisions[0]


@cache
def this_program() -> Program:
    """The one that runs, as it was when first asked: an installation may change under it."""
    return Program.of(monitor.__version__, VIEWS, migrations_folder())


def migrations_folder() -> Path:
    """Packed into the wheel, or beside the package in a checkout."""
    package = Path(monitor.__file__).parent
    packed = package / "migrations"
    return packed if packed.is_dir() else package.parent / "migrations"


def find_revision(conn: Connection) -> str | None:
    """The database's revision; None for an empty one. Raises StoreError for a foreign one."""
    revision = MigrationContext.configure(conn).get_current_revision()
    if revision is None and sa.inspect(conn).get_table_names():
        raise StoreError("the database holds tables of another program; give this one its own")
    return revision


def ensure_schema(store: Store, program: Program | None = None) -> None:
    """Create the schema in an empty database, make views anew that are older than the program.

    Several processes may do so at once. Raises SchemaMismatch naming both revisions where the
    program may not work on the database's, DependentsInTheWay, StoreError.
    """
    program = program or this_program()
    with store.reading() as conn:
        revision = find_revision(conn)
        if revision is not None and not may_work_on(conn, revision, program):
            raise _mismatch(revision, program)
        is_due = (
            revision == program.head
            and may_make(conn, [*program.views, schema_state.name])
            and _are_views_due(program, find_state(conn), store.dialect)
        )
    if revision is None:
        upgrade_schema(store, program)
    if is_due:
        # no row is touched: on SQLite, where any writer is alone, there is nothing to check after
        with store.writing() if store.dialect == "sqlite" else store.migrating() as conn:
            if find_revision(conn) == program.head:
                _make_views(conn, program)


def may_work_on(conn: Connection, revision: str, program: Program) -> bool:
    """Whether a database at `revision` is the program's own, or a newer one that lets it work."""
    if revision in program.revisions:
        return revision == program.head
    state = find_state(conn)
    return (
        state is not None and state.revision == revision and state.works_from in program.revisions
    )


def check_revision(store: Store, program: Program) -> None:
    """Whether a program that has begun to work may go on.

    Raises SchemaMismatch if another one has upgraded the database past it meanwhile, StoreError.
    """
    with store.reading() as conn:
        revision = find_revision(conn)
        if revision is not None and may_work_on(conn, revision, program):
            return
    raise SchemaMismatch(
        f"the database was at revision {program.head} and is at {revision or 'none'} now: it was "
        "upgraded or replaced while in use; start the program that belongs to it"
    )


def _mismatch(revision: str, program: Program) -> SchemaMismatch:
    if revision in program.revisions:
        return SchemaMismatch(
            f"the database is at revision {revision}, this program needs {program.head}: "
            "stop the daemon, back up, then upgrade it",
            is_outdated=True,
        )
    return SchemaMismatch(
        f"the database is at revision {revision}, which this program (at {program.head}) doesn't "
        "know: a newer version has used it; install that one"
    )


def upgrade_schema(store: Store, program: Program | None = None) -> tuple[str | None, str]:
    """Bring the schema and the views to this program's; (revision before, revision now).

    All in one transaction: it is upgraded whole or not at all. A newer one that lets the program
    work is left alone. Raises SchemaMismatch, DependentsInTheWay, StoreError.
    """
    with store.migrating() as conn:
        return bring_up(conn, program or this_program())


def bring_up(conn: Connection, program: Program) -> tuple[str | None, str]:
    """As `upgrade_schema`, within the caller's transaction."""
    before = find_revision(conn)
    if before is not None and before not in program.revisions:
        if may_work_on(conn, before, program):
            return before, before
        raise _mismatch(before, program)
    if before == program.head:
        _make_views(conn, program)
        return before, program.head
    state = find_state(conn)
    selects = selects_of(program.views, conn.dialect.name)
    _refuse_taken_names(conn, state, selects)
    renew_views(conn, selects, partial(_migrate, conn, program.migrations, "head"))
    _put_state(conn, program, state)
    return before, program.head


def _make_views(conn: Connection, program: Program) -> None:
    """Those of a database at the program's revision that are missing or not the program's."""
    state = find_state(conn)
    if state is not None and is_older(program, state):
        return
    selects = selects_of(program.views, conn.dialect.name)
    _refuse_taken_names(conn, state, selects)
    stale = _stale_views(program, state, conn.dialect.name)
    stale.update(set(selects).difference(sa.inspect(conn).get_view_names()))
    if stale:
        renew_views(conn, {name: selects[name] for name in selects if name in stale})
    _put_state(conn, program, state)


def _put_state(conn: Connection, program: Program, before: SchemaState | None) -> None:
    views = {**_known_views(before), **_digests(program, conn.dialect.name)}
    put_state(conn, SchemaState(program.head, program.works_from, views, program.version))


def is_older(program: Program, state: SchemaState) -> bool:
    """Whether a newer program has made the views. A candidate of a release counts as the release.

    Of two programs of one version, which only checkouts can be, the one that starts last counts.
    """
    return _numbers(program.version) < _numbers(state.views_version)


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(number) for number in found[0].split(".")) if found else ()


def _are_views_due(program: Program, state: SchemaState | None, dialect: str) -> bool:
    """Whether the program has to make its views, or to say that it is the newest to have them."""
    if state is None or state.views_version == program.version:
        return bool(_stale_views(program, state, dialect))
    return not is_older(program, state)


def _stale_views(program: Program, state: SchemaState | None, dialect: str) -> set[str]:
    """The views that were made from another definition than the program's."""
    known = _known_views(state)
    return {name for name, own in _digests(program, dialect).items() if known.get(name) != own}


def _known_views(state: SchemaState | None) -> Mapping[str, str]:
    return state.views if state is not None else {}


def _digests(program: Program, dialect: str) -> dict[str, str]:
    selects = selects_of(program.views, dialect)
    return {name: digest_of(select) for name, select in selects.items()}


def _refuse_taken_names(
    conn: Connection, state: SchemaState | None, selects: Mapping[str, str]
) -> None:
    """Never take a view or table of people's own for ours. Raises DependentsInTheWay."""
    inspector = sa.inspect(conn)
    ours = set(inspector.get_view_names())
    if state is not None:
        ours &= state.views.keys()
    if taken := [name for name in selects if name not in ours and inspector.has_table(name)]:
        raise DependentsInTheWay(
            [f"{name} is the name of one of our views now: rename yours" for name in taken]
        )


def run_migrations(conn: Connection, folder: Path, target: str) -> None:
    """Migrate within the caller's transaction; at `head` the views are made, before it not."""
    if target == "head":
        bring_up(conn, Program.of(monitor.__version__, VIEWS, folder))
    else:
        _migrate(conn, folder, target)


def _migrate(conn: Connection, folder: Path, target: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, target)


def read_state(store: Store) -> SchemaState | None:
    """What the database says of its own shape; None if it says nothing. Raises StoreError."""
    with store.reading() as conn:
        return find_state(conn)


def check_schema(store: Store, program: Program | None = None) -> list[str]:
    """What is wrong with the database's structure; empty if nothing is. Raises StoreError."""
    program = program or this_program()
    with store.reading() as conn:
        revision = find_revision(conn)
        if revision is None:
            return ["the database is empty"]
        if not may_work_on(conn, revision, program):
            return [str(_mismatch(revision, program))]
        state = find_state(conn)
        present = set(sa.inspect(conn).get_view_names())
        problems = [f"view {name} is missing" for name in program.views if name not in present]
        if revision == program.head and (state is None or not is_older(program, state)):
            maker = f"of version {state.views_version}" if state else "of an unknown version"
            problems += [
                f"view {name} is {maker}, this program ({program.version}) has another"
                for name in sorted(_stale_views(program, state, store.dialect) & present)
            ]
        if store.dialect == "sqlite":
            problems += _check_sqlite(conn)
    return problems


def _check_sqlite(conn: Connection) -> list[str]:
    answers = conn.exec_driver_sql("PRAGMA integrity_check").scalars()
    problems = [f"damaged: {answer}" for answer in answers if answer != "ok"]
    for table, row, parent, _ in conn.exec_driver_sql("PRAGMA foreign_key_check"):
        problems.append(f"row {row} of {table} has no row in {parent}")
    return problems
