"""The room's door."""

from __future__ import annotations

from pathlib import Path

import monitor.scanning


def test_no_public_name_hides_a_folder_or_a_module_of_the_room() -> None:
    room = Path(monitor.scanning.__file__).parent
    inside = {path.stem for path in room.iterdir() if not path.name.startswith("_")}
    assert inside >= {"plan", "look", "guard", "trust", "follow", "policy"}
    assert inside.isdisjoint(monitor.scanning.__all__)
