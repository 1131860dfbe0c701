"""An alert -> one delivery for each channel that it concerns."""

from __future__ import annotations

import logging

from monitor.alerting.context import AlertContext
from monitor.storage import alerts

log = logging.getLogger(__name__)


def route_alerts(context: AlertContext) -> int:
    """Fan each new alert out to one delivery per channel; how many alerts were routed.

    What a baseline found is routed once its cycle has finished and been checked. Where the match
    rests on an unspecific reference picture the deliveries are held (see hold.py).
    """
    now = context.clock()
    with context.store.reading() as conn:
        if not alerts.find_unrouted(conn, now):
            return 0
    with context.store.writing() as conn:
        unrouted = alerts.find_unrouted(conn, now)
        for alert in unrouted:
            channels = context.routes.of(alert.watch, is_operator=alert.event.is_operator)
            alerts.route(conn, alert.id, channels, now, is_held=alert.is_held)
            if not channels:
                log.warning("alert id=%s event=%s has no channel to go to", alert.id, alert.event)
    return len(unrouted)
