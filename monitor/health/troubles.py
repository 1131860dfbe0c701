"""What the daemon finds wrong with itself: a disk that runs full, a watch that is late.

Each is noted in a row and told once, when it begins; one that ends and begins again is told again.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from monitor.app import App
from monitor.config import Config
from monitor.health.findings import Finding
from monitor.health.policy import (
    LATE_AFTER,
    LEAST_FREE_BYTES,
    LEAST_FREE_PART,
    RECOVERED,
    TROUBLE_FORGOTTEN,
)
from monitor.model import AlertEvent
from monitor.model.events import (
    DiskLow,
    Event,
    Lacking,
    StoredIn,
    WatchLate,
    WatchUnplanned,
    Written,
    read_event,
    store_event,
)
from monitor.scanning.options import WatchRules
from monitor.storage.catalogue import watches
from monitor.storage.db.engine import Connection
from monitor.storage.searches import cycles
from monitor.storage.telling import alerts, troubles
from monitor.storage.telling.troubles import Trouble

# What lasts: kinds of findings, and as which event each is told when it begins.
_DISK_LOW: Final = "disk_low"
_LATE: Final = "watch_late"
_UNPLANNED: Final = "watch_unplanned"
_EVENTS: Final = {
    _DISK_LOW: AlertEvent.DISK_LOW,
    _LATE: AlertEvent.SCAN_OVERDUE,
    _UNPLANNED: AlertEvent.SCAN_OVERDUE,
}

# Folder -> (bytes in all, bytes free to us). Raises OSError.
DiskUse: TypeAlias = Callable[[Path], tuple[int, int]]
# Kind and subject.
_Key: TypeAlias = tuple[str, str]


def disk_use(folder: Path) -> tuple[int, int]:
    """(bytes in all, bytes free to us) of the disk that holds a folder. Raises OSError."""
    use = shutil.disk_usage(folder)
    return use.total, use.free


def lasting_findings(
    conn: Connection, overdue: Collection[str], now: datetime
) -> Iterator[Finding]:
    """What a daemon has noted and has met lately; not the lateness of watches that are `overdue`
    by the rows, which is told already.
    """
    for row in troubles.list_open(conn):
        is_told = row.kind == _LATE and row.subject in overdue
        if now - row.seen_at < TROUBLE_FORGOTTEN and not is_told:
            yield Finding(row.kind, row.subject, _facts(row), row.since_at)


def _facts(row: Trouble) -> Event | Written:
    """Those that the row keeps; its text where another version of the program wrote it."""
    event = _EVENTS.get(row.kind)
    return Written(row.text or "") if event is None else read_event(event, row.facts, row.text)


def watch_over(app: App, use: DiskUse = disk_use) -> None:
    """Tell the operator of what is wrong now and was not before. Raises StoreError."""
    now = app.scans.clock()
    with app.store.reading() as conn:
        known = troubles.list_open(conn)
        late = list(_find_late(conn, app.config, now))
    low_before = {row.subject for row in known if row.kind == _DISK_LOW}
    met = dict([*_find_low(app, low_before, use), *late])
    ended = [
        row
        for row in known
        if (row.kind, row.subject) not in met and _is_ours_to_end(row, app.config)
    ]
    if not (met or ended):
        return
    with app.store.writing() as conn:
        for row in ended:
            troubles.end(conn, row.kind, row.subject)
        for (kind, subject), event in met.items():
            _tell(app, conn, kind, subject, event)


def _tell(app: App, conn: Connection, kind: str, subject: str, event: Event) -> None:
    """An alert if the trouble is new."""
    now = app.scans.clock()
    if troubles.note(conn, kind, subject, store_event(event), now):
        alerts.add(
            conn,
            event,
            dedup_key=f"{kind}:{subject}:{now.isoformat()}",
            now=now,
            alert_id=app.alerts.new_alert_id(),
        )


def _is_ours_to_end(row: Trouble, config: Config) -> bool:
    """Disks of this machine, late watches, and anything about a watch that is no more."""
    if row.kind == _DISK_LOW:
        return row.subject.partition(":")[0] == socket.gethostname()
    return row.kind == _LATE or row.subject not in {item.name for item in config.watches}


# -- disks


def _find_low(
    app: App, low_before: Collection[str], use: DiskUse
) -> Iterator[tuple[_Key, DiskLow]]:
    """Each disk that is nearly full, by host and folder; folders on one disk are one trouble."""
    host, devices = socket.gethostname(), set[int]()
    folders = {
        StoredIn.DATABASE: app.store.folder,
        StoredIn.PICTURES: app.config.storage.pictures,
    }
    for content, folder in folders.items():
        place = _existing(folder) if folder else None
        if place is None:
            continue
        try:
            device = os.stat(place).st_dev  # noqa: PTH116 - a folder may go in this moment
            total, free = use(place)
        except OSError:
            continue  # what can't be reached is told by whoever uses it
        subject = f"{host}:{folder}"
        least = least_free(total) * (RECOVERED if subject in low_before else 1)
        if device not in devices and free < least:
            yield (_DISK_LOW, subject), DiskLow(host, content, str(folder), free, total)
        devices.add(device)


def least_free(total: int) -> float:
    """Below how many free bytes a disk of `total` bytes is low."""
    return min(max(LEAST_FREE_BYTES, LEAST_FREE_PART * total), total / 2)


def _existing(folder: Path) -> Path | None:
    """The folder, or the nearest above it that is there already."""
    return next((place for place in (folder, *folder.parents) if place.is_dir()), None)


# -- watches


def _find_late(conn: Connection, config: Config, now: datetime) -> Iterator[tuple[_Key, WatchLate]]:
    """Each watch with a cycle that was due too long ago and isn't done."""
    due = {item.name: item.due_at for item in watches.find_due(conn, now)}
    open_since = cycles.find_oldest_open(conn)
    for watch in config.watches:
        for due_at, lacking in (
            (due.get(watch.name), Lacking.PLANNED),
            (open_since.get(watch.name), Lacking.DONE),
        ):
            if due_at is not None and _is_late(watch, due_at, now):
                yield (_LATE, watch.name), WatchLate(watch.name, due_at, lacking)
                break


def _is_late(watch: WatchRules, due_at: datetime, now: datetime) -> bool:
    """By more than the watch's own interval, and by 15 minutes at least."""
    interval = watch.trigger.next_after(due_at) - due_at
    return now - due_at > max(interval, LATE_AFTER)


def note_late(app: App, watch: WatchRules, due_at: datetime) -> None:
    """Tell that a watch is late, if it is: it is about to be planned, and nobody would know."""
    if not _is_late(watch, due_at, app.scans.clock()):
        return
    with app.store.writing() as conn:
        late = WatchLate(watch.name, due_at, Lacking.PLANNED)
        _tell(app, conn, _LATE, watch.name, late)


def note_unplanned(app: App, conn: Connection, watch: str, error: Exception) -> None:
    """Tell that a watch can't be planned; its due time moves on, so it would never be late."""
    _tell(app, conn, _UNPLANNED, watch, WatchUnplanned(watch, type(error).__name__))


def end_unplanned(app: App, watch: str) -> None:
    """The watch was planned."""
    key = (_UNPLANNED, watch)
    with app.store.reading() as conn:
        is_known = any((row.kind, row.subject) == key for row in troubles.list_open(conn))
    if is_known:
        with app.store.writing() as conn:
            troubles.end(conn, *key)
