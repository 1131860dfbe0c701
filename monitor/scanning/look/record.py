"""One page of a scan: fetch what is new, compare, and record it all in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from monitor.errors import PictureError
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
from monitor.scanning.follow.follow import follow_page
from monitor.scanning.look.fetch import Answer, Download, fetch_picture, find_due
from monitor.scanning.look.judge import (
    Comparisons,
    Judge,
    Judged,
    Standing,
    best_per_asset,
    compare_all,
)
from monitor.scanning.look.record_match import Found, record_found
from monitor.scanning.look.references import load_watch
from monitor.scanning.pictures import load_index_prints, record_picture
from monitor.scanning.policy import FETCH_THREADS
from monitor.storage import Connection
from monitor.storage.catalogue import (
    comparisons,
    listings,
    pictures,
)
from monitor.storage.catalogue import (
    picture_urls as picture_checks,
)
from monitor.storage.searches import scans, sightings
from monitor.storage.trust import reference_checks

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """A listing with its picture, or with the reason why there is none.

    `prints` are what the index needs of a stored picture, all of one that was `fetched` now.
    `answer` is what its host said; None where it was not asked.
    """

    observation: Observation
    sha256: str | None
    prints: Fingerprints
    problem: str | None = None
    answer: Answer | None = None

    @property
    def fetched(self) -> PictureRecord | None:
        return self.answer.picture if isinstance(self.answer, Download) else None


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
            met: dict[int, Observation] = {}
            for item in seen:
                listing = _record_listing(conn, scan, item, now)
                met[listing.id] = item.observation
                judged = self._judge_listing(item, candidates, said)
                new = self._record_matches(conn, scan, item, listing.id, judged, now)
                counts = counts.plus(ScanCounts(listings_new=int(listing.is_new), matches_new=new))
            follow_page(self._context, conn, scan, self._rules, met, now)
            total = scan.counts.plus(counts)
            scans.advance(conn, scan, self._context.owner, page.next_cursor, total)
        return total

    # -- pictures

    def _fetch_pictures(self, observations: Iterable[Observation]) -> list[Seen]:
        """Each listing with its picture: what is stored is not downloaded again before it is due
        to be checked.
        """
        wanted = list(observations)
        stored = self._find_stored(wanted)
        by_url = {o.picture_url: o for o in wanted if o.picture_url}
        due = find_due(self._context, by_url.keys() & stored.keys())
        asked = {url: o for url, o in by_url.items() if url in due or url not in stored}

        def ask(observation: Observation) -> Answer:
            known = due.get(observation.picture_url or "")
            return fetch_picture(self._context, self._fetcher, observation, known)

        with ThreadPoolExecutor(max_workers=FETCH_THREADS) as pool:
            answers = dict(zip(asked, pool.map(ask, asked.values()), strict=True))
        return [
            _see(o, stored.get(o.picture_url or ""), answers.get(o.picture_url or ""))
            for o in wanted
        ]

    def _find_stored(self, wanted: list[Observation]) -> dict[str, tuple[str, Fingerprints]]:
        """Picture URL -> sha256 and small fingerprints of the picture stored for it."""
        with self._context.store.reading() as conn:
            known = listings.find_known(conn, [(o.site, o.item_id) for o in wanted])
            by_url = pictures.find_by_url(conn, [o.picture_url for o in wanted if o.picture_url])
        for row in known.values():
            if row.picture_url and row.picture_sha256 and row.picture_problem is None:
                by_url.setdefault(row.picture_url, row.picture_sha256)
        prints = load_index_prints(self._context, set(by_url.values()))
        return {url: (sha, prints[sha]) for url, sha in by_url.items() if sha in prints}

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
            _record_answer(conn, item, now)

    def _judge_listing(self, item: Seen, candidates: Candidates, said: Comparisons) -> list[Judged]:
        if item.sha256 is None:
            return []
        found = candidates.get(item.sha256, ())
        return best_per_asset(found, item.sha256, said, self._standing)

    def _record_matches(
        self,
        conn: Connection,
        scan: Scan,
        item: Seen,
        listing_id: int,
        judged: list[Judged],
        now: datetime,
    ) -> int:
        """How many of them are new."""
        found = [self._found(scan, item, listing_id, best) for best in judged]
        return sum(record_found(conn, self._context, self._rules, each, now) for each in found)

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


def _record_listing(conn: Connection, scan: Scan, item: Seen, now: datetime) -> listings.Recorded:
    listing = listings.record(conn, scan.id, item.observation, item.sha256, item.problem, now)
    sightings.record(conn, scan.reference.asset_id, listing.id)
    return listing


def _record_answer(conn: Connection, item: Seen, now: datetime) -> None:
    """What asking for the picture said, for the next time; of one without a stored picture its
    listing tells.
    """
    url, answer = item.observation.picture_url, item.answer
    if url is None or item.sha256 is None or answer is None:
        return
    if isinstance(answer, str):
        picture_checks.record_failure(conn, url, now)
    else:
        pictures.record_url(conn, url, item.sha256, now, answer.version)


def _see(
    observation: Observation, stored: tuple[str, Fingerprints] | None, answer: Answer | None
) -> Seen:
    """The listing with the picture that was fetched now, else with the stored one."""
    if isinstance(answer, Download):
        return Seen(observation, answer.picture.sha256, answer.picture.fingerprints, None, answer)
    if stored is not None:
        return Seen(observation, *stored, None, answer)
    problem = answer if isinstance(answer, str) else observation.picture_problem
    return Seen(observation, None, {}, problem or "no picture given", answer)
