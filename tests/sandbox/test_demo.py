from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.errors import InputError
from monitor.sandbox.demo import new_folder

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
