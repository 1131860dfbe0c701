"""The pace and the budget of a credential, shared by every process on the database.

One row per credential says when its next call may go out and how many have gone. A call is
reserved by one conditional update on the database's clock; on SQLite that is the caller's, as all
callers are on one host. A slot counts for the UTC day and month in which it lies.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

import sqlalchemy as sa

from monitor.model import Budget, days_left
from monitor.storage.db.engine import Connection
from monitor.storage.db.upsert import insert
from monitor.storage.tables import pace_days, paces

log = logging.getLogger(__name__)

# Others may change the row between the look and the update, a day may end.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class PaceRules:
    """What holds for every credential.

    No slot and no hold lies further ahead than `longest_hold`; a clock is read as well as can be
    expected within `free_blur`; what a day has used is remembered for `kept_days`.
    """

    longest_hold: timedelta
    free_blur: timedelta
    kept_days: int


class Reason(StrEnum):
    """Why there is no slot: too many are waiting, the site asked for peace, a budget is used up."""

    QUEUE = "queue"
    HELD = "held"
    DAY = "day"
    SHARE = "share"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Refusal:
    """No slot was taken. Held, or `limit` calls are used up, until `until`; None for the queue."""

    reason: Reason
    limit: int | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """When a call may go out: at `opens` on the caller's own monotonic clock, in seconds.

    `at` is the same instant on the database's clock, in seconds since the epoch. `used_today` and
    `used_this_month` count this call.
    """

    opens: float
    at: float
    day: date
    used_today: int
    used_this_month: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a slot is wanted for: calls are `interval` apart, and wait for `max_wait` at most.

    With a `width` the others are kept off for so much longer: who wakes late by it is in time.
    The slot opens no sooner than after `lead`, which is what the commit takes where disks are slow.
    `given_up` is an earlier slot of the same call that was missed: it isn't counted again, unless
    the day has changed since.
    """

    key: str
    interval: timedelta
    max_wait: timedelta
    rules: PaceRules
    budget: Budget = field(default_factory=Budget)
    width: timedelta = timedelta(0)
    lead: timedelta = timedelta(0)
    given_up: Slot | None = None


def reserve(
    conn: Connection, asked: Asked, now: datetime, monotonic: Callable[[], float]
) -> Slot | Refusal:
    """Take the next slot of a credential; nothing is taken or counted with a Refusal.

    `now` is the caller's clock, read inside of this transaction.
    """
    for _ in range(_TRIES):
        look = _look(conn, asked, now, monotonic)
        if look is None:
            _make(conn, asked.key, now)
            continue
        if look.at > look.latest:
            _bring_back(conn, asked.key, look)
            continue
        refusal = _refusal(look, asked)
        if refusal is not None:
            return refusal
        slot = _take(conn, look, asked)
        if slot is not None:
            return slot
    return Refusal(Reason.QUEUE)


def hold(
    conn: Connection, key: str, duration: timedelta, now: datetime, longest: timedelta
) -> None:
    """Let nobody call for `duration`, `longest` at most; who has a slot loses it: `is_held`."""
    duration = min(duration, longest)
    _make(conn, key, now)
    shared = float(conn.execute(sa.select(_clock(conn, now))).scalar_one())
    until = sa.literal(shared + duration.total_seconds())
    conn.execute(
        sa.update(paces)
        .where(paces.c.key == key)
        .values(
            next_at=_later(paces.c.next_at, until), held_until=_later(paces.c.held_until, until)
        )
    )


def is_held(conn: Connection, key: str, slot: Slot) -> bool:
    """Whether somebody was asked to hold since the slot was taken: it is lost then."""
    until = conn.execute(sa.select(paces.c.held_until).where(paces.c.key == key)).scalar()
    return until is not None and float(until) > slot.at


def carry_over(conn: Connection, name: str, key: str) -> bool:
    """Give the account `key` the row of the marketplace `name`, if it has none; whether it did.

    Rows were kept by marketplace before revision 0004, which knows no accounts. What today has
    used would be forgotten else.
    """
    account = paces.alias()
    moved = conn.execute(
        sa.update(paces)
        .where(paces.c.key == name, ~sa.exists().where(account.c.key == key))
        .values(key=key)
    )
    if moved.rowcount == 0:
        return False
    conn.execute(sa.update(pace_days).where(pace_days.c.key == name).values(key=key))
    return True


@dataclass(frozen=True, slots=True)
class Use:
    """What a credential has used: today and this month as of one instant, and of days before.

    `days` are the newest days before today that had any use, the newest first.
    """

    today: int
    this_month: int
    days: tuple[int, ...]


def list_use(conn: Connection, now: datetime, last_days: int) -> dict[str, Use]:
    """By key: what was used by `now`, and on up to `last_days` days with any use before."""
    today = now.astimezone(UTC).date()
    before: dict[str, list[int]] = {}
    rows = conn.execute(
        sa.select(pace_days)
        .where(pace_days.c.day < today.isoformat(), pace_days.c.used > 0)
        .order_by(pace_days.c.day.desc())
    )
    for row in rows:
        before.setdefault(row.key, []).append(row.used)
    return {
        row.key: Use(
            today=row.used_today if row.day == today.isoformat() else 0,
            this_month=row.used_this_month if row.month == _month(today) else 0,
            days=tuple(before.get(row.key, ())[:last_days]),
        )
        for row in conn.execute(sa.select(paces))
    }


@dataclass(frozen=True, slots=True)
class _Look:
    """A row, and what its next slot would be; the clock was read at `read` give or take `blur`.

    No slot lies after `latest`, unless a clock was wrong.
    """

    now: float
    soonest: float
    read: float
    blur: float
    at: float
    latest: float
    held_until: float
    day: date
    used_today: int
    used_this_month: int


def _look(
    conn: Connection, asked: Asked, now: datetime, monotonic: Callable[[], float]
) -> _Look | None:
    before = monotonic()
    clock = _clock(conn, now).label("now")
    row = conn.execute(sa.select(clock, paces).where(paces.c.key == asked.key)).one_or_none()
    if row is None:
        return None
    # never too early: a clock far away was read before its answer came
    read = monotonic() if conn.dialect.name == "postgresql" else before
    soonest = float(row.now) + asked.lead.total_seconds()
    ahead = (
        asked.rules.longest_hold + max(timedelta(0), asked.max_wait) + asked.interval + asked.width
    )
    at = max(float(row.next_at), soonest)
    day = datetime.fromtimestamp(at, UTC).date()
    return _Look(
        now=float(row.now),
        soonest=soonest,
        read=read,
        blur=read - before,
        at=at,
        latest=soonest + ahead.total_seconds(),
        held_until=float(row.held_until),
        day=day,
        used_today=row.used_today if row.day == day.isoformat() else 0,
        used_this_month=row.used_this_month if row.month == _month(day) else 0,
    )


def _refusal(look: _Look, asked: Asked) -> Refusal | None:
    budget, midnight = asked.budget, _midnight_after(look.day)
    if _counts(look, asked):
        if budget.monthly is not None and look.used_this_month >= budget.monthly:
            first = look.day + timedelta(days=days_left(look.day) - 1)
            return Refusal(Reason.MONTH, budget.monthly, _midnight_after(first))
        if budget.daily is not None and look.used_today >= budget.daily:
            return Refusal(Reason.DAY, budget.daily, midnight)
        limit = budget.limit_of(look.day, look.used_this_month - look.used_today)
        if limit is not None and look.used_today >= limit:
            return Refusal(Reason.SHARE, limit, midnight)
    longest = look.now + asked.max_wait.total_seconds()
    if look.at <= longest:
        return None
    if look.held_until > longest:
        return Refusal(Reason.HELD, until=datetime.fromtimestamp(look.held_until, UTC))
    return Refusal(Reason.QUEUE)


def _counts(look: _Look, asked: Asked) -> bool:
    return asked.given_up is None or asked.given_up.day != look.day


def _take(conn: Connection, look: _Look, asked: Asked) -> Slot | None:
    """The one conditional update; None if the row is no longer what was looked at.

    What the days before used is the same all day, so the day's limit may come from the look.
    """
    count = int(_counts(look, asked))
    limit = asked.budget.limit_of(look.day, look.used_this_month - look.used_today)
    unsure = max(timedelta(0), timedelta(seconds=look.blur) - asked.rules.free_blur)
    span = (asked.interval + asked.width + unsure).total_seconds()
    day, month = look.day.isoformat(), _month(look.day)
    at = _later(paces.c.next_at, sa.literal(look.soonest))
    today = sa.case((paces.c.day == day, paces.c.used_today), else_=0)
    this_month = sa.case((paces.c.month == month, paces.c.used_this_month), else_=0)
    is_free = [
        paces.c.key == asked.key,
        at < _midnight_after(look.day).timestamp(),
        at <= look.now + asked.max_wait.total_seconds(),
    ]
    if limit is not None and count:
        is_free.append(today < limit)
    row = conn.execute(
        sa.update(paces)
        .where(*is_free)
        .values(
            next_at=at + span,
            day=day,
            month=month,
            used_today=today + count,
            used_this_month=this_month + count,
        )
        .returning(paces.c.next_at, paces.c.used_today, paces.c.used_this_month)
    ).one_or_none()
    if row is None:
        return None
    _remember(conn, asked.key, look.day, row.used_today, asked.rules.kept_days)
    taken = float(row.next_at) - span
    opens = look.read + max(0.0, taken - look.now)
    return Slot(opens, taken, look.day, row.used_today, row.used_this_month)


def _remember(conn: Connection, key: str, day: date, used: int, kept_days: int) -> None:
    """Keep the day's count in the history; the first call of a day drops what is old."""
    statement = insert(conn, pace_days).values(key=key, day=day.isoformat(), used=used)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["key", "day"], set_={"used": statement.excluded.used}
        )
    )
    if used == 1:
        oldest = (day - timedelta(days=kept_days)).isoformat()
        conn.execute(sa.delete(pace_days).where(pace_days.c.key == key, pace_days.c.day < oldest))


def _bring_back(conn: Connection, key: str, look: _Look) -> None:
    """Forget a next slot, and a hold, of a clock that was wrong: nobody could call for that long.

    Two machines may differ in their limits, so it is done only for what is a day away.
    """
    log.warning("pace %s: its next call was %.0f days ahead", key, (look.at - look.now) / 86_400)
    where = sa.and_(paces.c.key == key, paces.c.next_at > look.latest)
    conn.execute(sa.update(paces).where(where).values(next_at=look.now, held_until=0.0))


def _make(conn: Connection, key: str, now: datetime) -> None:
    day = now.astimezone(UTC).date()
    statement = insert(conn, paces).values(
        key=key,
        next_at=0.0,
        held_until=0.0,
        day=day.isoformat(),
        month=_month(day),
        used_today=0,
        used_this_month=0,
    )
    conn.execute(statement.on_conflict_do_nothing())


def _clock(conn: Connection, now: datetime) -> sa.ColumnElement[float]:
    """Seconds since the epoch by the clock that all callers share."""
    if conn.dialect.name == "postgresql":
        return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float)
    return sa.literal(now.timestamp(), sa.Float)


def _later(
    stored: sa.ColumnElement[float], other: sa.ColumnElement[float]
) -> sa.ColumnElement[float]:
    """The greater of both, which the databases call by different names."""
    return sa.case((stored > other, stored), else_=other)


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _midnight_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)
