"""Deliveries that are ready: what of a channel's queue makes its next message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TypeAlias

import sqlalchemy as sa

from monitor.model import AlertEvent, DeliveryState
from monitor.storage.db.engine import Connection
from monitor.storage.db.lookup import exists_for_each
from monitor.storage.tables import alerts, deliveries, matches
from monitor.storage.telling.delivery_states import UNSENT


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a channel may be taken now, and by whom; of it no more than `most`.

    What is new, but for a baseline, waits until the oldest of its kind is `group` old, counted from
    the alert's creation; what has been tried before waits no more. With `until`, what is new must
    have been routed by then, but for operator alerts where an `operator_group` is given: they wait
    for that long instead. `only_retries` leaves out all that is new.
    """

    channel: str
    owner: str
    now: datetime
    group: timedelta
    most: int
    until: datetime | None = None
    only_retries: bool = False
    operator_group: timedelta | None = None

    @property
    def parameters(self) -> dict[str, object]:
        return {
            "channel": self.channel,
            "owner": self.owner,
            "now": self.now,
            "until": self.now if self.until is None else min(self.until, self.now),
        }


_OUTER = (deliveries, alerts, matches)
_INSTANT = deliveries.c.next_try_at.type
_CHANNEL = sa.bindparam("channel", type_=sa.Text())
_OWNER = sa.bindparam("owner", type_=sa.Text())
_NOW = sa.bindparam("now", type_=_INSTANT)
_UNTIL = sa.bindparam("until", type_=_INSTANT)


def _is_new(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Due for the first time: routed, or released, at `next_try_at`."""
    is_due = sa.and_(table.c.state == DeliveryState.DUE.value, table.c.next_try_at <= _UNTIL)
    return sa.and_(is_due, table.c.silence_id.is_(None))


def _is_new_or_urgent(table: sa.FromClause) -> sa.ColumnElement[bool]:
    is_operator = alerts.c.event.in_([event.value for event in AlertEvent if event.is_operator])
    is_urgent = sa.and_(
        table.c.state == DeliveryState.DUE.value, table.c.next_try_at <= _NOW, is_operator
    )
    return sa.or_(_is_new(table), sa.and_(is_urgent, table.c.silence_id.is_(None)))


def _is_failed(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """What a silence has marked while it was in hand is held with the next routing step."""
    is_due = sa.and_(table.c.state == DeliveryState.FAILED.value, table.c.next_try_at <= _NOW)
    return sa.and_(is_due, table.c.silence_id.is_(None))


def _is_dropped(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """In the hands of nobody who still works on it.

    That is a process whose lease has run out, or the owner itself: it asks for a channel's next
    message only when it has none in hand there, so an error has dropped this one.
    """
    is_dropped = sa.or_(table.c.lease_until < _NOW, table.c.owner == _OWNER)
    return sa.and_(table.c.state == DeliveryState.SENDING.value, is_dropped)


def _is_tried(table: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.or_(_is_failed(table), _is_dropped(table))


def is_free(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether it is still as `read_free` has seen it, joined to its alert; with the parameters of
    `Wanted`.
    """
    return sa.or_(_is_new_or_urgent(table), _is_tried(table))


_Condition: TypeAlias = Callable[[sa.FromClause], sa.ColumnElement[bool]]
# what is free, and what of the same listing may go along with it
_NEW: tuple[_Condition, _Condition] = (_is_new, _is_new)
# operator alerts are of no listing
_NEW_OR_URGENT: tuple[_Condition, _Condition] = (_is_new_or_urgent, _is_new)
_TRIED: tuple[tuple[_Condition, _Condition], ...] = (
    (_is_failed, _is_tried),
    (_is_dropped, _is_tried),
)

# (whether it is for operators, whether it tells of a match, its baseline, attempts, is new)
_Kind: TypeAlias = tuple[bool, bool, int | None, int, bool]


def read_free(conn: Connection, wanted: Wanted) -> list[sa.Row[tuple[object, ...]]]:
    """Up to a message's fill of each state, in the order of the queue's index: never the whole
    queue. Locks nothing.
    """
    select = _select_free(wanted.only_retries, wanted.operator_group is not None)
    found = conn.execute(select, {**wanted.parameters, "most": wanted.most})
    return sorted(found, key=lambda row: (row.created_at, row.id))


@cache
def _select_free(
    only_retries: bool,
    has_urgent: bool,
) -> sa.CompoundSelect[tuple[object, ...]]:
    """Built once: putting it together takes longer than running it."""
    new = _NEW_OR_URGENT if has_urgent else _NEW
    states = _TRIED if only_retries else (new, *_TRIED)
    selects = [_select_state(*state).subquery() for state in states]
    return sa.union_all(*(sa.select(*select.c) for select in selects))


def _select_state(free: _Condition, alike: _Condition) -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(
            deliveries.c.id,
            deliveries.c.attempts,
            deliveries.c.state,
            alerts.c.created_at,
            alerts.c.event,
            alerts.c.baseline_cycle_id,
        )
        .select_from(deliveries.join(alerts).outerjoin(matches, matches.c.id == alerts.c.match_id))
        .where(deliveries.c.channel == _CHANNEL, free(deliveries), ~_is_overtaking(alike))
        .order_by(deliveries.c.next_try_at, deliveries.c.id)
        .limit(sa.bindparam("most", type_=sa.Integer()))
    )


def _is_overtaking(alike: _Condition) -> sa.ColumnElement[bool]:
    """Whether an earlier alert of the same listing waits for this channel, and can't go along."""
    earlier, its_alert, its_match = deliveries.alias(), alerts.alias(), matches.alias()
    goes_along = sa.and_(
        alike(earlier),
        earlier.c.attempts == deliveries.c.attempts,
        sa.func.coalesce(its_alert.c.baseline_cycle_id, 0)
        == sa.func.coalesce(alerts.c.baseline_cycle_id, 0),
    )
    is_waiting = exists_for_each(
        (*_OUTER, its_alert),
        earlier.c.alert_id == its_alert.c.id,
        earlier.c.channel == _CHANNEL,
        earlier.c.state.in_(UNSENT),
        sa.or_(
            its_alert.c.created_at < alerts.c.created_at,
            sa.and_(its_alert.c.created_at == alerts.c.created_at, earlier.c.id < deliveries.c.id),
        ),
        ~goes_along,
    )
    # one inside the other, so that SQLite begins with the listing and not with the whole queue
    is_told = exists_for_each(
        (*_OUTER, its_match), its_alert.c.match_id == its_match.c.id, is_waiting
    )
    return exists_for_each(_OUTER, its_match.c.listing_id == matches.c.listing_id, is_told)


def pick(rows: Sequence[sa.Row[tuple[object, ...]]], wanted: Wanted) -> list[int]:
    """The ids of the first kind that is ready, the oldest alert first."""
    kinds: dict[_Kind, list[int]] = {}
    oldest: dict[_Kind, datetime] = {}
    for row in rows:
        event = AlertEvent(row.event)
        is_new = row.state == DeliveryState.DUE.value
        kind = (event.is_operator, event.is_match, row.baseline_cycle_id, row.attempts, is_new)
        kinds.setdefault(kind, []).append(row.id)
        oldest.setdefault(kind, row.created_at)
    for kind, ids in kinds.items():
        is_operator, _, baseline, _, is_new = kind
        group = wanted.operator_group if is_operator else wanted.group
        group = wanted.group if group is None else group
        if not is_new or baseline is not None or oldest[kind] + group <= wanted.now:
            return ids[: wanted.most]
    return []
