"""`monitor assets list|show|import`."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.context import load_config, reading
from monitor.cli.show import show_fields, show_rows
from monitor.errors import InputError

COLUMNS = (
    "watch",
    "name",
    "pictures",
    "matches",
    "right_kind",
    "certificate",
    "tags",
    "retired_at",
)


@click.group()
def assets() -> None:
    """List, show and import assets: the protected works of your watches."""


@assets.command("list")
@click.option("--watch", help="Only this watch.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_(ctx: click.Context, watch: str | None, *, as_json: bool) -> None:
    """Every asset the store knows, also the retired ones."""
    from monitor.storage import assets as table

    with reading(ctx) as conn:
        rows = table.list_rows(conn, watch=watch)
    show_rows(rows, COLUMNS, as_json=as_json)


@assets.command()
@click.argument("name")
@click.option("--watch", help="The watch, where two have an asset of that name.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def show(ctx: click.Context, name: str, watch: str | None, *, as_json: bool) -> None:
    """One asset with its rights and reference pictures."""
    from monitor.storage import assets as table

    with reading(ctx) as conn:
        row = table.get(conn, name, watch=watch)
    show_fields(row, as_json=as_json)


@assets.command("import")
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option("--watch", required=True, help="The watch whose folder gets the pictures.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def import_(ctx: click.Context, source: Path, watch: str, *, as_json: bool) -> int:
    """Copy a folder, or the files of a CSV list, into a watch's folder.

    A CSV list has the columns of assets.csv; its paths count from the list's own folder, and its
    names, rights and tags are merged into the watch's assets.csv. Every picture is tried before it
    is copied; the bad ones are listed and the exit code is 1. A picture that is already there is
    not copied again.
    """
    from monitor.cli.progress import progress_bar
    from monitor.cli.show import show_json
    from monitor.scanning.importing import import_pictures

    config = load_config(ctx)
    chosen = next((item for item in config.watches if item.name == watch), None)
    if chosen is None:
        known = ", ".join(item.name for item in config.watches)
        raise InputError(f"there is no watch {watch!r}; the config has: {known}")
    with progress_bar("importing") as progress:
        result = import_pictures(source, chosen.images, progress)
    if as_json:
        show_json(result)
    else:
        for item in result.bad:
            click.echo(f"not imported: {item.path}: {item.reason}")
        click.echo(
            f"{len(result.copied)} copied, {len(result.known)} already there, "
            f"{len(result.bad)} bad; the pictures are in {chosen.images}"
        )
    return 1 if result.bad else 0
