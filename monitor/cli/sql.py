"""`monitor sql`: read-only queries of the history."""

from __future__ import annotations

import csv
import sys
from datetime import timedelta

import click

from monitor.cli.context import load_config, open_store
from monitor.cli.show import show_json, show_table
from monitor.errors import InputError

# On a database in use a statement that never ends holds back what is written.
LONGEST = timedelta(minutes=5)


@click.command()
@click.argument("statement")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.pass_context
def sql(ctx: click.Context, statement: str, *, as_csv: bool, as_json: bool) -> None:
    """Run one read-only statement, e.g. "SELECT * FROM open_matches"; docs/sql.md has more."""
    from monitor.storage.schema.sql import run_readonly

    if as_csv and as_json:
        raise InputError("--csv and --json exclude each other")
    with open_store(ctx):
        pass  # created if it is empty, refused if it is outdated
    columns, rows = run_readonly(load_config(ctx).database.url, statement, longest=LONGEST)
    if as_json:
        show_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    else:
        show_table(columns, [["-" if cell is None else str(cell) for cell in row] for row in rows])
