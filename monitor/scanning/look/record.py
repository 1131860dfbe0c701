"""record: a page as it was judged -> its rows and the alerts they cause, in one transaction."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime

from monitor.model import Observation, Scan, ScanCounts
from monitor.scanning.context import ScanContext
from monitor.scanning.follow.follow import follow_page
from monitor.scanning.look.fetch import SeenListing
from monitor.scanning.look.judge import JudgedListing, JudgedPage
from monitor.scanning.look.record_match import MatchedListing, record_matches
from monitor.scanning.options import WatchRules
from monitor.scanning.pictures import record_picture
from monitor.scanning.policy import OBSERVE_EVERY
from monitor.storage.catalogue import comparisons, listings, picture_urls, pictures
from monitor.storage.db.engine import Connection
from monitor.storage.searches import sightings


def record_page(
    conn: Connection,
    context: ScanContext,
    rules: WatchRules,
    scan: Scan,
    baselines: AbstractSet[int],
    page: JudgedPage,
) -> ScanCounts:
    """Write everything of a page but the scan's own row; what it counts.

    `baselines` are the reference pictures that were once searched to the end there. Raises
    StoreError.
    """
    now = context.clock()
    seen = [item.seen for item in page.listings]
    _record_pictures(conn, seen, now)
    comparisons.record(conn, page.comparisons)
    counts = ScanCounts(
        listings_seen=len(seen),
        pictures_fetched=sum(item.fetched is not None for item in seen),
        pictures_failed=sum(item.problem is not None for item in seen),
    )
    observed: dict[int, Observation] = {}
    for item in page.listings:
        row = _record_listing(conn, scan, item.seen, now)
        observed[row.id] = item.seen.observation
        listing = _matched_listing(scan, item, row.id, baselines)
        new = record_matches(conn, context, rules, listing, item.bases, now)
        counts = counts.plus(ScanCounts(listings_new=int(row.is_new), matches_new=new))
    follow_page(context, conn, scan, rules, observed, now)
    return counts


def _record_pictures(conn: Connection, seen: list[SeenListing], now: datetime) -> None:
    new = {item.fetched.sha256: item.fetched for item in seen if item.fetched}
    for picture in new.values():
        record_picture(conn, picture, now)
    for item in seen:
        _record_answer(conn, item, now)


def _record_answer(conn: Connection, item: SeenListing, now: datetime) -> None:
    """What asking for the picture said, for the next time; of one without a stored picture its
    listing tells.
    """
    url, answer = item.observation.picture_url, item.answer
    if url is None or item.sha256 is None or answer is None:
        return
    if isinstance(answer, str):
        picture_urls.record_failure(conn, url, now)
    else:
        pictures.record_url(conn, url, item.sha256, now, answer.version)


def _record_listing(
    conn: Connection, scan: Scan, item: SeenListing, now: datetime
) -> listings.Recorded:
    listing = listings.record(
        conn,
        scan.id,
        item.observation,
        item.sha256,
        item.problem,
        now,
        observe_every=OBSERVE_EVERY,
    )
    sightings.record(conn, scan.reference.asset_id, listing.id)
    return listing


def _matched_listing(
    scan: Scan, item: JudgedListing, listing_id: int, baselines: AbstractSet[int]
) -> MatchedListing:
    return MatchedListing(
        watch_id=scan.watch_id,
        listing_id=listing_id,
        marketplace=scan.marketplace,
        seller=item.seen.observation.seller,
        provider_score=item.seen.observation.provider_score,
        scan=scan,
        baselines=baselines,
    )
