"""How well copies are recognised, against honest pairs in the same disguises, next to peers.

    python benchmarks/recognition.py IMAGES              measure, on one half of the assets
    python benchmarks/recognition.py IMAGES --fit        fit the score on the other half

IMAGES is any folder of pictures; see `corpus.py` for what a manifest adds. `--sample` originals
are edited in every way of `kinds.py`; honest pairs are the same originals with other pictures,
plain and disguised (a banner, a frame, a watermark, a collage ...), and disguised alike on both
sides. Families (another colour or view) and mock-ups with another print are told apart.
"""

from __future__ import annotations

import argparse
import io
import itertools
import multiprocessing
import os
import pickle
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the processes are the parallel part

import numpy as np
import peers
from corpus import MEASURING, TUNING, Listed, Row, load, read_pairs, read_rows, sample, side_of
from kinds import DISGUISES, KINDS
from PIL import Image
from report import show, show_fit
from seller_edits import another_print, part_recoloured

from monitor import matching
from monitor.matching.compare.compare import gather, relate
from monitor.matching.compare.score import Evidence, chances_of, photograph_features, thing_features
from monitor.matching.fingerprint.fingerprint import is_blank, unpack
from monitor.matching.fingerprint.keypoints import unpack_features
from monitor.model import Fingerprints

_QUALITY: Final = 82
_POOL: Final = 40
_BOTH_WAYS: Final = 1
_PRINTS: Final = 4
_PARTS: Final = 2
_SLOW_EVERY: Final = 6


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture, edited or not, with what was computed from it."""

    row: Row
    edit: str
    prints: Fingerprints
    hashes: dict[str, Any]
    seconds: float


# What the two logistics of the score weigh.
Features = tuple[tuple[float, ...], tuple[float, ...]]


def features_of(evidence: Evidence) -> Features | None:
    """None where nothing could be compared."""
    fit, found = evidence.fit, evidence.agreement
    if fit is None or found is None:
        return None
    return thing_features(fit, found), photograph_features(found)


@dataclass(frozen=True, slots=True)
class Pair:
    """A compared pair; `kind` is an edit, or what kind of other picture it is."""

    kind: str
    names: tuple[str, str]
    content: str
    features: Features | None
    score: float
    relation: str
    distance: int
    seconds: float
    peers: dict[str, float] = field(default_factory=dict)


# -- one process


@dataclass(slots=True)
class World:
    """What every process holds: the pool that edits draw from, and the honest pictures."""

    pool: list[Image.Image]
    names: list[str]
    others: list[Shown]
    recoloured: frozenset[frozenset[str]]


_WORLD = World([], [], [], frozenset())


def edit(row: Row, image: Image.Image, kind: str, *, is_reference: bool) -> Image.Image:
    """The picture edited and saved as a shop would; the same call gives the same picture."""
    random = np.random.default_rng(zlib.crc32(f"{row.path} {kind}".encode()))
    buffer = io.BytesIO()
    # Never the same picture in a reference and in what it is compared with: that would be a copy.
    pool = _WORLD.pool[1::2] if is_reference else _WORLD.pool[::2]
    KINDS[kind](image, random, pool).save(buffer, "JPEG", quality=_QUALITY)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def look_at(
    row: Row, image: Image.Image, kind: str, *, is_slow: bool = False, is_reference: bool = False
) -> Shown:
    shown = edit(row, image, kind, is_reference=is_reference) if kind else image
    names = [name for name in _WORLD.names if is_slow or name not in peers.SLOW]
    return fingerprint(row, kind, shown, peers.hash_with(names, shown))


def fingerprint(row: Row, kind: str, shown: Image.Image, hashes: dict[str, Any]) -> Shown:
    start = time.process_time()
    decoded = matching.DecodedPicture(shown, "JPEG", shown.width, shown.height)
    prints = matching.fingerprint(decoded)
    return Shown(row, kind, prints, hashes, time.process_time() - start)


def look_at_honest(row: Row) -> list[Shown]:
    """Plain, and in one disguise."""
    image = load(row)
    disguise = DISGUISES[zlib.crc32(row.path.encode()) % len(DISGUISES)]
    is_slow = zlib.crc32(row.path.encode()) % _SLOW_EVERY == 0
    plain = look_at(row, image, "", is_slow=is_slow)
    if row.role == "family":
        return [plain]
    return [plain, look_at(row, image, disguise, is_slow=is_slow)]


def compare_all(row: Row) -> list[Pair]:
    """Every pair of one reference picture."""
    number, image = zlib.crc32(row.path.encode()), load(row)
    is_slow = number % _SLOW_EVERY == 0
    reference = look_at(row, image, "", is_slow=is_slow)
    pairs = [compare(reference, look_at(row, image, kind, is_slow=is_slow), kind) for kind in KINDS]
    for other in _WORLD.others:
        kind = _kind_of(row, other)
        if kind is not None:
            pairs.append(compare(reference, other, kind))
    pairs += compare_prints(row, image)
    pairs += compare_recoloured(row, image, reference)
    chosen = [DISGUISES[(number + step) % len(DISGUISES)] for step in range(_BOTH_WAYS)]
    for disguise in chosen:
        disguised = look_at(row, image, disguise, is_reference=True)
        pairs += [
            compare(disguised, other, "disguised alike")
            for other in _WORLD.others
            if other.edit == disguise and _kind_of(row, other) == "honest"
        ]
    return pairs


def compare_relatives(row: Row) -> list[Pair]:
    """The pairs of one more reference picture that are few: with its family and its mock-up."""
    kinds = [(other, _kind_of(row, other)) for other in _WORLD.others]
    chosen = [(other, kind) for other, kind in kinds if kind not in (None, "honest")]
    if not chosen:
        return []
    reference = look_at(row, load(row), "")
    return [compare(reference, other, kind) for other, kind in chosen]


def compare_prints(row: Row, image: Image.Image) -> list[Pair]:
    """The picture as a mock-up with four different prints, each with each: variants, no copies."""
    number = zlib.crc32(row.path.encode())
    shown = []
    for step in range(_PRINTS):
        print_ = _WORLD.pool[(number + step) % len(_WORLD.pool)]
        mock_up = another_print(image, np.random.default_rng(number), print_)
        shown.append(fingerprint(row, f"print {step}", mock_up, {}))
    return [compare(one, other, "another print") for one, other in itertools.combinations(shown, 2)]


def compare_recoloured(row: Row, image: Image.Image, reference: Shown) -> list[Pair]:
    """The picture with two other parts of it in another colour: variants, no copies."""
    found = []
    for step in range(_PARTS):
        random = np.random.default_rng(zlib.crc32(f"{row.path} part {step}".encode()))
        shown = part_recoloured(image, random)
        if shown is not None:
            kind = "part recoloured"
            found.append(compare(reference, fingerprint(row, f"part {step}", shown, {}), kind))
    return found


def compare_listed(rows: tuple[Row, Row], listed: Listed) -> Pair:
    """A pair of real files that `pairs.csv` lists."""
    one, other = (look_at(row, load(row), "") for row in rows)
    return compare(one, other, f"listed {listed.label}: {listed.kind.split(':')[0]}")


def _kind_of(row: Row, other: Shown) -> str | None:
    if row.group == other.row.group:
        if other.row.role != "family":
            return None
        is_recoloured = frozenset((row.path, other.row.path)) in _WORLD.recoloured
        return "family, recoloured" if is_recoloured else "family"
    if other.row.role == "family":
        return None
    is_mock_up = bool(row.mock_up) and row.mock_up == other.row.mock_up
    return "mock-up" if is_mock_up else "honest"


def compare(one: Shown, other: Shown, kind: str) -> Pair:
    start = time.process_time()
    first, second = unpack(one.prints), unpack(other.prints)
    names = (f"{one.row.path} {one.edit}", f"{other.row.path} {other.edit}")
    found = None
    if not (is_blank(first) or is_blank(second)):
        features = (unpack_features(one.prints), unpack_features(other.prints))
        found = gather(first, second, *features)
    chances = None if found is None else chances_of(found)
    seconds = time.process_time() - start
    return Pair(
        kind,
        names,
        one.row.content,
        None if found is None else features_of(found),
        1e-6 if chances is None else chances.score,
        "none" if found is None or chances is None else str(relate(found, chances)),
        64 if found is None else found.distance,
        seconds,
        peers.alike(_WORLD.names, one.hashes, other.hashes),
    )


# -- all of them


def _enter(world: World) -> None:
    for name in World.__slots__:
        setattr(_WORLD, name, getattr(world, name))


def measure(
    rows: Sequence[Row], listed: Sequence[Listed], originals: int, names: list[str], processes: int
) -> tuple[list[Pair], list[Shown]]:
    """Every pair of a sample of originals; the rows and listed pairs are those of one half."""
    distractors = [row for row in rows if row.role == "distractor"]
    # What edits draw from belongs to nobody else in the test.
    drawn = sample(distractors, _POOL, 7) or sample([r for r in rows if r.role == "original"], 5, 7)
    recoloured = frozenset(frozenset(pair.names) for pair in listed if pair.label == "ambiguous")
    world = World([load(row) for row in drawn], names, [], recoloured)
    wanted = sample([row for row in rows if row.role == "original"], originals, 1)
    honest = [row for row in rows if row.role == "original"]
    honest += sample([row for row in distractors if row not in drawn], 3 * originals, 3)
    families = [row for row in rows if row.role == "family"]
    context = multiprocessing.get_context("fork")
    with context.Pool(processes, _enter, (world,)) as workers:
        world.others = _flat(workers.imap(look_at_honest, [*honest, *families], 4))
    _note(f"{len(world.others)} honest pictures and relatives")
    by_path = {row.path: row for row in rows}
    known = [
        ((by_path[pair.names[0]], by_path[pair.names[1]]), pair)
        for pair in listed
        if by_path.keys() >= set(pair.names)
    ]
    with context.Pool(processes, _enter, (world,)) as workers:
        pairs = _flat(workers.imap_unordered(compare_all, wanted, 1))
        rest = [row for row in rows if row.role == "original" and row not in wanted]
        pairs += _flat(workers.imap_unordered(compare_relatives, rest, 4))
        pairs += workers.starmap(compare_listed, known, 8)
    _note(f"{len(pairs)} pairs")
    return pairs, world.others


def _flat(parts: Iterable[Sequence[Any]]) -> list[Any]:
    return [item for part in parts for item in part]


_START: Final = time.perf_counter()


def _note(text: str) -> None:
    print(f"{text} after {time.perf_counter() - _START:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how copies are recognised.")
    parser.add_argument("images", type=Path)
    parser.add_argument("--sample", type=int, default=60, help="originals that are edited")
    parser.add_argument("--fit", action="store_true", help="fit the score and print its numbers")
    parser.add_argument("--keep", type=Path, help="write the pairs here (pickle)")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    names, words = ([], []) if arguments.fit else peers.available()
    print(*words, sep="\n")
    side = TUNING if arguments.fit else MEASURING
    rows = [row for row in read_rows(arguments.images) if side_of(row) == side]
    listed = read_pairs(arguments.images)
    pairs, others = measure(rows, listed, arguments.sample, names, arguments.processes)
    if arguments.keep is not None:
        arguments.keep.write_bytes(pickle.dumps(pairs))
    if arguments.fit:
        show_fit(pairs)
    else:
        show(pairs, others)
    _note("all done")


if __name__ == "__main__":
    main()
