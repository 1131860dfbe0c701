"""`monitor listings list|show`."""

from __future__ import annotations

import click

from monitor.cli.context import reading
from monitor.cli.show import show_fields, show_rows

COLUMNS = ("site", "item_id", "title", "price", "seller", "times_seen", "last_seen_at", "url")


@click.group()
def listings() -> None:
    """List and show listings: every offer that a search returned."""


@listings.command("list")
@click.option("--site", help="Only this site.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_(ctx: click.Context, site: str | None, limit: int, *, as_json: bool) -> None:
    """Listings, the last seen first."""
    from monitor.storage.catalogue import listings as table

    with reading(ctx) as conn:
        rows = table.list_rows(conn, site=site, limit=limit)
    show_rows(rows, COLUMNS, as_json=as_json)


@listings.command()
@click.argument("item_id")
@click.option("--site", help="The site, where two have an offer of that id.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def show(ctx: click.Context, item_id: str, site: str | None, *, as_json: bool) -> None:
    """One listing with its history."""
    from monitor.storage.catalogue import listings as table

    with reading(ctx) as conn:
        row = table.get(conn, item_id, site=site)
    show_fields(row, as_json=as_json)
