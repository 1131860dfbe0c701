"""What a picture and a pair cost one core: CPU time, next to Pillow's bare decode and one pHash.

    python benchmarks/cost.py IMAGES

IMAGES is any folder of pictures (`corpus.py`). They are cut to 800 x 800 and saved as JPEG of
quality 85 to 90. What is measured takes turns picture by picture, so that whatever else the machine
does hits all alike; ratios are taken per picture before their median.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core is what is measured

import imagehash
import numpy as np
from corpus import Row, load, read_rows, sample
from kinds import KINDS
from PIL import Image, ImageOps

from monitor import matching
from monitor.matching.fingerprint.fingerprint import take_hashes
from monitor.matching.working_copy import to_working
from monitor.model import Fingerprints, Similarity

_SIDE: Final = 800
_QUALITIES: Final = (85, 91)
_POOL: Final = 20
# Edits of each picture that are compared with it, and other pictures.
_COPIES, _OTHERS = 4, 12


# -- what is measured; ours by its public names only


def decode_bare(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


def phash(path: Path) -> None:
    with Image.open(path) as image:
        imagehash.phash(image)


def decode(path: Path) -> matching.DecodedPicture:
    return matching.decode_small(path.read_bytes())


def hashes(path: Path) -> bytes:
    return take_hashes(to_working(decode(path).image))


def fingerprint(path: Path) -> Fingerprints:
    return matching.fingerprint(decode(path))


def is_left_open(found: Similarity) -> bool:
    """Whether hashes could not settle it: only a blank picture is settled by them as none."""
    return "blank" not in (found.reasons or {})


BARE: Final = "Pillow, open and load"
PHASH: Final = "imagehash.phash from the file"
HASHES: Final = "our decode, all hashes"
ALL: Final = "our decode, all fingerprints"
MEASURED: Final[dict[str, Callable[[Path], object]]] = {
    BARE: decode_bare,
    PHASH: phash,
    "our decode": decode,
    HASHES: hashes,
    ALL: fingerprint,
}
COPIES: Final = "copies"
HONEST: Final = "all honest pairs"
OPEN: Final = "honest pairs that hashes can't settle"


# -- measuring


@dataclass(frozen=True, slots=True)
class Pair:
    """Two fingerprinted pictures and what comparing them took, in seconds of CPU."""

    is_copy: bool
    found: Similarity
    seconds: float


def time_files(paths: Sequence[Path], rounds: int) -> dict[str, np.ndarray]:
    """Seconds of CPU by name: the median of the rounds for each file."""
    taken = {name: np.empty((rounds, len(paths))) for name in MEASURED}
    names = list(MEASURED)
    for turn, (number, path) in itertools.product(range(rounds), enumerate(paths)):
        first = (turn + number) % len(names)
        for name in names[first:] + names[:first]:
            start = time.process_time()
            MEASURED[name](path)
            taken[name][turn, number] = time.process_time() - start
    return {name: np.median(seconds, axis=0) for name, seconds in taken.items()}


def time_pairs(paths: Sequence[Path], edits: Sequence[Sequence[Path]]) -> list[Pair]:
    """Every picture with its edits and with some others, in a mixed order."""
    prints = [fingerprint(path) for path in paths]
    random = np.random.default_rng(3)
    pairs = []
    for number, edited in enumerate(edits):
        pairs += [(prints[number], fingerprint(path), True) for path in edited]
        others = random.choice(len(prints), min(_OTHERS, len(prints)), replace=False)
        pairs += [(prints[number], prints[other], False) for other in others if other != number]
    return [time_pair(*pairs[place]) for place in random.permutation(len(pairs))]


def time_pair(reference: Fingerprints, candidate: Fingerprints, is_copy: bool) -> Pair:
    start = time.process_time()
    found = matching.compare(reference, candidate)
    return Pair(is_copy, found, time.process_time() - start)


# -- the pictures


def make_files(
    rows: Sequence[Row], folder: Path, count: int
) -> tuple[list[Path], list[list[Path]]]:
    """(plain files, their edits); pictures that would have to be enlarged are left out."""
    order = sample(rows, len(rows), 9)
    pool = [load(row) for row in order[:_POOL]]
    plain: list[Path] = []
    edits: list[list[Path]] = []
    for row in sorted(order[_POOL:], key=lambda row: zlib.crc32(row.path.encode())):
        image = matching.decode(row.file.read_bytes()).image
        if min(image.size) < _SIDE:
            continue
        random = np.random.default_rng(len(plain))
        square = ImageOps.fit(image, (_SIDE, _SIDE))
        kinds = random.choice(list(KINDS), _COPIES, replace=False)
        shown = [square, *(KINDS[kind](square, random, pool) for kind in kinds)]
        paths = [folder / f"{len(plain)}-{number}.jpg" for number in range(len(shown))]
        for path, picture in zip(paths, shown, strict=True):
            picture.save(path, "JPEG", quality=int(random.integers(*_QUALITIES)))
        plain.append(paths[0])
        edits.append(paths[1:])
        if len(plain) == count:
            break
    return plain, edits


# -- tables


def show_files(taken: dict[str, np.ndarray]) -> None:
    print(f"\n| a picture | ms of CPU, median | x {BARE} | x {PHASH} |\n|---|---|---|---|")
    for name, seconds in taken.items():
        ratios = [float(np.median(seconds / taken[to])) for to in (BARE, PHASH)]
        print(f"| {name} | {np.median(seconds) * 1e3:.2f} | {ratios[0]:.2f} | {ratios[1]:.2f} |")


def show_pairs(pairs: Sequence[Pair], bare_seconds: float) -> None:
    print("\n| compare | pairs | ms of CPU, median | mean | nine in ten | x a bare decode |")
    print("|---|---|---|---|---|---|")
    honest = [pair for pair in pairs if not pair.is_copy]
    parts = {
        OPEN: [pair for pair in honest if is_left_open(pair.found)],
        HONEST: honest,
        COPIES: [pair for pair in pairs if pair.is_copy],
    }
    for name, chosen in parts.items():
        seconds = np.array([pair.seconds for pair in chosen])
        median, most = np.percentile(seconds, (50, 90))
        cells = [f"{value * 1e3:.2f}" for value in (median, seconds.mean(), most)]
        print(f"| {name} | {len(seconds)} | {' | '.join(cells)} | {median / bare_seconds:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what pictures and pairs cost a core.")
    parser.add_argument("images", type=Path)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rows = [row for row in read_rows(arguments.images) if row.role in ("original", "distractor")]
    with tempfile.TemporaryDirectory() as temporary:
        plain, edits = make_files(rows, Path(temporary), arguments.pictures)
        time_files(plain[:3], 1)  # what is imported and built at the first picture
        taken = time_files(plain, arguments.rounds)
        pairs = time_pairs(plain, edits)
    sizes = f"{len(plain)} pictures of {_SIDE} x {_SIDE}, {arguments.rounds} rounds"
    print(f"{sizes}; load of the machine {os.getloadavg()[0]:.1f}")
    show_files(taken)
    show_pairs(pairs, float(np.median(taken[BARE])))
    print("\n| figure | wanted | reached |\n|---|---|---|")
    for name, base, most in ((ALL, BARE, 5.0), (HASHES, PHASH, 1.2)):
        ratio = float(np.median(taken[name] / taken[base]))
        print(f"| {name} | {most:g} x {base} | {ratio:.2f} x |")
    left = [pair.seconds for pair in pairs if not pair.is_copy and is_left_open(pair.found)]
    print(f"| compare, {OPEN} | under 3 ms, median | {np.median(left) * 1e3:.2f} ms |")


if __name__ == "__main__":
    main()
