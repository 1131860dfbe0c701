"""A marketplace that fails time and again is paused for everybody, told once, and tried again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from monitor.errors import (
    AuthError,
    BadImage,
    Blocked,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QueueFull,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.model.events import Cause, MarketplacePaused, MarketplaceResumed
from monitor.scanning.context import ScanContext
from monitor.scanning.guard.breaker import (
    admit,
    after_failure,
    after_nothing,
    after_success,
    failure_of,
)
from monitor.scanning.policy import LEASE, USED_UP_AGAIN
from monitor.storage.db.engine import Connection
from monitor.storage.searches import breakers, waiting
from monitor.storage.searches.breakers import Breaker
from monitor.storage.telling import alerts

log = logging.getLogger(__name__)


_CAUSES: Sequence[tuple[type[MarketplaceError], Cause]] = (
    (Blocked, Cause.BLOCKED),
    (QuotaExhausted, Cause.QUOTA),
    (AuthError, Cause.AUTH),
    (PermissionDenied, Cause.PERMISSION),
    (ProtocolError, Cause.PROTOCOL),
    (QueueFull, Cause.QUEUE),
    (Throttled, Cause.THROTTLED),
    (Transient, Cause.TRANSIENT),
    (BadImage, Cause.BAD_IMAGE),
)


def admit_search(
    context: ScanContext, conn: Connection, marketplace: str, *, is_asked: bool = False
) -> Breaker | None:
    """The marketplace's breaker once a search of ours has begun; None while none may begin.

    `note_begun` stores it, in the same transaction.
    """
    if breakers.find(conn, marketplace).is_closed:
        return Breaker()
    breaker = breakers.lock(conn, marketplace)
    return admit(breaker, context.owner, context.clock(), LEASE, is_asked=is_asked)


def note_begun(conn: Connection, marketplace: str, breaker: Breaker) -> None:
    """A search begins: if it is the probe, no other process begins one."""
    if not breaker.is_closed:
        breakers.put(conn, marketplace, breaker)


def end_waiting(
    context: ScanContext,
    conn: Connection,
    marketplace: str,
    patience: timedelta,
    cycle_id: int | None = None,
) -> int:
    """End the scans that wait on a paused marketplace for longer than `patience`; how many.

    They end as the search that failed did, never as empty. While it is probed nothing is ended.
    """
    now = context.clock()
    breaker = breakers.find(conn, marketplace)
    if breaker.opened_at is None or breaker.outcome is None or breaker.owner is not None:
        return 0
    if breaker.opened_at > now - patience:
        return 0
    error = (
        f"not searched: {marketplace} is paused since {_at(breaker.opened_at)}: {breaker.reason}"
    )
    ended = waiting.end(
        conn,
        marketplace,
        context.owner,
        due_until=now - patience,
        cycle_id=cycle_id,
        outcome=breaker.outcome,
        error=error,
        now=now,
    )
    if ended:
        log.warning("%d scans %s", ended, error)
    return ended


def note_success(context: ScanContext, conn: Connection, marketplace: str, now: datetime) -> None:
    """A search has seen everything: the marketplace answers. Told if its pause was."""
    before = breakers.find(conn, marketplace)
    if before.is_closed and not before.failures:
        return
    before = breakers.lock(conn, marketplace)
    breakers.put(conn, marketplace, after_success(before, now))
    if before.is_closed or before.opened_at is None:
        return
    if not any(alerts.is_known(conn, key) for key in _pause_keys(marketplace, before.opened_at)):
        log.info("marketplace %s answers again", marketplace)
        return  # nobody was told that it was paused
    log.warning("marketplace %s answers again, paused since %s", marketplace, before.opened_at)
    alerts.add(
        conn,
        MarketplaceResumed(marketplace, before.opened_at),
        dedup_key=f"resumed:{marketplace}:{before.opened_at.isoformat()}",
        now=now,
        alert_id=context.new_alert_id(),
    )


def note_failure(
    context: ScanContext,
    conn: Connection,
    marketplace: str,
    error: MarketplaceError | None,
    now: datetime,
) -> bool:
    """A search has failed; whether the marketplace is paused, and that has been told.

    An `error` about the picture alone, one of our own queue, or None for one that nobody expected,
    says nothing of the marketplace. What was to be told of the failures that opened the breaker is
    withdrawn: the pause tells it for all watches. A pause that comes to need a person is told anew.
    """
    failure = failure_of(error) if error is not None else None
    if error is None or failure is None:
        return _note_nothing(context, conn, marketplace)
    before = breakers.lock(conn, marketplace)
    after = after_failure(before, failure, context.owner, now)
    breakers.put(conn, marketplace, after)
    if after.is_closed:
        return False
    if before.is_closed:
        alerts.withdraw_failed(conn, marketplace)
    if before.is_closed or (after.is_mendable and not before.is_mendable):
        # time would have mended it until now
        _tell_paused(context, conn, marketplace, error, after, now)
    return True


def _note_nothing(context: ScanContext, conn: Connection, marketplace: str) -> bool:
    if not breakers.find(conn, marketplace).is_closed:
        before = breakers.lock(conn, marketplace)
        breakers.put(conn, marketplace, after_nothing(before, context.owner))
    return False


def _tell_paused(
    context: ScanContext,
    conn: Connection,
    marketplace: str,
    error: MarketplaceError,
    breaker: Breaker,
    now: datetime,
) -> None:
    opened_at = breaker.opened_at or now
    used_up, by_time, by_person = _pause_keys(marketplace, opened_at)
    is_used_up = isinstance(error, QuotaExhausted)
    key = used_up if is_used_up else by_person if breaker.is_mendable else by_time
    log.error("marketplace %s is paused until %s: %s", marketplace, breaker.probe_at, error)
    if is_used_up and alerts.count_since(conn, _used_up(marketplace), now - USED_UP_AGAIN):
        return
    alerts.add(
        conn,
        MarketplacePaused(
            marketplace=marketplace,
            error=str(error),
            cause=cause_of(error),
            failures=breaker.failures,
            is_mendable=breaker.is_mendable,
            probe_at=breaker.probe_at,
        ),
        dedup_key=key,
        now=now,
        alert_id=context.new_alert_id(),
    )


def _pause_keys(marketplace: str, opened_at: datetime) -> tuple[str, str, str]:
    """What a pause may have been told under: a used-up budget, what time mends, what a person."""
    key = f"paused:{marketplace}:{opened_at}"
    return f"{_used_up(marketplace)}{opened_at}", f"{key}:False", f"{key}:True"


def _used_up(marketplace: str) -> str:
    return f"used-up:{marketplace}:"


def cause_of(error: MarketplaceError | None) -> Cause:
    """What kind of trouble a search that failed was in; None for an error that nobody expected."""
    if error is None:
        return Cause.BUG
    return next((cause for kind, cause in _CAUSES if isinstance(error, kind)), Cause.OTHER)


def _at(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant else "once"
