from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.config import load
from monitor.errors import InputError
from monitor.marketplaces.registry import create
from monitor.marketplaces.testing import QUERY, make_outside
from monitor.sandbox import Sandbox
from monitor.sandbox.demo import config_text, new_folder

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def test_runs_of_one_second_get_a_folder_each(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: new_folder(tmp_path / "demo-runs", NOW), range(8)))
    assert len(set(folders)) == 8
    assert all(folder.is_dir() for folder in folders)
    assert {folder.name for folder in folders} >= {"20260105-080000", "20260105-080000-2"}


def test_a_place_where_no_folder_can_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="can't make the folder"):
        new_folder(tmp_path / "file", NOW)


def test_the_config_of_a_demo_is_one_that_works(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "brand").mkdir()
    path = tmp_path / "config.toml"
    path.write_text(config_text(sandbox, "json://127.0.0.1:9/alerts"), encoding="utf-8")
    config = load(path, {})
    (marketplace,) = config.marketplaces.values()
    assert marketplace.rate == 1_000
    outside = replace(make_outside(), now=time.time)  # the sandbox looks at the clock
    shop = create(marketplace.type, marketplace.name, marketplace.options, outside)
    assert len(shop.search(QUERY).observations) == 3
    shop.close()
    (watch,) = config.watches
    assert (watch.name, list(config.channels)) == ("demo", ["hook"])
