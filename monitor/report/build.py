"""store -> one self-contained HTML file: every match with a drawing of what the pictures share."""

from __future__ import annotations

import base64
import io
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from monitor import matching
from monitor.errors import InputError, NotFound, PictureError, StoreError
from monitor.matching import Image
from monitor.model import PictureRecord, ScanOutcome
from monitor.storage.catalogue import pictures
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Store
from monitor.storage.matches import matches
from monitor.storage.matches.matches import MatchRow
from monitor.storage.searches import scans
from monitor.storage.searches.scans import ScanHealth

log = logging.getLogger(__name__)

# Up to so many matches a report has room for larger drawings; beyond, it must stay small enough for
# a mail (docs/operations.md has what it comes to).
_FEW = 100
_TEMPLATES = Path(__file__).with_name("templates")
# Drawn together: decoded pictures are kept no longer.
_AT_ONCE = 50

Show = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How large a picture is shown: its height in pixels, and the quality of the JPEG."""

    height: int
    quality: int

    @property
    def drawing_width(self) -> int:
        """Two pictures, each at most a third wider than high, and what is around them."""
        return self.height * 8 // 3 + 60


def _size_for(count: int) -> Size:
    return Size(280, 72) if count <= _FEW else Size(180, 62)


@dataclass(frozen=True, slots=True)
class Shown:
    """A match with its drawing as data URI.

    Where it can't be drawn, the pictures that are there stand for it, and `note` says why; it also
    says what is not in the drawing.
    """

    match: MatchRow
    drawing: str | None
    reference: str | None = None
    listing: str | None = None
    note: str = ""

    @property
    def relation(self) -> str:
        return matching.relation_in_words(self.match.similarity)

    @property
    def reasons(self) -> tuple[str, ...]:
        return matching.reasons_in_words(self.match.similarity)


@dataclass(frozen=True, slots=True)
class Report:
    """What one report says."""

    made_at: datetime
    shown: tuple[Shown, ...]
    found: int
    scans: tuple[ScanHealth, ...]

    @property
    def size(self) -> Size:
        return _size_for(len(self.shown))

    @property
    def failed(self) -> list[ScanHealth]:
        """The scans that did not see everything: their silence proves nothing."""
        return [
            scan
            for scan in self.scans
            if scan.outcome is None or not ScanOutcome(scan.outcome).is_complete
        ]


def build_report(
    store: Store,
    files: PictureFiles,
    now: datetime,
    *,
    watch: str | None = None,
    min_score: float | None = None,
    limit: int = 500,
    show: Show | None = None,
) -> Report:
    """The best `limit` matches with their drawings, and the health of the newest scans.

    `show(done, total)` is called as they are drawn. Raises StoreError.
    """
    with store.reading() as conn:
        rows = matches.list_rows(conn, watch=watch, min_score=min_score)
        health = scans.list_health(conn, limit=200)
    chosen = [row for row in health if watch is None or row.watch == watch]
    shown = _draw_all(store, files, rows[:limit], show or (lambda _done, _total: None))
    return Report(now, shown, len(rows), tuple(chosen))


def write_report(report: Report, path: Path) -> None:
    """Write the report as one HTML file. Raises InputError if the file can't be written."""
    # escaping is on: titles and seller names come from outside
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    html = environment.get_template("report.html").render(report=report)
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise InputError(f"can't write the report {path}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class _Picture:
    """A stored picture made as small as it is shown, or why there is none."""

    image: Image | None
    problem: str = ""

    def uri(self, size: Size) -> str | None:
        return None if self.image is None else data_uri(self.image, size)


def _draw_all(
    store: Store, files: PictureFiles, rows: Sequence[MatchRow], show: Show
) -> tuple[Shown, ...]:
    """Every match drawn, in the order of `rows`; each picture is decoded once.

    Those of one reference picture are drawn after each other, so that little is kept.
    """
    size = _size_for(len(rows))
    ordered = sorted(rows, key=lambda row: (row.reference_sha256, row.picture_sha256))
    drawn: dict[int, Shown] = {}
    kept: dict[str, _Picture] = {}
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for start in range(0, len(ordered), _AT_ONCE):
            part = ordered[start : start + _AT_ONCE]
            shas = {sha for row in part for sha in (row.reference_sha256, row.picture_sha256)}
            with store.reading() as conn:
                records = pictures.find(conn, shas)
            new = [sha for sha in sorted(shas) if sha not in kept]
            loaded = zip(new, pool.map(partial(_load, files, size), new), strict=True)
            kept = {sha: kept[sha] for sha in shas if sha in kept} | dict(loaded)
            for done in pool.map(partial(_show, size, kept, records), part):
                drawn[done.match.id] = done
            show(len(drawn), len(ordered))
    return tuple(drawn[row.id] for row in rows)


def _load(files: PictureFiles, size: Size, sha256: str) -> _Picture:
    try:
        image = matching.decode(files.read(sha256)).image
    except NotFound:
        return _Picture(None, "is gone or damaged")
    except (StoreError, PictureError) as error:
        log.warning("picture %s can't be shown: %s", sha256, error)
        return _Picture(None, "can't be read")
    return _Picture(matching.shrink(image, size.height))


def _show(
    size: Size,
    loaded: Mapping[str, _Picture],
    records: Mapping[str, PictureRecord],
    row: MatchRow,
) -> Shown:
    shas = (row.reference_sha256, row.picture_sha256)
    ours, theirs = (loaded[sha256] for sha256 in shas)
    if ours.image is None or theirs.image is None:
        whose = (("your picture", ours), ("the listing's picture", theirs))
        gone = [f"{name} {picture.problem}" for name, picture in whose if picture.problem]
        note = f"Not drawn: {' and '.join(gone)}."
        return Shown(row, None, ours.uri(size), theirs.uri(size), note)
    prints = [records[sha256].fingerprints if sha256 in records else {} for sha256 in shas]
    comparison, change = matching.recall(row.similarity, *prints)
    drawing = matching.draw_comparison(ours.image, theirs.image, comparison, height=size.height)
    note = f"Drawn without its points: {change}." if change else ""
    return Shown(row, data_uri(drawing, size), note=note)


def data_uri(image: Image, size: Size) -> str:
    """A JPEG as `data:` URI, so that the report needs no other file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=size.quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def summary(report: Report) -> Iterable[str]:
    """What the report holds, in lines."""
    yield f"{report.found} matches, {len(report.shown)} shown"
    if bare := sum(item.drawing is None for item in report.shown):
        yield f"{bare} of them without a drawing: a picture file is gone or damaged"
    if report.failed:
        yield f"{len(report.failed)} scans did not see everything"
