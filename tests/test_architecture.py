"""docs/architecture.md is true: its rooms are those of the tree and of the layer contracts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# folder -> its layers from above, each a set of names
CONTRACTS = {
    str(contract["containers"][0]).replace(".", "/"): [
        set(re.findall(r"\w+", layer)) for layer in contract["layers"]
    ]
    for contract in _PROJECT["tool"]["importlinter"]["contracts"]
    if contract["type"] == "layers"
}


def names_in(folder: str) -> set[str]:
    """Modules and packages that stand in a folder."""
    entries = (ROOT / folder).iterdir()
    modules = {path.stem for path in entries if path.suffix == ".py"}
    packages = {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")}
    return (modules | packages) - {"__init__"}


def layers_of(lines: list[str], cut: str) -> list[set[str]]:
    return [set(re.split(r" \| ", layer)) for line in lines for layer in line.split(cut)]


def test_the_rooms_of_the_page_are_the_layers_and_the_tree() -> None:
    rooms, inner = re.findall(r"```\n(.*?)```", PAGE.split("## Rooms")[1], re.DOTALL)
    lines = [re.split(r" {2,}", line)[0] for line in rooms.splitlines()]
    assert layers_of(lines, "\n") == CONTRACTS["monitor"]
    for line in inner.splitlines():
        room, layers = re.split(r" {2,}", line)
        assert layers_of([layers], " > ") == CONTRACTS[f"monitor/{room}"], room
    assert len(inner.splitlines()) == len(CONTRACTS) - 1


def test_the_layers_are_the_tree() -> None:
    for folder, layers in CONTRACTS.items():
        assert set().union(*layers) == names_in(folder), folder


def test_layer_contracts_are_exhaustive_and_foreign_libraries_are_kept_from_the_whole_house() -> (
    None
):
    for contract in _PROJECT["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            assert contract["exhaustive"] is True, contract["name"]
        elif contract["name"].startswith(("Only ", "httpx ")):
            assert contract["source_modules"] == ["monitor"], contract["name"]


def test_every_file_of_ours_that_a_page_names_is_there() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for path in re.findall(
            r"`((?:monitor|tests|benchmarks|migrations)/[\w./]*)`", page.read_text("utf-8")
        ):
            assert "TYPE" in path or (ROOT / path).exists(), f"{page.name}: {path}"


def test_tests_stand_in_the_mirror_of_their_rooms() -> None:
    """A folder of tests is a folder of monitor/, or one that says what its tests have in common."""
    beside = {"contracts", "e2e", "live", "systemd"}
    for test in (ROOT / "tests").rglob("test_*.py"):
        folder = test.parent.relative_to(ROOT / "tests")
        if folder.parts and folder.parts[0] not in beside:
            assert (ROOT / "monitor" / folder).is_dir(), f"tests/{folder}/{test.name}"
