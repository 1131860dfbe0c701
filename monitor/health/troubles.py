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
from monitor.config import Config, WatchConfig
from monitor.health.policy import LATE_AFTER, LEAST_FREE_BYTES, LEAST_FREE_PART, RECOVERED
from monitor.model import AlertEvent
from monitor.storage import Connection
from monitor.storage.catalogue import watches
from monitor.storage.searches import cycles
from monitor.storage.telling import alerts, troubles

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
        for key, text in low.items():
            _tell(app, conn, AlertEvent.DISK_LOW, key, text)
        for key, text in late.items():
            _tell(app, conn, AlertEvent.SCAN_OVERDUE, key, text)


def _tell(app: App, conn: Connection, event: AlertEvent, key: str, text: str) -> None:
    """An alert if the trouble is new."""
    now = app.scans.clock()
    if troubles.note(conn, key, text, now):
        alerts.add(
            conn,
            event=event,
            dedup_key=f"{event.value}:{key}:{now.isoformat()}",
            text=text,
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


def _find_low(app: App, known: set[str], use: DiskUse) -> Iterator[tuple[str, str]]:
    """(key, text) of each disk that is nearly full; folders on one disk are one trouble."""
    devices: set[int] = set()
    folders = {"database": app.store.folder, "pictures": app.config.storage.pictures}
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
            yield key, _low_text(what, folder, total, free)
        devices.add(device)


def least_free(total: int) -> float:
    """Below how many free bytes a disk of `total` bytes is low."""
    return min(max(LEAST_FREE_BYTES, LEAST_FREE_PART * total), total / 2)


def _existing(folder: Path) -> Path | None:
    """The folder, or the nearest above it that is there already."""
    return next((place for place in (folder, *folder.parents) if place.is_dir()), None)


def _low_text(what: str, folder: Path | None, total: int, free: int) -> str:
    return (
        f"Only {free / 1e9:.1f} of {total / 1e9:.0f} GB are free on {socket.gethostname()} for the "
        f"{what} in {folder}. When the disk is full nothing can be stored and no new alert be "
        "written: make room."
    )


# -- watches


def _find_late(conn: Connection, config: Config, now: datetime) -> Iterator[tuple[str, str]]:
    """(key, text) of each watch with a cycle that was due too long ago and isn't done."""
    due = {item.name: item.due_at for item in watches.find_due(conn, now)}
    open_since = cycles.find_oldest_open(conn)
    for watch in config.watches:
        for since, state in (
            (due.get(watch.name), "planned"),
            (open_since.get(watch.name), "done"),
        ):
            if since is not None and _is_late(watch, since, now):
                yield _late_key(watch.name), _late_text(watch.name, since, state)
                break


def _late_key(watch: str) -> str:
    return f"{troubles.LATE}{watch}"


def _late_text(watch: str, due_at: datetime, state: str) -> str:
    return (
        f"Watch {watch} is late: the cycle that was due at {due_at:%Y-%m-%d %H:%M} UTC is not "
        f"{state} yet. The daemon was down, hangs, or a cycle takes longer than the watch's "
        "interval: see `monitor status` and the log."
    )


def _is_late(watch: WatchConfig, due_at: datetime, now: datetime) -> bool:
    """By more than the watch's own interval, and by 15 minutes at least."""
    interval = watch.trigger.next_after(due_at) - due_at
    return now - due_at > max(interval, LATE_AFTER)


def note_late(app: App, watch: WatchConfig, due_at: datetime) -> None:
    """Tell that a watch is late, if it is: it is about to be planned, and nobody would know."""
    if not _is_late(watch, due_at, app.scans.clock()):
        return
    with app.store.writing() as conn:
        text = _late_text(watch.name, due_at, "planned")
        _tell(app, conn, AlertEvent.SCAN_OVERDUE, _late_key(watch.name), text)


def note_unplanned(app: App, conn: Connection, watch: str, error: Exception) -> None:
    """Tell that a watch can't be planned; its due time moves on, so it would never be late."""
    text = (
        f"Watch {watch} can't be planned, so it is not searched: unexpected "
        f"{type(error).__name__}. The log says where; it is tried again every hour."
    )
    _tell(app, conn, AlertEvent.SCAN_OVERDUE, f"plan:{watch}", text)


def end_unplanned(app: App, watch: str) -> None:
    """The watch was planned."""
    key = f"plan:{watch}"
    with app.store.reading() as conn:
        is_known = any(trouble.key == key for trouble in troubles.list_open(conn))
    if is_known:
        with app.store.writing() as conn:
            troubles.end(conn, key)
