"""What the daemon finds wrong with itself: a disk that runs full, a watch that is late.

Each trouble is told once, when it begins; one that ends and begins again is told again.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from monitor.app import App
from monitor.config import Config
from monitor.health.policy import LATE_AFTER, LEAST_FREE_BYTES, LEAST_FREE_PART, RECOVERED
from monitor.model.events import DiskLow, Event, Lacking, StoredIn, WatchLate, WatchUnplanned
from monitor.scanning import WatchRules
from monitor.storage import Connection
from monitor.storage.catalogue import watches
from monitor.storage.searches import cycles
from monitor.storage.telling import alerts, troubles
from monitor.words import read_words

# Folder -> (bytes in all, bytes free to us). Raises OSError.
DiskUse: TypeAlias = Callable[[Path], tuple[int, int]]


def disk_use(folder: Path) -> tuple[int, int]:
    """(bytes in all, bytes free to us) of the disk that holds a folder. Raises OSError."""
    use = shutil.disk_usage(folder)
    return use.total, use.free


def watch_over(app: App, use: DiskUse = disk_use) -> None:
    """Tell the operator of what is wrong now and was not before. Raises StoreError."""
    now = app.scans.clock()
    with app.store.reading() as conn:
        known = {trouble.key for trouble in troubles.list_open(conn)}
        late = dict(_find_late(conn, app.config, now))
    low = dict(_find_low(app, known, use))
    stale = known - low.keys() - late.keys()
    ended = [key for key in stale if _is_ours_to_end(key, app.config)]
    if not (low or late or ended):
        return
    with app.store.writing() as conn:
        for key in ended:
            troubles.end(conn, key)
        for key, disk in low.items():
            _tell(app, conn, disk, key)
        for key, watch in late.items():
            _tell(app, conn, watch, key)


def _tell(app: App, conn: Connection, event: Event, key: str) -> None:
    """An alert if the trouble is new."""
    now = app.scans.clock()
    if troubles.note(conn, key, read_words().tell(event), now):
        alerts.add(
            conn,
            event,
            dedup_key=f"{event.name.value}:{key}:{now.isoformat()}",
            now=now,
            alert_id=app.alerts.new_alert_id(),
        )


def _is_ours_to_end(key: str, config: Config) -> bool:
    """Disks of this machine, late watches, and anything about a watch that is no more."""
    kind, _, name = key.partition(":")
    if kind == "disk":
        return key.startswith(_disk_key(""))
    return key.startswith(troubles.LATE) or name not in {watch.name for watch in config.watches}


# -- disks


def _disk_key(folder: object) -> str:
    return f"disk:{socket.gethostname()}:{folder}"


def _find_low(app: App, known: set[str], use: DiskUse) -> Iterator[tuple[str, DiskLow]]:
    """(key, event) of each disk that is nearly full; folders on one disk are one trouble."""
    devices: set[int] = set()
    host = socket.gethostname()
    folders = {
        StoredIn.DATABASE: app.store.folder,
        StoredIn.PICTURES: app.config.storage.pictures,
    }
    for what, folder in folders.items():
        place = _existing(folder) if folder else None
        if place is None:
            continue
        try:
            device = os.stat(place).st_dev  # noqa: PTH116 - a folder may go in this moment
            total, free = use(place)
        except OSError:
            continue  # what can't be reached is told by whoever uses it
        key = _disk_key(folder)
        least = least_free(total) * (RECOVERED if key in known else 1)
        if device not in devices and free < least:
            yield key, DiskLow(host, what, str(folder), free, total)
        devices.add(device)


def least_free(total: int) -> float:
    """Below how many free bytes a disk of `total` bytes is low."""
    return min(max(LEAST_FREE_BYTES, LEAST_FREE_PART * total), total / 2)


def _existing(folder: Path) -> Path | None:
    """The folder, or the nearest above it that is there already."""
    return next((place for place in (folder, *folder.parents) if place.is_dir()), None)


# -- watches


def _find_late(conn: Connection, config: Config, now: datetime) -> Iterator[tuple[str, WatchLate]]:
    """(key, event) of each watch with a cycle that was due too long ago and isn't done."""
    due = {item.name: item.due_at for item in watches.find_due(conn, now)}
    open_since = cycles.find_oldest_open(conn)
    for watch in config.watches:
        for since, lacking in (
            (due.get(watch.name), Lacking.PLANNED),
            (open_since.get(watch.name), Lacking.DONE),
        ):
            if since is not None and _is_late(watch, since, now):
                yield _late_key(watch.name), WatchLate(watch.name, since, lacking)
                break


def _late_key(watch: str) -> str:
    return f"{troubles.LATE}{watch}"


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
        _tell(app, conn, late, _late_key(watch.name))


def note_unplanned(app: App, conn: Connection, watch: str, error: Exception) -> None:
    """Tell that a watch can't be planned; its due time moves on, so it would never be late."""
    _tell(app, conn, WatchUnplanned(watch, type(error).__name__), f"plan:{watch}")


def end_unplanned(app: App, watch: str) -> None:
    """The watch was planned."""
    key = f"plan:{watch}"
    with app.store.reading() as conn:
        is_known = any(trouble.key == key for trouble in troubles.list_open(conn))
    if is_known:
        with app.store.writing() as conn:
            troubles.end(conn, key)
