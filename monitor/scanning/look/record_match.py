"""A listing that uses an asset's picture -> its match, and the alert that this causes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.model import AlertEvent, Seller
from monitor.scanning.context import ScanContext, WatchRules
from monitor.scanning.follow.relisting import may_be_relisting
from monitor.scanning.look.judge import Judged
from monitor.storage import Connection
from monitor.storage.matches import matches
from monitor.storage.telling import alerts, held


@dataclass(frozen=True, slots=True)
class Found:
    """What was found where. `baseline_cycle_id` is set while it may have been there for years."""

    watch_id: int
    listing_id: int
    marketplace: str
    judged: Judged
    seller: Seller | None = None
    provider_score: float | None = None
    scan_id: int | None = None
    baseline_cycle_id: int | None = None


def record_found(
    conn: Connection, context: ScanContext, rules: WatchRules, found: Found, now: datetime
) -> bool:
    """Write the match, and its alert if it is due to be told; whether the match is new.

    What lies below the watch's record score is left out.
    """
    if found.judged.similarity.score < rules.record_score:
        return False
    change = matches.record(
        conn,
        watch_id=found.watch_id,
        asset_id=found.judged.reference.asset_id,
        listing_id=found.listing_id,
        reference_id=found.judged.reference.id,
        picture_sha256=found.judged.picture_sha256,
        marketplace=found.marketplace,
        similarity=found.judged.similarity,
        provider_score=found.provider_score,
        own_seller=is_own(found.seller, rules.own_sellers),
        now=now,
        alert_score=rules.alert_score,
    )
    if change.has_moved:
        # held as long as it rested on an unspecific picture
        held.release(conn, now, match_id=change.id)
    if change.score >= rules.alert_score and not change.verdict.is_settled:
        _add_alert(conn, context, found, change, now)
    return change.created


def _add_alert(
    conn: Connection,
    context: ScanContext,
    found: Found,
    change: matches.MatchChange,
    now: datetime,
) -> None:
    """One alert for the life of a match: the key holds however often it is seen again.

    What a baseline finds was there before, whatever it may have taken the place of.
    """
    is_fresh = change.created and found.baseline_cycle_id is None
    alerts.add(
        conn,
        event=AlertEvent.NEW_MATCH if change.created else AlertEvent.SCORE_CROSSED,
        dedup_key=f"match:{change.id}",
        watch_id=found.watch_id,
        match_id=change.id,
        scan_id=found.scan_id,
        baseline_cycle_id=found.baseline_cycle_id,
        waits_for_cycle=is_fresh and may_be_relisting(conn, change.id, found.scan_id),
        now=now,
        alert_id=context.new_alert_id(),
    )


def is_own(seller: Seller | None, own_sellers: frozenset[str]) -> bool:
    """Whether the listing is offered by the owner himself; names compare without case."""
    if seller is None:
        return False
    named = {_plain(value) for value in (seller.seller_id, seller.name) if value} - {""}
    return not named.isdisjoint(_plain(own) for own in own_sellers)


def _plain(name: str) -> str:
    return name.strip().casefold()
