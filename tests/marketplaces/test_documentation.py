"""The documented plug-in and its test, exactly as they stand on the page: installed, found, run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import monitor
from monitor.marketplaces.testing import Reply, Scripted, as_json
from tests.matching.drawing import draw, encode

DOCUMENT = Path(__file__).parents[2] / "docs" / "adding-a-marketplace.md"
PAGE = DOCUMENT.read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


(PACKAGE,) = _blocks("toml")
PLUG_IN, ITS_TEST = _blocks("python")


@pytest.fixture(scope="module")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plug-in's package, installed as its users do it, but into a folder of its own."""
    package = tmp_path_factory.mktemp("package")
    (package / "pyproject.toml").write_text(PACKAGE, encoding="utf-8")
    (package / "shop_example.py").write_text(PLUG_IN, encoding="utf-8")
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    options = ["--disable-pip-version-check", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, *options, str(package)], check=True, timeout=60)
    return target


def _run(folder: Path, site_folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own in a folder: it finds the monitor and the plug-in, not our tests."""
    links = folder / "path"
    if not links.exists():
        links.mkdir()
        for name in ("monitor", "migrations"):
            (links / name).symlink_to(Path(monitor.__file__).parents[1] / name)
    path = os.pathsep.join((str(site_folder), str(links)))
    return subprocess.run(
        [sys.executable, *words],
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        timeout=100,
        capture_output=True,
        text=True,
    )


@dataclass
class Shop:
    server: Scripted
    folder: Path
    site_folder: Path

    def monitor(self, *words: str) -> subprocess.CompletedProcess[str]:
        options = ("--config", "config.toml")
        return _run(self.folder, self.site_folder, "-m", "monitor", *options, *words)


@pytest.fixture
def shop(site_folder: Path, tmp_path: Path) -> Iterator[Shop]:
    (tmp_path / "brand").mkdir()
    picture = encode(draw(1), "JPEG")
    (tmp_path / "brand" / "mug.jpg").write_bytes(picture)
    with Scripted(as_json({"results": [{"id": 7, "name": "mug", "img": "/a.jpg"}]})) as server:
        server.routes["/a.jpg"] = Reply(200, {"Content-Type": "image/jpeg"}, picture)
        (tmp_path / "config.toml").write_text(
            f'[marketplaces.mine]\ntype = "shop_example"\nbase_url = "{server.url()}"\n'
            'token = "streng-geheim"\n[[watch]]\nname = "w"\nimages = "brand"\n'
            'marketplaces = ["mine"]\nevery = "1h"\nchannels = []\n',
            encoding="utf-8",
        )
        yield Shop(server, tmp_path, site_folder)


def test_it_has_forty_lines() -> None:
    assert len(_lines(PLUG_IN)) <= 40


def test_its_own_test_has_ten() -> None:
    assert len(_lines(ITS_TEST)) <= 10


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_it_finds_a_copy_end_to_end(shop: Shop) -> None:
    done = shop.monitor("scan")
    assert done.returncode == 0, done.stderr
    (match,) = json.loads(shop.monitor("matches", "list", "--json").stdout)
    assert (match["site"], match["item_id"]) == ("shop.example", "7")
    assert match["url"] == "https://shop.example/item/7"
    assert match["score"] > 0.95
    request = shop.server.requests[0]
    assert request.headers["authorization"] == "Bearer streng-geheim"
    assert b"\xff\xd8" in request.body


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (as_json({"error": "bad_token"}), "AuthError: mine: the token is refused"),
        (as_json({"found": []}), "ProtocolError: mine: the answer has no list results"),
        (Reply(200, {"Content-Type": "text/html"}, b"<p>slide"), "Blocked: mine: a web page"),
    ],
)
def test_its_failures_are_told_like_those_of_any_other(
    shop: Shop, reply: Reply, outcome: str
) -> None:
    shop.server.replies = [reply]
    done = shop.monitor("marketplaces", "test", "mine")
    assert done.returncode == 3
    assert outcome in done.stdout
    assert "streng-geheim" not in done.stdout + done.stderr


def test_it_is_listed_among_the_types(shop: Shop) -> None:
    rows = {
        row["type"]: row
        for row in json.loads(shop.monitor("marketplaces", "list", "--json").stdout)
    }
    assert rows["shop_example"] == {
        "type": "shop_example",
        "searches": "shop.example",
        "needs": "a token",
        "configured": ["mine"],
    }
    assert rows["guide_1688"]["configured"] == []


def _check_contract(
    site_folder: Path, folder: Path, test: str = ITS_TEST, only: str = ""
) -> tuple[str, str]:
    """What pytest says of the documented test, and where it has found what it imports."""
    (folder / "answers").mkdir()
    stored = {"results": [{"id": 7, "name": "mug", "price": "12.50", "img": "/a.jpg"}]}
    (folder / "answers" / "mugs.json").write_text(json.dumps(stored), encoding="utf-8")
    (folder / "test_shop_example.py").write_text(test, encoding="utf-8")
    (folder / "conftest.py").write_text(
        "import sys\ndef pytest_sessionfinish():\n"
        "    open('modules', 'w').write(' '.join(sys.modules))\n",
        encoding="utf-8",
    )
    done = _run(folder, site_folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", only)
    return done.stdout, (folder / "modules").read_text(encoding="utf-8")


def test_its_own_test_passes_with_the_package_alone(site_folder: Path, tmp_path: Path) -> None:
    said, modules = _check_contract(site_folder, tmp_path)
    assert re.search(r"^\d{2} passed, \d skipped", said, re.MULTILINE), said
    assert "shop_example" in modules.split()
    assert not re.search(r"(?:^| )tests(?:\.| |$)", modules)


def test_its_own_test_fails_where_the_adapter_breaks_the_contract(
    site_folder: Path, tmp_path: Path
) -> None:
    """As when the site has changed the name of its list."""
    test = ITS_TEST.replace('"results"', '"found"')
    said, _ = _check_contract(site_folder, tmp_path, test, only="empty_list")
    assert "test_an_empty_list_is_an_empty_page" in said
    assert "ProtocolError: acme: the answer has no list results" in said
