"""`monitor watches`: the standing orders as the database knows them."""

from __future__ import annotations

import click

from monitor.cli.context import reading
from monitor.cli.show import show_rows

_COLUMNS = (
    "name",
    "trigger",
    "next_due_at",
    "record_score",
    "alert_score",
    "assets",
    "reference_pictures",
    "open_matches",
    "retired_at",
)


@click.group()
def watches() -> None:
    """List watches."""


@watches.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print every field as JSON.")
@click.pass_context
def list_watches(ctx: click.Context, *, as_json: bool) -> None:
    """List the watches with their schedule and when they are due next.

    A watch of a new config is here once `monitor run` or `monitor scan` has started with it.
    """
    from monitor.storage.catalogue import watches as rows

    with reading(ctx) as conn:
        found = rows.list_rows(conn)
    show_rows(found, _COLUMNS, as_json=as_json)
