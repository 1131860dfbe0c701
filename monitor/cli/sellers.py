"""`monitor sellers list|show`."""

from __future__ import annotations

import click

from monitor.cli.context import reading
from monitor.cli.show import show_fields, show_rows

COLUMNS = ("site", "seller_id", "seller", "listings", "matches", "infringing", "last_seen_at")


@click.group()
def sellers() -> None:
    """List and show sellers, as far as the sites name them."""


@sellers.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """Sellers, those with the most matches first."""
    from monitor.storage.catalogue import sellers as table

    with reading(ctx) as conn:
        rows = table.list_rows(conn)
    show_rows(rows, COLUMNS, as_json=as_json)


@sellers.command()
@click.argument("seller")
@click.option("--site", help="The site, where two have a seller of that id or name.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def show(ctx: click.Context, seller: str, site: str | None, *, as_json: bool) -> None:
    """One seller, by id or name."""
    from monitor.storage.catalogue import sellers as table

    with reading(ctx) as conn:
        row = table.get(conn, seller, site=site)
    show_fields(row, as_json=as_json)
