"""Thousands of fingerprints for the benchmark of scale, made from a folder of pictures once."""

from __future__ import annotations

import io
import pickle
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from corpus import MEASURING, Row, load, read_rows, sample, side_of
from kinds import KINDS
from PIL import Image

from monitor import matching
from monitor.model import Fingerprints

# What edits draw from, and honest listings: in no reference.
_POOL: Final = 40
_HONEST: Final = 120
_LEAST_SIDE: Final = 300


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A reference picture; `group` joins pictures that are no honest pair."""

    path: str
    group: str
    prints: Fingerprints


@dataclass(frozen=True, slots=True)
class Copy:
    """An edit of the reference picture at `path`, as a shop would save it."""

    path: str
    group: str
    kind: str
    data: bytes
    prints: Fingerprints
    score: float


@dataclass(frozen=True, slots=True)
class Pictures:
    """`honest` are the JPEG bytes of pictures that no reference has anything to do with."""

    references: list[Known]
    copies: list[Copy]
    honest: list[bytes]


def gather(images: Path, count: int, originals: int, keep: Path | None) -> Pictures:
    """`count` reference pictures, and edits of `originals` of them; kept in a file if asked for.

    The pictures themselves come first; what is missing are quarters of distractors, enlarged, each
    a picture of its own.
    """
    if keep is not None and keep.is_file():
        kept: Pictures = pickle.loads(keep.read_bytes())  # noqa: S301 - our own file
        return kept
    rows = read_rows(images)
    others = [row for row in rows if row.role == "distractor"]
    apart = sample(others, _POOL + _HONEST, 7)
    taken = {row.group for row in apart}
    plain = [row for row in rows if row.role != "positive" and row.group not in taken]
    references = [_known(row, load(row)) for row in plain[:count]]
    for row in sample([row for row in plain if row.role == "distractor"], len(others), 11):
        if len(references) >= count:
            break
        references += [_known(row, part, f"#{n}") for n, part in enumerate(_quarters(load(row)))]
    wanted = [row for row in plain[:count] if row.role == "original" and side_of(row) == MEASURING]
    pool = [load(row) for row in apart[:_POOL]]
    by_path = {known.path: known for known in references}
    copies = [
        copy
        for row in sample(wanted, originals, 1)
        for copy in _copies(row, pool, by_path[row.path].prints)
    ]
    honest = [_to_jpeg(load(row)) for row in apart[_POOL:]]
    found = Pictures(references[:count], copies, honest)
    if keep is not None:
        keep.write_bytes(pickle.dumps(found))
    return found


def _known(row: Row, image: Image.Image, part: str = "") -> Known:
    decoded = matching.DecodedPicture(image, "JPEG", image.width, image.height)
    return Known(row.path + part, row.group, matching.fingerprint(decoded))


def _quarters(image: Image.Image) -> Iterator[Image.Image]:
    width, height = image.width // 2, image.height // 2
    if min(image.size) < _LEAST_SIDE:
        return
    for left in (0, width):
        for top in (0, height):
            part = image.crop((left, top, left + width, top + height))
            yield part.resize((width * 3 // 2, height * 3 // 2))


def _copies(row: Row, pool: list[Image.Image], prints: Fingerprints) -> Iterator[Copy]:
    image = load(row)
    for kind, edit in KINDS.items():
        random = np.random.default_rng(zlib.crc32(f"{row.path} {kind}".encode()))
        data = _to_jpeg(edit(image, random, pool))
        seen = matching.fingerprint(matching.decode(data))
        score = matching.compare(prints, seen).score
        yield Copy(row.path, row.group, kind, data, seen, score)


def _to_jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=82)
    return buffer.getvalue()
