"""Alerts: written with what caused them, then fanned out to deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from monitor.model import AlertEvent, DeliveryState
from monitor.storage.engine import Connection
from monitor.storage.tables import alerts, cycles, deliveries, watches
from monitor.storage.text import bounded, clean
from monitor.storage.upsert import insert, insert_new


@dataclass(frozen=True, slots=True)
class UnroutedAlert:
    id: str
    watch: str | None
    event: AlertEvent


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert's delivery to one channel; the channel is None where none was there to go to."""

    alert_id: str
    event: str
    match_id: int | None
    channel: str | None
    state: str | None
    attempts: int | None
    last_error: str | None
    text: str | None
    created_at: datetime
    next_try_at: datetime | None
    sent_at: datetime | None


def add(
    conn: Connection,
    *,
    event: AlertEvent,
    dedup_key: str,
    now: datetime,
    alert_id: str,
    watch_id: int | None = None,
    match_id: int | None = None,
    scan_id: int | None = None,
    baseline_cycle_id: int | None = None,
    text: str | None = None,
) -> bool:
    """Write an alert; False if its cause was told before under the same key."""
    values = {
        "id": alert_id,
        "dedup_key": bounded(clean(dedup_key)),
        "event": event.value,
        "watch_id": watch_id,
        "match_id": match_id,
        "scan_id": scan_id,
        "baseline_cycle_id": baseline_cycle_id,
        "text": clean(text),
        "created_at": now,
    }
    return insert_new(conn, alerts, values, on=["dedup_key"])


def find_unrouted(conn: Connection, now: datetime) -> list[UnroutedAlert]:
    """Alerts that have no deliveries yet, the oldest first.

    What a baseline found waits until its cycle has finished.
    """
    rows = conn.execute(
        sa.select(alerts.c.id, watches.c.name.label("watch"), alerts.c.event)
        .select_from(
            alerts.outerjoin(watches, watches.c.id == alerts.c.watch_id).outerjoin(
                cycles, cycles.c.id == alerts.c.baseline_cycle_id
            )
        )
        .where(
            alerts.c.routed_at.is_(None),
            alerts.c.created_at <= now,
            sa.or_(alerts.c.baseline_cycle_id.is_(None), cycles.c.finished_at.is_not(None)),
        )
        .order_by(alerts.c.created_at, alerts.c.id)
    )
    return [UnroutedAlert(row.id, row.watch, AlertEvent(row.event)) for row in rows]


def route(conn: Connection, alert_id: str, channels: Sequence[str], now: datetime) -> None:
    """Fan an alert out: one delivery per channel. An alert is routed once."""
    for channel in channels:
        statement = insert(conn, deliveries).values(
            alert_id=alert_id,
            channel=channel,
            state=DeliveryState.DUE.value,
            attempts=0,
            created_at=now,
            next_try_at=now,
        )
        conn.execute(statement.on_conflict_do_nothing())
    conn.execute(sa.update(alerts).where(alerts.c.id == alert_id).values(routed_at=now))


def list_rows(
    conn: Connection,
    *,
    state: str | None = None,
    channel: str | None = None,
    limit: int | None = None,
) -> list[AlertRow]:
    """Alerts with their deliveries, the newest first."""
    statement = sa.select(
        alerts.c.id.label("alert_id"),
        alerts.c.event,
        alerts.c.match_id,
        alerts.c.text,
        alerts.c.created_at,
        deliveries.c.channel,
        deliveries.c.state,
        deliveries.c.attempts,
        deliveries.c.last_error,
        deliveries.c.next_try_at,
        deliveries.c.sent_at,
    ).select_from(alerts.outerjoin(deliveries))
    if state is not None:
        statement = statement.where(deliveries.c.state == state)
    if channel is not None:
        statement = statement.where(deliveries.c.channel == channel)
    ordered = statement.order_by(alerts.c.created_at.desc(), alerts.c.id, deliveries.c.channel)
    return [AlertRow(**row) for row in conn.execute(ordered.limit(limit)).mappings()]


def count_homeless(conn: Connection, since: datetime) -> int:
    """Operator alerts since then that had no channel to go to: nobody has been told.

    Matches without a channel are meant so: a watch may record only.
    """
    events = [event.value for event in AlertEvent if event.is_operator]
    told = sa.exists().where(deliveries.c.alert_id == alerts.c.id)
    counted = sa.select(sa.func.count()).select_from(alerts)
    homeless = counted.where(
        alerts.c.routed_at.is_not(None),
        alerts.c.created_at >= since,
        alerts.c.event.in_(events),
        ~told,
    )
    return int(conn.execute(homeless).scalar_one())
