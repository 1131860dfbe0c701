"""Silences: rules that hold the alerts of matches back until a time.

What a silence holds is a delivery with its id, in the state `held`. It is told when the silence
ends, by its time or by a person, unless there is another reason to hold it by then (held.py). A
delivery that is in hand when the silence begins is only marked: if it fails, it is held then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from monitor.errors import Unknown
from monitor.model import SilenceState
from monitor.storage.db.engine import Connection
from monitor.storage.db.lookup import exists_for_each
from monitor.storage.db.text import clean
from monitor.storage.db.upsert import PART
from monitor.storage.tables import (
    IS_SILENCED,
    alerts,
    assets,
    deliveries,
    listings,
    matches,
    pictures,
    sellers,
    silences,
    watches,
)
from monitor.storage.telling import delivery_states, held
from monitor.storage.telling.delivery_states import IS_HELD, IS_WAITING

# Any constant will do, as long as every version of the program uses the same.
_LOCK = 0x73696C65

_FACTS = (
    alerts.join(matches, matches.c.id == alerts.c.match_id)
    .join(watches, watches.c.id == matches.c.watch_id)
    .join(assets, assets.c.id == matches.c.asset_id)
    .join(listings, listings.c.id == matches.c.listing_id)
    .join(pictures, pictures.c.sha256 == matches.c.picture_sha256)
    .outerjoin(sellers, sellers.c.id == listings.c.seller_id)
)


@dataclass(frozen=True, slots=True)
class Matcher:
    """What a silence asks of a match: everything that is not None.

    `seller` is an id or a name as the site has it, `cluster_id` that of the listing's picture.
    """

    watch: str | None = None
    asset: str | None = None
    marketplace: str | None = None
    site: str | None = None
    item_id: str | None = None
    seller: str | None = None
    cluster_id: int | None = None


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """A silence as people are shown it; `held` counts the deliveries it holds."""

    id: int
    state: SilenceState
    watch: str | None
    asset: str | None
    marketplace: str | None
    site: str | None
    item_id: str | None
    seller: str | None
    cluster_id: int | None
    starts_at: datetime
    expires_at: datetime
    author: str
    reason: str
    created_at: datetime
    ended_at: datetime | None
    held: int


def lock(conn: Connection) -> None:
    """Let one transaction at a time route alerts or change silences.

    Else an alert that is routed while a silence is added is seen by neither. SQLite has one writer
    at a time anyway.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def add(
    conn: Connection,
    matcher: Matcher,
    *,
    starts_at: datetime,
    expires_at: datetime,
    author: str,
    reason: str,
    now: datetime,
) -> int:
    """Write a silence and, if it has begun, hold what is due and not in hand; its id."""
    lock(conn)
    values = {column.name: getattr(matcher, column.name) for column in _asked()}
    made = conn.execute(
        sa.insert(silences)
        .values(
            **{
                key: clean(value) if isinstance(value, str) else value
                for key, value in values.items()
            },
            starts_at=starts_at,
            expires_at=expires_at,
            author=clean(author),
            reason=clean(reason),
            created_at=now,
        )
        .returning(silences.c.id)
    )
    silence_id = int(made.scalar_one())
    apply(conn, now)
    return silence_id


def remove(conn: Connection, silence_id: int, now: datetime) -> int | None:
    """End a silence early; how many deliveries are due because of it, None if it was over already.

    Raises Unknown.
    """
    lock(conn)
    mine = silences.c.id == silence_id
    if conn.execute(sa.select(silences.c.id).where(mine)).first() is None:
        raise Unknown("silence", silence_id)
    ended = sa.update(silences).where(mine, ~_is_over(now)).values(ended_at=now)
    if conn.execute(ended).rowcount == 0:
        return None
    return _release(conn, silence_id, now)


def hold(conn: Connection, alert_ids: Sequence[str], now: datetime) -> int:
    """Hold the deliveries of alerts that were just routed, where a silence asks for it; how many.

    The caller has the lock from before the routing on.
    """
    found = conn.execute(sa.select(silences).where(_is_active(now)).order_by(silences.c.id)).all()
    parts = [alert_ids[start : start + PART] for start in range(0, len(alert_ids), PART)]
    return sum(
        delivery_states.silence(conn, silence.id, deliveries.c.alert_id.in_(part), _fits(silence))
        for silence in found
        for part in parts
    )


def is_due(conn: Connection, now: datetime) -> bool:
    """Whether `apply` would have anything to do."""
    stray = sa.exists().where(deliveries.c.silence_id == silences.c.id, IS_WAITING)
    wanted = sa.or_(_begins(now), _is_over(now), stray)
    open_ones = sa.select(silences.c.id).where(silences.c.released_at.is_(None), wanted)
    return conn.execute(open_ones.limit(1)).first() is not None


def apply(conn: Connection, now: datetime) -> int:
    """Bring deliveries to what silences say now; how many were held or are due because of it.

    One that has begun holds what is due; what was in hand then and failed is held too; of one that
    is over everything is let go.
    """
    lock(conn)
    changed = 0
    for silence in conn.execute(sa.select(silences).where(_begins(now))).all():
        mine = silences.c.id == silence.id
        conn.execute(sa.update(silences).where(mine).values(applied_at=now))
        changed += delivery_states.silence(conn, silence.id, _fits(silence))
    still_open = sa.select(silences.c.id).where(silences.c.released_at.is_(None))
    changed += delivery_states.catch(conn, deliveries.c.silence_id.in_(still_open))
    over = sa.select(silences.c.id).where(silences.c.released_at.is_(None), _is_over(now))
    for silence_id in conn.execute(over).scalars().all():
        changed += _release(conn, silence_id, now)
    return changed


def _release(conn: Connection, silence_id: int, now: datetime) -> int:
    """What another silence asks for goes over to that; the rest is due, or held as ever."""
    conn.execute(sa.update(silences).where(silences.c.id == silence_id).values(released_at=now))
    for other in conn.execute(sa.select(silences).where(_is_active(now))).all():
        delivery_states.hand_over(conn, silence_id, other.id, _fits(other))
    released = held.release(conn, now, silence_id=silence_id)
    delivery_states.unmark(conn, silence_id)
    return released


def _fits(silence: sa.Row[tuple[object, ...]]) -> sa.ColumnElement[bool]:
    """Whether a delivery tells of a match that has everything that the silence asks for."""
    asked = [column == value for column, value in _pairs(silence) if value is not None]
    if silence.seller is not None:
        names = (sellers.c.seller_id, sellers.c.name)
        asked.append(sa.or_(*(column == silence.seller for column in names)))
    its = alerts.c.id == deliveries.c.alert_id
    return exists_for_each([deliveries], its, *asked, within=_FACTS)


def _pairs(silence: sa.Row[tuple[object, ...]]) -> list[tuple[sa.Column[object], object]]:
    return [
        (watches.c.name, silence.watch),
        (assets.c.name, silence.asset),
        (matches.c.marketplace, silence.marketplace),
        (listings.c.site, silence.site),
        (listings.c.item_id, silence.item_id),
        (pictures.c.cluster_id, silence.cluster_id),
    ]


def _asked() -> list[sa.Column[object]]:
    """The columns in which a silence says what it asks for."""
    return [silences.c[name] for name in Matcher.__dataclass_fields__]


def _is_over(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(silences.c.ended_at.is_not(None), silences.c.expires_at <= now)


def _is_active(now: datetime) -> sa.ColumnElement[bool]:
    """One that another machine, whose clock is ahead, has let go holds nothing any more."""
    return sa.and_(
        silences.c.released_at.is_(None), silences.c.starts_at <= now, sa.not_(_is_over(now))
    )


def _begins(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(silences.c.applied_at.is_(None), _is_active(now))


# -- what people ask


def list_rows(conn: Connection, now: datetime, *, include_over: bool = False) -> list[SilenceRow]:
    """The silences that hold or will hold something, the oldest first; also those that are over."""
    waiting = _count_by_silence(conn)
    statement = sa.select(silences).order_by(silences.c.id)
    if not include_over:
        statement = statement.where(~_is_over(now))
    return [_row(row, waiting.get(row.id, 0), now) for row in conn.execute(statement)]


def count_held(conn: Connection) -> int:
    """How many deliveries silences hold."""
    return sum(_count_by_silence(conn).values())


def count_active(conn: Connection, now: datetime) -> int:
    """How many silences hold alerts back now."""
    counted = sa.select(sa.func.count()).select_from(silences).where(_is_active(now))
    return int(conn.execute(counted).scalar_one())


def _count_by_silence(conn: Connection) -> dict[int, int]:
    counted = sa.select(deliveries.c.silence_id, sa.func.count().label("held"))
    grouped = counted.where(IS_SILENCED, IS_HELD).group_by(deliveries.c.silence_id)
    return {row.silence_id: row.held for row in conn.execute(grouped)}


def _row(row: sa.Row[tuple[object, ...]], waiting: int, now: datetime) -> SilenceRow:
    return SilenceRow(
        id=row.id,
        state=_state(row, now),
        watch=row.watch,
        asset=row.asset,
        marketplace=row.marketplace,
        site=row.site,
        item_id=row.item_id,
        seller=row.seller,
        cluster_id=row.cluster_id,
        starts_at=row.starts_at,
        expires_at=row.expires_at,
        author=row.author,
        reason=row.reason,
        created_at=row.created_at,
        ended_at=row.ended_at,
        held=waiting,
    )


def _state(row: sa.Row[tuple[object, ...]], now: datetime) -> SilenceState:
    if row.ended_at is not None:
        return SilenceState.REMOVED
    if row.expires_at <= now:
        return SilenceState.EXPIRED
    return SilenceState.ACTIVE if row.starts_at <= now else SilenceState.PENDING
