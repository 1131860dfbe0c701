"""A folder of real pictures -> the rows of the benchmark, split in two halves by asset.

With `manifest.csv` (path, role, family_id, content, source_repo) and `pairs.csv` (path_a, path_b)
the folder says what belongs together; without, each file is an original of its own.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from monitor import matching

LONGEST_SIDE: Final = 800
_SUFFIXES: Final = {".jpg", ".jpeg", ".png", ".webp"}
TUNING, MEASURING = 0, 1


@dataclass(frozen=True, slots=True)
class Row:
    """A picture; `group` joins pictures that are no honest pair."""

    file: Path
    path: str
    group: str
    role: str
    mock_up: str
    content: str


def read_rows(images: Path) -> list[Row]:
    """The manifest with families and listed pairs joined to groups, or every picture file."""
    if not (images / "manifest.csv").is_file():
        files = sorted(path for path in images.rglob("*") if path.suffix.lower() in _SUFFIXES)
        return [
            Row(file, str(file.relative_to(images)), str(file), "original", "", "")
            for file in files
        ]
    parents: dict[str, str] = {}

    def find(name: str) -> str:
        while parents.setdefault(name, name) != name:
            name = parents[name]
        return name

    with (images / "manifest.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    joined = [pair.names for pair in read_pairs(images)]
    joined += [(line["path"], "family " + line["family_id"]) for line in lines if line["family_id"]]
    for one, other in joined:
        parents[find(one)] = find(other)
    return [
        Row(
            images / line["path"],
            line["path"],
            find(line["path"]),
            line["role"],
            line["source_repo"] if line["content"] == "mockup" else "",
            line["content"],
        )
        for line in lines
    ]


@dataclass(frozen=True, slots=True)
class Listed:
    """A pair that `pairs.csv` speaks of: its label is copy, not_copy or ambiguous."""

    names: tuple[str, str]
    label: str
    kind: str


def read_pairs(images: Path) -> list[Listed]:
    """The pairs of `pairs.csv`; none where there is no such file."""
    path = images / "pairs.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Listed((line["path_a"], line["path_b"]), line["label"], line["kind"])
            for line in csv.DictReader(file)
        ]


def side_of(row: Row) -> int:
    """Which half the asset belongs to: nothing is tuned on what it is measured on."""
    return zlib.crc32(row.group.encode()) & 1


def load(row: Row) -> Image.Image:
    """The picture as our decoder gives it, its longest side at most 800 pixels."""
    image = matching.decode(row.file.read_bytes()).image
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return image


def sample(rows: Sequence[Row], most: int, seed: int) -> list[Row]:
    """`most` of the rows, the same for the same seed."""
    order = np.random.default_rng(seed).permutation(len(rows))[:most]
    return [rows[place] for place in sorted(order)]
