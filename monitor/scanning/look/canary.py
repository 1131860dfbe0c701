"""A picture that is known to be on a marketplace must be found there, else the search is blind."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from monitor import matching
from monitor.errors import BadImage, MarketplaceError, PictureError
from monitor.marketplaces.base import Page, Query
from monitor.model import DEFAULT_ALERT_SCORE, Fingerprints, Observation
from monitor.model.events import CanaryFound, CanaryLost
from monitor.scanning.context import ScanContext, Source
from monitor.scanning.guard.pauses import admit_search, note_begun, note_failure, note_success
from monitor.scanning.look.fetch import try_listing
from monitor.scanning.look.pages import iter_pages
from monitor.scanning.options import Canary
from monitor.scanning.pictures import load_prints, sha256_of
from monitor.scanning.policy import CANARY_PAGES, CANARY_RETRY_AFTER, FETCH_THREADS, LEASE
from monitor.storage.catalogue import pictures
from monitor.storage.searches import appearances, canaries
from monitor.storage.telling import alerts
from monitor.words import read_words

log = logging.getLogger(__name__)


def look_for_canary(context: ScanContext, marketplace: str) -> bool:
    """Look for a marketplace's canary if that is due; False if there was nothing to do.

    Not while the marketplace is paused, unless as the probe. A canary that is not found is told
    once, and once more when it is found again; a search that fails counts as any other does.
    Raises StoreError, Stopping.
    """
    source = context.sources[marketplace]
    canary = source.canary
    if canary is None or not _claim(context, marketplace, canary):
        return False
    try:
        lost = _search(context, marketplace, canary)
    except BadImage as error:
        give_up_canary(context, marketplace, str(error))
        return True
    except MarketplaceError as error:
        log.warning("canary marketplace=%s failed: %s", marketplace, error)
        now = context.clock()
        with context.store.writing() as conn:
            note_failure(context, conn, marketplace, error, now)
            wait = min(canary.every, CANARY_RETRY_AFTER)
            canaries.put_off(conn, marketplace, context.owner, now + wait)
        return True
    if lost is None:
        _record_found(context, marketplace, canary)
    else:
        _record_lost(context, canary, lost)
    return True


def give_up_canary(context: ScanContext, marketplace: str, error: str) -> None:
    """Store that the canary in hand can't be looked for; tell it once."""
    canary = context.sources[marketplace].canary
    if canary is not None:
        _record_lost(context, canary, CanaryLost(marketplace, canary.picture.name, error))


def _record_lost(context: ScanContext, canary: Canary, lost: CanaryLost) -> None:
    marketplace, now = lost.marketplace, context.clock()
    problem = read_words().fill("events.canary_lost.problem", lost.facts)
    log.error("canary marketplace=%s: %s", marketplace, problem)
    with context.store.writing() as conn:
        if lost.error is None:
            note_success(context, conn, marketplace, now)
        else:
            note_failure(context, conn, marketplace, None, now)
        before = canaries.finish_lost(
            conn, marketplace, context.owner, problem, now, now + canary.every
        )
        if before is None or before.lost_at is not None:
            return
        # nobody knows for how long the searches were blind
        appearances.forget_missed(conn, marketplace)
        alerts.add(
            conn,
            lost,
            dedup_key=f"canary lost:{marketplace}:{now.isoformat()}",
            now=now,
            alert_id=context.new_alert_id(),
        )


def _record_found(context: ScanContext, marketplace: str, canary: Canary) -> None:
    now = context.clock()
    log.info("canary marketplace=%s found", marketplace)
    with context.store.writing() as conn:
        note_success(context, conn, marketplace, now)
        before = canaries.finish_found(conn, marketplace, context.owner, now, now + canary.every)
        if before is None or before.lost_at is None:
            return
        alerts.add(
            conn,
            CanaryFound(marketplace, before.lost_at),
            dedup_key=f"canary found:{marketplace}:{before.lost_at.isoformat()}",
            now=now,
            alert_id=context.new_alert_id(),
        )


def _claim(context: ScanContext, marketplace: str, canary: Canary) -> bool:
    now = context.clock()
    with context.store.reading() as conn:
        if not canaries.is_due(conn, marketplace, canary.key, now):
            return False
    with context.store.writing() as conn:
        admitted = admit_search(context, conn, marketplace)
        if admitted is None:
            return False
        claimed = canaries.claim(
            conn, marketplace, canary.key, context.owner, context.clock(), LEASE
        )
        if claimed:
            note_begun(conn, marketplace, admitted)
        return claimed


def _search(context: ScanContext, marketplace: str, canary: Canary) -> CanaryLost | None:
    """None if it is found, else what was looked at in vain.

    Raises BadImage where its own file is no use, as nothing was asked of the marketplace then;
    MarketplaceError, Stopping.
    """
    source = context.sources[marketplace]
    try:
        data = canary.picture.read_bytes()
        picture = matching.decode(data).image
        search = _CanarySearch(
            context, source, canary, matching.fingerprint(matching.decode_small(data))
        )
    except OSError as error:
        raise BadImage(f"its file can't be read: {error.strerror}") from error
    except PictureError as error:
        raise BadImage(f"its file can't be used: {error}") from error
    query = Query(picture, sha256=sha256_of(data), path=canary.picture.name)
    pages = 0
    for page in islice(iter_pages(context, source, query), CANARY_PAGES):
        pages += 1
        if search.finds_on(page):
            return None
    return CanaryLost(
        marketplace,
        canary.picture.name,
        listings=search.listings,
        pages=pages,
        unseen=len(search.problems),
        unseen_error=next(iter(search.problems), ""),
    )


@dataclass(slots=True)
class _CanarySearch:
    """Looks through pages for the canary's listing, or for its picture in any listing."""

    context: ScanContext
    source: Source
    canary: Canary
    prints: Fingerprints
    listings: int = 0
    problems: list[str] = field(default_factory=list)

    def finds_on(self, page: Page) -> bool:
        self.listings += len(page.observations)
        if self.canary.item_id is not None:
            return any(item.item_id == self.canary.item_id for item in page.observations)
        wanted = [item for item in page.observations if item.picture_url]
        stored = self._load_stored(wanted)
        missing = [item for item in wanted if item.picture_url not in stored]
        return any(map(self._is_copy, stored.values())) or self._is_among(missing)

    def _load_stored(self, wanted: Iterable[Observation]) -> dict[str, Fingerprints]:
        urls = [item.picture_url for item in wanted if item.picture_url]
        with self.context.store.reading() as conn:
            known = pictures.find_by_url(conn, urls)
        prints = load_prints(self.context, set(known.values()))
        return {url: prints[sha256] for url, sha256 in known.items() if sha256 in prints}

    def _is_among(self, missing: Iterable[Observation]) -> bool:
        pool = ThreadPoolExecutor(max_workers=FETCH_THREADS)
        try:
            return any(pool.map(self._is_shown_by, missing))
        finally:
            pool.shutdown(cancel_futures=True)

    def _is_shown_by(self, item: Observation) -> bool:
        def look() -> bool:
            fetched = self.source.fetcher.fetch(item.picture_url or "", item.picture_fallback_url)
            return self._is_copy(matching.fingerprint(matching.decode_small(fetched.data)))

        shown = try_listing(self.context, item, look)
        if isinstance(shown, str):
            self.problems.append(shown)
            return False
        return shown

    def _is_copy(self, theirs: Fingerprints) -> bool:
        try:
            return matching.compare(self.prints, theirs).score >= DEFAULT_ALERT_SCORE
        except PictureError as error:
            self.problems.append(str(error))
            return False
