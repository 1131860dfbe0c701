"""Channels: their pace, their failures in a row, and what they refuse for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from monitor.storage.db.engine import Connection
from monitor.storage.db.upsert import insert_new
from monitor.storage.tables import channels, deliveries
from monitor.storage.telling import delivery_states

_WORKING: dict[str, object] = {
    "failures": 0,
    "failing_from": None,
    "refusals": 0,
    "refused_from": None,
}
# With every message. Built once: putting a statement together takes longer than running it.
_TRIED = (
    sa.update(channels)
    .where(channels.c.name == sa.bindparam("channel"))
    .values(tried_at=sa.bindparam("now"))
)
_ACCEPTED = _TRIED.where(channels.c.broken_at.is_(None)).values(_WORKING)


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How a channel fares; `failures` in a row, `refusals` are permanent errors since a success.

    `broken_at` says that it refuses messages for good, and from when on.
    """

    tried_at: datetime | None = None
    failures: int = 0
    failing_from: datetime | None = None
    refusals: int = 0
    refused_from: datetime | None = None
    broken_at: datetime | None = None


def find(conn: Connection, name: str) -> ChannelState:
    """The state of a channel; of one that was never tried, the first."""
    return list_states(conn, name).get(name, ChannelState())


def list_states(conn: Connection, name: str | None = None) -> dict[str, ChannelState]:
    """Channel -> its state, of those that were ever tried."""
    select = sa.select(
        channels.c.name,
        channels.c.tried_at,
        channels.c.failures,
        channels.c.failing_from,
        channels.c.refusals,
        channels.c.refused_from,
        channels.c.broken_at,
    )
    if name is not None:
        select = select.where(channels.c.name == name)
    return {row.name: ChannelState(*row[1:]) for row in conn.execute(select)}


def mirror(conn: Connection, digests: Mapping[str, str], now: datetime) -> dict[str, int]:
    """Note the URLs of the config's channels, each by a digest.

    What a channel's old URL has refused for good is due again with another one. Returns how many
    deliveries, by channel, of the channels with such.
    """
    revived: dict[str, int] = {}
    rows = conn.execute(sa.select(channels.c.name, channels.c.url_digest))
    known = {row.name: row.url_digest for row in rows}
    for name, digest in digests.items():
        _ensure(conn, name)
        if known.get(name) == digest:
            continue
        _update(conn, name, url_digest=digest)
        if known.get(name) is None:
            continue
        _update(conn, name, **_WORKING, broken_at=None)
        if count := delivery_states.revive(conn, name, now, is_anew=True):
            revived[name] = count
    return revived


def note_try(conn: Connection, name: str, now: datetime) -> None:
    """A message is about to go out."""
    if conn.execute(_TRIED, {"channel": name, "now": now}).rowcount == 0:
        _ensure(conn, name)
        conn.execute(_TRIED, {"channel": name, "now": now})


def note_accepted(conn: Connection, name: str, now: datetime, most_attempts: int) -> int:
    """The channel has taken a message: it works. How many deliveries are due again for that, of
    those that were tried fewer than `most_attempts` times.
    """
    if conn.execute(_ACCEPTED, {"channel": name, "now": now}).rowcount:
        return 0
    _update(conn, name, **_WORKING, tried_at=now)
    was_broken = sa.and_(channels.c.name == name, channels.c.broken_at.is_not(None))
    if conn.execute(sa.update(channels).where(was_broken).values(broken_at=None)).rowcount == 0:
        return 0
    return delivery_states.revive(conn, name, now, deliveries.c.attempts < most_attempts)


def note_failure(conn: Connection, name: str, now: datetime, *, is_permanent: bool) -> ChannelState:
    """The channel has not taken a message; what has come of it by now."""
    _ensure(conn, name)
    values: dict[str, object] = {
        "tried_at": now,
        "failures": channels.c.failures + 1,
        "failing_from": sa.func.coalesce(channels.c.failing_from, _instant(now)),
    }
    if is_permanent:
        values["refusals"] = channels.c.refusals + 1
        values["refused_from"] = sa.func.coalesce(channels.c.refused_from, _instant(now))
    _update(conn, name, **values)
    return find(conn, name)


def give_up(conn: Connection, name: str, owner: str, error: str, now: datetime) -> int:
    """The channel refuses messages for good: what waits for it, or is in `owner`'s hands, is dead.

    Returns how many deliveries. Each is due again with another URL, by `deliveries.retry`, or when
    the channel takes a message after all.
    """
    broken_at = sa.func.coalesce(channels.c.broken_at, _instant(now))
    _update(conn, name, broken_at=broken_at)
    return delivery_states.refuse_all(conn, name, owner, error, now)


def _instant(now: datetime) -> sa.BindParameter[datetime]:
    return sa.bindparam(None, now, type_=channels.c.tried_at.type)


def _ensure(conn: Connection, name: str) -> None:
    insert_new(conn, channels, {"name": name, "failures": 0, "refusals": 0}, on=["name"])


def _update(conn: Connection, name: str, **values: object) -> None:
    conn.execute(sa.update(channels).where(channels.c.name == name).values(**values))
