"""Held deliveries: of matches that rest on a reference picture whose matches can't be believed.

They are summarised once per cycle, and due again as soon as the match rests on another picture or
the picture is believed. A match that a person has settled meanwhile is not told any more. What a
silence holds is left to it until it ends (silences.py); then it is held here, or due.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from monitor.model import SETTLED_VERDICTS, CheckState
from monitor.storage.db.engine import Connection
from monitor.storage.db.lookup import exists_for_each
from monitor.storage.tables import (
    IS_HELD,
    alerts,
    assets,
    cycles,
    deliveries,
    matches,
    reference_checks,
    reference_pictures,
    scans,
    watches,
)
from monitor.storage.telling import delivery_states

_UNSUMMARISED = sa.and_(IS_HELD, deliveries.c.summarised_at.is_(None))
_HELD = deliveries.join(alerts).join(matches, matches.c.id == alerts.c.match_id)
_UNSETTLED = (IS_HELD, matches.c.verdict.not_in(SETTLED_VERDICTS))
_FINISHED = (
    _HELD.join(reference_checks, reference_checks.c.reference_id == matches.c.reference_id)
    .outerjoin(scans, scans.c.id == alerts.c.scan_id)
    .outerjoin(cycles, cycles.c.id == scans.c.cycle_id)
)
_TO_BE_TOLD = (
    _UNSUMMARISED,
    reference_checks.c.state == CheckState.UNSPECIFIC.value,
    sa.or_(alerts.c.scan_id.is_(None), cycles.c.finished_at.is_not(None)),
)


@dataclass(frozen=True, slots=True)
class HeldMatches:
    """What a reference picture has found that is held and in no summary yet.

    `cycle_id` is the newest finished cycle of the watch; None where none has ended.
    """

    reference_id: int
    path: str
    asset: str
    watch_id: int
    watch: str
    cycle_id: int | None
    matches: int
    sampled: int
    matched: int


def hold(conn: Connection, reference_id: int) -> int:
    """Hold what is due but not sent of the matches that rest on this picture; how many."""
    resting = _tells_of(matches.c.reference_id == reference_id)
    return delivery_states.hold(conn, resting)


def release(
    conn: Connection,
    now: datetime,
    *,
    reference_id: int | None = None,
    match_id: int | None = None,
    silence_id: int | None = None,
) -> int:
    """Make due what is held for no reason any more; how many deliveries.

    Of the matches that rest on one reference picture, or of one match, or what a silence holds that
    is over, or all that no summary has told of: one that was routed while its picture was being
    trusted is among these.
    """
    is_held: sa.ColumnElement[bool] = IS_HELD
    if silence_id is not None:
        is_held = deliveries.c.silence_id == silence_id
    # asked of the row as it is by then: a silence may have come in between
    which: list[sa.ColumnElement[bool]] = [is_held, _is_free()]
    if reference_id is not None:
        which.append(_tells_of(matches.c.reference_id == reference_id))
    if match_id is not None:
        which.append(_tells_of(matches.c.id == match_id))
    if reference_id is None and match_id is None and silence_id is None:
        which.append(_UNSUMMARISED)
    return delivery_states.release(conn, now, *which)


def has_released(conn: Connection) -> bool:
    """Whether anything that no summary has told of is held for no reason any more."""
    return (
        conn.execute(sa.select(deliveries.c.id).where(_UNSUMMARISED, _is_free()).limit(1)).first()
        is not None
    )


def _is_free() -> sa.ColumnElement[bool]:
    """Of a match that nobody has settled and that rests on a picture that is believed."""
    its_check = reference_checks.c.reference_id == matches.c.reference_id
    state = sa.func.coalesce(reference_checks.c.state, "")
    return exists_for_each(
        [deliveries],
        alerts.c.id == deliveries.c.alert_id,
        matches.c.verdict.not_in(SETTLED_VERDICTS),
        state != CheckState.UNSPECIFIC.value,
        within=alerts.join(matches).outerjoin(reference_checks, its_check),
    )


def _tells_of(which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return deliveries.c.alert_id.in_(
        sa.select(alerts.c.id).select_from(alerts.join(matches)).where(which)
    )


def list_unsummarised(conn: Connection) -> list[HeldMatches]:
    """What is held of cycles that have finished, and was told in no summary, by picture.

    What a look back has found belongs to no cycle.
    """
    others = cycles.alias()
    newest = (
        sa.select(sa.func.max(others.c.id))
        .where(others.c.watch_id == matches.c.watch_id, others.c.finished_at.is_not(None))
        .correlate(matches)
        .scalar_subquery()
    )
    shown = (
        matches.c.reference_id,
        reference_pictures.c.path,
        assets.c.name.label("asset"),
        matches.c.watch_id,
        watches.c.name.label("watch"),
        reference_checks.c.sampled,
        reference_checks.c.matched,
    )
    count = sa.func.count(matches.c.id.distinct()).label("matches")
    rows = conn.execute(
        sa.select(*shown, newest.label("cycle_id"), count)
        .select_from(
            _FINISHED.join(reference_pictures, reference_pictures.c.id == matches.c.reference_id)
            .join(assets, assets.c.id == matches.c.asset_id)
            .join(watches, watches.c.id == matches.c.watch_id)
        )
        .where(*_TO_BE_TOLD)
        .group_by(*(getattr(column, "element", column) for column in shown))
        .order_by(reference_pictures.c.path, matches.c.reference_id)
    )
    return [HeldMatches(**row) for row in rows.mappings()]


def mark_summarised(conn: Connection, reference_id: int, now: datetime) -> None:
    """Note that a summary has told of what `list_unsummarised` lists for this picture."""
    told = (
        sa.select(deliveries.c.id)
        .select_from(_FINISHED)
        .where(*_TO_BE_TOLD, matches.c.reference_id == reference_id)
    )
    delivery_states.note_summarised(conn, now, deliveries.c.id.in_(told))


@dataclass(frozen=True, slots=True)
class Retired:
    """A picture that has left its folder, and how many of its matches are held."""

    reference_id: int
    path: str
    asset: str
    matches: int


def list_retired(conn: Connection, watch_id: int, retired_at: datetime) -> list[Retired]:
    """The watch's pictures retired at this instant that matches are held for, by path."""
    shown = (matches.c.reference_id, reference_pictures.c.path, assets.c.name)
    rows = conn.execute(
        sa.select(*shown, sa.func.count(matches.c.id.distinct()).label("held"))
        .select_from(
            _HELD.join(reference_pictures, reference_pictures.c.id == matches.c.reference_id).join(
                assets, assets.c.id == matches.c.asset_id
            )
        )
        .where(
            *_UNSETTLED,
            matches.c.watch_id == watch_id,
            reference_pictures.c.retired_at == retired_at,
        )
        .group_by(*shown)
        .order_by(reference_pictures.c.path)
    )
    return [Retired(row.reference_id, row.path, row.name, row.held) for row in rows]


def count_matches(conn: Connection) -> dict[int, int]:
    """Reference picture -> how many matches that rest on it are held, and not settled."""
    rows = conn.execute(
        sa.select(matches.c.reference_id, sa.func.count(matches.c.id.distinct()).label("held"))
        .select_from(_HELD)
        .where(*_UNSETTLED)
        .group_by(matches.c.reference_id)
    )
    return {row.reference_id: row.held for row in rows}


def count_deliveries(conn: Connection) -> dict[str, int]:
    """Watch -> how many deliveries of its matches are held, and not settled."""
    rows = conn.execute(
        sa.select(watches.c.name, sa.func.count().label("held"))
        .select_from(_HELD.join(watches, watches.c.id == matches.c.watch_id))
        .where(*_UNSETTLED)
        .group_by(watches.c.name)
    )
    return {row.name: row.held for row in rows}
