"""A listing that shows an asset's picture -> its match, and the alert that this causes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from monitor.model import Basis, Scan, Seller
from monitor.model.events import NewMatch, ScoreCrossed
from monitor.scanning.context import ScanContext
from monitor.scanning.follow.relisting import may_be_relisting
from monitor.scanning.options import WatchRules
from monitor.storage.db.engine import Connection
from monitor.storage.matches import matches
from monitor.storage.telling import alerts, held


@dataclass(frozen=True, slots=True)
class MatchedListing:
    """A listing in which pictures of a watch were found: by its `scan`, or by a look back.

    `baselines` are the reference pictures that were once searched to the end on the marketplace.
    """

    watch_id: int
    listing_id: int
    marketplace: str
    seller: Seller | None
    provider_score: float | None = None
    scan: Scan | None = None
    baselines: AbstractSet[int] = frozenset()

    def baseline_cycle(self, reference_id: int) -> int | None:
        """The cycle whose baseline a match is part of that rests on this reference picture.

        That is while either picture, the searched one or the one that matches, was never searched
        to the end here: the listing may have been there for years.
        """
        if self.scan is None or {self.scan.reference.id, reference_id} <= self.baselines:
            return None
        return self.scan.cycle_id


def record_matches(
    conn: Connection,
    context: ScanContext,
    rules: WatchRules,
    listing: MatchedListing,
    bases: Mapping[int, Sequence[Basis]],
    now: datetime,
) -> int:
    """Write the listing's match with each of these assets, and the alerts that are due to be told.

    How many of them are new.
    """
    return sum(
        _record_match(conn, context, rules, listing, asset_id, of_asset, now)
        for asset_id, of_asset in bases.items()
    )


def _record_match(
    conn: Connection,
    context: ScanContext,
    rules: WatchRules,
    listing: MatchedListing,
    asset_id: int,
    bases: Sequence[Basis],
    now: datetime,
) -> bool:
    change = matches.record(
        conn,
        watch_id=listing.watch_id,
        asset_id=asset_id,
        listing_id=listing.listing_id,
        bases=bases,
        marketplace=listing.marketplace,
        provider_score=listing.provider_score,
        own_seller=is_own(listing.seller, rules.own_sellers),
        now=now,
        alert_score=rules.alert_score,
    )
    if change.has_moved:
        # held as long as it rested on an unspecific picture
        held.release(conn, now, match_id=change.id)
    if change.score >= rules.alert_score and not change.verdict.is_settled:
        _add_alert(conn, context, listing, change, now)
    return change.created


def _add_alert(
    conn: Connection,
    context: ScanContext,
    listing: MatchedListing,
    change: matches.MatchChange,
    now: datetime,
) -> None:
    """One alert for the life of a match: the key holds however often it is seen again.

    What a baseline finds was there before, whatever it may have taken the place of.
    """
    baseline_cycle_id = listing.baseline_cycle(change.seen_reference_id)
    scan_id = None if listing.scan is None else listing.scan.id
    is_fresh = change.created and baseline_cycle_id is None
    alerts.add(
        conn,
        NewMatch() if change.created else ScoreCrossed(),
        dedup_key=f"match:{change.id}",
        watch_id=listing.watch_id,
        match_id=change.id,
        scan_id=scan_id,
        baseline_cycle_id=baseline_cycle_id,
        waits_for_cycle=is_fresh and may_be_relisting(conn, change.id, scan_id),
        now=now,
        alert_id=context.new_alert_id(),
    )


def is_own(seller: Seller | None, own_sellers: Collection[str]) -> bool:
    """Whether the listing is offered by the owner himself; names compare without case."""
    if seller is None:
        return False
    named = {_plain(value) for value in (seller.seller_id, seller.name) if value} - {""}
    return not named.isdisjoint(_plain(own) for own in own_sellers)


def _plain(name: str) -> str:
    return name.strip().casefold()
