"""Deliveries: one alert to one channel, a queue of leased rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

import sqlalchemy as sa

from monitor.errors import NotFound
from monitor.model import AlertEvent
from monitor.storage.engine import Connection
from monitor.storage.matches import MatchRow
from monitor.storage.matches import find as find_matches
from monitor.storage.tables import alerts, deliveries, watches
from monitor.storage.text import clean

# One message tells so many at most; a baseline is one message, however long.
MOST_IN_A_GROUP = 200
MOST_IN_A_BASELINE = 5_000


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A claimed delivery with what its message says. `created_at` is the alert's.

    `attempts` counts the one in hand, `due_from_at` is when it was routed, or released. `detail`
    is what the event says of the match, such as `old_price`: scanning/follow.py has the names.
    """

    id: int
    alert_id: str
    channel: str
    attempts: int
    created_at: datetime
    due_from_at: datetime
    event: AlertEvent
    watch: str | None
    text: str | None
    baseline_cycle_id: int | None
    match: MatchRow | None
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """What waits for a channel: how many, since when, and what it said last."""

    channel: str
    waiting: int
    oldest_at: datetime | None
    most_attempts: int
    dead: int
    last_error: str | None


# (whether it is for operators, whether it tells of a match, its baseline, attempts)
_Kind: TypeAlias = tuple[bool, bool, int | None, int]

_WAITING = deliveries.c.state.in_(["due", "failed"])
_SENDING = deliveries.c.state == "sending"


def _is_free(owner: str, now: datetime) -> sa.ColumnElement[bool]:
    """Due for its first or next try, or in the hands of nobody who still works on it.

    That is a process whose lease has run out, or `owner` itself: it asks for a channel's next
    message only when it has none in hand there, so an error has dropped this one.
    """
    dropped = sa.or_(deliveries.c.lease_until < now, deliveries.c.owner == owner)
    return sa.or_(sa.and_(_WAITING, deliveries.c.next_try_at <= now), sa.and_(_SENDING, dropped))


def find_channels_due(conn: Connection, now: datetime) -> set[str]:
    """Channels with something to try now or in hand, apart from their waiting for a group.

    A cheap look before the claim, which decides.
    """
    some = sa.or_(sa.and_(_WAITING, deliveries.c.next_try_at <= now), _SENDING)
    return set(conn.execute(sa.select(deliveries.c.channel).where(some).distinct()).scalars())


def claim(
    conn: Connection,
    channel: str,
    owner: str,
    now: datetime,
    lease: timedelta,
    group: timedelta,
) -> list[DueDelivery]:
    """Take the deliveries of the channel's next message; empty if none is ready.

    One message holds one kind: operator alerts, matches, the matches of one baseline, or summaries
    of what is held. All but a baseline wait until the oldest of their kind is `group` old, counted
    from the alert's creation; what has been tried before waits no more. What is tried again is not
    mixed with what is new.
    """
    rows = conn.execute(
        sa.select(
            deliveries.c.id,
            deliveries.c.attempts,
            alerts.c.created_at,
            alerts.c.event,
            alerts.c.baseline_cycle_id,
        )
        .select_from(deliveries.join(alerts))
        .where(deliveries.c.channel == channel, _is_free(owner, now))
        .order_by(alerts.c.created_at, deliveries.c.id)
        .with_for_update(skip_locked=True, of=deliveries)
    ).all()
    kinds: dict[_Kind, list[int]] = {}
    oldest: dict[_Kind, datetime] = {}
    for row in rows:
        event = AlertEvent(row.event)
        kind = (event.is_operator, event.is_match, row.baseline_cycle_id, row.attempts)
        kinds.setdefault(kind, []).append(row.id)
        oldest.setdefault(kind, row.created_at)
    for kind, ids in kinds.items():
        _, _, baseline, attempts = kind
        if baseline is not None or attempts != 0 or oldest[kind] + group <= now:
            most = MOST_IN_A_GROUP if baseline is None else MOST_IN_A_BASELINE
            return _take(conn, ids[:most], owner, now + lease)
    return []


def _take(conn: Connection, ids: list[int], owner: str, lease_until: datetime) -> list[DueDelivery]:
    conn.execute(
        sa.update(deliveries)
        .where(deliveries.c.id.in_(ids))
        .values(
            state="sending",
            owner=owner,
            lease_until=lease_until,
            attempts=deliveries.c.attempts + 1,
        )
    )
    rows = conn.execute(
        sa.select(
            deliveries.c.id,
            deliveries.c.alert_id,
            deliveries.c.channel,
            deliveries.c.attempts,
            alerts.c.created_at,
            deliveries.c.created_at.label("due_from_at"),
            alerts.c.event,
            alerts.c.text,
            alerts.c.detail,
            alerts.c.match_id,
            alerts.c.baseline_cycle_id,
            watches.c.name.label("watch"),
        )
        .select_from(deliveries.join(alerts).outerjoin(watches, watches.c.id == alerts.c.watch_id))
        .where(deliveries.c.id.in_(ids))
        .order_by(alerts.c.created_at, deliveries.c.id)
    ).all()
    found = find_matches(conn, [row.match_id for row in rows if row.match_id is not None])
    return [
        DueDelivery(
            id=row.id,
            alert_id=row.alert_id,
            channel=row.channel,
            attempts=row.attempts,
            created_at=row.created_at,
            due_from_at=row.due_from_at,
            event=AlertEvent(row.event),
            watch=row.watch,
            text=row.text,
            baseline_cycle_id=row.baseline_cycle_id,
            match=found.get(row.match_id),
            detail=row.detail or {},
        )
        for row in rows
    ]


def finish_sent(conn: Connection, ids: Sequence[int], owner: str, now: datetime) -> None:
    """Note that the channel has accepted the message."""
    _finish(conn, ids, owner, state="sent", sent_at=now, next_try_at=None, last_error=None)


def finish_failed(
    conn: Connection,
    ids: Sequence[int],
    owner: str,
    error: str,
    next_try_at: datetime | None,
    now: datetime,  # noqa: ARG001
) -> None:
    """Note that it has not; without a next try the delivery is given up, and stays to be seen."""
    state = "dead" if next_try_at is None else "failed"
    _finish(conn, ids, owner, state=state, next_try_at=next_try_at, last_error=clean(error))


def _finish(conn: Connection, ids: Sequence[int], owner: str, **values: object) -> None:
    conn.execute(
        sa.update(deliveries)
        .where(
            deliveries.c.id.in_(ids),
            deliveries.c.owner == owner,
            deliveries.c.state == "sending",
        )
        .values(owner=None, lease_until=None, **values)
    )


def find_last_sent_at(conn: Connection, channel: str) -> datetime | None:
    """When the channel last accepted anything."""
    return conn.execute(
        sa.select(sa.func.max(deliveries.c.sent_at, type_=deliveries.c.sent_at.type)).where(
            deliveries.c.channel == channel
        )
    ).scalar()


def count_sent_since(conn: Connection, instant: datetime) -> int:
    """How many alerts have reached a channel since then."""
    counted = sa.select(sa.func.count()).select_from(deliveries)
    return int(conn.execute(counted.where(deliveries.c.sent_at >= instant)).scalar_one())


def count_waiting(conn: Connection) -> int:
    """How many alerts are still to be sent."""
    counted = sa.select(sa.func.count()).select_from(deliveries)
    waiting = deliveries.c.state.in_(["due", "sending", "failed"])
    return int(conn.execute(counted.where(waiting)).scalar_one())


def retry(conn: Connection, alert_id: str | None, channel: str | None, now: datetime) -> int:
    """Make failed and given-up deliveries due now; of every alert if none is named.

    Returns how many. Raises NotFound for an alert that doesn't exist.
    """
    wanted: list[sa.ColumnElement[bool]] = [deliveries.c.state.in_(["failed", "dead"])]
    if alert_id is not None:
        known = sa.select(alerts.c.id).where(alerts.c.id == alert_id)
        if conn.execute(known).first() is None:
            raise NotFound(f"there is no alert {alert_id!r}; `monitor alerts list` shows all")
        wanted.append(deliveries.c.alert_id == alert_id)
    if channel is not None:
        wanted.append(deliveries.c.channel == channel)
    done = conn.execute(
        sa.update(deliveries).where(*wanted).values(state="failed", next_try_at=now)
    )
    return done.rowcount


def list_health(conn: Connection) -> list[ChannelHealth]:
    """The channels for which something waits or was given up, by name.

    What is held doesn't wait for its channel.
    """
    unsent = deliveries.c.state.not_in(["sent", "held"])
    rows = conn.execute(
        sa.select(
            deliveries.c.channel,
            sa.func.count().filter(deliveries.c.state != "dead").label("waiting"),
            sa.func.count().filter(deliveries.c.state == "dead").label("dead"),
            sa.func.min(deliveries.c.created_at, type_=deliveries.c.created_at.type)
            .filter(deliveries.c.state != "dead")
            .label("oldest"),
            sa.func.max(deliveries.c.attempts).label("attempts"),
            sa.func.max(deliveries.c.last_error).label("error"),
        )
        .where(unsent)
        .group_by(deliveries.c.channel)
        .order_by(deliveries.c.channel)
    )
    return [
        ChannelHealth(row.channel, row.waiting, row.oldest, row.attempts, row.dead, row.error)
        for row in rows
    ]
