"""Small configs that are right, to be made wrong by a test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from monitor.config import Config, load
from monitor.errors import ConfigError, Problem

SECRET = "S3cretValue99"

GOOD = f"""\
[database]
url = "sqlite:///monitor.db"

[marketplaces.alibaba]
type = "guide_1688"
base_url = "https://api.example.org/search"
app_key = "key"
app_secret = "{SECRET}"

[channels.legal]
url = "json://127.0.0.1:9000/legal"
[channels.ops]
url = "json://127.0.0.1:9000/ops"

[alerts]
ops = ["ops"]

[[watch]]
name = "acme-mugs"
images = "brands"
marketplaces = ["alibaba"]
every = "6h"
channels = ["legal"]
"""


def write(folder: Path, text: str = GOOD) -> Path:
    (folder / "brands").mkdir(exist_ok=True)
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def load_text(folder: Path, text: str = GOOD, environ: Mapping[str, str] | None = None) -> Config:
    return load(write(folder, text), environ or {})


def problems_of(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text, environ)
    return caught.value.problems


def told(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """The problems as `line key: message`."""
    found = problems_of(folder, text, environ)
    return [f"{item.line} {item.key}: {item.message}" for item in found]


def swap(old: str, new: str, text: str = GOOD) -> str:
    assert old in text
    return text.replace(old, new, 1)
