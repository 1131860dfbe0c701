"""What there is to say of watches: when they ran, what they search with, how their scans ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from monitor.cases.trust import Marked
from monitor.config import Config
from monitor.health.findings import (
    Finding,
    PicturesFeatureless,
    PicturesUnspecific,
    ScansIncomplete,
    WatchNeverRun,
    WatchOverdue,
    WatchState,
    WatchUnknown,
    WatchWithoutPictures,
    YieldDropped,
)
from monitor.health.policy import OVERDUE_AFTER
from monitor.model import ScanOutcome
from monitor.storage.catalogue.watches import WatchStatus
from monitor.storage.searches.scans import ScanHealth


def watch_findings(
    config: Config,
    known: Mapping[str, WatchStatus],
    marked: Mapping[str, Marked],
    newest: Iterable[ScanHealth],
    now: datetime,
) -> Iterator[Finding]:
    """Of each watch of the config; `newest` are the scans of the last cycles."""
    scanned: dict[str, datetime] = {}
    for scan in newest:
        if scan.finished_at is not None:
            scanned[scan.watch] = max(scan.finished_at, scanned.get(scan.watch, scan.finished_at))
    for watch in config.watches:
        row = known.get(watch.name)
        yield _state(watch.name, row, scanned.get(watch.name))
        yield from _marked(watch.name, marked.get(watch.name))
        yield from _planning(watch.name, row, now)


def _state(name: str, row: WatchStatus | None, scanned_at: datetime | None) -> Finding:
    if row is None:
        return Finding.of(name, WatchNeverRun())
    return Finding.of(name, WatchState(row.reference_pictures, row.open_matches, scanned_at))


def _marked(name: str, marked: Marked | None) -> Iterator[Finding]:
    if marked is None:
        return
    if marked.unspecific or marked.held:
        yield Finding.of(name, PicturesUnspecific(marked.unspecific, marked.held))
    if marked.featureless:
        yield Finding.of(name, PicturesFeatureless(marked.featureless))


def _planning(name: str, row: WatchStatus | None, now: datetime) -> Iterator[Finding]:
    if row is None or row.retired_at is not None or row.next_due_at is None:
        yield Finding.of(name, WatchUnknown())
    elif now - row.next_due_at > OVERDUE_AFTER:
        yield Finding.of(name, WatchOverdue(), row.next_due_at)
    elif row.reference_pictures == 0 and row.next_due_at > now:  # else it is about to be planned
        yield Finding.of(name, WatchWithoutPictures())


def yield_findings(newest: Iterable[ScanHealth]) -> Iterator[Finding]:
    """A finding for each watch and marketplace whose last cycle saw less than is usual."""
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for scan in newest:
        suspect, total = counts.get((scan.watch, scan.marketplace), (0, 0))
        counts[scan.watch, scan.marketplace] = (suspect + bool(scan.is_suspect), total + 1)
    for (watch, marketplace), (suspect, total) in counts.items():
        if suspect:
            yield Finding.of(watch, YieldDropped(marketplace, suspect, total))


def scan_findings(newest: Iterable[ScanHealth]) -> Iterator[Finding]:
    """A finding for each watch, marketplace and outcome that did not see everything."""
    bad: dict[tuple[str, str, str], list[str | None]] = {}
    for scan in newest:
        if scan.outcome is None or not ScanOutcome(scan.outcome).is_complete:
            key = (scan.watch, scan.marketplace, scan.outcome or "open")
            bad.setdefault(key, []).append(scan.error)
    for (watch, marketplace, outcome), errors in bad.items():
        yield Finding.of(watch, ScansIncomplete(marketplace, outcome, len(errors), errors[0]))
