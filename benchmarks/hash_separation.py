"""How well fingerprints tell copies from other pictures; and the numbers of the score.

    python benchmarks/hash_separation.py IMAGES          measure, on one half of the originals
    python benchmarks/hash_separation.py IMAGES --fit    fit on the other half, print the numbers

IMAGES holds `manifest.csv` (path, role, family_id, content, source_repo) and `pairs.csv`. Pictures
of one family, or listed as a pair, are on the same side of the split and never count as honest
pairs. Families are told apart: the same product in another colour or view is no copy.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import imagehash
import numpy as np
from edits import EDITS, encode

from monitor import matching
from monitor.matching.compare import INTERCEPT, WEIGHTS, Evidence, gather, score_of
from monitor.matching.fingerprint import unpack
from monitor.matching.index import MAX_DISTANCE, MIN_DETAIL

ALERT, RECORD = 0.85, 0.60
# What one honest pair in so many may reach; the scale of the score is set by it.
ALERT_RATE, RECORD_RATE = 1e-5, 1e-4
_PEER_DISTANCE: Final = 10  # imagehash.phash, the usual advice
_LONGEST_SIDE: Final = 1000
# Edits put on distractors and other originals: what copies share with honest pictures.
_DISGUISES: Final = ("banner over 8-15 %", "cropped, banner added, q50", "mirrored, cropped")


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture, edited or not, with what was computed from it."""

    path: str
    group: str
    role: str
    mock_up: str
    edit: str
    prints: Mapping[str, bytes]
    peer: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """A picture of the manifest; `group` joins pictures that are no honest pair."""

    file: Path
    path: str
    group: str
    role: str
    mock_up: str


def read_rows(images: Path) -> list[Row]:
    """The manifest, with families and listed pairs joined to groups."""
    parents: dict[str, str] = {}

    def find(name: str) -> str:
        while parents.setdefault(name, name) != name:
            name = parents[name]
        return name

    with (images / "manifest.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    with (images / "pairs.csv").open(newline="", encoding="utf-8") as file:
        joined = [(line["path_a"], line["path_b"]) for line in csv.DictReader(file)]
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
        )
        for line in lines
    ]


def side_of(row: Row) -> int:
    return zlib.crc32(row.group.encode()) & 1


def make_samples(row: Row) -> list[Sample]:
    """The picture and its edited copies, each through JPEG bytes and our own decoder."""
    plain = matching.decode(row.file.read_bytes())
    samples = [_sample(row, "", plain)]
    small = plain.image.copy()
    small.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    names = {"original": tuple(EDITS), "distractor": _DISGUISES}.get(row.role, ())
    for name in names:
        random = np.random.default_rng(zlib.crc32(f"{row.path} {name}".encode()))
        edited = encode(EDITS[name](small, random), 85)
        samples.append(_sample(row, name, matching.decode(edited)))
    return samples


def _sample(row: Row, edit: str, decoded: matching.DecodedPicture) -> Sample:
    start = time.perf_counter()
    prints = matching.fingerprint(decoded)
    seconds = time.perf_counter() - start
    peer = int(str(imagehash.phash(decoded.image)), 16)
    return Sample(row.path, row.group, row.role, row.mock_up, edit, prints, peer, seconds)


# -- pairs


@dataclass(frozen=True, slots=True)
class Pair:
    """A compared pair. `kind` is an edit for copies, else `honest`, `family` or `mock-up`."""

    kind: str
    features: tuple[float, ...]
    score: float
    peer: int
    indexed: bool
    looked: bool
    names: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Compared:
    """What one original gave: all copies, and of the other pairs those that were not far off."""

    pairs: list[Pair]
    far: dict[str, int]
    peer_false: int


_WORLD: list[Sample] = []


def _receive(samples: list[Sample]) -> None:
    _WORLD.extend(samples)


def compare_with_all(reference: Sample) -> Compared:
    pairs: list[Pair] = []
    far: dict[str, int] = {}
    peer_false = 0
    one = unpack(reference.prints)
    for other in _WORLD:
        kind = _kind(reference, other)
        if kind is None:
            continue
        second = unpack(other.prints)
        peer = (reference.peer ^ other.peer).bit_count()
        blank = min(one.detail, second.detail) < MIN_DETAIL
        found = Evidence(64, 0.0) if blank else gather(one, second)
        looked = found.alignment is not None
        peer_false += kind == "honest" and peer <= _PEER_DISTANCE
        if not looked and kind in ("honest", "mock-up"):
            far[kind] = far.get(kind, 0) + 1
            continue
        names = (reference.path, other.path, other.edit)
        indexed = found.distance <= MAX_DISTANCE
        score = 0.0 if blank else score_of(found)
        pairs.append(Pair(kind, found.features(), score, peer, indexed, looked, names))
    return Compared(pairs, far, peer_false)


def _kind(reference: Sample, other: Sample) -> str | None:
    if reference.path == other.path:
        return other.edit or None
    if reference.group == other.group:
        return "family" if other.role == "family" else None
    if reference.mock_up and reference.mock_up == other.mock_up:
        return "mock-up"
    wanted = other.edit in ("", *_DISGUISES)
    return "honest" if other.role in ("original", "distractor") and wanted else None


# -- the numbers of the score


def fit(pairs: Iterable[Pair], honest: int) -> tuple[float, list[float]]:
    """Logistic regression, then scaled so that the false-match rates meet the thresholds."""
    used = [pair for pair in pairs if pair.looked and pair.kind not in ("family", "mock-up")]
    design = np.array([(1.0, *pair.features) for pair in used])
    is_copy = np.array([float(pair.kind != "honest") for pair in used])
    weights = _regress(design, is_copy)
    logits = np.sort((design @ weights)[is_copy == 0])[::-1]
    alert, record = logits[int(ALERT_RATE * honest)], logits[int(RECORD_RATE * honest)]
    scale = (_logit(ALERT) - _logit(RECORD)) / (alert - record)
    weights = weights * scale
    weights[0] += _logit(RECORD) - record * scale
    return float(weights[0]), [float(value) for value in weights[1:]]


def _regress(
    design: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    target: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Newton's method with a light ridge."""
    weights = np.zeros(design.shape[1])
    ridge = 1e-5 * len(target) * np.eye(design.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (chance - target) + ridge @ weights
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + ridge
        weights = weights - np.linalg.solve(curve, slope)
    return np.asarray(weights)


def _logit(score: float) -> float:
    return float(np.log(score / (1 - score)))


# -- the report


def show(pairs: list[Pair], far: Mapping[str, int], peer_false: int) -> None:
    print(f"| copies | pairs | alert >= {ALERT} | record >= {RECORD} | index | phash <= 10 |")
    print("|---|---|---|---|---|---|")
    copies = [pair for pair in pairs if pair.kind in EDITS]
    for kind in (*EDITS, ""):
        chosen = [pair for pair in copies if not kind or pair.kind == kind]
        print(f"| {kind or '**all**'} | {len(chosen)} | {_shares(chosen)} |")
    print(f"\n| others | pairs | alert >= {ALERT} | record >= {RECORD} | looked at twice |")
    print("|---|---|---|---|---|")
    for kind in ("honest", "mock-up", "family"):
        chosen = [pair for pair in pairs if pair.kind == kind]
        total = len(chosen) + far.get(kind, 0)
        counts = [sum(pair.score >= limit for pair in chosen) for limit in (ALERT, RECORD)]
        counts.append(sum(pair.looked for pair in chosen))
        cells = " | ".join(f"{count} ({count / max(1, total):.1e})" for count in counts)
        print(f"| {kind} | {total} | {cells} |")
        if kind == "honest":
            print(
                f"| honest, phash <= 10 | {total} | {peer_false} ({peer_false / total:.1e}) | | |"
            )
    print("\nhighest honest pairs:")
    honest = sorted((pair for pair in pairs if pair.kind == "honest"), key=lambda p: -p.score)
    for pair in honest[:12]:
        print(f"  {pair.score:.3f}  {'  '.join(pair.names)}")


def _shares(pairs: list[Pair]) -> str:
    counts = (
        sum(pair.score >= ALERT for pair in pairs),
        sum(pair.score >= RECORD for pair in pairs),
        sum(pair.indexed for pair in pairs),
        sum(pair.peer <= _PEER_DISTANCE for pair in pairs),
    )
    return " | ".join(f"{count / max(1, len(pairs)):.3f}" for count in counts)


def show_times(samples: list[Sample], copies: list[Pair], far: list[Sample]) -> None:
    """Of one core; other work on the machine counts in."""
    by_name = {(sample.path, sample.edit): sample.prints for sample in samples}
    close = [pair for pair in copies if pair.looked][:500]
    pairs = [(by_name[pair.names[0], ""], by_name[pair.names[1:]]) for pair in close]
    print("\n| what | median |\n|---|---|")
    print(f"| fingerprint | {np.median([s.seconds for s in samples]) * 1e3:.1f} ms |")
    print(f"| compare, hashes near | {_median_seconds(pairs) * 1e6:.0f} us |")
    others = [(far[0].prints, sample.prints) for sample in far[1:]]
    print(f"| compare, hashes far | {_median_seconds(others) * 1e6:.0f} us |")


def _median_seconds(pairs: list[tuple[Mapping[str, bytes], Mapping[str, bytes]]]) -> float:
    taken = []
    for one, other in pairs:
        start = time.perf_counter()
        matching.compare(one, other)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how fingerprints tell copies apart.")
    parser.add_argument("images", type=Path)
    parser.add_argument("--fit", action="store_true", help="fit the score and print its numbers")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    start = time.perf_counter()
    side = 0 if arguments.fit else 1
    rows = [row for row in read_rows(arguments.images) if side_of(row) == side]
    # The processes are the parallel part; several threads in each would only get in the way.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    with context.Pool(arguments.processes) as pool:
        samples = [item for made in pool.imap(make_samples, rows, 4) for item in made]
    print(f"{len(samples)} pictures after {time.perf_counter() - start:.0f} s")
    references = [s for s in samples if s.role == "original" and not s.edit]
    with context.Pool(arguments.processes, _receive, (samples,)) as pool:
        compared = pool.map(compare_with_all, references, 2)
    pairs = [pair for item in compared for pair in item.pairs]
    far = {kind: sum(c.far.get(kind, 0) for c in compared) for kind in ("honest", "mock-up")}
    if arguments.fit:
        honest = far["honest"] + sum(pair.kind == "honest" for pair in pairs)
        intercept, weights = fit(pairs, honest)
        print(f"INTERCEPT = {intercept:.4f}  WEIGHTS = {[round(w, 4) for w in weights]}")
        print(f"in the code: {INTERCEPT} {WEIGHTS}")
    else:
        show(pairs, far, sum(item.peer_false for item in compared))
        show_times(samples, [p for p in pairs if p.kind in EDITS], references[:300])
    print(f"\n{time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
