"""What every command gets: where the config is, and the open store or app when it asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.storage.db.engine import Connection, Store


@dataclass(frozen=True, slots=True)
class Invocation:
    """The global options and the environment, read once."""

    config_path: Path | None
    environ: Mapping[str, str]


def load_config(ctx: click.Context) -> Config:
    """The config named by --config or MONITOR_CONFIG. Raises ConfigError with every problem."""
    from monitor.config import load

    invocation: Invocation = ctx.find_root().obj
    return load(invocation.config_path, invocation.environ)


@contextmanager
def open_store(ctx: click.Context) -> Iterator[Store]:
    """The config's database, created if it is empty; an outdated one is refused."""
    from monitor.storage.db.engine import Store
    from monitor.storage.schema.versions import ensure_schema

    store = Store.open(load_config(ctx).database.url)
    try:
        ensure_schema(store)
        yield store
    finally:
        store.close()


@contextmanager
def reading(ctx: click.Context) -> Iterator[Connection]:
    """A read transaction on the config's database."""
    with open_store(ctx) as store, store.reading() as conn:
        yield conn
