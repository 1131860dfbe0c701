"""look: one claimed scan -> pages; of each: fetch -> judge -> record, in one transaction.

The cursor stands in the scan's row, so a crash costs at most the page in hand.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import timedelta

from monitor import matching
from monitor.errors import BadImage, MarketplaceError, NotFound, PictureError
from monitor.marketplaces.base import Page, PictureSource, Query
from monitor.model import Scan, ScanCounts, ScanOutcome
from monitor.scanning.cache import Indexed
from monitor.scanning.context import ScanContext
from monitor.scanning.follow.follow import follow_cycle
from monitor.scanning.follow.relisting import settle_relistings
from monitor.scanning.guard.breaker import outcome_of
from monitor.scanning.guard.failures import tell_failure
from monitor.scanning.guard.pauses import (
    admit_search,
    end_waiting,
    note_begun,
    note_failure,
    note_success,
)
from monitor.scanning.guard.sentinel import check_cycle, check_yield
from monitor.scanning.look.fetch import fetch_page
from monitor.scanning.look.judge import find_candidates, judge_page
from monitor.scanning.look.pages import iter_pages
from monitor.scanning.look.record import record_page
from monitor.scanning.look.references import load_watch
from monitor.scanning.look.snapshot import load_snapshot
from monitor.scanning.policy import MAX_ATTEMPTS, PAUSED_PATIENCE
from monitor.storage.searches import appearances, cycles, scans

log = logging.getLogger(__name__)


def run_scan(context: ScanContext, scan: Scan) -> ScanOutcome:
    """Look through every page of a claimed scan and finish it with its outcome.

    Raises StoreError or Stopping; the scan's row is then still ours or due again, with its cursor.
    """
    counts, is_searched = scan.counts, False
    failure: MarketplaceError | None = None
    try:
        if scan.attempts > MAX_ATTEMPTS:
            raise BadImage(f"given up after {MAX_ATTEMPTS} interrupted attempts")
        for counts in _iter_counts(context, scan):
            is_searched = True
            log.debug("scan %d: %d listings so far", scan.id, counts.listings_seen)
        outcome = ScanOutcome.OK if counts.listings_seen else ScanOutcome.EMPTY
    except MarketplaceError as error:
        failure = error
        outcome = outcome_of(failure, has_pages=counts.listings_seen > 0)
    message = str(failure) if failure else None
    ended = replace(scan, counts=counts)
    finish_scan(context, ended, outcome, message, failure=failure, is_searched=is_searched)
    _log_scan(context, scan, counts, outcome, message)
    return outcome


def _iter_counts(context: ScanContext, scan: Scan) -> Iterator[ScanCounts]:
    """Search page by page, recording each; yields the counts so far."""
    source = context.sources.get(scan.marketplace)
    if source is None or scan.watch not in context.watches:
        raise BadImage(f"{scan.marketplace} or watch {scan.watch} is no longer in the config")
    if scan.cursor is None and scan.counts != ScanCounts():
        return  # interrupted after its last page: only its end is missing
    references = load_watch(context, scan.watch_id)
    with context.store.reading() as conn:
        baselines = scans.find_baselines(conn, scan.watch_id, scan.marketplace)
    reference = scan.reference
    query = Query(
        _load_reference(context, scan), scan.cursor, sha256=reference.sha256, path=reference.path
    )
    current = scan
    for page in iter_pages(context, source, query):
        counts = look_at_page(context, source.fetcher, current, references, baselines, page)
        current = replace(current, counts=counts, cursor=page.next_cursor)
        yield counts


def look_at_page(
    context: ScanContext,
    fetcher: PictureSource,
    scan: Scan,
    references: Indexed,
    baselines: AbstractSet[int],
    page: Page,
) -> ScanCounts:
    """Fetch, judge and record one page; the scan's counts so far, this page included.

    `references` are the watch's, `baselines` those once searched to the end on the marketplace.
    Raises StoreError (LeaseLost when another process has the scan) or Stopping; nothing of the page
    is recorded then.
    """
    rules = context.watches[scan.watch]
    seen = fetch_page(context, fetcher, page.observations)
    in_hand = {item.fetched.sha256: item.prints for item in seen if item.fetched is not None}
    candidates = find_candidates(seen, scan.reference, references)
    judged = judge_page(seen, load_snapshot(context, candidates, in_hand), rules.record_score)
    with context.store.writing() as conn:
        counts = record_page(conn, context, rules, scan, baselines, judged)
        total = scan.counts.plus(counts).plus(ScanCounts(requests=page.requests))
        scans.advance(conn, scan, context.owner, page.next_cursor, total)
    return total


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
    failure: MarketplaceError | None = None,
    is_searched: bool = True,
) -> None:
    """Store the outcome, and what operators must know, in one transaction.

    `failure` is what ended the search, if it did; an `error` without one was not expected. A scan
    of which only the end was missing is not `is_searched`: it says nothing of the marketplace now.
    """
    now = context.clock()
    with context.store.writing() as conn:
        is_told = False
        if outcome.is_complete and is_searched:
            note_success(context, conn, scan.marketplace, now)
        else:
            is_told = note_failure(context, conn, scan.marketplace, failure, now)
        # Before the scan's row, as a page takes them: two processes would wait for each other. And
        # of two that end the last two scans of a cycle, one has to see that it ends.
        appearances.lock(conn)
        if not scans.finish(conn, scan, context.owner, outcome, error, now):
            log.warning("scan %d was taken over by another process", scan.id)
            return
        if outcome.is_complete:
            check_yield(context, conn, scan, scan.counts.listings_seen, now)
        elif not is_told:
            tell_failure(context, conn, scan, outcome, error, failure, now)
        is_last = not cycles.has_open(conn, scan.cycle_id, scan.marketplace)
        is_suspect = is_last and check_cycle(context, conn, scan, now)
        # both by what the cycle's scans are worth
        settle_relistings(conn, scan)
        if is_last and not is_suspect:
            follow_cycle(context, conn, scan, now)


def claim_scan(
    context: ScanContext,
    marketplace: str,
    lease: timedelta,
    cycle_id: int | None = None,
    *,
    patience: timedelta = PAUSED_PATIENCE,
    is_asked: bool = False,
) -> Scan | None:
    """The next due scan on a marketplace, now ours; None if there is none, or it is paused.

    While it is paused, scans that have waited longer than `patience` are ended. `is_asked`: a
    person asks, so one scan is let through although the pause is not over.
    """
    with context.store.writing() as conn:
        admitted = admit_search(context, conn, marketplace, is_asked=is_asked)
        if admitted is None:
            end_waiting(context, conn, marketplace, patience, cycle_id)
            return None
        scan = scans.claim(
            conn, [marketplace], context.owner, context.clock(), lease, cycle_id=cycle_id
        )
        if scan is not None:
            note_begun(conn, marketplace, admitted)
        return scan


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
