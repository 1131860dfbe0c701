"""An alert -> one delivery for each channel that it concerns."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from monitor.alerting.context import AlertContext, Routes
from monitor.alerting.hold import apply_silences, summarise_held
from monitor.alerting.options import Route
from monitor.alerting.policy import ROUTE_PATIENCE
from monitor.storage.db.engine import Connection
from monitor.storage.telling import alerts, silences
from monitor.storage.telling.alerts import UnroutedAlert
from monitor.words import read_words

log = logging.getLogger(__name__)


def channels_of(alert: UnroutedAlert, routes: Routes) -> tuple[str, ...] | None:
    """The channels that an alert is told to, each once, in the order of the config.

    Operator alerts go to `ops` alone. Others go where the first route that fits says, and the
    fitting ones before it that are `also`; where none decides, to the channels of their watch.
    What a watch that is gone has found goes to `ops` then: somebody is to hear of it. None if it
    has nowhere to go: an empty list keeps it from being told, the lack of one does not.
    """
    if alert.event.is_operator:
        return routes.ops
    named: list[str] = []
    for route in routes.rules:
        if not fits(alert, route):
            continue
        named += route.channels
        if not route.also:
            return tuple(dict.fromkeys(named))
    of_watch = routes.watches.get(alert.watch or "")
    named += routes.ops if of_watch is None else of_watch
    is_stranded = of_watch is None and not named
    return None if is_stranded else tuple(dict.fromkeys(named))


def fits(alert: UnroutedAlert, route: Route) -> bool:
    """Whether an alert has one of what every condition names; tags compare without case."""
    least = 0.0 if route.min_score is None else route.min_score
    most = 1.0 if route.max_score is None else route.max_score
    is_any_score = route.min_score is None and route.max_score is None
    return (
        (not route.watches or alert.watch in route.watches)
        and (not route.marketplaces or alert.marketplace in route.marketplaces)
        and (not route.sites or alert.site in route.sites)
        and (not route.tags or not _plain(route.tags).isdisjoint(_plain(alert.tags)))
        and (not route.relations or alert.relation in route.relations)
        and (not route.events or alert.event in route.events)
        and (is_any_score or (alert.score is not None and least <= alert.score <= most))
    )


def _plain(tags: Iterable[str]) -> set[str]:
    return {tag.strip().casefold() for tag in tags}


def route_next(context: AlertContext) -> bool:
    """Bring what is held up to date, or route what is new, or sum up what is held; False if there
    is nothing to do. Raises StoreError.
    """
    return any(step(context) > 0 for step in (apply_silences, route_alerts, summarise_held))


def route_alerts(context: AlertContext) -> int:
    """Fan each new alert out to one delivery per channel; how many alerts were routed.

    What a baseline found is routed once its cycle has finished and been checked. Where the match
    rests on an unspecific reference picture, or a silence asks for it, the deliveries are held
    (see hold.py). What a watch has found that is gone from the config waits while nobody at all is
    named who could hear of it: `monitor status` counts it.
    """
    now = context.clock()
    with context.store.reading() as conn:
        if not _find_routable(context, conn, now):
            return 0
    with context.store.writing() as conn:
        silences.lock(conn)
        routable = _find_routable(context, conn, now)
        for alert, channels in routable:
            alerts.route(conn, alert.id, channels, now, is_held=alert.is_held)
            _log_route(alert, channels)
        silences.hold(conn, [alert.id for alert, _ in routable], now)
    return len(routable)


def _find_routable(
    context: AlertContext, conn: Connection, now: datetime
) -> list[tuple[UnroutedAlert, tuple[str, ...]]]:
    """What is new and not stranded, each with its channels."""
    found = []
    for alert in alerts.find_unrouted(conn, now, ROUTE_PATIENCE):
        channels = channels_of(alert, context.routes)
        if channels is not None:
            found.append((alert, channels))
    return found


def count_stranded(conn: Connection, routes: Routes, now: datetime) -> int:
    """How many alerts wait because the config names nobody who could hear of them."""
    return sum(
        channels_of(alert, routes) is None
        for alert in alerts.find_unrouted(conn, now, ROUTE_PATIENCE)
    )


def warn_of_stranded(context: AlertContext) -> None:
    """Log once, as a run begins, that alerts wait for a channel; raises StoreError."""
    with context.store.reading() as conn:
        count = count_stranded(conn, context.routes, context.clock())
    if count:
        log.warning("%s", read_words().say("findings.alerts_stranded.text", alerts=count))


def _log_route(alert: UnroutedAlert, channels: tuple[str, ...]) -> None:
    """The config may say that matches are stored only; trouble that nobody hears of is none."""
    if not channels:
        level = logging.WARNING if alert.event.is_operator else logging.INFO
        log.log(level, "alert id=%s event=%s has no channel to go to", alert.id, alert.event)
