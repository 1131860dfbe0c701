"""Breakers: whether a marketplace is searched at the moment, the same for every process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from monitor.model import ScanOutcome
from monitor.storage.db.engine import Connection
from monitor.storage.db.rows import to_noun
from monitor.storage.db.text import clean
from monitor.storage.db.upsert import insert
from monitor.storage.tables import breakers


class BreakerState(StrEnum):
    """`closed` lets every search through, `open` none, `probing` one, which is under way."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


@dataclass(frozen=True, slots=True)
class Breaker:
    """What the searches of a marketplace have come to lately.

    `failures` counts those in a row, `pause` is the length of the last pause, which began at
    `opened_at` and is over, for one search, at `probe_at`. `outcome` and `reason` are those of the
    last failure, which a person can mend if it `is_mendable`. While it is probing, `owner` does so
    until `lease_until`, or longer if renewed.
    """

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    pause: timedelta = timedelta(0)
    opened_at: datetime | None = None
    probe_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: ScanOutcome | None = None
    reason: str | None = None
    owner: str | None = None
    lease_until: datetime | None = None
    is_mendable: bool = False

    @property
    def is_closed(self) -> bool:
        return self.state is BreakerState.CLOSED


def find(conn: Connection, marketplace: str) -> Breaker:
    """A marketplace without a row has never failed."""
    row = conn.execute(sa.select(breakers).where(breakers.c.marketplace == marketplace)).first()
    return Breaker() if row is None else _breaker(row)


def lock(conn: Connection, marketplace: str) -> Breaker:
    """The same, and nobody else changes it before this transaction ends.

    It is locked before any scan is, else two processes could wait for each other.
    """
    blank = insert(conn, breakers).values(marketplace=marketplace, **_values(Breaker()))
    conn.execute(blank.on_conflict_do_nothing())
    wanted = sa.select(breakers).where(breakers.c.marketplace == marketplace)
    return _breaker(conn.execute(wanted.with_for_update()).one())


def put(conn: Connection, marketplace: str, breaker: Breaker) -> None:
    """Store what `lock` gave, changed."""
    conn.execute(
        sa.update(breakers).where(breakers.c.marketplace == marketplace).values(**_values(breaker))
    )


def list_paused(conn: Connection) -> dict[str, Breaker]:
    """Those that are not closed, by marketplace."""
    rows = conn.execute(
        sa.select(breakers)
        .where(breakers.c.state != BreakerState.CLOSED.value)
        .order_by(breakers.c.marketplace)
    )
    return {row.marketplace: _breaker(row) for row in rows}


def _values(breaker: Breaker) -> dict[str, object]:
    return {
        "state": breaker.state.value,
        "failures": breaker.failures,
        "pause_seconds": breaker.pause.total_seconds(),
        "opened_at": breaker.opened_at,
        "probe_at": breaker.probe_at,
        "closed_at": breaker.closed_at,
        "outcome": breaker.outcome.value if breaker.outcome else None,
        "reason": clean(breaker.reason),
        "owner": breaker.owner,
        "lease_until": breaker.lease_until,
        "is_mendable": breaker.is_mendable,
    }


def _breaker(row: sa.Row[tuple[object, ...]]) -> Breaker:
    return to_noun(
        Breaker,
        row,
        state=BreakerState(row.state),
        pause=timedelta(seconds=row.pause_seconds),
        outcome=ScanOutcome(row.outcome) if row.outcome else None,
    )
