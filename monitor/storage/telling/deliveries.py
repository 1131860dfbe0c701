"""Deliveries: one alert to one channel, a queue of leased rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa

from monitor.errors import NotFound
from monitor.model import AlertEvent
from monitor.storage.db.engine import Connection
from monitor.storage.db.text import clean
from monitor.storage.matches.matches import MatchRow
from monitor.storage.matches.matches import find as find_matches
from monitor.storage.tables import alerts, deliveries, watches
from monitor.storage.telling.ready import UNSENT, Wanted, is_free, pick, read_free

# What stands at a delivery that was in hand when its process ended.
INTERRUPTED = "interrupted while sending; it may have arrived"


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


def find_ready(
    conn: Connection,
    channel: str,
    owner: str,
    now: datetime,
    group: timedelta,
    *,
    until: datetime | None = None,
    only_retries: bool = False,
    operator_group: timedelta | None = None,
) -> list[int]:
    """The ids of the deliveries of the channel's next message; empty if none is ready.

    A look that locks nothing. One message holds one kind: operator alerts, matches, the matches of
    one baseline, or summaries of what is held. All but a baseline wait until the oldest of their
    kind is `group` old, counted from the alert's creation; what has been tried before waits no
    more. What is tried again is not mixed with what is new. With `until`, what is new must have
    been routed by then, but for operator alerts where `operator_group` is given: they wait for that
    long instead. `only_retries` leaves out all that is new.

    Alerts of one listing keep the order of their creation: what was told before it and is not sent
    yet holds an alert back, unless both go in this message.
    """
    wanted = Wanted(channel, owner, now, group, until, only_retries, operator_group)
    return pick(read_free(conn, wanted), wanted)


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
    operator_group: timedelta | None = None,
    found: Sequence[int] | None = None,
) -> list[DueDelivery]:
    """Take the deliveries of the channel's next message; empty if none is ready.

    `found` is what `find_ready` has said just before: it is not asked again. All of it is taken or
    nothing, as a part might overtake an earlier alert that another process has taken.
    """
    wanted = Wanted(channel, owner, now, group, until, only_retries, operator_group)
    ids = pick(read_free(conn, wanted), wanted) if found is None else found
    rows = _lock(conn, ids, wanted) if ids else []
    if len(rows) < len(ids):
        return []
    rows = _without_silenced(conn, rows)
    if not rows:
        return []
    _mark_sending(conn, [row.id for row in rows], owner, now, now + lease)
    seen = find_matches(conn, [row.match_id for row in rows if row.match_id is not None])
    return [_as_due(row, seen.get(row.match_id), now) for row in rows]


_NOW = sa.bindparam("now", type_=deliveries.c.next_try_at.type)
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
_MARK_SENDING = (
    sa.update(deliveries)
    .where(deliveries.c.id.in_(_IDS))
    .values(
        state="sending",
        owner=sa.bindparam("by"),
        lease_until=sa.bindparam("lease_ends"),
        attempts=deliveries.c.attempts + 1,
        first_tried_at=sa.func.coalesce(deliveries.c.first_tried_at, _NOW),
    )
)


def _lock(
    conn: Connection, ids: Sequence[int], wanted: Wanted
) -> Sequence[sa.Row[tuple[object, ...]]]:
    """Those of `ids` that are still free, kept from others until the transaction ends."""
    return conn.execute(_LOCK, {**wanted.parameters, "ids": ids}).all()


def _mark_sending(
    conn: Connection, ids: Sequence[int], owner: str, now: datetime, lease_until: datetime
) -> None:
    values = {"ids": ids, "by": owner, "lease_ends": lease_until, "now": now}
    conn.execute(_MARK_SENDING, values)


def _without_silenced(
    conn: Connection, rows: Sequence[sa.Row[tuple[object, ...]]]
) -> Sequence[sa.Row[tuple[object, ...]]]:
    """What a silence has marked while somebody had it in hand, and nobody has any more, is put
    back: the next routing step holds it.
    """
    silenced = [row.id for row in rows if row.silence_id is not None]
    if silenced:
        conn.execute(
            sa.update(deliveries)
            .where(deliveries.c.id.in_(silenced))
            .values(state="failed", owner=None, lease_until=None, last_error=INTERRUPTED)
        )
    return [row for row in rows if row.silence_id is None]


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
        text=row.text,
        baseline_cycle_id=row.baseline_cycle_id,
        match=match,
        detail=row.detail or {},
    )


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
    update = _in_hand_of().values(owner=None, lease_until=None, **values)
    return conn.execute(update, {"ids": ids, "by": owner}).rowcount


@cache
def _in_hand_of() -> sa.Update:
    return sa.update(deliveries).where(
        deliveries.c.id.in_(_IDS),
        deliveries.c.owner == sa.bindparam("by"),
        deliveries.c.state == "sending",
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
        .where(deliveries.c.state.in_([*UNSENT, "dead"]))
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
