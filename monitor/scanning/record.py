"""One page of a scan: fetch what is new, compare, and record it all in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from monitor.errors import FetchError, PictureError, Stopping, StoreError
from monitor.marketplaces.base import Page, PictureSource
from monitor.model import (
    Fingerprints,
    Observation,
    PictureRecord,
    ReferencePicture,
    Scan,
    ScanCounts,
)
from monitor.scanning.context import ScanContext, WatchRules
from monitor.scanning.found import Found, record_found
from monitor.scanning.judge import (
    Comparisons,
    Judge,
    Judged,
    Standing,
    best_per_asset,
    compare_all,
)
from monitor.scanning.pictures import keep_picture, load_index_prints, record_picture
from monitor.scanning.references import load_watch
from monitor.storage import (
    Connection,
    comparisons,
    listings,
    pictures,
    reference_checks,
    scans,
    sightings,
)

log = logging.getLogger(__name__)

# Downloads at once within a page; the fetcher holds the limit per host.
FETCH_THREADS = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """A listing with its picture, or with the reason why there is none.

    `prints` are what the index needs of a stored picture, all of one that was `fetched` now.
    """

    observation: Observation
    sha256: str | None
    prints: Fingerprints
    problem: str | None = None
    fetched: PictureRecord | None = None


# Listing picture -> the reference pictures that it is worth comparing with
Candidates = dict[str, list[ReferencePicture]]


class PageRecorder:
    """Records the pages of one scan."""

    def __init__(
        self, context: ScanContext, scan: Scan, fetcher: PictureSource, rules: WatchRules
    ) -> None:
        self._context = context
        self._fetcher = fetcher
        self._rules = rules
        with context.store.reading() as conn:
            self._baselines = scans.find_baselines(conn, scan.watch_id, scan.marketplace)
            unspecific = reference_checks.find_unspecific(conn, scan.watch_id)
        self._standing = Standing(rules.alert_score, unspecific)
        self._judge = Judge(scan, load_watch(context, scan.watch_id))

    def record(self, scan: Scan, page: Page) -> ScanCounts:
        """Fetch, compare and record one page; the scan's counts so far, this page included.

        Raises StoreError (LeaseLost when another process has the scan) or Stopping; nothing of
        the page is recorded then.
        """
        seen = self._fetch_pictures(page.observations)
        candidates = self._find_candidates(seen)
        in_hand = {item.fetched.sha256: item.prints for item in seen if item.fetched is not None}
        known, fresh = compare_all(self._context, candidates, in_hand)
        said = known | fresh
        now = self._context.clock()
        counts = ScanCounts(
            listings_seen=len(seen),
            pictures_fetched=sum(item.fetched is not None for item in seen),
            pictures_failed=sum(item.problem is not None for item in seen),
            requests=page.requests,
        )
        with self._context.store.writing() as conn:
            self._record_pictures(conn, seen, now)
            comparisons.record(conn, fresh)
            for item in seen:
                judged = self._judge_listing(item, candidates, said)
                counts = counts.plus(self._record_listing(conn, scan, item, judged, now))
            total = scan.counts.plus(counts)
            scans.advance(conn, scan, self._context.owner, page.next_cursor, total)
        return total

    # -- pictures

    def _fetch_pictures(self, observations: Iterable[Observation]) -> list[Seen]:
        """Each listing with its picture: what is stored is not downloaded again."""
        wanted = list(observations)
        stored = self._find_stored(wanted)
        missing = {
            o.picture_url: o for o in wanted if o.picture_url and o.picture_url not in stored
        }
        with ThreadPoolExecutor(max_workers=FETCH_THREADS) as pool:
            fetched = dict(zip(missing, pool.map(self._fetch, missing.values()), strict=True))
        return [
            Seen(observation, *stored[observation.picture_url])
            if observation.picture_url in stored
            else _from_outside(observation, fetched)
            for observation in wanted
        ]

    def _find_stored(self, wanted: list[Observation]) -> dict[str | None, tuple[str, Fingerprints]]:
        """Picture URL -> sha256 and small fingerprints of the picture stored for it."""
        with self._context.store.reading() as conn:
            known = listings.find_known(conn, [(o.site, o.item_id) for o in wanted])
            by_url = pictures.find_by_url(conn, [o.picture_url for o in wanted if o.picture_url])
        for row in known.values():
            if row.picture_url and row.picture_sha256 and row.picture_problem is None:
                by_url.setdefault(row.picture_url, row.picture_sha256)
        prints = load_index_prints(self._context, set(by_url.values()))
        return {url: (sha, prints[sha]) for url, sha in by_url.items() if sha in prints}

    def _fetch(self, observation: Observation) -> PictureRecord | str:
        """The listing's picture, kept; or why it could not be had. One bad one stops no other."""
        if self._context.is_stopping():
            raise Stopping("told to stop between two pictures")
        try:
            data = self._fetcher.fetch(
                observation.picture_url or "", observation.picture_fallback_url
            )
            return keep_picture(self._context.files, data)
        except (FetchError, PictureError) as error:
            return str(error)
        except (StoreError, Stopping):
            raise
        except Exception as error:
            # Border: one listing. Picture files are hostile input and decoders have bugs.
            log.exception("listing %s %s", observation.site, observation.item_id)
            return f"unexpected {type(error).__name__}: {error}"

    def _find_candidates(self, seen: list[Seen]) -> Candidates:
        """What each picture on the page is worth comparing with."""
        found: Candidates = {}
        for item in seen:
            if item.sha256 is None or item.sha256 in found:
                continue
            try:
                found[item.sha256] = self._judge.candidates(item.sha256, item.prints)
            except PictureError as error:
                log.warning("picture %s can't be looked up: %s", item.sha256, error)
        return found

    # -- rows

    def _record_pictures(self, conn: Connection, seen: list[Seen], now: datetime) -> None:
        new = {item.fetched.sha256: item.fetched for item in seen if item.fetched}
        for picture in new.values():
            record_picture(conn, picture, now)
        for item in seen:
            if item.fetched and item.observation.picture_url:
                pictures.record_url(conn, item.observation.picture_url, item.fetched.sha256, now)

    def _judge_listing(self, item: Seen, candidates: Candidates, said: Comparisons) -> list[Judged]:
        if item.sha256 is None:
            return []
        found = candidates.get(item.sha256, ())
        return best_per_asset(found, item.sha256, said, self._standing)

    def _record_listing(
        self, conn: Connection, scan: Scan, item: Seen, judged: list[Judged], now: datetime
    ) -> ScanCounts:
        listing = listings.record(conn, scan.id, item.observation, item.sha256, item.problem, now)
        sightings.record(conn, scan.reference.asset_id, listing.id)
        new_matches = sum(
            record_found(
                conn, self._context, self._rules, self._found(scan, item, listing.id, best), now
            )
            for best in judged
        )
        return ScanCounts(listings_new=int(listing.is_new), matches_new=new_matches)

    def _found(self, scan: Scan, item: Seen, listing_id: int, judged: Judged) -> Found:
        """It is part of a baseline while either picture, the searched one or the one that matches,
        was never searched to the end here: the listing may have been there for years.
        """
        is_baseline = not {scan.reference.id, judged.reference.id} <= self._baselines
        return Found(
            watch_id=scan.watch_id,
            listing_id=listing_id,
            marketplace=scan.marketplace,
            judged=judged,
            seller=item.observation.seller,
            provider_score=item.observation.provider_score,
            scan_id=scan.id,
            baseline_cycle_id=scan.cycle_id if is_baseline else None,
        )


def _from_outside(observation: Observation, fetched: Mapping[str, PictureRecord | str]) -> Seen:
    if not observation.picture_url:
        return Seen(observation, None, {}, observation.picture_problem or "no picture given")
    result = fetched[observation.picture_url]
    if isinstance(result, str):
        log.info("listing %s %s: %s", observation.site, observation.item_id, result)
        return Seen(observation, None, {}, result)
    return Seen(observation, result.sha256, result.fingerprints, fetched=result)
