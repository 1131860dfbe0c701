"""What a config costs to read: commands that need no database load none."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("library", ["sqlalchemy", "alembic", "numpy", "cv2", "imagehash"])
def test_reading_a_config_loads_no_room_whole(library: str) -> None:
    """The rooms' options are read with it, and their `__init__` must not bring the rooms along."""
    code = f"import sys, monitor.config; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
