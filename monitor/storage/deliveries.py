"""Deliveries: one alert to one channel, a queue of leased rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from monitor.errors import NotFound
from monitor.model import AlertEvent
from monitor.storage.engine import Connection
from monitor.storage.matches import MatchRow
from monitor.storage.matches import find as find_matches
from monitor.storage.ready import MOST_IN_A_MESSAGE, UNSENT, Wanted, pick, read_free
from monitor.storage.tables import alerts, deliveries, watches
from monitor.storage.text import clean


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A claimed delivery with what its message says. `created_at` is the alert's.

    `attempts` counts the one in hand; `due_from_at` is when it was first tried, or, if that came
    later, routed or released. `detail` is what the event says of the match, such as `old_price`:
    scanning/follow.py has the names.
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
    """What waits for a channel: how many, since when, and what it said last.

    `new_from_at` is when the oldest came that was never tried, `tried_from_at` the oldest other.
    """

    channel: str
    waiting: int
    new_from_at: datetime | None
    tried_from_at: datetime | None
    most_attempts: int
    dead: int
    refused: int
    last_error: str | None


def has_ready(
    conn: Connection,
    channel: str,
    owner: str,
    now: datetime,
    group: timedelta,
    *,
    until: datetime | None = None,
    only_retries: bool = False,
) -> bool:
    """Whether `claim` would take something: a look that locks nothing."""
    wanted = Wanted(channel, owner, now, group, until, only_retries)
    most = 1 if group <= timedelta(0) else MOST_IN_A_MESSAGE
    return bool(pick(read_free(conn, wanted, most), wanted))


def claim(
    conn: Connection,
    channel: str,
    owner: str,
    now: datetime,
    lease: timedelta,
    group: timedelta,
    *,
    until: datetime | None = None,
    only_retries: bool = False,
) -> list[DueDelivery]:
    """Take the deliveries of the channel's next message; empty if none is ready.

    One message holds one kind: operator alerts, matches, the matches of one baseline, or summaries
    of what is held. All but a baseline wait until the oldest of their kind is `group` old, counted
    from the alert's creation; what has been tried before waits no more. What is tried again is not
    mixed with what is new. With `until`, what is new must have been routed by then; `only_retries`
    leaves it out.

    Alerts of one listing keep the order of their creation: what was told before it and is not sent
    yet holds an alert back, unless both go in this message.
    """
    wanted = Wanted(channel, owner, now, group, until, only_retries)
    ids = pick(read_free(conn, wanted, MOST_IN_A_MESSAGE, is_locking=True), wanted)
    return _take(conn, ids, owner, now, now + lease) if ids else []


def _take(
    conn: Connection, ids: list[int], owner: str, now: datetime, lease_until: datetime
) -> list[DueDelivery]:
    first_tried_at = sa.func.coalesce(
        deliveries.c.first_tried_at, sa.bindparam(None, now, type_=deliveries.c.sent_at.type)
    )
    conn.execute(
        sa.update(deliveries)
        .where(deliveries.c.id.in_(ids))
        .values(
            state="sending",
            owner=owner,
            lease_until=lease_until,
            attempts=deliveries.c.attempts + 1,
            first_tried_at=first_tried_at,
        )
    )
    rows = conn.execute(
        sa.select(
            deliveries.c.id,
            deliveries.c.alert_id,
            deliveries.c.channel,
            deliveries.c.attempts,
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
            due_from_at=max(row.routed_at, row.first_tried_at),
            event=AlertEvent(row.event),
            watch=row.watch,
            text=row.text,
            baseline_cycle_id=row.baseline_cycle_id,
            match=found.get(row.match_id),
            detail=row.detail or {},
        )
        for row in rows
    ]


def finish_sent(conn: Connection, ids: Sequence[int], owner: str, now: datetime) -> int:
    """Note that the channel has accepted the message; how many were still in `owner`'s hands."""
    return _finish(conn, ids, owner, state="sent", sent_at=now, next_try_at=None, last_error=None)


def note_left_out(conn: Connection, left_out: Mapping[int, str]) -> None:
    """Note what of each delivery, by its id, was not in the message that was accepted."""
    for words in set(left_out.values()):
        ids = [number for number, said in left_out.items() if said == words]
        conn.execute(
            sa.update(deliveries).where(deliveries.c.id.in_(ids)).values(left_out=clean(words))
        )


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


def give_back(conn: Connection, ids: Sequence[int], owner: str) -> None:
    """Note that they were not sent, as a stop or quiet hours came first: due again at once."""
    _finish(conn, ids, owner, state="failed", last_error="stopped before it was sent")


def _finish(conn: Connection, ids: Sequence[int], owner: str, **values: object) -> int:
    done = conn.execute(
        sa.update(deliveries)
        .where(
            deliveries.c.id.in_(ids),
            deliveries.c.owner == owner,
            deliveries.c.state == "sending",
        )
        .values(owner=None, lease_until=None, **values)
    )
    return done.rowcount


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
    # as if it were routed now: it has its whole week again
    values = {"state": "failed", "created_at": now, "next_try_at": now, "refused_at": None}
    return conn.execute(sa.update(deliveries).where(*wanted).values(**values)).rowcount


def list_health(conn: Connection) -> list[ChannelHealth]:
    """The channels for which something waits or was given up, by name.

    What is held doesn't wait for its channel.
    """
    is_dead = deliveries.c.state == "dead"
    is_new = deliveries.c.state == "due"
    since = sa.func.min(deliveries.c.created_at, type_=deliveries.c.created_at.type)
    rows = conn.execute(
        sa.select(
            deliveries.c.channel,
            sa.func.count().filter(~is_dead).label("waiting"),
            sa.func.count().filter(is_dead).label("dead"),
            sa.func.count(deliveries.c.refused_at).filter(is_dead).label("refused"),
            since.filter(is_new).label("new_from_at"),
            since.filter(~is_new, ~is_dead).label("tried_from_at"),
            sa.func.max(deliveries.c.attempts).label("attempts"),
            sa.func.max(deliveries.c.last_error).label("error"),
        )
        .where(deliveries.c.state.in_([*UNSENT, "dead"]))
        .group_by(deliveries.c.channel)
        .order_by(deliveries.c.channel)
    )
    return [
        ChannelHealth(
            channel=row.channel,
            waiting=row.waiting,
            new_from_at=row.new_from_at,
            tried_from_at=row.tried_from_at,
            most_attempts=row.attempts,
            dead=row.dead,
            refused=row.refused,
            last_error=row.error,
        )
        for row in rows
    ]
