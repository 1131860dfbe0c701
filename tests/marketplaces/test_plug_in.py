"""The names that adapters are made from: each is documented, and none stands there by chance."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import monitor
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
    _run(code)


def test_nothing_but_the_contract_needs_pytest() -> None:
    root = Path(monitor.__path__[0])
    parts = [path.relative_to(root.parent).with_suffix("").parts for path in root.rglob("*.py")]
    names = [".".join(part).removesuffix(".__init__") for part in parts]
    spared = ("monitor.marketplaces.testing", "monitor.__main__")
    modules = [name for name in names if not name.startswith(spared)]
    assert {"monitor.app", "monitor.cli", "monitor.sandbox"} <= set(modules)
    _run(
        f"import sys, importlib; [importlib.import_module(name) for name in {modules}]\n"
        "assert not {'pytest', '_pytest', 'monitor.marketplaces.testing'} & set(sys.modules)\n"
    )


def _run(code: str) -> None:
    """In a Python of its own, which has imported nothing yet."""
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, timeout=100, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
