"""The CSV of picture pairs: what comes in, and the same with five columns more going out."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from monitor.errors import InputError, MonitorError

_NEEDED: Final = ("asset", "candidate")
ADDED: Final = ("score", "relation", "method", "region", "error")


@dataclass(frozen=True, slots=True)
class PairsTable:
    """The input as it stands: every row is as long as the header."""

    header: list[str]
    rows: list[list[str]]

    def pairs(self) -> list[tuple[Path, Path]]:
        """The asset's and the candidate's file of each row."""
        asset, candidate = (self.header.index(name) for name in _NEEDED)
        return [(Path(row[asset]), Path(row[candidate])) for row in self.rows]


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


def check_output(pairs_file: Path, out_file: Path | None) -> None:
    """Before hours of work: whether the result could be written at all. Raises InputError."""
    if out_file is None:
        return
    folder = out_file.absolute().parent
    if out_file.is_dir() or not folder.is_dir():
        raise InputError(f"{out_file} can't be written: name a file in a folder that exists")
    if not out_file.exists() and not os.access(folder, os.W_OK):
        raise InputError(f"{out_file} can't be written: its folder is write-protected")
    if out_file.exists() and out_file.samefile(pairs_file):
        raise InputError(f"{out_file} is the input; --out must name another file")


def write_pairs(file: IO[str], table: PairsTable, answers: Sequence[tuple[str, ...]]) -> None:
    """The table with each row's answer, in the order of `ADDED`.

    A column that the input had already is filled anew in its place.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*table.header, *(name for name in ADDED if name not in table.header)])
    for row, answer in zip(table.rows, answers, strict=True):
        writer.writerow(_merge(table.header, row, dict(zip(ADDED, answer, strict=True))))


def _merge(header: list[str], row: list[str], added: Mapping[str, str]) -> list[str]:
    kept = [added.get(name, value) for name, value in zip(header, row, strict=True)]
    return kept + [value for name, value in added.items() if name not in header]


@contextmanager
def open_output(out_file: Path | None) -> Iterator[IO[str]]:
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
