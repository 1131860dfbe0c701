"""plan: a watch is due -> its folder is read -> a due scan per reference picture and site."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.errors import InputError, PictureError, Stopping
from monitor.model import FoundPicture, PictureRecord
from monitor.model.events import PictureUnreadable
from monitor.scanning.context import ScanContext
from monitor.scanning.guard.startup import UNWANTED
from monitor.scanning.options import WatchRules
from monitor.scanning.pictures import keep_picture, record_picture
from monitor.scanning.plan.folder import Entry, Unreadable, read_folder
from monitor.scanning.trust.check import alert_retired
from monitor.storage.catalogue import assets, pictures, watches
from monitor.storage.db.engine import Connection
from monitor.storage.searches import scans
from monitor.storage.telling import alerts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What planning a watch came to; `cycle_id` is None where nothing new is due.

    `folder_problem` is set when the folder could not be trusted and the known pictures were kept.
    """

    cycle_id: int | None
    references: int
    changes: assets.AssetChanges
    unreadable: tuple[Unreadable, ...]
    folder_problem: str | None = None


def plan_watch(
    context: ScanContext,
    rules: WatchRules,
    due_at: datetime,
    *,
    next_due_at: datetime | None = None,
) -> Plan:
    """Bring the watch's assets up to date and make its scans due.

    With `next_due_at` the watch's schedule moves on in the same transaction; if another process
    moved it first, nothing is planned. A folder that can't be read, or is suddenly empty, changes
    nothing: the pictures known so far are searched on, and the operator is told.
    Raises StoreError.
    """
    try:
        entries, records, unreadable = _load_folder(context, rules.images)
        problem = None
    except InputError as error:
        entries, records, unreadable = [], {}, ()
        problem = str(error)
    now = context.clock()
    with context.store.writing() as conn:
        watch_id = watches.get_id(conn, rules.name)
        if next_due_at and not watches.set_next_due(conn, watch_id, due_at, next_due_at):
            return Plan(None, 0, assets.AssetChanges(), ())
        known = assets.iter_references(conn, watch_id)
        is_empty = not entries and not any(item.is_file for item in unreadable)
        if is_empty and known and problem is None:
            problem = f"the picture folder {rules.images} is empty; is it mounted?"
        changes = assets.AssetChanges()
        if problem is None:
            changes = _sync(conn, watch_id, entries, records, unreadable, now)
        if changes.retired:
            alert_retired(context, conn, watch_id, now)
        references = assets.iter_references(conn, watch_id)
        _alert_unreadable(context, conn, watch_id, unreadable, problem, now)
        scans.end_unwanted(conn, watch_id, rules.marketplaces, now, UNWANTED)
        cycle_id = scans.plan(conn, watch_id, references, rules.marketplaces, due_at)
    _report(rules, changes, unreadable, problem)
    return Plan(cycle_id, len(references), changes, unreadable, problem)


def _load_folder(
    context: ScanContext, images: Path
) -> tuple[list[Entry], dict[str, PictureRecord], tuple[Unreadable, ...]]:
    folder = read_folder(images)
    with context.store.reading() as conn:
        records = pictures.find(conn, {entry.sha256 for entry in folder.entries}, algorithms=())
    ready: list[Entry] = []
    unreadable = list(folder.unreadable)
    # decoding releases the interpreter lock, so threads use all cores
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for entry, result in zip(
            folder.entries,
            pool.map(lambda entry: _load_entry(context, images, entry, records), folder.entries),
            strict=True,
        ):
            if isinstance(result, str):
                unreadable.append(Unreadable(entry.path, result))
                continue
            records[result.sha256] = result
            ready.append(Entry(entry.path, entry.asset, result.sha256, entry.rights, entry.tags))
    return ready, records, tuple(unreadable)


def _load_entry(
    context: ScanContext, images: Path, entry: Entry, records: dict[str, PictureRecord]
) -> PictureRecord | str:
    """The entry's record, with fingerprints if it is new; or the reason why it has none."""
    if context.is_stopping():
        raise Stopping("told to stop while reading the picture folder")
    known = records.get(entry.sha256)
    try:
        if known is not None and context.files.has(entry.sha256, known.size_bytes):
            return known
        return keep_picture(context.files, (images / entry.path).read_bytes())
    except PictureError as error:
        return str(error)
    except OSError as error:
        return f"can't be read: {error.strerror}"


def _sync(
    conn: Connection,
    watch_id: int,
    entries: list[Entry],
    records: dict[str, PictureRecord],
    unreadable: tuple[Unreadable, ...],
    now: datetime,
) -> assets.AssetChanges:
    for sha256 in {entry.sha256 for entry in entries}:
        if records[sha256].fingerprints:
            record_picture(conn, records[sha256], now)
    found = [_found(entry, records[entry.sha256]) for entry in entries]
    there = {item.path for item in unreadable if item.is_file}
    return assets.sync(conn, watch_id, found, now, there)


def _found(entry: Entry, record: PictureRecord) -> FoundPicture:
    return FoundPicture(
        path=entry.path,
        sha256=entry.sha256,
        asset=entry.asset,
        rights=entry.rights,
        tags=entry.tags,
        format=record.format,
        width=record.width,
        height=record.height,
        size_bytes=record.size_bytes,
    )


def _alert_unreadable(
    context: ScanContext,
    conn: Connection,
    watch_id: int,
    unreadable: tuple[Unreadable, ...],
    problem: str | None,
    now: datetime,
) -> None:
    """One operator alert per unreadable file and reason: it is a picture that isn't watched."""
    events = {
        f"{item.path}:{item.path}: {item.reason}": PictureUnreadable(item.path, item.reason)
        for item in unreadable
    }
    if problem is not None:
        events[f"folder:{now.date()}:{problem}"] = PictureUnreadable(None, problem)
    for key, event in events.items():
        alerts.add(
            conn,
            event,
            dedup_key=f"unreadable:{watch_id}:{key}",
            watch_id=watch_id,
            now=now,
            alert_id=context.new_alert_id(),
        )


def _report(
    rules: WatchRules,
    changes: assets.AssetChanges,
    unreadable: tuple[Unreadable, ...],
    problem: str | None,
) -> None:
    for item in unreadable:
        log.warning("watch %s: %s is not watched: %s", rules.name, item.path, item.reason)
    if problem is not None:
        log.error("watch %s: keeps the pictures known so far: %s", rules.name, problem)
    for path in changes.duplicates:
        log.info("watch %s: %s is a picture already known under another name", rules.name, path)
