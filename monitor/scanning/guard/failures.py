"""A scan that did not see everything -> one alert for each trouble, however long it lasts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from monitor.errors import BadImage, MarketplaceError
from monitor.model import Scan, ScanOutcome
from monitor.model.events import ScanBlocked, ScanEnded, ScanFailed, ScanQuota
from monitor.scanning.context import ScanContext
from monitor.scanning.guard.breaker import failure_of
from monitor.scanning.guard.pauses import cause_of
from monitor.scanning.policy import MOST_REFUSED_TOLD, REFUSED_AGAIN
from monitor.storage.db.engine import Connection
from monitor.storage.searches import cycles, yields
from monitor.storage.telling import alerts

_EVENTS: Final[Mapping[ScanOutcome, type[ScanEnded]]] = {
    ScanOutcome.BLOCKED: ScanBlocked,
    ScanOutcome.QUOTA: ScanQuota,
    ScanOutcome.PARTIAL: ScanFailed,
    ScanOutcome.FAILED: ScanFailed,
}
_SCAN_KEY: Final = "scan:{}:{}:{}"
_PICTURE: Final = "picture:"


def tell_failure(
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
    kind = _EVENTS[outcome]
    is_marketplace = failure is not None and failure_of(failure) is not None
    others = 0
    if isinstance(failure, BadImage):
        what, others = _refused_picture(conn, scan, now)
    else:
        trouble = kind.name if is_marketplace else f"{kind.name} {type(failure).__name__}"
        what = f"{trouble}:{cycles.last_good(conn, scan.watch_id, scan.marketplace)}"
    alerts.add(
        conn,
        kind(
            watch=scan.watch,
            marketplace=scan.marketplace,
            path=scan.reference.path,
            outcome=outcome,
            error=str(error),
            cause=cause_of(failure),
            others=others,
            days=REFUSED_AGAIN.days,
        ),
        dedup_key=_SCAN_KEY.format(scan.watch_id, scan.marketplace, what),
        watch_id=scan.watch_id,
        scan_id=scan.id,
        failed_marketplace=scan.marketplace if is_marketplace else None,
        now=now,
        alert_id=context.new_alert_id(),
    )


def _refused_picture(conn: Connection, scan: Scan, now: datetime) -> tuple[str, int]:
    """The key's end for a picture that is refused: told until it is searched for.

    Not for each of hundreds, whose server can't be reached, say: from some on all are told at once,
    with how many were told before.
    """
    reference, where = scan.reference, (scan.watch_id, scan.marketplace)
    last = yields.find_last_complete(conn, [reference.id], [scan.marketplace])
    key = f"{_PICTURE}{reference.sha256}:{last.get((reference.id, scan.marketplace), 0)}"
    if alerts.is_known(conn, _SCAN_KEY.format(*where, key)):
        return key, 0
    told = alerts.count_since(conn, _SCAN_KEY.format(*where, _PICTURE), now - REFUSED_AGAIN)
    if told < MOST_REFUSED_TOLD:
        return key, 0
    return f"pictures:{now:%G-W%V}", told
