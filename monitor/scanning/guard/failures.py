"""A scan that did not see everything -> one alert for each trouble, however long it lasts."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from monitor.errors import BadImage, MarketplaceError
from monitor.model import AlertEvent, Scan, ScanOutcome
from monitor.scanning.context import ScanContext
from monitor.scanning.guard.breaker import failure_of
from monitor.scanning.guard.pauses import advice
from monitor.scanning.policy import MOST_REFUSED_TOLD, REFUSED_AGAIN
from monitor.storage import Connection
from monitor.storage.searches import cycles, yields
from monitor.storage.telling import alerts

_EVENTS: Final = {
    ScanOutcome.BLOCKED: AlertEvent.SCAN_BLOCKED,
    ScanOutcome.QUOTA: AlertEvent.SCAN_QUOTA,
    ScanOutcome.PARTIAL: AlertEvent.SCAN_FAILED,
    ScanOutcome.FAILED: AlertEvent.SCAN_FAILED,
}
_SCAN_KEY: Final = "scan:{}:{}:{}"
_PICTURE: Final = "picture:"


def tell_failed(
    context: ScanContext,
    conn: Connection,
    scan: Scan,
    outcome: ScanOutcome,
    error: str | None,
    failure: MarketplaceError | None,
    now: datetime,
) -> None:
    """One alert for a marketplace that stays in trouble: the key names the last cycle without.

    One for a picture that it refuses, however well the others do. What is no fault of the
    marketplace has a key of its own: else it would be withdrawn when the marketplace is paused.
    """
    event = _EVENTS[outcome]
    is_marketplace = failure is not None and failure_of(failure) is not None
    more = advice(failure)
    if isinstance(failure, BadImage):
        what, more = _refused_picture(conn, scan, now, more)
    else:
        trouble = event if is_marketplace else f"{event} {type(failure).__name__}"
        what = f"{trouble}:{cycles.last_good(conn, scan.watch_id, scan.marketplace)}"
    alerts.add(
        conn,
        event=event,
        dedup_key=_SCAN_KEY.format(scan.watch_id, scan.marketplace, what),
        watch_id=scan.watch_id,
        scan_id=scan.id,
        failed_marketplace=scan.marketplace if is_marketplace else None,
        text=f"Watch {scan.watch} on {scan.marketplace}: scan {outcome}: {error}. It was the "
        f"search for {scan.reference.path}, which is tried again in the next round. {more}",
        now=now,
        alert_id=context.new_alert_id(),
    )


def _refused_picture(conn: Connection, scan: Scan, now: datetime, more: str) -> tuple[str, str]:
    """The key's end, and what to do, for a picture that is refused: told until it is searched for.

    Not for each of hundreds, whose server can't be reached, say: from some on all are told at once.
    """
    reference, where = scan.reference, (scan.watch_id, scan.marketplace)
    last = yields.find_last_complete(conn, [reference.id], [scan.marketplace])
    key = f"{_PICTURE}{reference.sha256}:{last.get((reference.id, scan.marketplace), 0)}"
    if alerts.is_known(conn, _SCAN_KEY.format(*where, key)):
        return key, more
    told = alerts.count_since(conn, _SCAN_KEY.format(*where, _PICTURE), now - REFUSED_AGAIN)
    if told < MOST_REFUSED_TOLD:
        return key, more
    also = (
        f"{told} other pictures were told to be refused there within {REFUSED_AGAIN.days} days, so "
        "further ones are not told one by one: `scan_health` has them all. Where the marketplace "
        "fetches your pictures by their address, see whether it can."
    )
    return f"pictures:{now:%G-W%V}", also
