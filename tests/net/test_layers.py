"""What the way out must not know."""

from __future__ import annotations

import re
from pathlib import Path

import monitor.net
from monitor.marketplaces.kit.identity import KNOWN_SITES


def test_net_names_no_marketplace() -> None:
    names = re.compile("|".join((*KNOWN_SITES, "alicdn", "tmall")), re.IGNORECASE)
    files = sorted(Path(monitor.net.__path__[0]).glob("*.py"))
    assert files
    found = {path.name: names.findall(path.read_text(encoding="utf-8")) for path in files}
    assert not any(found.values()), found
