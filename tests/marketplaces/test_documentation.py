"""The documented plug-in, exactly as it stands on the page: installed, found, run."""

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

from tests.marketplaces.scripted import Reply, Scripted, as_json
from tests.matching.drawing import draw, encode

DOCUMENT = Path(__file__).parents[2] / "docs" / "adding-a-marketplace.md"
PAGE = DOCUMENT.read_text(encoding="utf-8")


def _block(language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(text)


@pytest.fixture(scope="module")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plug-in's package, installed as its users do it, but into a folder of its own."""
    package = tmp_path_factory.mktemp("package")
    (package / "pyproject.toml").write_text(_block("toml"), encoding="utf-8")
    (package / "shop_example.py").write_text(_block("python"), encoding="utf-8")
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    options = ["--disable-pip-version-check", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, *options, str(package)], check=True, timeout=60)
    return target


@dataclass
class Shop:
    server: Scripted
    folder: Path
    site_folder: Path

    def monitor(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "monitor", "--config", "config.toml", *words]
        paths = filter(None, (str(self.site_folder), os.environ.get("PYTHONPATH")))
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        return subprocess.run(
            command,
            check=False,
            cwd=self.folder,
            env=environ,
            timeout=60,
            capture_output=True,
            text=True,
        )


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
    lines = [line for line in _block("python").splitlines() if line.strip()]
    assert len(lines) <= 40


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
