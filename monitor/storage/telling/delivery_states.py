"""The state machine of deliveries: no other module writes their rows.

::

    route --> due --claim--> sending --accept--> sent
                              |   ^
        fail, give_back,      |   | claim
        interrupt             v   |
                             failed <---retry--- dead

    due, failed, sending --give_up, refuse_all--> dead --revive--> due
    due, failed --hold, silence, catch--> held --release--> due

    event        from                  to       who causes it
    ---------------------------------------------------------------------------------------------
    route        -                     due      routing: an alert is fanned out to a channel
                                       held     ... whose match rests on an unspecific picture
    hold         due, failed           held     a check: the match's picture is unspecific
    silence      due, failed, held     held     a silence that begins, or is there when it is routed
                 sending               sending  ... is only marked: it is in somebody's hands
    catch        due, failed           held     routing: it was marked while it was in hand
    hand_over    held                  held     a silence that ends, to another that asks for it too
    release      held                  due      a decision, trust, a check, a silence that ends
    claim        due, failed, sending  sending  delivering; of `sending` what was dropped
    accept       sending               sent     the channel: it has taken the message
    fail         sending               failed   the channel: not now
    give_up      sending               dead     the channel has not taken it for too long
    give_back    sending               failed   a stop, or quiet hours, before it was sent
    interrupt    sending               failed   the end of the process that had it in hand
    refuse_all   due, failed, sending  dead     the channel refuses messages for good
    revive       dead, if refused      due      the channel takes messages again, or has another URL
    retry        failed, dead          failed   a person
    ---------------------------------------------------------------------------------------------

Of `sending`, an event of its owner's moves only what that owner still has in hand. What stands in
another state than the event's is left as it is: every function is one conditional update, so that
of two processes one succeeds. Each says how many it has moved, unless it is of no use to anybody.

`summarised_at`, `silence_id` and the lease go along with the state, so they are written here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Final, TypeAlias

import sqlalchemy as sa

from monitor.model import DeliveryState
from monitor.storage.db.engine import Connection
from monitor.storage.db.text import clean
from monitor.storage.db.upsert import insert
from monitor.storage.tables import deliveries

_DUE: Final = DeliveryState.DUE.value
_SENDING: Final = DeliveryState.SENDING.value
_SENT: Final = DeliveryState.SENT.value
_FAILED: Final = DeliveryState.FAILED.value
_DEAD: Final = DeliveryState.DEAD.value
_HELD: Final = DeliveryState.HELD.value

WAITING: Final = (_DUE, _FAILED)
UNSENT: Final = (_DUE, _FAILED, _SENDING)

IS_WAITING: Final = deliveries.c.state.in_(WAITING)
IS_IN_HAND: Final = deliveries.c.state == _SENDING
# Without a parameter, so that both databases use the partial indices.
IS_HELD: Final = deliveries.c.state == sa.literal_column("'held'")

_IDS = sa.bindparam("ids", expanding=True, type_=deliveries.c.id.type)
_NOW = sa.bindparam("now", type_=deliveries.c.next_try_at.type)

_Condition: TypeAlias = sa.ColumnElement[bool]
_NOT_IN_HAND: dict[str, object] = {"owner": None, "lease_until": None}


def route(
    conn: Connection, alert_id: str, channels: Sequence[str], now: datetime, *, is_held: bool
) -> None:
    """One delivery for each channel that has none of this alert yet, due or held."""
    for channel in channels:
        statement = insert(conn, deliveries).values(
            alert_id=alert_id,
            channel=channel,
            state=_HELD if is_held else _DUE,
            attempts=0,
            created_at=now,
            next_try_at=None if is_held else now,
        )
        conn.execute(statement.on_conflict_do_nothing())


# -- held, and let go


def hold(conn: Connection, *which: _Condition) -> int:
    """Hold what waits, for the picture that its match rests on: no summary has told of it yet."""
    values = {"state": _HELD, "next_try_at": None, "summarised_at": None}
    return _move(conn, IS_WAITING, *which, **values)


def silence(conn: Connection, silence_id: int, *which: _Condition) -> int:
    """Hold for a silence what no other has; how many are held by it now.

    Also what is held for its picture: it would be due as soon as that is believed. What is in hand
    is only marked.
    """
    free = sa.or_(IS_WAITING, IS_IN_HAND, IS_HELD)
    marked = conn.execute(
        sa.update(deliveries)
        .where(free, deliveries.c.silence_id.is_(None), *which)
        .values(
            silence_id=silence_id,
            state=sa.case((IS_IN_HAND, deliveries.c.state), else_=_HELD),
            next_try_at=sa.case((IS_IN_HAND, deliveries.c.next_try_at), else_=None),
        )
        .returning(deliveries.c.state)
    )
    return sum(state == _HELD for state in marked.scalars())


def catch(conn: Connection, *which: _Condition) -> int:
    """Hold what a silence has marked while it was in hand, and nobody has in hand any more."""
    is_marked = deliveries.c.silence_id.is_not(None)
    return _move(conn, IS_WAITING, is_marked, *which, state=_HELD, next_try_at=None)


def hand_over(conn: Connection, silence_id: int, other_id: int, *which: _Condition) -> int:
    """What one silence holds is held by another."""
    return _move(conn, IS_HELD, deliveries.c.silence_id == silence_id, *which, silence_id=other_id)


def unmark(conn: Connection, silence_id: int) -> None:
    """A silence is over: what it has marked, and not let go, is none of its any more."""
    its = deliveries.c.silence_id == silence_id
    conn.execute(sa.update(deliveries).where(its).values(silence_id=None))


def release(conn: Connection, now: datetime, *which: _Condition) -> int:
    """What is held is due as if it were routed now: it has its whole time to be delivered in."""
    return _move(
        conn,
        IS_HELD,
        *which,
        state=_DUE,
        silence_id=None,
        created_at=now,
        next_try_at=now,
        summarised_at=None,
    )


def note_summarised(conn: Connection, now: datetime, *which: _Condition) -> None:
    """A summary has told of what is held."""
    conn.execute(sa.update(deliveries).where(IS_HELD, *which).values(summarised_at=now))


# -- in hand


# Built once, as those below: putting a statement together takes longer than running it.
_CLAIM = (
    sa.update(deliveries)
    .where(deliveries.c.id.in_(_IDS), deliveries.c.state.in_(UNSENT))
    .values(
        state=_SENDING,
        owner=sa.bindparam("by"),
        lease_until=sa.bindparam("lease_ends"),
        attempts=deliveries.c.attempts + 1,
        first_tried_at=sa.func.coalesce(deliveries.c.first_tried_at, _NOW),
    )
)


def claim(
    conn: Connection, ids: Sequence[int], owner: str, now: datetime, lease_until: datetime
) -> int:
    """Take them in hand; one more attempt of each begins. The caller has locked them, and knows
    that nobody still works on those that are in hand.
    """
    values = {"ids": ids, "by": owner, "lease_ends": lease_until, "now": now}
    return conn.execute(_CLAIM, values).rowcount


def renew(conn: Connection, owner: str, lease_until: datetime) -> int:
    """Whoever has them in hand is alive."""
    return _move(conn, IS_IN_HAND, deliveries.c.owner == owner, lease_until=lease_until)


def accept(conn: Connection, ids: Sequence[int], owner: str, now: datetime) -> int:
    """The channel has taken the message; how many were still in `owner`'s hands."""
    return _finish(conn, ids, owner, state=_SENT, sent_at=now, next_try_at=None, last_error=None)


def fail(
    conn: Connection, ids: Sequence[int], owner: str, error: str, next_try_at: datetime
) -> int:
    """The channel has not taken it, and is tried again."""
    return _finish(
        conn, ids, owner, state=_FAILED, next_try_at=next_try_at, last_error=clean(error)
    )


def give_up(conn: Connection, ids: Sequence[int], owner: str, error: str) -> int:
    """The channel has not taken it, and is not tried again: it stays to be seen."""
    return _finish(conn, ids, owner, state=_DEAD, next_try_at=None, last_error=clean(error))


def give_back(conn: Connection, ids: Sequence[int], owner: str, why: str) -> int:
    """Nobody has tried to send them: due again at once."""
    return _finish(conn, ids, owner, state=_FAILED, last_error=clean(why))


def interrupt(conn: Connection, why: str, *which: _Condition) -> int:
    """Whoever had them in hand is gone: due again at once, though they may have arrived."""
    return _move(conn, IS_IN_HAND, *which, state=_FAILED, last_error=clean(why), **_NOT_IN_HAND)


def note_left_out(conn: Connection, left_out: Mapping[int, str]) -> None:
    """Note what of each delivery, by its id, was not in the message that was accepted."""
    for words in set(left_out.values()):
        ids = [number for number, said in left_out.items() if said == words]
        its = deliveries.c.id.in_(ids)
        conn.execute(sa.update(deliveries).where(its).values(left_out=clean(words)))


# -- given up, and tried again


def refuse_all(conn: Connection, channel: str, owner: str, error: str, now: datetime) -> int:
    """The channel refuses messages for good: what waits, or is in `owner`'s hands, is dead."""
    ours = sa.and_(IS_IN_HAND, deliveries.c.owner == owner)
    return _move(
        conn,
        deliveries.c.channel == channel,
        sa.or_(IS_WAITING, ours),
        state=_DEAD,
        next_try_at=None,
        last_error=clean(error),
        refused_at=now,
        **_NOT_IN_HAND,
    )


def revive(
    conn: Connection, channel: str, now: datetime, *which: _Condition, is_anew: bool = False
) -> int:
    """What was given up because the channel refused it is due, as if it were routed now; if
    `is_anew`, as if it had never been tried, too.
    """
    values = {"state": _DUE, "created_at": now, "next_try_at": now, "refused_at": None}
    return _move(
        conn,
        deliveries.c.channel == channel,
        deliveries.c.state == _DEAD,
        deliveries.c.refused_at.is_not(None),
        *which,
        **values,
        **({"attempts": 0} if is_anew else {}),
    )


def retry(conn: Connection, now: datetime, *which: _Condition) -> int:
    """What has failed or was given up is tried now, and has its whole time again."""
    values = {"state": _FAILED, "created_at": now, "next_try_at": now, "refused_at": None}
    return _move(conn, deliveries.c.state.in_((_FAILED, _DEAD)), *which, **values)


def _move(conn: Connection, *which: _Condition, **values: object) -> int:
    return conn.execute(sa.update(deliveries).where(*which).values(**values)).rowcount


def _finish(conn: Connection, ids: Sequence[int], owner: str, **values: object) -> int:
    update = _in_hand_of().values(**_NOT_IN_HAND, **values)
    return conn.execute(update, {"ids": ids, "by": owner}).rowcount


@cache
def _in_hand_of() -> sa.Update:
    return sa.update(deliveries).where(
        deliveries.c.id.in_(_IDS), deliveries.c.owner == sa.bindparam("by"), IS_IN_HAND
    )
