"""Every built-in type has a page that shows its options, and an example that loads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from monitor.config import load
from monitor.marketplaces.registry import BUILT_IN, options_model

DOCS = Path(__file__).parents[3] / "docs"
INDEX = (DOCS / "marketplaces.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("type_name", BUILT_IN)
def test_its_page_lists_its_options_with_their_defaults(type_name: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", _page(type_name), re.MULTILINE)
    fields = options_model(type_name).model_fields
    assert [name for name, _ in rows] == list(fields)
    for name, shown in rows:
        assert shown == _default(fields[name]), name


@pytest.mark.parametrize("type_name", BUILT_IN)
def test_its_example_loads(type_name: str, tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", _page(type_name), re.DOTALL)
    text = re.sub(r"\{ (?:file|env|credential) = .*? \}", '"a-secret"', text)
    text += '\n[[watch]]\nname = "w"\nimages = "."\nevery = "6h"\nchannels = []\n'
    names = re.findall(r"^\[marketplaces\.([\w-]+)\]$", text, re.MULTILINE)
    file = tmp_path / "config.toml"
    file.write_text(f"{text}marketplaces = {json.dumps(names)}\n", encoding="utf-8")
    config = load(file, {})
    assert {item.type for item in config.marketplaces.values()} == {type_name}


def test_the_index_names_every_type_once() -> None:
    assert re.findall(r"^\| \[`(\w+)`\]\(marketplaces/\1\.md\) \| .+ \|$", INDEX, re.MULTILINE) == (
        list(BUILT_IN)
    )


def _page(type_name: str) -> str:
    return (DOCS / "marketplaces" / f"{type_name}.md").read_text(encoding="utf-8")


def _default(field: FieldInfo) -> str:
    """As a page writes it: `needed`, `none`, or the value in TOML's spelling."""
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if isinstance(value, tuple | frozenset):
        value = list(value)
    assert not isinstance(value, SecretStr | BaseModel)
    return f"`{json.dumps(value, ensure_ascii=False)}`"
