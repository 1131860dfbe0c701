"""Blindness: a search that suddenly returns far less than it used to has seen nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from statistics import median

from monitor.model import Scan
from monitor.model.events import YieldDropped
from monitor.scanning.context import ScanContext
from monitor.scanning.policy import (
    LEAST_SHARE,
    LEAST_USUAL,
    LEAST_USUAL_OF_CYCLE,
    LEAST_YIELDS,
    MOST_YIELDS,
)
from monitor.storage.db.engine import Connection
from monitor.storage.searches import yields
from monitor.storage.telling import alerts

log = logging.getLogger(__name__)


def is_drop(seen: int, before: Sequence[int], least: int = LEAST_USUAL) -> bool:
    """Whether `seen` listings are under half the median of those before.

    Not with under 3 before, and not where under `least` are usual.
    """
    if len(before) < LEAST_YIELDS:
        return False
    usual = median(before)
    return usual >= least and seen < LEAST_SHARE * usual


def check_yield(
    context: ScanContext, conn: Connection, scan: Scan, seen: int, now: datetime
) -> None:
    """Mark a complete scan that saw far less than it used to.

    The first of a trouble is told. A trouble is one per watch and marketplace, and over with a
    whole cycle that is as ever.
    """
    before = yields.find_latest(
        conn, scan.reference.id, scan.marketplace, MOST_YIELDS, without=scan.id
    )
    if not is_drop(seen, before):
        return
    yields.mark_suspect(conn, scan.id)
    usual = median(before)
    log.warning("scan %d is suspect: %d listings instead of %g", scan.id, seen, usual)
    _tell(context, conn, scan, scan.reference.path, seen, usual, now)


def check_cycle(context: ScanContext, conn: Connection, scan: Scan, now: datetime) -> bool:
    """The same for a cycle's searches there together, the last of which, `scan`, has ended.

    Whether they did see far less.
    """
    seen, before = yields.find_cycle_totals(
        conn, scan.cycle_id, scan.watch_id, scan.marketplace, MOST_YIELDS
    )
    if not is_drop(seen, before, LEAST_USUAL_OF_CYCLE):
        return False
    yields.mark_cycle_suspect(conn, scan.cycle_id, scan.marketplace)
    usual = median(before)
    log.warning("cycle %d is suspect: %d listings instead of %g", scan.cycle_id, seen, usual)
    _tell(context, conn, scan, None, seen, usual, now)
    return True


def _tell(
    context: ScanContext,
    conn: Connection,
    scan: Scan,
    path: str | None,
    seen: int,
    usual: float,
    now: datetime,
) -> None:
    steady = yields.last_steady_cycle(conn, scan.watch_id, scan.marketplace)
    alerts.add(
        conn,
        YieldDropped(scan.watch, scan.marketplace, path, seen, float(usual)),
        dedup_key=f"yield:{scan.watch_id}:{scan.marketplace}:{steady}",
        watch_id=scan.watch_id,
        scan_id=scan.id,
        now=now,
        alert_id=context.new_alert_id(),
    )
