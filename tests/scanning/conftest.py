"""A watch and a shop, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.storage.db.engine import Store
from tests.scanning.office import Office, open_office
from tests.scanning.shop import Bench, open_bench


@pytest.fixture
def bench(store: Store, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(store, tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def sqlite_bench(sqlite_store: Store, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(sqlite_store, tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def office(store: Store, tmp_path: Path) -> Iterator[Office]:
    with open_office(store, tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def sqlite_office(sqlite_store: Store, tmp_path: Path) -> Iterator[Office]:
    with open_office(sqlite_store, tmp_path / "home") as opened:
        yield opened
