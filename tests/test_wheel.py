"""An installed wheel has all it needs: migrations and templates come along."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of the wheel, unpacked as an installer does it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "import hatchling.build, sys; print(hatchling.build.build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=ROOT, check=True, timeout=60)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_db_upgrade_works_from_an_installed_wheel(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "brand").mkdir()
    (tmp_path / "config.toml").write_text(
        '[marketplaces.a]\ntype = "guide_1688"\napp_key = "k"\napp_secret = "s"\n'
        '[[watch]]\nname = "w"\nimages = "brand"\nmarketplaces = ["a"]\nevery = "1h"\n'
        "channels = []\n",
        encoding="utf-8",
    )

    def monitor(*words: str) -> str:
        command = [sys.executable, "-m", "monitor", "--config", "config.toml", *words]
        environ = {**os.environ, "PYTHONPATH": str(installed)}
        done = subprocess.run(
            command, cwd=tmp_path, env=environ, check=True, timeout=60, capture_output=True
        )
        return done.stdout.decode()

    where = subprocess.run(
        [sys.executable, "-c", "import monitor; print(monitor.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
    )
    assert str(installed) in where.stdout.decode()
    assert "upgraded from empty" in monitor("db", "upgrade")
    assert monitor("db", "check").strip() == "ok"


def test_the_marketplaces_contract_comes_along(installed: Path, tmp_path: Path) -> None:
    code = "from monitor.marketplaces import testing; print(testing.MarketplaceContract.__module__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
        timeout=60,
        capture_output=True,
    )
    assert done.stdout.decode().strip() == "monitor.marketplaces.testing.contract"


def test_the_licence_comes_along(installed: Path) -> None:
    assert list(installed.glob("*.dist-info/licenses/LICENSE"))


@pytest.mark.parametrize(
    ("folder", "what"),
    [
        ("monitor/alerting/rendering/templates", "*"),
        ("monitor/report/templates", "*"),
        ("monitor/words", "*.toml"),
    ],
)
def test_templates_and_languages_come_along(installed: Path, folder: str, what: str) -> None:
    ours = {path.name for path in (ROOT / folder).glob(what)}
    assert ours
    assert {path.name for path in (installed / folder).glob(what)} == ours


def test_type_checkers_may_use_our_types(installed: Path) -> None:
    assert (installed / "monitor/py.typed").is_file()
