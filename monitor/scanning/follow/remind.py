"""Matches that nobody has reviewed are told once more, if the watch asks for it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from monitor.model import AlertEvent
from monitor.model.events import Reminder
from monitor.scanning.context import ScanContext
from monitor.scanning.options import WatchRules
from monitor.scanning.policy import REMIND_EVERY, REMINDERS_AT_ONCE
from monitor.storage.catalogue import watches
from monitor.storage.matches import follow_ups
from monitor.storage.telling import alerts

log = logging.getLogger(__name__)


def remind(context: ScanContext, names: Iterable[str]) -> bool:
    """Write the reminders of one of these watches that is due; False if none is. Raises StoreError.

    A watch is looked at once an hour, by whichever process comes first.
    """
    for name in names:
        rules, now = context.watches[name], context.clock()
        if rules.remind_after is None:
            continue
        with context.store.reading() as conn:
            is_due = follow_ups.is_reminding_due(conn, name, now, REMIND_EVERY)
        if is_due:
            _remind(context, rules, rules.remind_after, now)
            return True
    return False


def _remind(context: ScanContext, rules: WatchRules, after: timedelta, now: datetime) -> None:
    with context.store.writing() as conn:
        watch_id = watches.get_id(conn, rules.name)
        if not follow_ups.claim_reminding(conn, watch_id, now, REMIND_EVERY):
            return
        found = follow_ups.find_unreviewed(
            conn, watch_id, rules.alert_score, now - after, REMINDERS_AT_ONCE
        )
        for match_id, told_at in found:
            alerts.add(
                conn,
                Reminder(told_at),
                dedup_key=f"{AlertEvent.REMINDER}:{match_id}",
                watch_id=watch_id,
                match_id=match_id,
                now=now,
                alert_id=context.new_alert_id(),
            )
    if found:
        log.info("watch=%s: reminded of %d unreviewed matches", rules.name, len(found))
