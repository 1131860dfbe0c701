"""Real databases for every test that asks for one: SQLite files and a PostgreSQL server."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitor.storage.db.engine import Store
from monitor.storage.schema.versions import ensure_schema
from tests.databases import administered, database, postgres_server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def pg_admin() -> Iterator[sa.Connection]:
    """A real server's connection that makes databases."""
    with postgres_server() as url, administered(url) as admin:
        yield admin


@pytest.fixture(scope="session")
def pg_template(pg_admin: sa.Connection) -> Iterator[str]:
    """A migrated database that others are copied from."""
    name = f"template_{os.getpid()}"
    with database(pg_admin, name) as url:
        store = Store.open(url)
        ensure_schema(store)
        store.close()
        yield name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that others are copied from."""
    path = tmp_path_factory.mktemp("template") / "monitor.db"
    store = Store.open(f"sqlite:///{path}")
    ensure_schema(store)
    store.close()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "monitor.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def pg_url(pg_admin: sa.Connection, pg_template: str) -> Iterator[str]:
    with database(pg_admin, f"test_{os.getpid()}_{next(_numbers)}", template=pg_template) as url:
        yield url


@pytest.fixture
def empty_pg_url(pg_admin: sa.Connection) -> Iterator[str]:
    """A database without any table."""
    with database(pg_admin, f"empty_{os.getpid()}_{next(_numbers)}") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database, once on each of both."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "pg_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table, once on each of both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("empty_pg_url")
    return url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    opened = Store.open(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def images() -> Path:
    """Real product pictures beside the project; tests that want them skip without them."""
    folder = Path(__file__).parents[2] / "shared" / "images"
    if not (folder / "manifest.csv").is_file():
        pytest.skip("the real pictures are not here")
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """File names that are no UTF-8 stand in the log as lone surrogates, and what a process sends of
    a test to the one that shows it can hold none: the whole run would end there.
    """
    report = yield
    report.sections = [
        (title, text.encode("utf-8", "backslashreplace").decode())
        for title, text in report.sections
    ]
    return report
