"""`monitor assets list|show|trust|import`."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from monitor.cli.context import load_config, open_store, reading
from monitor.cli.show import show_fields, show_json, show_rows
from monitor.errors import InputError

COLUMNS = (
    "watch",
    "name",
    "pictures",
    "matches",
    "marked",
    "held",
    "right_kind",
    "certificate",
    "tags",
    "retired_at",
)
CHECK_COLUMNS = ("path", "state", "matched", "sampled", "checked_at", "copy_score", "held")


@click.group()
def assets() -> None:
    """List, show, trust and import assets: the protected works of your watches."""


@assets.command("list")
@click.option("--watch", help="Only this watch.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_(ctx: click.Context, watch: str | None, *, as_json: bool) -> None:
    """Every asset the store knows, also the retired ones."""
    from monitor.cases.trust import list_assets

    with reading(ctx) as conn:
        rows = list_assets(conn, watch=watch)
    show_rows(rows, COLUMNS, as_json=as_json)


@assets.command()
@click.argument("name")
@click.option("--watch", help="The watch, where two have an asset of that name.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def show(ctx: click.Context, name: str, watch: str | None, *, as_json: bool) -> None:
    """One asset with its rights, its reference pictures and whether their matches are told.

    `unspecific` pictures match what has nothing to do with them (`matched` of `sampled` random
    pictures): their matches are held. Of `featureless` ones not even a plain copy would be told.
    """
    from monitor.cases.trust import get_asset

    with reading(ctx) as conn:
        row = get_asset(conn, name, watch=watch)
    show_fields(row, as_json=as_json, without=("checks",))
    if row.checks and not as_json:
        click.echo()
        show_rows(row.checks, CHECK_COLUMNS, as_json=False)


@assets.command()
@click.argument("name")
@click.option("--picture", help="Only this picture, by its path in the watch's folder.")
@click.option("--watch", help="The watch, where two have an asset of that name.")
@click.option("--by", default=getpass.getuser, help="Who decides; you, unless told otherwise.")
@click.option("--undo", is_flag=True, help="Take the trust back; the picture is judged again.")
@click.pass_context
def trust(
    ctx: click.Context, name: str, picture: str | None, watch: str | None, by: str, *, undo: bool
) -> None:
    """Trust an asset's unspecific pictures, or the one named: what is held is sent."""
    from monitor.app import utc_now
    from monitor.cases import trust as cases
    from monitor.storage.catalogue import assets as table

    with open_store(ctx) as store, store.writing() as conn:
        asset = table.get(conn, name, watch=watch)
        if undo:
            paths, count = cases.distrust(conn, asset.id, name, picture), 0
        else:
            paths, count = cases.trust(conn, asset.id, name, picture, by, utc_now())
    said = "judged again" if undo else f"trusted; {count} deliveries are due now"
    click.echo(f"{', '.join(paths)}: {said}")


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
    from monitor.scanning.plan.importing import import_pictures

    config = load_config(ctx)
    chosen = next((item for item in config.watches if item.name == watch), None)
    if chosen is None:
        known = ", ".join(item.name for item in config.watches)
        raise InputError(f"there is no watch {watch!r}; the config has: {known}")
    with progress_bar("importing") as progress:
        result = import_pictures(source, chosen.images, progress, alert_score=chosen.alert_score)
    if as_json:
        show_json(result)
    else:
        for item in result.bad:
            click.echo(f"not imported: {item.path}: {item.reason}")
        for path in result.featureless:
            click.echo(f"imported, but shows too little to be recognised, even in a copy: {path}")
        click.echo(
            f"{len(result.copied)} copied, {len(result.known)} already there, "
            f"{len(result.bad)} bad; the pictures are in {chosen.images}"
        )
    return 1 if result.bad else 0
