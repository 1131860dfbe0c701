"""What the tests of alerting share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.sandbox.receiver import JsonReceiver
from monitor.storage.db.engine import Store
from tests.alerting.desk import Desk


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Iterator[Desk]:
    with JsonReceiver() as legal, JsonReceiver() as ops:
        yield Desk(store, legal, ops, tmp_path / "pictures")
