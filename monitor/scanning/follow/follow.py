"""What becomes of matches that were told: another price, gone, there again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from monitor.model import Observation, Price, Scan
from monitor.model.events import Gone, MatchEvent, PriceChanged, Reappeared
from monitor.scanning.context import ScanContext
from monitor.scanning.options import WatchRules
from monitor.scanning.policy import GONE_AFTER, GONE_AFTER_SCANS, TELL_PRICE_EVERY
from monitor.storage.db.engine import Connection
from monitor.storage.matches import follow_ups
from monitor.storage.matches.follow_ups import FollowedMatch
from monitor.storage.searches import appearances, breakers, canaries
from monitor.storage.telling import alerts

log = logging.getLogger(__name__)


def follow_page(
    context: ScanContext,
    conn: Connection,
    scan: Scan,
    rules: WatchRules,
    observed: Mapping[int, Observation],
    now: datetime,
) -> None:
    """See what has become of the matches among the listings on a page (by their id).

    In the page's transaction, once it is recorded at `now`. A listing that shows another picture
    by now, or whose picture can't be had, is there, but nothing is told of its matches.
    """
    found = follow_ups.find(conn, scan.watch_id, observed.keys())
    returned = set()
    for match in found:
        is_seen = match.last_seen_at == now
        if is_seen:
            _follow(context, conn, rules, match, observed[match.listing_id].price, now)
        if is_seen or match.gone_at is None:
            returned.add(match.listing_id)
    appearances.record(conn, scan, returned)


def _follow(
    context: ScanContext,
    conn: Connection,
    rules: WatchRules,
    match: FollowedMatch,
    price: Price | None,
    now: datetime,
) -> None:
    if match.gone_at is not None:
        follow_ups.mark_reappeared(conn, match, now)
        tell(context, conn, rules, match, Reappeared(match.gone_at), now)
    if match.is_told and price is not None and price.maximum > 0:
        _follow_price(context, conn, rules, match, price, now)


def _follow_price(
    context: ScanContext,
    conn: Connection,
    rules: WatchRules,
    match: FollowedMatch,
    price: Price,
    now: datetime,
) -> None:
    """Compare with what was last told in the same currency: rates of exchange are no change."""
    before = match.told_prices.get(price.currency)
    if before is None:
        follow_ups.set_told_price(conn, match, price)
        return
    moved = moved_percent(before, price)
    least = rules.price_change_percent
    if least is None or abs(moved) <= Decimal(str(least)) or not match.is_due(rules.alert_score):
        return
    if match.price_changed_at is not None and now - match.price_changed_at < TELL_PRICE_EVERY:
        return
    follow_ups.set_told_price(conn, match, price, now)
    event = PriceChanged(before, price, Decimal(f"{moved:.1f}"))
    tell(context, conn, rules, match, event, now)


def moved_percent(before: Price, after: Price) -> Decimal:
    """By how much the lowest or the highest price has moved, whichever did more; with its sign.

    In percent of the price before. A price of zero is none: sites write it for "ask us".
    """
    ends = ((before.minimum, after.minimum), (before.maximum, after.maximum))
    moves = [(new - old) / old * 100 for old, new in ends if old > 0]
    return max(moves, key=abs, default=Decimal(0))


def follow_cycle(context: ScanContext, conn: Connection, scan: Scan, now: datetime) -> None:
    """See what the searches of a cycle on a marketplace did not find any more.

    In the transaction that finishes `scan`, the last of them, and only if the cycle is as ever.
    Nothing is counted while the marketplace's canary is lost, and nothing is gone while a
    marketplace that used to return it is in trouble.
    """
    rules = context.watches.get(scan.watch)
    if rules is None:
        return
    sound = _find_sound(context, conn, rules)
    if scan.marketplace not in sound:
        return
    appearances.count_missed(conn, scan.cycle_id, scan.marketplace, now, GONE_AFTER_SCANS)
    gone = appearances.find_gone(
        conn, scan, rules.marketplaces, sound, missed=GONE_AFTER_SCANS, since=now - GONE_AFTER
    )
    if not gone:
        return
    log.info("watch=%s: %d listings are no longer found", scan.watch, len(gone))
    for match in follow_ups.mark_gone(conn, scan.watch_id, gone, now):
        if rules.tell_gone:
            tell(context, conn, rules, match, Gone(match.last_seen_at), now)
    appearances.drop(conn, scan.watch_id, gone)


def _find_sound(context: ScanContext, conn: Connection, rules: WatchRules) -> list[str]:
    """The watch's marketplaces whose searches can be believed at the moment."""
    known = canaries.list_rows(conn)
    return [name for name in rules.marketplaces if _is_sound(context, conn, name, known.get(name))]


def _is_sound(
    context: ScanContext, conn: Connection, name: str, status: canaries.CanaryStatus | None
) -> bool:
    breaker = breakers.find(conn, name)
    if not breaker.is_closed or breaker.failures:
        return False
    source = context.sources.get(name)
    if source is None or source.canary is None or status is None:
        return True
    return status.lost_at is None or status.looked_for != source.canary.key


def tell(
    context: ScanContext,
    conn: Connection,
    rules: WatchRules,
    match: FollowedMatch,
    event: MatchEvent,
    now: datetime,
) -> None:
    """An alert of what became of a match, if there was one of the match and it isn't settled."""
    if not match.is_due(rules.alert_score):
        return
    alerts.add(
        conn,
        event,
        dedup_key=f"{event.name}:{match.id}:{now.isoformat()}",
        watch_id=match.watch_id,
        match_id=match.id,
        now=now,
        alert_id=context.new_alert_id(),
    )
