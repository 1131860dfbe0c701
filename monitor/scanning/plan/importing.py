"""Copy pictures into a watch's folder: the folder stays the one source of truth."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from monitor import matching
from monitor.errors import InputError, PictureError
from monitor.model import DEFAULT_ALERT_SCORE
from monitor.scanning.plan.folder import (
    ASSETS_CSV,
    CSV_COLUMNS,
    Unreadable,
    find_too_deep,
    iter_picture_files,
    read_csv_rows,
)
from monitor.scanning.trust.check import least_copy_score

Progress = Callable[[int, int], None]
CsvRow = dict[str, str]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to; paths as in the source.

    The `featureless` are among the copied: they show too little to be recognised.
    """

    copied: tuple[str, ...]
    known: tuple[str, ...]
    bad: tuple[Unreadable, ...]
    featureless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Job:
    """A source file and where it goes, relative to the watch's folder; `row` is its CSV row."""

    source: Path
    shown: str
    target: PurePosixPath
    row: CsvRow | None


@dataclass(frozen=True, slots=True)
class _Checked:
    """A usable file, and what a plain copy of it scores."""

    data: bytes
    copy_score: float


def import_pictures(
    source: Path, images: Path, progress: Progress, *, alert_score: float = DEFAULT_ALERT_SCORE
) -> Imported:
    """Copy the pictures of `source` (a folder or a CSV list) into `images`.

    Each file is decoded first; one that can't be used is reported and left out, the rest is
    copied. A picture whose bytes are already in the folder is not copied again, and an existing
    file is never overwritten: another picture of the same name gets a number. `alert_score` is the
    watch's: a picture whose plain copy doesn't reach it is `featureless`. Raises InputError if the
    source or the target can't be read or written.
    """
    jobs = list(_iter_jobs(source))
    deep = find_too_deep(source) if source.is_dir() else []
    if not jobs and not deep:
        raise InputError(f"{source} holds no file to import")
    try:
        images.mkdir(parents=True, exist_ok=True)
        result = _import(jobs, images, progress, least_copy_score(alert_score))
    except OSError as error:
        raise InputError(f"can't write to {images}: {error.strerror}") from error
    return replace(result, bad=(*result.bad, *deep))


def _import(jobs: list[_Job], images: Path, progress: Progress, least: float) -> Imported:
    present = {_sha256(path.read_bytes()): path for path in iter_picture_files(images)}
    copied: list[str] = []
    known: list[str] = []
    bad: list[Unreadable] = []
    featureless: list[str] = []
    rows: dict[str, CsvRow] = {}
    for done, (job, checked) in enumerate(_iter_checked(jobs), start=1):
        progress(done, len(jobs))
        if isinstance(checked, str):
            bad.append(Unreadable(job.shown, checked))
            continue
        sha256 = _sha256(checked.data)
        if sha256 in present:
            known.append(job.shown)
        else:
            present[sha256] = _write(images, job.target, checked.data)
            copied.append(job.shown)
            featureless += [job.shown] if checked.copy_score < least else []
        if job.row is not None:
            rows[present[sha256].relative_to(images).as_posix()] = job.row
    if rows:
        _merge_csv(images / ASSETS_CSV, rows)
    return Imported(tuple(copied), tuple(known), tuple(bad), tuple(featureless))


def _iter_jobs(source: Path) -> Iterator[_Job]:
    if source.is_dir():
        for path in sorted(iter_picture_files(source)):
            relative = path.relative_to(source).as_posix()
            yield _Job(path, relative, PurePosixPath(relative), None)
        return
    for row in read_csv_rows(source):
        path = source.parent / row["file"]
        yield _Job(path, row["file"], PurePosixPath(path.name), row)


def _iter_checked(jobs: list[_Job]) -> Iterator[tuple[_Job, _Checked | str]]:
    """Each job with its file, or with the reason why it can't be used, in order."""
    # a bounded window: 1,000 large files must not stand in memory at once
    window = 4 * (os.cpu_count() or 1)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for start in range(0, len(jobs), window):
            part = jobs[start : start + window]
            yield from zip(part, pool.map(_check, part), strict=True)


def _check(job: _Job) -> _Checked | str:
    try:
        data = job.source.read_bytes()
        return _Checked(data, matching.plain_copy_score(matching.decode_small(data)))
    except OSError as error:
        return f"can't be read: {error.strerror}"
    except PictureError as error:
        return str(error)


def _write(images: Path, target: PurePosixPath, data: bytes) -> Path:
    """Write under the name, or the next free one like it; nothing half-written bears it."""
    folder = images / target.parent
    folder.mkdir(parents=True, exist_ok=True)
    path, number = folder / target.name, 1
    while path.exists():
        number += 1
        path = folder / f"{target.stem}-{number}{target.suffix}"
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(data)
    partial.rename(path)
    return path


def _merge_csv(path: Path, rows: dict[str, CsvRow]) -> None:
    """Set the rows of these files; every other row stays as it is."""
    merged = {row["file"]: row for row in read_csv_rows(path)} if path.exists() else {}
    for name, row in rows.items():
        merged[name] = {**row, "file": name}
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, CSV_COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(merged.values())
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(buffer.getvalue(), encoding="utf-8", newline="")
    partial.replace(path)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
