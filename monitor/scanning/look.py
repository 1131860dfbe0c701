"""look: one claimed scan -> pages -> pictures -> comparisons -> one transaction a page.

The cursor stands in the scan's row, so a crash costs at most the page in hand.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from monitor import matching
from monitor.errors import (
    BadImage,
    Blocked,
    MarketplaceError,
    NotFound,
    PictureError,
    QuotaExhausted,
)
from monitor.marketplaces.base import Query
from monitor.model import AlertEvent, Scan, ScanCounts, ScanOutcome
from monitor.scanning.context import ScanContext
from monitor.scanning.pages import iter_pages
from monitor.scanning.record import PageRecorder
from monitor.storage import alerts, cycles, scans

log = logging.getLogger(__name__)

# A scan that was interrupted so often takes the program down with it: it is given up, and told.
MAX_ATTEMPTS = 5

_EVENTS = {
    ScanOutcome.BLOCKED: AlertEvent.SCAN_BLOCKED,
    ScanOutcome.QUOTA: AlertEvent.SCAN_QUOTA,
    ScanOutcome.PARTIAL: AlertEvent.SCAN_FAILED,
    ScanOutcome.FAILED: AlertEvent.SCAN_FAILED,
}


def run_scan(context: ScanContext, scan: Scan) -> ScanOutcome:
    """Look through every page of a claimed scan and finish it with its outcome.

    Raises StoreError or Stopping; the scan's row is then still ours or due again, with its cursor.
    """
    counts = scan.counts
    failure: MarketplaceError | None = None
    try:
        if scan.attempts > MAX_ATTEMPTS:
            raise BadImage(f"given up after {MAX_ATTEMPTS} interrupted attempts")
        for counts in _iter_counts(context, scan):
            log.debug("scan %d: %d listings so far", scan.id, counts.listings_seen)
        outcome = ScanOutcome.OK if counts.listings_seen else ScanOutcome.EMPTY
    except MarketplaceError as error:
        failure = error
        outcome = outcome_of(failure, has_pages=counts.listings_seen > 0)
    message = str(failure) if failure else None
    is_about_picture = isinstance(failure, BadImage)
    finish_scan(context, scan, outcome, message, is_about_picture=is_about_picture)
    _log_scan(context, scan, counts, outcome, message)
    return outcome


def outcome_of(failure: MarketplaceError, *, has_pages: bool) -> ScanOutcome:
    """What a failed search means for its scan; never `empty`."""
    if isinstance(failure, Blocked):
        return ScanOutcome.BLOCKED
    if isinstance(failure, QuotaExhausted):
        return ScanOutcome.QUOTA
    return ScanOutcome.PARTIAL if has_pages else ScanOutcome.FAILED


def _iter_counts(context: ScanContext, scan: Scan) -> Iterator[ScanCounts]:
    """Search page by page, recording each; yields the counts so far."""
    source = context.sources.get(scan.marketplace)
    rules = context.watches.get(scan.watch)
    if source is None or rules is None:
        raise BadImage(f"{scan.marketplace} or watch {scan.watch} is no longer in the config")
    if scan.cursor is None and scan.counts != ScanCounts():
        return  # interrupted after its last page: only its end is missing
    recorder = PageRecorder(context, scan, source.fetcher, rules)
    reference = scan.reference
    query = Query(
        _load_reference(context, scan), scan.cursor, sha256=reference.sha256, path=reference.path
    )
    current = scan
    for page in iter_pages(context, source, query):
        current = replace(current, counts=recorder.record(current, page), cursor=page.next_cursor)
        yield current.counts


def _load_reference(context: ScanContext, scan: Scan) -> matching.Image:
    """The reference picture as the marketplace gets it; from our own copy, not the folder."""
    try:
        data = context.files.read(scan.reference.sha256)
        return matching.decode(data).image
    except (NotFound, PictureError) as error:
        raise BadImage(f"our copy of {scan.reference.path} can't be used: {error}") from error


def finish_scan(
    context: ScanContext,
    scan: Scan,
    outcome: ScanOutcome,
    error: str | None,
    *,
    is_about_picture: bool = False,
) -> None:
    """Store the outcome, and what operators must know, in one transaction.

    One alert for a marketplace that stays in trouble: the key names the last cycle without. One
    for a picture that it refuses, however well the others do.
    """
    now = context.clock()
    with context.store.writing() as conn:
        if not scans.finish(conn, scan, context.owner, outcome, error, now):
            log.warning("scan %d was taken over by another process", scan.id)
            return
        event = _EVENTS.get(outcome)
        if event is None:
            return
        what = f"picture:{scan.reference.sha256}:{error}"
        if not is_about_picture:
            what = f"{event}:{cycles.last_good(conn, scan.watch_id, scan.marketplace)}"
        alerts.add(
            conn,
            event=event,
            dedup_key=f"scan:{scan.watch_id}:{scan.marketplace}:{what}",
            watch_id=scan.watch_id,
            scan_id=scan.id,
            text=f"Watch {scan.watch} on {scan.marketplace}: scan {outcome}: {error}",
            now=now,
            alert_id=context.new_alert_id(),
        )


def claim_scan(
    context: ScanContext, marketplaces: list[str], lease: timedelta, cycle_id: int | None = None
) -> Scan | None:
    """The next due scan on one of the marketplaces, now ours; None if there is none."""
    with context.store.writing() as conn:
        return scans.claim(
            conn, marketplaces, context.owner, context.clock(), lease, cycle_id=cycle_id
        )


def _log_scan(
    context: ScanContext, scan: Scan, counts: ScanCounts, outcome: ScanOutcome, error: str | None
) -> None:
    """The one canonical line of a scan."""
    seconds = (context.clock() - scan.started_at).total_seconds()
    level = logging.INFO if outcome.is_complete else logging.WARNING
    log.log(
        level,
        "scan id=%d watch=%s marketplace=%s asset=%s picture=%s outcome=%s seen=%d new=%d "
        "fetched=%d failed=%d matches=%d requests=%d seconds=%.2f%s",
        scan.id,
        scan.watch,
        scan.marketplace,
        scan.reference.asset,
        scan.reference.path,
        outcome,
        counts.listings_seen,
        counts.listings_new,
        counts.pictures_fetched,
        counts.pictures_failed,
        counts.matches_new,
        counts.requests,
        seconds,
        f" error={error!r}" if error else "",
    )
