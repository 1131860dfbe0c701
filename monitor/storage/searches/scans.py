"""Scans as a queue of leased rows, and baselines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from monitor.errors import LeaseLost
from monitor.model import ReferencePicture, Scan, ScanCounts, ScanOutcome
from monitor.storage.catalogue import watches as watch_rows
from monitor.storage.db.engine import Connection
from monitor.storage.db.rows import to_noun
from monitor.storage.db.text import clean
from monitor.storage.db.upsert import insert
from monitor.storage.searches import yields
from monitor.storage.searches.cycles import FINISHED, finish_done
from monitor.storage.tables import (
    assets,
    baselines,
    cycles,
    reference_pictures,
    scans,
    watches,
)

DUE, RUNNING = "due", "running"


@dataclass(frozen=True, slots=True)
class ScanHealth:
    """A scan as people are shown it; `outcome` is None while it is open."""

    scan_id: int
    watch: str
    marketplace: str
    reference_picture: str
    started_at: datetime | None
    finished_at: datetime | None
    outcome: str | None
    listings_seen: int
    listings_new: int
    pictures_fetched: int
    pictures_failed: int
    matches_new: int
    requests: int
    error: str | None
    is_suspect: bool = False


def plan(
    conn: Connection,
    watch_id: int,
    references: Sequence[ReferencePicture],
    marketplaces: Sequence[str],
    due_at: datetime,
) -> int | None:
    """Make a scan due per (reference picture, marketplace), all in one new cycle.

    What is still open from an earlier cycle is not planned a second time. Those come first whose
    last complete scan there is the longest ago: where a budget always ends too early, every
    picture has its turn. Returns the cycle, or None if nothing new is due.
    """
    watch_rows.lock(conn, watch_id)
    open_rows = conn.execute(
        sa.select(scans.c.reference_id, scans.c.marketplace).where(
            scans.c.watch_id == watch_id, scans.c.state != FINISHED
        )
    )
    taken = {(row.reference_id, row.marketplace) for row in open_rows}
    wanted = [
        (reference.id, name)
        for reference in references
        for name in marketplaces
        if (reference.id, name) not in taken
    ]
    if not wanted:
        return None
    last = yields.find_last_complete(conn, [item.id for item in references], marketplaces)
    wanted.sort(key=lambda pair: last.get(pair, 0))
    made = conn.execute(
        sa.insert(cycles).values(watch_id=watch_id, due_at=due_at).returning(cycles.c.id)
    )
    cycle_id = int(made.scalar_one())
    rows = [
        {
            "cycle_id": cycle_id,
            "watch_id": watch_id,
            "marketplace": name,
            "reference_id": reference_id,
            "state": DUE,
            "due_at": due_at,
            "attempts": 0,
        }
        for reference_id, name in wanted
    ]
    conn.execute(sa.insert(scans), rows)
    return cycle_id


def end_unwanted(
    conn: Connection, watch_id: int, marketplaces: Collection[str], now: datetime, why: str
) -> None:
    """End the watch's open scans on other marketplaces than these: nobody would ever run them.

    What stands at each is its marketplace and `why`. Their cycles would stay open, and what their
    baselines found would never be told.
    """
    watch_rows.lock(conn, watch_id)
    gone = conn.execute(
        sa.update(scans)
        .where(
            scans.c.watch_id == watch_id,
            scans.c.state != FINISHED,
            scans.c.marketplace.not_in(marketplaces),
        )
        .values(
            state=FINISHED,
            owner=None,
            lease_until=None,
            finished_at=now,
            outcome=ScanOutcome.FAILED.value,
            error=scans.c.marketplace + f" {why}",
        )
        .returning(scans.c.cycle_id)
    )
    for cycle_id in sorted(set(gone.scalars())):
        finish_done(conn, cycle_id, now)


def find_baselines(conn: Connection, watch_id: int, marketplace: str) -> set[int]:
    """The reference pictures that were once searched to the end on this marketplace."""
    done = conn.execute(
        sa.select(baselines.c.reference_id).where(
            baselines.c.watch_id == watch_id, baselines.c.marketplace == marketplace
        )
    )
    return set(done.scalars())


def claim(
    conn: Connection,
    marketplaces: Sequence[str],
    owner: str,
    now: datetime,
    lease: timedelta,
    *,
    cycle_id: int | None = None,
) -> Scan | None:
    """Take the longest due scan on one of the marketplaces that is free for `owner`."""
    wanted = [
        scans.c.marketplace.in_(marketplaces),
        scans.c.due_at <= now,
        is_free(owner, now),
    ]
    if cycle_id is not None:
        wanted.append(scans.c.cycle_id == cycle_id)
    found = conn.execute(
        sa.select(scans.c.id)
        .where(*wanted)
        .order_by(scans.c.due_at, scans.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).scalar()
    if found is None:
        return None
    conn.execute(
        sa.update(scans)
        .where(scans.c.id == found)
        .values(
            state=RUNNING,
            owner=owner,
            lease_until=now + lease,
            attempts=scans.c.attempts + 1,
            started_at=sa.func.coalesce(
                scans.c.started_at, sa.literal(now, scans.c.started_at.type)
            ),
        )
    )
    return _load(conn, int(found))


def is_free(owner: str, now: datetime) -> sa.ColumnElement[bool]:
    """Due, or nobody works on it any more.

    That is one whose lease has run out, or one that is `owner`'s own: a process asks for the next
    scan of a marketplace only when it has none in hand there, so an error has dropped this one.
    """
    dropped = sa.or_(scans.c.lease_until < now, scans.c.owner == owner)
    return sa.or_(scans.c.state == DUE, sa.and_(scans.c.state == RUNNING, dropped))


def _load(conn: Connection, scan_id: int) -> Scan:
    row = conn.execute(
        sa.select(
            scans,
            watches.c.name.label("watch"),
            reference_pictures.c.sha256,
            reference_pictures.c.path,
            reference_pictures.c.asset_id,
            assets.c.name.label("asset"),
        )
        .select_from(
            scans.join(watches, watches.c.id == scans.c.watch_id)
            .join(reference_pictures, reference_pictures.c.id == scans.c.reference_id)
            .join(assets, assets.c.id == reference_pictures.c.asset_id)
        )
        .where(scans.c.id == scan_id)
    ).one()
    picture = ReferencePicture(row.reference_id, row.asset_id, row.asset, row.sha256, row.path)
    return to_noun(Scan, row, reference=picture, counts=to_noun(ScanCounts, row))


def advance(
    conn: Connection, scan: Scan, owner: str, cursor: str | None, counts: ScanCounts
) -> None:
    """Note that a page is done. Raises LeaseLost if another process has the scan."""
    done = conn.execute(
        sa.update(scans)
        .where(scans.c.id == scan.id, scans.c.owner == owner, scans.c.state == RUNNING)
        .values(
            cursor=cursor,
            listings_seen=counts.listings_seen,
            listings_new=counts.listings_new,
            pictures_fetched=counts.pictures_fetched,
            pictures_failed=counts.pictures_failed,
            matches_new=counts.matches_new,
            requests=counts.requests,
        )
    )
    if done.rowcount == 0:
        raise LeaseLost("scan", scan.id)


def finish(
    conn: Connection,
    scan: Scan,
    owner: str,
    outcome: ScanOutcome,
    error: str | None,
    now: datetime,
) -> bool:
    """Store how a scan ended; False if another process has it.

    A complete one is the baseline of its picture on its marketplace; the last one of a cycle
    finishes the cycle.
    """
    done = conn.execute(
        sa.update(scans)
        .where(scans.c.id == scan.id, scans.c.owner == owner, scans.c.state == RUNNING)
        .values(
            state=FINISHED,
            owner=None,
            lease_until=None,
            finished_at=now,
            outcome=outcome.value,
            error=clean(error),
        )
    )
    if done.rowcount == 0:
        return False
    if outcome.is_complete:
        statement = insert(conn, baselines).values(
            watch_id=scan.watch_id,
            reference_id=scan.reference.id,
            marketplace=scan.marketplace,
            done_at=now,
        )
        conn.execute(statement.on_conflict_do_nothing())
    finish_done(conn, scan.cycle_id, now)
    return True


def give_back(conn: Connection, scan: Scan, owner: str) -> None:
    """Make a scan in hand due again, for no fault of its own: its attempt doesn't count."""
    conn.execute(
        sa.update(scans)
        .where(scans.c.id == scan.id, scans.c.owner == owner, scans.c.state == RUNNING)
        .values(state=DUE, owner=None, lease_until=None, attempts=scans.c.attempts - 1)
    )


def list_health(
    conn: Connection, *, cycles: Collection[int] | None = None, limit: int | None = None
) -> list[ScanHealth]:
    """Scans, the newest first; of these cycles only, if given."""
    statement = _select_health()
    if cycles is not None:
        statement = statement.where(scans.c.cycle_id.in_(cycles))
    ordered = statement.order_by(scans.c.id.desc()).limit(limit)
    return [to_noun(ScanHealth, row) for row in conn.execute(ordered)]


def list_newest(conn: Connection) -> list[ScanHealth]:
    """The finished scans of the newest finished cycle of each watch, by id.

    What an operator asks for: did the last cycle see everything?
    """
    newest = (
        sa.select(sa.func.max(cycles.c.id))
        .where(cycles.c.finished_at.is_not(None))
        .group_by(cycles.c.watch_id)
    )
    statement = _select_health().where(scans.c.cycle_id.in_(newest), watches.c.retired_at.is_(None))
    return [to_noun(ScanHealth, row) for row in conn.execute(statement.order_by(scans.c.id))]


def _select_health() -> sa.Select[tuple[object, ...]]:
    return sa.select(
        scans,
        scans.c.id.label("scan_id"),
        watches.c.name.label("watch"),
        reference_pictures.c.path.label("reference_picture"),
    ).select_from(
        scans.join(watches, watches.c.id == scans.c.watch_id).join(
            reference_pictures, reference_pictures.c.id == scans.c.reference_id
        )
    )
