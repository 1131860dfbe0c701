"""Deliveries: one alert to one channel, a queue of leased rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from monitor.errors import Unknown
from monitor.model import AlertEvent, DeliveryState
from monitor.model.events import Event, Written, read_event
from monitor.storage.db.engine import Connection
from monitor.storage.matches.matches import MatchRow
from monitor.storage.matches.matches import find as find_matches
from monitor.storage.tables import alerts, deliveries, watches
from monitor.storage.telling import delivery_states
from monitor.storage.telling.delivery_states import UNSENT
from monitor.storage.telling.ready import Wanted, is_free, pick, read_free


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A claimed delivery with what its message says. `created_at` is the alert's.

    `attempts` counts the one in hand; `due_from_at` is when it was first tried, or, if that came
    later, routed or released. `told` is the event with its facts.
    """

    id: int
    alert_id: str
    channel: str
    attempts: int
    created_at: datetime
    due_from_at: datetime
    event: AlertEvent
    watch: str | None
    told: Event | Written
    baseline_cycle_id: int | None
    match: MatchRow | None


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """What waits for a channel: how many, since when, and what it said last.

    `new_from_at` is when the oldest came that was never tried, `urgent_from_at` the oldest of these
    for operators, `tried_from_at` the oldest other.
    """

    channel: str
    waiting: int
    new_from_at: datetime | None
    urgent_from_at: datetime | None
    tried_from_at: datetime | None
    most_attempts: int
    dead: int
    refused: int
    last_error: str | None


def find_ready(conn: Connection, wanted: Wanted) -> list[int]:
    """The ids of the deliveries of the channel's next message; empty if none is ready.

    A look that locks nothing. One message holds one kind: operator alerts, matches, the matches of
    one baseline, or summaries of what is held. What is tried again is not mixed with what is new.

    Alerts of one listing keep the order of their creation: what was told before it and is not sent
    yet holds an alert back, unless both go in this message.
    """
    return pick(read_free(conn, wanted), wanted)


def claim(
    conn: Connection,
    wanted: Wanted,
    lease: timedelta,
    interrupted: str,
    found: Sequence[int] | None = None,
) -> list[DueDelivery]:
    """Take the deliveries of the channel's next message; empty if none is ready.

    `found` is what `find_ready` has said just before: it is not asked again. All of it is taken or
    nothing, as a part might overtake an earlier alert that another process has taken.

    What a silence has marked while somebody had it in hand, and nobody has any more, is put back as
    `interrupted`: the next routing step holds it.
    """
    ids = pick(read_free(conn, wanted), wanted) if found is None else found
    rows = _lock(conn, ids, wanted) if ids else []
    if len(rows) < len(ids):
        return []
    if silenced := [row.id for row in rows if row.silence_id is not None]:
        delivery_states.interrupt(conn, interrupted, deliveries.c.id.in_(silenced))
    rows = [row for row in rows if row.silence_id is None]
    if not rows:
        return []
    now = wanted.now
    delivery_states.claim(conn, [row.id for row in rows], wanted.owner, now, now + lease)
    seen = find_matches(conn, [row.match_id for row in rows if row.match_id is not None])
    return [_as_due(row, seen.get(row.match_id), now) for row in rows]


_IDS = sa.bindparam("ids", expanding=True, type_=deliveries.c.id.type)
# Built once: putting a statement together takes longer than running it.
_LOCK: sa.Select[tuple[object, ...]] = (
    sa.select(
        deliveries.c.id,
        deliveries.c.alert_id,
        deliveries.c.channel,
        deliveries.c.state,
        deliveries.c.attempts,
        deliveries.c.silence_id,
        alerts.c.created_at,
        deliveries.c.created_at.label("routed_at"),
        deliveries.c.first_tried_at,
        alerts.c.event,
        alerts.c.text,
        alerts.c.detail,
        alerts.c.match_id,
        alerts.c.baseline_cycle_id,
        watches.c.name.label("watch"),
    )
    .select_from(deliveries.join(alerts).outerjoin(watches, watches.c.id == alerts.c.watch_id))
    .where(deliveries.c.id.in_(_IDS), is_free(deliveries))
    .order_by(alerts.c.created_at, deliveries.c.id)
    .with_for_update(skip_locked=True, of=deliveries)
)


def _lock(
    conn: Connection, ids: Sequence[int], wanted: Wanted
) -> Sequence[sa.Row[tuple[object, ...]]]:
    """Those of `ids` that are still free, kept from others until the transaction ends."""
    return conn.execute(_LOCK, {**wanted.parameters, "ids": ids}).all()


def _as_due(row: sa.Row[tuple[object, ...]], match: MatchRow | None, now: datetime) -> DueDelivery:
    return DueDelivery(
        id=row.id,
        alert_id=row.alert_id,
        channel=row.channel,
        attempts=row.attempts + 1,
        created_at=row.created_at,
        due_from_at=max(row.routed_at, row.first_tried_at or now),
        event=AlertEvent(row.event),
        watch=row.watch,
        told=read_event(AlertEvent(row.event), row.detail, row.text),
        baseline_cycle_id=row.baseline_cycle_id,
        match=match,
    )


def find_last_sent_at(conn: Connection, channel: str) -> datetime | None:
    """When the channel last accepted anything."""
    return conn.execute(
        sa.select(deliveries.c.sent_at)
        .where(deliveries.c.channel == channel, deliveries.c.sent_at.is_not(None))
        .order_by(deliveries.c.sent_at.desc())
        .limit(1)
    ).scalar()


def count_sent_since(conn: Connection, instant: datetime) -> int:
    """How many alerts have reached a channel since then."""
    counted = sa.select(sa.func.count()).select_from(deliveries)
    return int(conn.execute(counted.where(deliveries.c.sent_at >= instant)).scalar_one())


def count_waiting(conn: Connection) -> int:
    """How many alerts are still to be sent."""
    counted = sa.select(sa.func.count()).select_from(deliveries)
    return int(conn.execute(counted.where(deliveries.c.state.in_(UNSENT))).scalar_one())


def retry(conn: Connection, alert_id: str | None, channel: str | None, now: datetime) -> int:
    """Make failed and given-up deliveries due now; of every alert if none is named.

    Returns how many. Raises NotFound for an alert that doesn't exist.
    """
    wanted: list[sa.ColumnElement[bool]] = []
    if alert_id is not None:
        known = sa.select(alerts.c.id).where(alerts.c.id == alert_id)
        if conn.execute(known).first() is None:
            raise Unknown("alert", alert_id)
        wanted.append(deliveries.c.alert_id == alert_id)
    if channel is not None:
        wanted.append(deliveries.c.channel == channel)
    return delivery_states.retry(conn, now, *wanted)


def list_health(conn: Connection) -> list[ChannelHealth]:
    """The channels for which something waits or was given up, by name.

    What is held doesn't wait for its channel.
    """
    is_dead = deliveries.c.state == DeliveryState.DEAD.value
    is_new = deliveries.c.state == DeliveryState.DUE.value
    is_urgent = alerts.c.event.in_([event.value for event in AlertEvent if event.is_operator])
    since = sa.func.min(deliveries.c.created_at, type_=deliveries.c.created_at.type)
    rows = conn.execute(
        sa.select(
            deliveries.c.channel,
            sa.func.count().filter(~is_dead).label("waiting"),
            sa.func.count().filter(is_dead).label("dead"),
            sa.func.count(deliveries.c.refused_at).filter(is_dead).label("refused"),
            since.filter(is_new).label("new_from_at"),
            since.filter(is_new, is_urgent).label("urgent_from_at"),
            since.filter(~is_new, ~is_dead).label("tried_from_at"),
            sa.func.max(deliveries.c.attempts).label("attempts"),
            sa.func.max(deliveries.c.last_error).label("error"),
        )
        .select_from(deliveries.join(alerts))
        .where(deliveries.c.state.in_([*UNSENT, DeliveryState.DEAD.value]))
        .group_by(deliveries.c.channel)
        .order_by(deliveries.c.channel)
    )
    return [
        ChannelHealth(
            channel=row.channel,
            waiting=row.waiting,
            new_from_at=row.new_from_at,
            urgent_from_at=row.urgent_from_at,
            tried_from_at=row.tried_from_at,
            most_attempts=row.attempts,
            dead=row.dead,
            refused=row.refused,
            last_error=row.error,
        )
        for row in rows
    ]
