"""The rehearsal, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.rehearsal import Rehearsal, rehearse


@pytest.fixture
def rehearsal(tmp_path: Path, database_url: str) -> Iterator[Rehearsal]:
    with rehearse(tmp_path / "home", database_url) as running:
        yield running


@pytest.fixture
def sqlite_rehearsal(tmp_path: Path, sqlite_url: str) -> Iterator[Rehearsal]:
    with rehearse(tmp_path / "home", sqlite_url) as running:
        yield running


@pytest.fixture
def pg_rehearsal(tmp_path: Path, pg_url: str) -> Iterator[Rehearsal]:
    with rehearse(tmp_path / "home", pg_url) as running:
        yield running
