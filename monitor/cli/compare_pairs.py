"""A CSV of picture pairs -> the same CSV with what the comparison said."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from monitor import matching
from monitor.cli.picture_files import fingerprint_files
from monitor.cli.show import to_plain
from monitor.errors import InputError, MonitorError, PictureError
from monitor.model import Fingerprints, Similarity

_NEEDED: Final = ("asset", "candidate")
_ADDED: Final = ("score", "relation", "method", "region", "error")

Results = Mapping[Path, Fingerprints | PictureError]


@dataclass(frozen=True, slots=True)
class PairsTable:
    """The input as it stands: every row is as long as the header."""

    header: list[str]
    rows: list[list[str]]

    def paths(self, row: list[str]) -> tuple[Path, Path]:
        asset, candidate = (Path(row[self.header.index(name)]) for name in _NEEDED)
        return asset, candidate


def compare_pairs(pairs_file: Path, out_file: Path | None, show: Callable[[int, int], None]) -> int:
    """Compare every row's two files, write the CSV, return how many rows could not be compared.

    Relative paths count from the current directory. Without `out_file` the result goes to stdout;
    with it the file appears whole or not at all. `show(done, total)` counts the files.
    Raises InputError for an input that is no such CSV, or an output that would overwrite it.
    """
    table = read_pairs(pairs_file)
    _check_output(pairs_file, out_file)
    names = (path for row in table.rows for path in table.paths(row))
    prints = fingerprint_files(names, show)
    failed = 0
    with _open_output(out_file) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*table.header, *(name for name in _ADDED if name not in table.header)])
        for row, added in zip(table.rows, _compare_rows(table, prints), strict=True):
            failed += bool(added["error"])
            writer.writerow(_merge(table.header, row, added))
    return failed


def _compare_rows(table: PairsTable, prints: Results) -> Iterator[dict[str, str]]:
    """In order, on all cores: the heavy parts of a comparison let other threads run."""
    pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
    try:
        yield from pool.map(lambda row: _compare_row(table, row, prints), table.rows)
    finally:
        pool.shutdown(cancel_futures=True)


def read_pairs(path: Path) -> PairsTable:
    """The CSV, UTF-8 with or without a byte order mark; empty lines are left out."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [(number, row) for number, row in enumerate(csv.reader(file), 1) if row]
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8: {error}") from error
    if not lines:
        raise InputError(f"{path} is empty; its first line must name the columns asset,candidate")
    header = lines[0][1]
    if missing := [name for name in _NEEDED if name not in header]:
        raise InputError(
            f"{path} has no column {' and no column '.join(missing)}; its columns are: "
            f"{', '.join(header)}"
        )
    for number, row in lines[1:]:
        if len(row) != len(header):
            raise InputError(
                f"{path}, row {number}: {len(row)} fields, the header has {len(header)}"
            )
    return PairsTable(header, [row for _, row in lines[1:]])


def _check_output(pairs_file: Path, out_file: Path | None) -> None:
    """Before hours of work: whether the result could be written at all."""
    if out_file is None:
        return
    if out_file.is_dir() or not out_file.absolute().parent.is_dir():
        raise InputError(f"{out_file} can't be written: name a file in a folder that exists")
    if out_file.exists() and out_file.samefile(pairs_file):
        raise InputError(f"{out_file} is the input; --out must name another file")


def _compare_row(table: PairsTable, row: list[str], prints: Results) -> dict[str, str]:
    asset, candidate = (prints[path] for path in table.paths(row))
    errors = [str(found) for found in (asset, candidate) if isinstance(found, PictureError)]
    if isinstance(asset, PictureError) or isinstance(candidate, PictureError):
        return dict.fromkeys(_ADDED, "") | {"error": "; ".join(dict.fromkeys(errors))}
    return _describe(matching.compare(asset, candidate))


def _describe(similarity: Similarity) -> dict[str, str]:
    region = similarity.region
    return {
        # 12 decimals: scores near 0 and 1 must still differ
        "score": f"{similarity.score:.12f}",
        "relation": str(similarity.relation),
        "method": similarity.method,
        "region": "" if region is None else json.dumps(to_plain(region), separators=(",", ":")),
        "error": "",
    }


def _merge(header: list[str], row: list[str], added: Mapping[str, str]) -> list[str]:
    """The row with our columns; one that the input had already is filled anew in its place."""
    kept = [added.get(name, value) for name, value in zip(header, row, strict=True)]
    return kept + [value for name, value in added.items() if name not in header]


@contextmanager
def _open_output(out_file: Path | None) -> Iterator[IO[str]]:
    """Where the CSV goes; a file takes its name only when it is whole."""
    if out_file is None:
        yield sys.stdout
        return
    target = out_file.resolve()
    is_special = target.exists() and not target.is_file()  # a pipe or a terminal
    written = target if is_special else target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with written.open("w" if is_special else "x", newline="", encoding="utf-8") as file:
            yield file
        if not is_special:
            written.replace(target)
    except OSError as error:
        raise MonitorError(f"{out_file} can't be written: {error.strerror or error}") from error
    finally:
        if not is_special:
            written.unlink(missing_ok=True)
