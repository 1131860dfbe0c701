"""`monitor export`: the views as CSV or JSON Lines."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TextIO

import click

from monitor.cli.context import load_config, open_store
from monitor.cli.show import to_plain
from monitor.errors import InputError

VIEWS = {
    "matches": "match_history",
    "listings": "listing_history",
    "sellers": "seller_summary",
    "alerts": "alert_history",
    "scans": "scan_health",
}


@click.command()
@click.argument("what", type=click.Choice(list(VIEWS)), default="matches")
@click.option("--format", "kind", type=click.Choice(["csv", "jsonl"]), default="csv")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: stdout.")
@click.pass_context
def export(ctx: click.Context, what: str, kind: str, out: Path | None) -> None:
    """Write matches (the default), listings, sellers, alerts or scans as CSV or JSON Lines.

    The columns are those of the SQL views in docs/sql.md.
    """
    from monitor.storage.schema.sql import run_readonly

    with open_store(ctx):
        pass  # created if it is empty, refused if it is outdated
    # the view's name comes from the table above
    statement = f"SELECT * FROM {VIEWS[what]}"  # noqa: S608
    columns, rows = run_readonly(load_config(ctx).database.url, statement)
    try:
        target = out.open("w", encoding="utf-8", newline="") if out else nullcontext(sys.stdout)
        with target as file:
            _WRITERS[kind](file, columns, rows)
    except OSError as error:
        raise InputError(f"can't write {out}: {error.strerror}") from error


def _write_csv(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_safe(cell) for cell in row] for row in rows)


def _safe(cell: object) -> object:
    """A title like `=HYPERLINK(...)` must stay text when a spreadsheet opens the file."""
    if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{cell}"
    return cell


def _write_jsonl(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    for row in rows:
        plain = to_plain(dict(zip(columns, row, strict=True)))
        file.write(json.dumps(plain, ensure_ascii=False) + "\n")


_WRITERS = {"csv": _write_csv, "jsonl": _write_jsonl}
