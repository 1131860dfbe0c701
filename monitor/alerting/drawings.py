"""The drawings that go with a message: files in a temporary folder, there while it is sent.

In the system's folder for such things, not beside the picture files: systemd gives the service one
of its own and empties it at every stop, also after a crash, and other systems empty theirs from
time to time. They are files, not bytes in memory, because several of apprise's services open an
attachment by its path.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from monitor import matching
from monitor.alerting.context import AlertContext
from monitor.alerting.policy import DRAWINGS_LEFT_BEHIND
from monitor.errors import MonitorError, PictureError
from monitor.storage.catalogue import pictures
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.matches.matches import MatchRow
from monitor.words import Words

log = logging.getLogger(__name__)

PREFIX = "infringement-monitor-drawings-"
_QUALITY = 85


@contextmanager
def drawn(
    context: AlertContext, found: Sequence[MatchRow], words: Words
) -> Iterator[Mapping[int, Path]]:
    """Match id -> the file of its drawing, there until the block ends.

    A match that can't be drawn is logged and left out: no alert waits for its drawing.
    """
    if not found:
        yield {}
        return
    folder = _make_folder(context.temporary, context.clock())
    if folder is None:
        yield {}
        return
    with folder as path:
        yield _draw_all(context, found, Path(path), words)


def _make_folder(parent: Path | None, now: datetime) -> tempfile.TemporaryDirectory[str] | None:
    """A folder that is removed after its `with` block; None if there can be none (a full disk)."""
    try:
        place = parent or Path(tempfile.gettempdir())
        _sweep(place, now - DRAWINGS_LEFT_BEHIND)
        return tempfile.TemporaryDirectory(prefix=PREFIX, dir=place, ignore_cleanup_errors=True)
    except OSError as error:
        log.warning("alerts go out without drawings: %s", error)
        return None


def _sweep(parent: Path, before: datetime) -> None:
    """Remove what processes that were killed have left behind; others' folders refuse."""
    with suppress(OSError):
        for left in parent.glob(f"{PREFIX}*"):
            if left.lstat().st_mtime < before.timestamp():
                shutil.rmtree(left, ignore_errors=True)


def _draw_all(
    context: AlertContext, found: Sequence[MatchRow], folder: Path, words: Words
) -> dict[int, Path]:
    files: dict[int, Path] = {}
    for match in found:
        path = folder / f"{match.id}.jpg"
        try:
            _draw(context, match, words).save(path, "JPEG", quality=_QUALITY, optimize=True)
        except (MonitorError, OSError) as error:
            log.warning("match %d is told without its drawing: %s", match.id, error)
        except Exception:
            # Border: a part of one delivery. Whatever a picture or a library does here, the alert
            # itself has to go out, not to be tried for a week.
            log.exception("match %d is told without its drawing", match.id)
        else:
            files[match.id] = path
    return files


def _draw(context: AlertContext, match: MatchRow, words: Words) -> matching.Image:
    """From the stored picture files and fingerprints. Raises StoreError or PictureError."""
    shas = (match.reference_sha256, match.picture_sha256)
    with context.store.reading() as conn:
        records = pictures.find(conn, shas)
    prints = [records[sha256].fingerprints if sha256 in records else {} for sha256 in shas]
    comparison, change = matching.recall(match.similarity, *prints)
    if change:
        log.info("match %d is drawn without its points: %s", match.id, change)
    ours, theirs = (_load(context.files, sha256) for sha256 in shas)
    return matching.draw_comparison(ours, theirs, comparison, words=words)


def _load(files: PictureFiles, sha256: str) -> matching.Image:
    """Made small at once: two huge pictures in memory would be one too many."""
    try:
        return matching.shrink(matching.decode(files.read(sha256)).image)
    except PictureError as error:
        raise PictureError(f"picture {sha256}: {error}") from error
