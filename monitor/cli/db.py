"""`monitor db upgrade|check|backup|restore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.context import load_config

if TYPE_CHECKING:
    from monitor.storage.schema.state import SchemaState


@click.group()
def db() -> None:
    """Upgrade, check, back up and restore the database."""


@db.command()
@click.pass_context
def upgrade(ctx: click.Context) -> None:
    """Bring the database to this program's schema and views; back up first."""
    from monitor.storage.db.engine import Store
    from monitor.storage.schema.versions import upgrade_schema

    store = Store.open(load_config(ctx).database.url)
    try:
        old, new = upgrade_schema(store)
    finally:
        store.close()
    click.echo(f"up to date at {new}" if old == new else f"upgraded from {old or 'empty'} to {new}")


@db.command()
@click.pass_context
def check(ctx: click.Context) -> int:
    """Check schema, references between rows and the files of stored pictures; exit 1 if bad."""
    from monitor.storage.catalogue import pictures
    from monitor.storage.catalogue.files import PictureFiles
    from monitor.storage.db.engine import Store
    from monitor.storage.schema.versions import check_schema, read_state

    config = load_config(ctx)
    files = PictureFiles(config.storage.pictures)
    store = Store.open(config.database.url)
    try:
        problems = check_schema(store)
        notes = _list_newer(read_state(store))
        if not problems:
            with store.reading() as conn:
                stored = pictures.list_sha256(conn)
            problems = [
                f"picture {sha256}: its file is missing"
                for sha256 in stored
                if not files.has(sha256)
            ]
    finally:
        store.close()
    for line in (*notes, *problems):
        click.echo(line)
    click.echo("ok" if not problems else f"{len(problems)} problems")
    return 1 if problems else 0


def _list_newer(state: SchemaState | None) -> list[str]:
    """What of the database a newer program has made, which is left alone."""
    from monitor.storage.schema.versions import is_older, this_program

    program = this_program()
    notes: list[str] = []
    if state is None:
        return notes
    if state.revision not in program.revisions:
        notes.append(
            f"revision {state.revision} is newer than this program's ({program.head}); "
            f"programs from {state.works_from} on may work on it"
        )
    if is_older(program, state):
        notes.append(f"the views are of version {state.views_version}, newer than this program")
    return notes


@db.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def backup(ctx: click.Context, target: Path) -> None:
    """Copy the SQLite database to TARGET while the daemon runs; picture files are not in it."""
    from monitor.storage.db.engine import Store
    from monitor.storage.schema.backup import backup as copy

    store = Store.open(load_config(ctx).database.url)
    try:
        copy(store, target)
    finally:
        store.close()
    click.echo(f"backed up to {target}")


@db.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_context
def restore(ctx: click.Context, source: Path) -> None:
    """Put a backup in the place of the SQLite database; stop the daemon first.

    The backup is checked before; the database that was there is kept beside it.
    """
    from monitor.storage.schema.backup import restore as put_back

    kept = put_back(load_config(ctx).database.url, source)
    click.echo(f"restored from {source}" + (f"; the old database is {kept}" if kept else ""))
