"""A listing under a new item id in the place of one that is there no more: told as a relisting."""

from __future__ import annotations

from monitor.model import Scan
from monitor.model.events import NewMatch, Relisted
from monitor.storage.db.engine import Connection
from monitor.storage.matches import relistings
from monitor.storage.matches.relistings import Earlier


def may_be_relisting(conn: Connection, match_id: int, scan_id: int | None) -> bool:
    """Whether a match that the scan has just made is like one that its cycle has not met yet.

    Its alert waits then until it is clear whether the earlier listing is still there. What no scan
    has found, but a look back, was there before.
    """
    earlier = relistings.find_earlier(conn, match_id) if scan_id is not None else []
    if scan_id is None or not earlier:
        return False
    due_at = relistings.find_due_at(conn, scan_id)
    return any(item.last_seen_at < due_at for item in earlier)


def settle_relistings(conn: Connection, scan: Scan) -> None:
    """Say of the watch's new matches in question what the end of a scan has made clear.

    A relisting, if no search returned the earlier listing the last time it was run whole, and this
    cycle has not met it; a new match, if it has. What stays in question is one once the cycle ends.
    """
    for question in relistings.list_open(conn, scan.watch_id):
        unmet = [
            item
            for item in relistings.find_earlier(conn, question.match_id)
            if item.last_seen_at < question.cycle_due_at
        ]
        missed = next((item for item in unmet if item.is_missed), None)
        if missed is not None:
            relistings.settle(conn, question.alert_id, _relisted(missed))
        elif not unmet:
            relistings.settle(conn, question.alert_id, NewMatch())


def _relisted(earlier: Earlier) -> Relisted:
    return Relisted(earlier.item_id, earlier.url, earlier.last_seen_at)
