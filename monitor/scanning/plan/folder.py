"""A watch's folder of pictures, as it stands now: the one source of truth for its assets."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from monitor.errors import InputError
from monitor.model import Rights

ASSETS_CSV = "assets.csv"
CSV_COLUMNS = (
    "file",
    "asset",
    "right_kind",
    "certificate",
    "territory",
    "official_url",
    "published_at",
    "tags",
)
TOO_DEEP = "a folder within a sub-folder is passed over; move its pictures one level up"
# What file managers leave behind; not worth a word to the owner.
_LITTER = {"thumbs.db", "desktop.ini", "ehthumbs.db"}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file in the folder that can't be used; `path` is relative to the folder, POSIX.

    `is_file` is False for what is no file there: a row of assets.csv without one, a folder.
    """

    path: str
    reason: str
    is_file: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the folder, by content."""

    path: str
    asset: str
    sha256: str
    rights: Rights = field(default_factory=Rights)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Folder:
    entries: tuple[Entry, ...]
    unreadable: tuple[Unreadable, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    asset: str
    rights: Rights
    tags: tuple[str, ...]


def read_folder(images: Path) -> Folder:
    """Every picture file in `images` with its sha256, its asset's name and rights.

    A file directly in the folder is an asset named by its stem, a sub-folder one asset with all
    pictures directly in it. Files are hashed, not decoded. Raises InputError if the folder itself
    or its assets.csv can't be read: nothing may be concluded about its assets then.
    """
    try:
        paths = sorted(iter_picture_files(images))
        deep = find_too_deep(images)
    except OSError as error:
        raise InputError(f"can't read the picture folder {images}: {error.strerror}") from error
    rows = read_assets_csv(images / ASSETS_CSV)
    found = {path.relative_to(images).as_posix(): path for path in paths}
    missing = [
        Unreadable(name, f"named in {ASSETS_CSV}, not found", is_file=False)
        for name in sorted(rows.keys() - found)
    ]
    entries: list[Entry] = []
    unreadable: list[Unreadable] = []
    for relative, path in found.items():
        try:
            entries.append(_entry(images, path, _hash_file(path), rows.get(relative)))
        except OSError as error:
            unreadable.append(Unreadable(relative, f"can't be read: {error.strerror}"))
    return Folder(tuple(entries), (*unreadable, *missing, *deep))


def iter_picture_files(images: Path) -> Iterator[Path]:
    """Every file directly in the folder or in one of its sub-folders that may be a picture."""
    for path in images.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from (inner for inner in path.iterdir() if _is_candidate(inner))
        elif _is_candidate(path) and path.name != ASSETS_CSV:
            yield path


def find_too_deep(images: Path) -> list[Unreadable]:
    """Folders within a sub-folder: what they hold would be passed over without a word."""
    return [
        Unreadable(inner.relative_to(images).as_posix(), TOO_DEEP, is_file=False)
        for path in sorted(images.iterdir())
        if path.is_dir() and not path.name.startswith(".")
        for inner in sorted(path.iterdir())
        if inner.is_dir() and not inner.name.startswith(".")
    ]


def _is_candidate(path: Path) -> bool:
    if path.name.startswith(".") or path.name.lower() in _LITTER:
        return False
    return not path.is_dir()


def _hash_file(path: Path) -> str:
    if not path.is_file():
        raise OSError(0, "not a regular file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entry(images: Path, path: Path, sha256: str, row: _Row | None) -> Entry:
    default = path.stem if path.parent == images else path.parent.name
    relative = path.relative_to(images).as_posix()
    if row is None:
        return Entry(relative, default, sha256)
    return Entry(relative, row.asset or default, sha256, row.rights, row.tags)


def read_assets_csv(path: Path) -> dict[str, _Row]:
    """File name -> name, rights and tags; empty where there is no such file.

    Raises InputError as read_csv_rows does.
    """
    if not path.exists():
        return {}
    return {row["file"]: _row(row) for row in read_csv_rows(path)}


def read_csv_rows(path: Path) -> list[dict[str, str]]:
    """The rows of an assets.csv that name a file, as text.

    Raises InputError for a file that is not UTF-8 CSV, lacks the column `file` or has a column
    that is not one of CSV_COLUMNS.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True, restkey="")
            _check_columns(path, reader.fieldnames)
            rows = [row for row in reader if (row["file"] or "").strip()]
    except OSError as error:
        raise InputError(f"can't read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8: {error}") from error
    if long := next((row for row in rows if "" in row), None):
        raise InputError(f"{path}: the row of {long['file']!r} has more cells than columns")
    return [{**row, "file": row["file"].strip()} for row in rows]


def _check_columns(path: Path, names: object) -> None:
    columns = [str(name) for name in names] if isinstance(names, (list, tuple)) else []
    if "file" not in columns:
        raise InputError(f"{path} has no column `file`; it needs: {', '.join(CSV_COLUMNS)}")
    if unknown := [name for name in columns if name not in CSV_COLUMNS]:
        known = ", ".join(CSV_COLUMNS)
        raise InputError(f"{path}: unknown column `{unknown[0]}`; the columns are: {known}")


def _row(row: dict[str, str]) -> _Row:
    def cell(name: str) -> str | None:
        return (row.get(name) or "").strip() or None

    rights = Rights(
        kind=cell("right_kind"),
        certificate=cell("certificate"),
        territory=cell("territory"),
        official_url=cell("official_url"),
        published_at=cell("published_at"),
    )
    tags = (cell("tags") or "").replace(",", ";").split(";")
    return _Row(cell("asset") or "", rights, tuple(tag.strip() for tag in tags if tag.strip()))
