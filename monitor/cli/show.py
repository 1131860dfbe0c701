"""Results on stdout: a table for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from monitor.model import Price

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = TypeVar("Row")


def to_plain(value: object) -> object:
    """A value as JSON knows it: instants as ISO 8601 with offset, decimals as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: to_plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (Decimal, Path)):
        return str(value)
    return value


def show_json(value: object) -> None:
    click.echo(json.dumps(to_plain(value), ensure_ascii=False, indent=2))


def show_rows(
    rows: Iterable[Row],
    columns: Sequence[str],
    *,
    as_json: bool,
    made: Mapping[str, Callable[[Row], object]] | None = None,
) -> None:
    """Rows (dataclasses) as a table of `columns`, or as JSON with every field.

    A column that is no field is `made` of the row.
    """
    if as_json:
        show_json(list(rows))
        return
    makers = {name: attrgetter(name) for name in columns} | dict(made or {})
    show_table(columns, [[_text(makers[name](row)) for name in columns] for row in rows])


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table as wide as the terminal; whole and tab-free when it is piped."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        # nothing may be cut off where another program reads
        console = Console(highlight=False, markup=False, width=10_000)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    if rows:
        console.print(table)
    else:
        click.echo("nothing found", err=True)


def show_fields(value: DataclassInstance, *, as_json: bool, without: Collection[str] = ()) -> None:
    """One row, a field a line; as JSON with those left out too."""
    if as_json:
        show_json(value)
        return
    fields = dataclasses.fields(value)
    names = [field.name for field in fields if field.name not in without]
    width = max(len(name) for name in names)
    for name in names:
        click.echo(f"{name:<{width}}  {_text(getattr(value, name))}")


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, Price):
        return str(value)
    plain = to_plain(value)
    if isinstance(plain, (dict, list)):
        return json.dumps(plain, ensure_ascii=False)
    return str(plain)
