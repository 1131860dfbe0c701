from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.sandbox import Sandbox
from monitor.sandbox.server import Rules
from tests.sandbox.callers import PICTURE_PATH, stock


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """Three goods, and a rate that is in nobody's way."""
    with Sandbox(stock(tmp_path / "shop"), Rules(rate=1_000, slow_seconds=0.2)) as running:
        yield running


@pytest.fixture
def window(sandbox: Sandbox) -> str:
    """A picture of a good, at its URL on loopback."""
    return f"{sandbox.shop.origin}{PICTURE_PATH}"
