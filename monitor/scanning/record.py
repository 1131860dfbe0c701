"""One page of a scan: fetch what is new, compare, and record it all in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from monitor import matching
from monitor.errors import FetchError, PictureError, Stopping, StoreError
from monitor.marketplaces.base import Page
from monitor.marketplaces.fetching import PictureFetcher
from monitor.model import Observation, PictureRecord, Scan, ScanCounts
from monitor.scanning.context import ScanContext, WatchRules
from monitor.scanning.found import Found, record_found
from monitor.scanning.judge import Comparisons, Judge, Judged, Standing, best_per_asset
from monitor.scanning.pictures import keep_picture, record_picture, refresh_all
from monitor.storage import (
    Connection,
    assets,
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

    `is_unsaved` where the store lacks the picture or its fingerprint of today.
    """

    observation: Observation
    picture: PictureRecord | None
    problem: str | None
    fetched: bool = False
    is_unsaved: bool = False


class PageRecorder:
    """Records the pages of one scan."""

    def __init__(
        self, context: ScanContext, scan: Scan, fetcher: PictureFetcher, rules: WatchRules
    ) -> None:
        self._context = context
        self._fetcher = fetcher
        self._rules = rules
        with context.store.reading() as conn:
            references = assets.iter_references(conn, scan.watch_id)
            shas = {reference.sha256 for reference in references} | {scan.reference.sha256}
            records = pictures.find(conn, shas)
            self._baselines = scans.find_baselines(conn, scan.watch_id, scan.marketplace)
            unspecific = reference_checks.find_unspecific(conn, scan.watch_id)
        self._standing = Standing(rules.alert_score, unspecific)
        self._judge = Judge(scan, references, refresh_all(context.files, records))

    def record(self, scan: Scan, page: Page) -> ScanCounts:
        """Fetch, compare and record one page; the scan's counts so far, this page included.

        Raises StoreError (LeaseLost when another process has the scan) or Stopping; nothing of
        the page is recorded then.
        """
        seen = self._fetch_pictures(page.observations)
        known, fresh = self._compare(seen)
        now = self._context.clock()
        counts = ScanCounts(
            listings_seen=len(seen),
            pictures_fetched=sum(item.fetched for item in seen),
            pictures_failed=sum(item.problem is not None for item in seen),
            requests=page.requests,
        )
        with self._context.store.writing() as conn:
            self._record_pictures(conn, seen, now)
            comparisons.record(conn, fresh)
            for item in seen:
                counts = counts.plus(self._record_listing(conn, scan, item, known | fresh, now))
            total = scan.counts.plus(counts)
            scans.advance(conn, scan, self._context.owner, page.next_cursor, total)
        return total

    # -- pictures

    def _fetch_pictures(self, observations: Iterable[Observation]) -> list[Seen]:
        """Each listing with its picture: what is stored is not downloaded again."""
        wanted = list(observations)
        stored, refreshed = self._find_stored(wanted)
        missing = {
            o.picture_url: o for o in wanted if o.picture_url and o.picture_url not in stored
        }
        with ThreadPoolExecutor(max_workers=FETCH_THREADS) as pool:
            fetched = dict(zip(missing, pool.map(self._fetch, missing.values()), strict=True))
        return [
            _from_store(observation, stored[observation.picture_url], refreshed)
            if observation.picture_url in stored
            else _from_outside(observation, fetched)
            for observation in wanted
        ]

    def _find_stored(
        self, wanted: list[Observation]
    ) -> tuple[dict[str | None, PictureRecord], set[str]]:
        """(picture URL -> its stored picture, those of them with a fingerprint taken anew)."""
        with self._context.store.reading() as conn:
            known = listings.find_known(conn, [(o.site, o.item_id) for o in wanted])
            by_url = pictures.find_by_url(conn, [o.picture_url for o in wanted if o.picture_url])
            shas = set(by_url.values())
            shas |= {row.picture_sha256 for row in known.values() if row.picture_sha256}
            records = pictures.find(conn, shas)
        fresh = refresh_all(self._context.files, records)
        stored: dict[str | None, PictureRecord] = {
            url: fresh[sha] for url, sha in by_url.items() if sha in fresh
        }
        for row in known.values():
            if row.picture_url and row.picture_sha256 in fresh and row.picture_problem is None:
                stored.setdefault(row.picture_url, fresh[row.picture_sha256])
        return stored, {sha for sha, record in fresh.items() if record is not records[sha]}

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

    # -- comparisons

    def _compare(self, seen: list[Seen]) -> tuple[Comparisons, Comparisons]:
        """(comparisons the store had, comparisons made now) for every picture on the page."""
        shown = {item.picture.sha256: item.picture for item in seen if item.picture is not None}
        candidates = {
            sha: self._judge.candidates(picture.fingerprints) for sha, picture in shown.items()
        }
        references = {reference.sha256 for found in candidates.values() for reference in found}
        with self._context.store.reading() as conn:
            known = comparisons.find(conn, references, set(shown), matching.METHOD)
        fresh: Comparisons = {}
        for sha, picture in shown.items():
            fresh |= self._judge.compare(candidates[sha], picture, known)
        return known, fresh

    # -- rows

    def _record_pictures(self, conn: Connection, seen: list[Seen], now: datetime) -> None:
        new = {
            item.picture.sha256: item.picture for item in seen if item.picture and item.is_unsaved
        }
        for picture in new.values():
            record_picture(conn, picture, now)
        for item in seen:
            if item.picture and item.fetched and item.observation.picture_url:
                pictures.record_url(conn, item.observation.picture_url, item.picture.sha256, now)

    def _record_listing(
        self, conn: Connection, scan: Scan, item: Seen, found: Comparisons, now: datetime
    ) -> ScanCounts:
        sha256 = item.picture.sha256 if item.picture else None
        listing = listings.record(conn, scan.id, item.observation, sha256, item.problem, now)
        sightings.record(conn, scan.reference.asset_id, listing.id)
        new_matches = sum(
            record_found(
                conn,
                self._context,
                self._rules,
                self._found(scan, item, listing.id, judged),
                now,
            )
            for judged in self._judge_listing(item, found)
        )
        return ScanCounts(listings_new=int(listing.is_new), matches_new=new_matches)

    def _judge_listing(self, item: Seen, found: Comparisons) -> list[Judged]:
        if item.picture is None:
            return []
        candidates = self._judge.candidates(item.picture.fingerprints)
        return best_per_asset(candidates, item.picture.sha256, found, self._standing)

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


def _from_store(observation: Observation, picture: PictureRecord, refreshed: set[str]) -> Seen:
    return Seen(observation, picture, None, is_unsaved=picture.sha256 in refreshed)


def _from_outside(observation: Observation, fetched: Mapping[str, PictureRecord | str]) -> Seen:
    if not observation.picture_url:
        return Seen(observation, None, observation.picture_problem or "no picture given")
    result = fetched[observation.picture_url]
    if isinstance(result, str):
        log.info("listing %s %s: %s", observation.site, observation.item_id, result)
        return Seen(observation, None, result)
    return Seen(observation, result, None, fetched=True, is_unsaved=True)
