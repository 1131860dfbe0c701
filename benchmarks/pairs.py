"""How long `monitor compare --pairs` takes at full size, run as a user runs it.

    python benchmarks/pairs.py IMAGES                      6,000 files, 66,000 pairs
    python benchmarks/pairs.py IMAGES --folder FOLDER      keep the files, or use those kept there

IMAGES is any folder of pictures (`corpus.py`). Of each picture a plain file is made and as many
edits of `kinds.py` as it takes, as JPEG with the longest side near 800 pixels. One pair in ten is
two files of one picture, the others are of two; the rows come in no order.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from corpus import LONGEST_SIDE, Row, load, read_rows, sample
from kinds import KINDS
from PIL import Image

_POOL: Final = 40
_QUALITIES: Final = (80, 92)
_COPIES: Final = 0.1
_NEAR: Final = (700, 900)
_ALERT: Final = 0.80
_SAMPLED_EVERY_S: Final = 0.5

_POOL_OF: list[Image.Image] = []


# -- the files


def make_files(images: Path, folder: Path, files: int, processes: int) -> list[list[str]]:
    """The names of the files, those of one picture together, the plain one first."""
    rows = [row for row in read_rows(images) if row.role in ("original", "distractor")]
    chosen = sample(rows, min(len(rows), max(1, files // 3)), 5)
    counts = [files // len(chosen) + (n < files % len(chosen)) for n in range(len(chosen))]
    _POOL_OF.extend(load(row) for row in sample(rows, _POOL, 7))
    tasks = [
        (row, folder, number, count)
        for number, (row, count) in enumerate(zip(chosen, counts, strict=True))
    ]
    with multiprocessing.get_context("fork").Pool(processes) as workers:
        return workers.starmap(make_group, tasks, 8)


def make_group(row: Row, folder: Path, number: int, count: int) -> list[str]:
    """One picture's files; those that are there already are left as they are."""
    kinds = list(KINDS)
    names = [f"{number:05d}-{edit}.jpg" for edit in range(count)]
    if all((folder / name).is_file() for name in names):
        return names
    image = load(row)
    for edit, name in enumerate(names):
        random = np.random.default_rng(zlib.crc32(f"{row.path} {edit}".encode()))
        kind = kinds[(number * 7 + edit) % len(kinds)]
        shown = image if edit == 0 else KINDS[kind](image, random, _POOL_OF)
        _to_size(shown).save(folder / name, "JPEG", quality=int(random.integers(*_QUALITIES)))
    return names


def _to_size(image: Image.Image) -> Image.Image:
    longest = max(image.size)
    if _NEAR[0] <= longest <= _NEAR[1]:
        return image
    width, height = (max(8, round(side * LONGEST_SIDE / longest)) for side in image.size)
    return image.resize((width, height))


def write_rows(groups: Sequence[Sequence[str]], pairs: int, target: Path) -> None:
    """The input: row,asset,candidate,copy, shuffled."""
    random = np.random.default_rng(11)
    chosen: dict[tuple[str, str], int] = {}
    copies = [
        (one, other) for group in groups for n, one in enumerate(group) for other in group[:n]
    ]
    for place in random.permutation(len(copies))[: round(pairs * _COPIES)]:
        chosen[copies[place][::-1]] = 1
    while len(chosen) < pairs:
        one, other = random.integers(len(groups), size=2)
        if one != other:
            chosen.setdefault((groups[one][0], str(random.choice(groups[other]))), 0)
    lines = [(*names, copy) for names, copy in chosen.items()]
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("row", "asset", "candidate", "copy"))
        for row, place in enumerate(random.permutation(len(lines))):
            writer.writerow((row, *lines[place]))


# -- the run


class Memory(threading.Thread):
    """The most that a process and its descendants held together, shared pages once; in bytes."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self.processes = 0
        self.ended = threading.Event()
        self._process = process

    def run(self) -> None:
        while not self.ended.wait(_SAMPLED_EVERY_S):
            family = _family_of(self._process)
            self.most = max(self.most, sum(map(_held_by, family)))
            self.processes = max(self.processes, len(family))


def _family_of(process: int) -> list[int]:
    """The process and its descendants, from /proc."""
    family = [process]
    for one in family:
        try:
            text = Path(f"/proc/{one}/task/{one}/children").read_text(encoding="ascii")
        except OSError:
            continue
        family += map(int, text.split())
    return family


def _held_by(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def run(folder: Path) -> None:
    """The command, with what it took."""
    command = [sys.executable, "-m", "monitor", "compare", "--pairs", "in.csv", "--out", "out.csv"]
    print("load of the machine before:", *(f"{load:.1f}" for load in os.getloadavg()), flush=True)
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder)
    memory = Memory(process.pid)
    memory.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    memory.ended.set()
    memory.join()
    cpu = usage.ru_utime + usage.ru_stime
    print(f"exit code {os.waitstatus_to_exitcode(status)}, {seconds:.1f} s")
    print(f"CPU {usage.ru_utime:.1f} s user + {usage.ru_stime:.1f} s system")
    print(f"cores in use on average: {cpu / seconds:.2f} of {os.cpu_count()}")
    print(f"most memory of {memory.processes} processes together: {memory.most / 1e6:.0f} MB")
    print("load of the machine after:", *(f"{load:.1f}" for load in os.getloadavg()))


def check(folder: Path) -> None:
    """Every row came back in its place with a score; and how the scores lie."""
    asked, answered = ([*_read(folder / name)] for name in ("in.csv", "out.csv"))
    same = len(asked) == len(answered) and all(
        one.items() <= other.items() for one, other in zip(asked, answered, strict=True)
    )
    whole = all(row["score"] and not row["error"] for row in answered)
    print(f"{len(answered)} rows, in order: {same}, all with a score: {whole}")
    for copy, what in (("1", "copies"), ("0", "others, relatives among them")):
        scores = [float(row["score"]) for row in answered if row["copy"] == copy]
        above = sum(score >= _ALERT for score in scores)
        print(f"{what}: {len(scores)}, from {_ALERT} on {above}")
    if not (same and whole):
        sys.exit(1)


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure `monitor compare --pairs`.")
    parser.add_argument("images", type=Path)
    parser.add_argument("--files", type=int, default=6000)
    parser.add_argument("--pairs", type=int, default=66000)
    parser.add_argument("--folder", type=Path, help="keep the files here")
    parser.add_argument("--processes", type=int, default=2, help="that make the files")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        groups = make_files(arguments.images, folder, arguments.files, arguments.processes)
        write_rows(groups, arguments.pairs, folder / "in.csv")
        size = sum(path.stat().st_size for path in folder.glob("*.jpg"))
        print(
            f"{arguments.files} files of {size / arguments.files / 1e3:.0f} kB, "
            f"{arguments.pairs} pairs"
        )
        run(folder)
        check(folder)


if __name__ == "__main__":
    main()
