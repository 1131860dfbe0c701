"""What checks have said of reference pictures: whether their matches can be believed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from monitor.model import CheckState, ReferencePicture
from monitor.storage.db.engine import Connection
from monitor.storage.db.rows import to_noun
from monitor.storage.db.text import clean
from monitor.storage.db.upsert import insert, insert_new
from monitor.storage.tables import (
    alerts,
    assets,
    baselines,
    matches,
    reference_checks,
    reference_pictures,
    scans,
    watches,
)
from monitor.storage.trust.controls import newest_cluster

_CHECKED = (CheckState.UNJUDGED, CheckState.SOUND, CheckState.UNSPECIFIC)


@dataclass(frozen=True, slots=True)
class ReferenceCheck:
    """A reference picture as people are shown it.

    `matched` of `sampled` pictures that have nothing to do with it reach the record score;
    `copy_score` is what a plain copy of it reaches. `held` counts the matches that are held.
    """

    reference_id: int
    path: str
    state: CheckState
    sampled: int
    matched: int
    checked_at: datetime | None
    copy_score: float | None
    held: int
    trusted_by: str | None
    trusted_at: datetime | None
    retired_at: datetime | None

    @property
    def is_marked(self) -> bool:
        is_bad = self.state in (CheckState.UNSPECIFIC, CheckState.FEATURELESS)
        return is_bad and self.retired_at is None


def find_new(
    conn: Connection,
    watch_id: int,
    *,
    method: str,
    record_score: float,
    least_copy_score: float,
    limit: int,
) -> list[ReferencePicture]:
    """Reference pictures in use that were not looked at under this method and these scores."""
    is_featureless = reference_checks.c.state == CheckState.FEATURELESS.value
    is_stale = sa.or_(
        reference_checks.c.method != method,
        reference_checks.c.record_score != record_score,
        is_featureless != (reference_checks.c.copy_score < least_copy_score),
    )
    rows = conn.execute(
        _references()
        .outerjoin_from(reference_pictures, reference_checks)
        .where(
            assets.c.watch_id == watch_id,
            reference_pictures.c.retired_at.is_(None),
            sa.or_(
                reference_checks.c.state.is_(None),
                sa.and_(reference_checks.c.state != CheckState.TRUSTED.value, is_stale),
            ),
        )
        .order_by(reference_pictures.c.id)
        .limit(limit)
    )
    return [_reference(row) for row in rows]


def record_copy_score(
    conn: Connection,
    reference_id: int,
    *,
    method: str,
    record_score: float,
    copy_score: float | None,
    is_featureless: bool,
) -> bool:
    """Note how a reference picture does by itself; whether that has just made it featureless.

    It is to be judged (again); until then it stays what it was. A trusted one stays trusted.
    """
    values = {"method": method, "record_score": record_score, "copy_score": copy_score}
    state = CheckState.FEATURELESS if is_featureless else CheckState.UNJUDGED
    first = {"state": state.value, "sampled": 0, "matched": 0, "again_from": 0}
    if insert_new(conn, reference_checks, {"reference_id": reference_id, **values, **first}):
        return is_featureless
    old = _lock(conn, reference_id)
    if old is CheckState.TRUSTED:
        return False
    if is_featureless or old is CheckState.FEATURELESS:
        values["state"] = state.value
    _update(conn, reference_id, **values, again_from=0)
    return is_featureless and old is not CheckState.FEATURELESS


def is_pending(newest: int) -> sa.ColumnElement[bool]:
    """Whether a row of `reference_checks` is to be judged, with the newest cluster's number."""
    return sa.and_(
        reference_checks.c.state.in_([state.value for state in _CHECKED]),
        reference_checks.c.again_from <= newest,
        sa.exists().where(baselines.c.reference_id == reference_checks.c.reference_id),
    )


def find_pending(
    conn: Connection, watch_id: int, *, alerting_only: bool = False
) -> ReferencePicture | None:
    """The next reference picture to be judged, first those that alerts wait for.

    Its asset must have been searched for to the end: before, what its own search is about to
    return would be taken for pictures that have nothing to do with it.
    """
    # few rows each, by partial index and index: alerts are routed within a second
    open_assets = (
        sa.select(reference_pictures.c.asset_id)
        .select_from(scans.join(reference_pictures))
        .where(scans.c.state != sa.literal_column("'finished'"))
    )
    awaited = (
        sa.select(matches.c.reference_id)
        .select_from(alerts.join(matches))
        .where(alerts.c.routed_at.is_(None))
    )
    is_awaited = reference_pictures.c.id.in_(awaited)
    row = conn.execute(
        _references()
        .join_from(reference_pictures, reference_checks)
        .where(
            assets.c.watch_id == watch_id,
            reference_pictures.c.retired_at.is_(None),
            is_pending(newest_cluster(conn)),
            reference_pictures.c.asset_id.not_in(open_assets),
            is_awaited if alerting_only else sa.true(),
        )
        .order_by(is_awaited.desc(), reference_pictures.c.id)
        .limit(1)
    ).first()
    return None if row is None else _reference(row)


def conclude(
    conn: Connection,
    reference_id: int,
    state: CheckState | None,
    *,
    sampled: int,
    matched: int,
    again_from: int,
    now: datetime,
) -> CheckState | None:
    """Note what the controls have said; the state before, or None where nothing was changed.

    Without a `state` there were too few of them: an earlier judgement stays, with its numbers.
    What a person has trusted meanwhile stays trusted.
    """
    old = _lock(conn, reference_id)
    if old not in _CHECKED:
        return None
    numbers = {"sampled": sampled, "matched": matched, "checked_at": now}
    if state is not None:
        _update(conn, reference_id, state=state.value, again_from=again_from, **numbers)
    elif old is CheckState.UNJUDGED:
        _update(conn, reference_id, again_from=again_from, **numbers)
    else:
        _update(conn, reference_id, again_from=again_from)
    return old


def find_unspecific(conn: Connection, reference_ids: Collection[int]) -> frozenset[int]:
    """Those of these reference pictures whose matches are held."""
    rows = conn.execute(
        sa.select(reference_checks.c.reference_id).where(
            reference_checks.c.reference_id.in_(reference_ids),
            reference_checks.c.state == CheckState.UNSPECIFIC.value,
        )
    )
    return frozenset(rows.scalars())


def set_trusted(conn: Connection, reference_id: int, by: str, now: datetime) -> None:
    """Write that a person trusts the picture, whatever checks say."""
    values = {"state": CheckState.TRUSTED.value, "trusted_by": clean(by), "trusted_at": now}
    first = {"method": "", "record_score": 0, "sampled": 0, "matched": 0, "again_from": 0}
    statement = insert(conn, reference_checks).values(reference_id=reference_id, **first, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=["reference_id"], set_=values))


def take_trust_back(conn: Connection, reference_id: int) -> None:
    """Write that nobody trusts the picture any more: it is judged again."""
    _update(
        conn,
        reference_id,
        state=CheckState.UNJUDGED.value,
        method="",  # looked at anew
        trusted_by=None,
        trusted_at=None,
    )


def list_rows(
    conn: Connection, held: Mapping[int, int], *, asset_id: int | None = None
) -> dict[int, list[ReferenceCheck]]:
    """Asset -> its pictures by path, also the retired ones; of one asset, if it is given.

    `held` says of a reference picture how many matches are held.
    """
    statement = _states()
    if asset_id is not None:
        statement = statement.where(reference_pictures.c.asset_id == asset_id)
    found: dict[int, list[ReferenceCheck]] = {}
    for row in conn.execute(statement):
        found.setdefault(row.asset_id, []).append(_check(row, held.get(row.id, 0)))
    return found


def _check(row: sa.Row[tuple[object, ...]], held: int) -> ReferenceCheck:
    return to_noun(
        ReferenceCheck,
        row,
        reference_id=row.id,
        state=CheckState(row.state or CheckState.UNJUDGED),
        sampled=row.sampled or 0,
        matched=row.matched or 0,
        held=held,
    )


def count_marked(conn: Connection) -> dict[str, tuple[int, int]]:
    """Watch -> how many of its pictures in use are unspecific, and how many featureless."""
    rows = conn.execute(
        sa.select(
            watches.c.name,
            _count_state(CheckState.UNSPECIFIC).label("unspecific"),
            _count_state(CheckState.FEATURELESS).label("featureless"),
        )
        .select_from(watches.join(assets).join(reference_pictures).join(reference_checks))
        .where(reference_pictures.c.retired_at.is_(None))
        .group_by(watches.c.name)
    )
    return {row.name: (row.unspecific, row.featureless) for row in rows}


def _count_state(state: CheckState) -> sa.ColumnElement[int]:
    return sa.func.count().filter(reference_checks.c.state == state.value)


def _references() -> sa.Select[tuple[object, ...]]:
    return sa.select(
        reference_pictures.c.id,
        reference_pictures.c.asset_id,
        assets.c.name,
        reference_pictures.c.sha256,
        reference_pictures.c.path,
    ).join_from(reference_pictures, assets)


def _reference(row: sa.Row[tuple[object, ...]]) -> ReferencePicture:
    return ReferencePicture(row.id, row.asset_id, row.name, row.sha256, row.path)


def _states() -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(
            reference_pictures.c.id,
            reference_pictures.c.asset_id,
            reference_pictures.c.path,
            reference_pictures.c.retired_at,
            *(column for column in reference_checks.c if column.name != "reference_id"),
        )
        .select_from(reference_pictures.outerjoin(reference_checks))
        .order_by(reference_pictures.c.path, reference_pictures.c.id)
    )


def _lock(conn: Connection, reference_id: int) -> CheckState:
    """The state, which nobody else changes before this transaction ends."""
    row = sa.select(reference_checks.c.state).where(reference_checks.c.reference_id == reference_id)
    return CheckState(conn.execute(row.with_for_update()).scalar_one())


def _update(conn: Connection, reference_id: int, **values: object) -> None:
    conn.execute(
        sa.update(reference_checks)
        .where(reference_checks.c.reference_id == reference_id)
        .values(values)
    )
