"""A CSV of picture pairs -> the same CSV with what the comparison said.

Each file is decoded once, each pair compared once, both in chunks on all cores. What is compared
with what is put in such an order that few fingerprints are unpacked again; the rows come out in
theirs.
"""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from monitor import matching
from monitor.compare.files import fingerprint_file
from monitor.compare.spool import Place, Spool, open_spool
from monitor.compare.table import check_output, open_output, read_pairs, write_pairs
from monitor.errors import PictureError
from monitor.imaging.workers import Workers, count_cores, open_workers
from monitor.model import Fingerprints, Similarity

# What is under way -> for the time of a block, what is told how much of it is done.
ProgressBar: TypeAlias = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
# What the rows get, in the order of `table.ADDED`.
Answer: TypeAlias = tuple[str, str, str, str, str]
Item = TypeVar("Item")

# Tasks of about a tenth of a second: short beside the whole, long beside a message.
_FILES_AT_ONCE: Final = 4
_PAIRS_AT_ONCE: Final = 64
# References whose pairs are done together: with as many candidates they fit in what `matching`
# keeps unpacked.
_REFERENCES: Final = 128
# In comparisons: what decoding a file costs, and the work from which processes are worth their
# start, about a second.
_FILE_COST: Final = 8
_WORTH_PROCESSES: Final = 600


def compare_pairs(
    pairs_file: Path,
    out_file: Path | None,
    progress_bar: ProgressBar,
    processes: int | None = None,
) -> int:
    """Compare every row's two files, write the CSV, return how many rows could not be compared.

    Relative paths count from the current directory. Without `out_file` the result goes to stdout;
    with it the file appears whole or not at all. `processes` is how many share the work, 0 to do it
    in this one; by default as many as there are cores, where there is enough to do.
    Raises InputError for an input that is no such CSV, or an output that would overwrite it.
    """
    table = read_pairs(pairs_file)
    check_output(pairs_file, out_file)
    with _ending_on_signals():
        answers = _compare_all(table.pairs(), progress_bar, processes)
        with open_output(out_file) as file:
            write_pairs(file, table, answers)
    return sum(bool(error) for *_, error in answers)


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """SIGTERM and a closed terminal end the command as Ctrl-C does: nothing is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in old.items():
        if handler is not signal.SIG_IGN:  # as `nohup` leaves it
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _compare_all(
    pairs: Sequence[tuple[Path, Path]], progress_bar: ProgressBar, processes: int | None
) -> list[Answer]:
    files = list(dict.fromkeys(chain.from_iterable(pairs)))
    if processes is None:
        processes = _choose_processes(len(files), len(pairs))
    with open_spool() as spool, open_workers(processes, spool) as workers:
        found = dict(
            zip(files, _fingerprint_files(files, spool, workers, progress_bar), strict=True)
        )
        places = [(found[asset], found[candidate]) for asset, candidate in pairs]
        return _compare_places(places, workers, progress_bar)


def _choose_processes(files: int, pairs: int) -> int:
    cores = count_cores()
    return cores if cores > 1 and files * _FILE_COST + pairs >= _WORTH_PROCESSES else 0


# -- the files


def _fingerprint_files(
    files: Sequence[Path], spool: Spool, workers: Workers[Spool], progress_bar: ProgressBar
) -> list[Place | str]:
    """Where each file's fingerprints are, or what is wrong with the file."""
    found: list[Place | str] = [""] * len(files)
    chunks = _cut(files, _FILES_AT_ONCE)
    with progress_bar("reading pictures") as show:
        done = 0
        for number, results in workers.run(fingerprint_chunk, chunks):
            for place, result in enumerate(results, number * _FILES_AT_ONCE):
                found[place] = result if isinstance(result, str) else spool.add(result)
            done += len(results)
            show(done, len(files))
    return found


def fingerprint_chunk(_: Spool, files: Sequence[Path]) -> list[Fingerprints | str]:
    """Each file's fingerprints, or what is wrong with it; in whichever process."""
    return [_try(path) for path in files]


def _try(path: Path) -> Fingerprints | str:
    try:
        return fingerprint_file(path)
    except PictureError as error:
        return str(error)


# -- the pairs


def _compare_places(
    places: Sequence[tuple[Place | str, Place | str]],
    workers: Workers[Spool],
    progress_bar: ProgressBar,
) -> list[Answer]:
    answers = [_refuse(one, other) for one, other in places]
    sound = {
        row: (one, other)
        for row, (one, other) in enumerate(places)
        if not isinstance(one, str) and not isinstance(other, str)
    }
    chunks = _cut(_order(sound), _PAIRS_AT_ONCE)
    with progress_bar("comparing") as show:
        done = 0
        tasks = ([sound[row] for row in rows] for rows in chunks)
        for number, results in workers.run(compare_chunk, tasks):
            for row, answer in zip(chunks[number], results, strict=True):
                answers[row] = answer
            done += len(results)
            show(done, len(sound))
    return answers


def _order(pairs: Mapping[int, tuple[Place, Place]]) -> list[int]:
    """The rows so that the same pictures come close together: some references with one candidate
    after the other.
    """
    ranks: dict[Place, int] = {}
    for reference, _ in pairs.values():
        ranks.setdefault(reference, len(ranks))

    def key(row: int) -> tuple[int, Place, Place]:
        reference, candidate = pairs[row]
        return ranks[reference] // _REFERENCES, candidate, reference

    return sorted(pairs, key=key)


def compare_chunk(spool: Spool, pairs: Sequence[tuple[Place, Place]]) -> list[Answer]:
    """What each pair's rows get; in whichever process."""
    return [
        _describe(matching.compare(spool.get(reference), spool.get(candidate)))
        for reference, candidate in pairs
    ]


def _describe(similarity: Similarity) -> Answer:
    region = similarity.region
    return (
        # 12 decimals: scores near 0 and 1 must still differ
        f"{similarity.score:.12f}",
        str(similarity.relation),
        similarity.method,
        "" if region is None else json.dumps(asdict(region), separators=(",", ":")),
        "",
    )


def _refuse(*found: Place | str) -> Answer:
    """The answer of a row with an unreadable file."""
    errors = dict.fromkeys(error for error in found if isinstance(error, str))
    return "", "", "", "", "; ".join(errors)


def _cut(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
