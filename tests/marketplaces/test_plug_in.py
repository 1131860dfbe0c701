"""The names that adapters are made from: each is documented, and none stands there by chance."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.marketplaces import plug_in
from monitor.marketplaces.registry import BUILT_IN

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-marketplace.md"
# Errors are in the page's table of what to raise.
DOCUMENTED = set(re.findall(r"`(?:m\.)?(\w+)`", PAGE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", sorted(plug_in.__all__))
def test_every_name_is_documented(name: str) -> None:
    assert name in DOCUMENTED


def test_every_name_is_there_once_and_nothing_else_is() -> None:
    here = {name for name, value in vars(plug_in).items() if not name.startswith("_")}
    assert sorted(plug_in.__all__) == sorted(here - {"annotations"})


def test_an_adapter_is_loaded_only_where_its_type_is_used() -> None:
    code = (
        "import sys; from monitor.marketplaces.registry import options_model as load\n"
        "sites = lambda: [n for n in sys.modules if n.startswith('monitor.marketplaces.sites.')]\n"
        "assert not sites() and 'monitor.marketplaces.plug_in' not in sys.modules\n"
        "load('yandex')\n"
        "assert sites() == ['monitor.marketplaces.sites.yandex'], sites()\n"
    )
    assert "yandex" in BUILT_IN
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert done.returncode == 0
