"""Alerts: written with what caused them, then fanned out to deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from monitor.model import SETTLED_VERDICTS, AlertEvent, CheckState, Relation
from monitor.model.events import Event, Written, read_event, store_event
from monitor.storage.db.engine import Connection
from monitor.storage.db.text import bounded, clean, clean_values
from monitor.storage.db.upsert import insert_new
from monitor.storage.searches.breakers import BreakerState
from monitor.storage.tables import (
    alerts,
    assets,
    breakers,
    cycles,
    deliveries,
    listings,
    matches,
    reference_checks,
    scans,
    watches,
)
from monitor.storage.telling import delivery_states
from monitor.storage.telling.delivery_states import IS_HELD
from monitor.storage.trust.controls import newest_cluster
from monitor.storage.trust.reference_checks import is_pending


@dataclass(frozen=True, slots=True)
class Patience:
    """How long alerts wait to be routed, whatever keeps what they wait for.

    From the end of their baseline's cycle for the `check` of the reference pictures it rests on;
    from their creation for what the cycle's next searches say, whether the marketplace is paused
    for a `failure`, or whether a match is a `relisting`.
    """

    check: timedelta
    failure: timedelta
    relisting: timedelta


@dataclass(frozen=True, slots=True)
class UnroutedAlert:
    """`is_held` says that its match rests on an unspecific reference picture.

    What is known of the match by now is what routes go by; nothing of it where there is none.
    """

    id: str
    watch: str | None
    event: AlertEvent
    is_held: bool = False
    marketplace: str | None = None
    site: str | None = None
    tags: tuple[str, ...] = ()
    relation: Relation | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert's delivery to one channel; the channel is None where none was there to go to.

    `held_by` says why it is held: a `silence`, its `unspecific` reference picture or a `verdict`.
    `waits_for` says what keeps it until `next_try_at`, for who knows the channel's options.
    `detail` are the facts of its event as they are stored, `text` what an earlier version stored.
    """

    alert_id: str
    event: str
    match_id: int | None
    channel: str | None
    state: str | None
    attempts: int | None
    last_error: str | None
    text: str | None
    created_at: datetime
    next_try_at: datetime | None
    sent_at: datetime | None
    held_by: str | None = None
    silence_id: int | None = None
    waits_for: str | None = None
    detail: Mapping[str, object] | None = None
    left_out: str | None = None

    @property
    def told(self) -> Event | Written:
        return read_event(AlertEvent(self.event), self.detail, self.text)


def add(
    conn: Connection,
    event: Event,
    *,
    dedup_key: str,
    now: datetime,
    alert_id: str,
    watch_id: int | None = None,
    match_id: int | None = None,
    scan_id: int | None = None,
    baseline_cycle_id: int | None = None,
    failed_marketplace: str | None = None,
    waits_for_cycle: bool = False,
) -> bool:
    """Write an alert; False if its cause was told before under the same key.

    One of a search that failed names the marketplace: see `withdraw_failed`. One that may prove to
    be of a relisting waits for its scan's cycle: see relistings.py.
    """
    values = {
        "id": alert_id,
        "dedup_key": bounded(clean(dedup_key)),
        "event": event.name.value,
        "watch_id": watch_id,
        "match_id": match_id,
        "scan_id": scan_id,
        "baseline_cycle_id": baseline_cycle_id,
        "failed_marketplace": failed_marketplace,
        "detail": clean_values(store_event(event)),
        "waits_for_cycle": waits_for_cycle,
        "created_at": now,
    }
    return insert_new(conn, alerts, values, on=["dedup_key"])


def withdraw_failed(conn: Connection, marketplace: str) -> None:
    """Take back what is not routed yet of the searches that failed there: its pause is told."""
    conn.execute(
        sa.delete(alerts).where(
            alerts.c.routed_at.is_(None), alerts.c.failed_marketplace == marketplace
        )
    )


def count_since(conn: Connection, prefix: str, since: datetime) -> int:
    """How many alerts whose key begins so were written after `since`."""
    begins = alerts.c.dedup_key.startswith(prefix, autoescape=True)
    counted = sa.select(sa.func.count()).select_from(alerts)
    return int(conn.execute(counted.where(begins, alerts.c.created_at > since)).scalar_one())


def is_known(conn: Connection, dedup_key: str) -> bool:
    """Whether an alert was written under this key."""
    key = bounded(clean(dedup_key))
    return conn.execute(sa.select(alerts.c.id).where(alerts.c.dedup_key == key)).first() is not None


def find_unrouted(conn: Connection, now: datetime, patience: Patience) -> list[UnroutedAlert]:
    """Alerts that have no deliveries yet, the oldest first.

    What a baseline found waits until its cycle has finished, and a little longer for the checks of
    the reference pictures it rests on: the first scan of a shop's template can find thousands.
    That a search failed waits until it is clear whether the marketplace is paused for it, and a
    new match that may be a relisting until it is clear whether the earlier listing is still there.
    """
    rows = conn.execute(
        sa.select(
            alerts.c.id,
            watches.c.name.label("watch"),
            alerts.c.event,
            reference_checks.c.state.label("checked"),
            matches.c.marketplace,
            matches.c.relation,
            matches.c.score,
            listings.c.site,
            assets.c.tags,
        )
        .select_from(
            alerts.outerjoin(watches, watches.c.id == alerts.c.watch_id)
            .outerjoin(cycles, cycles.c.id == alerts.c.baseline_cycle_id)
            .outerjoin(matches, matches.c.id == alerts.c.match_id)
            .outerjoin(listings, listings.c.id == matches.c.listing_id)
            .outerjoin(assets, assets.c.id == matches.c.asset_id)
            .outerjoin(reference_checks, reference_checks.c.reference_id == matches.c.reference_id)
        )
        .where(
            alerts.c.routed_at.is_(None),
            alerts.c.created_at <= now,
            sa.or_(
                alerts.c.baseline_cycle_id.is_(None),
                sa.and_(
                    cycles.c.finished_at.is_not(None),
                    alerts.c.baseline_cycle_id.not_in(_cycles_in_check(conn, now - patience.check)),
                ),
            ),
            ~_is_unsettled(now - patience.failure),
            ~_is_in_question(now - patience.relisting),
        )
        .order_by(alerts.c.created_at, alerts.c.id)
    )
    return [
        UnroutedAlert(
            row.id,
            row.watch,
            AlertEvent(row.event),
            is_held=row.checked == CheckState.UNSPECIFIC.value,
            marketplace=row.marketplace,
            site=row.site,
            tags=tuple(row.tags or ()),
            relation=None if row.relation is None else Relation(row.relation),
            score=row.score,
        )
        for row in rows
    ]


def _cycles_in_check(conn: Connection, since: datetime) -> sa.Select[tuple[int]]:
    """Finished cycles whose baseline rests on a reference picture that is about to be judged.

    All of it waits then, as it is one message; but not for long, whatever keeps the check.
    """
    unrouted, finished = alerts.alias(), cycles.alias()
    return (
        sa.select(unrouted.c.baseline_cycle_id)
        .select_from(
            unrouted.join(matches, matches.c.id == unrouted.c.match_id)
            .join(reference_checks, reference_checks.c.reference_id == matches.c.reference_id)
            .join(finished, finished.c.id == unrouted.c.baseline_cycle_id)
        )
        .where(
            unrouted.c.routed_at.is_(None),
            finished.c.finished_at > since,
            is_pending(newest_cluster(conn)),
        )
    )


def _is_unsettled(since: datetime) -> sa.ColumnElement[bool]:
    """Whether the cycle's next searches will tell if the marketplace is paused; not for long."""
    return sa.and_(
        alerts.c.created_at > since,
        sa.exists().where(
            breakers.c.marketplace == alerts.c.failed_marketplace,
            breakers.c.state == BreakerState.CLOSED.value,
            breakers.c.failures > 0,
        ),
        _is_running(),
    )


def _is_in_question(since: datetime) -> sa.ColumnElement[bool]:
    """Whether the cycle's next searches may tell that it is a relisting; not for long."""
    return sa.and_(
        alerts.c.waits_for_cycle,
        alerts.c.created_at > since,
        _is_running(),
    )


def _is_running() -> sa.ColumnElement[bool]:
    """Whether the cycle that the alert comes from has not ended."""
    running = cycles.alias()
    return sa.exists().where(
        scans.c.id == alerts.c.scan_id,
        running.c.id == scans.c.cycle_id,
        running.c.finished_at.is_(None),
    )


def route(
    conn: Connection,
    alert_id: str,
    channels: Sequence[str],
    now: datetime,
    *,
    is_held: bool = False,
) -> None:
    """Fan an alert out: one delivery per channel, due or held. An alert is routed once.

    Nothing happens to one that was withdrawn meanwhile.
    """
    is_ours = sa.and_(alerts.c.id == alert_id, alerts.c.routed_at.is_(None))
    if conn.execute(sa.update(alerts).where(is_ours).values(routed_at=now)).rowcount == 0:
        return
    delivery_states.route(conn, alert_id, channels, now, is_held=is_held)


def list_rows(
    conn: Connection,
    *,
    state: str | None = None,
    channel: str | None = None,
    limit: int | None = None,
) -> list[AlertRow]:
    """Alerts with their deliveries, the newest first."""
    statement = sa.select(
        alerts.c.id.label("alert_id"),
        alerts.c.event,
        alerts.c.match_id,
        alerts.c.text,
        alerts.c.detail,
        alerts.c.created_at,
        deliveries.c.channel,
        deliveries.c.state,
        deliveries.c.attempts,
        deliveries.c.last_error,
        deliveries.c.next_try_at,
        deliveries.c.sent_at,
        deliveries.c.left_out,
        _held_by().label("held_by"),
        sa.case((IS_HELD, deliveries.c.silence_id)).label("silence_id"),
    ).select_from(
        alerts.outerjoin(deliveries)
        .outerjoin(matches, matches.c.id == alerts.c.match_id)
        .outerjoin(reference_checks, reference_checks.c.reference_id == matches.c.reference_id)
    )
    if state is not None:
        statement = statement.where(deliveries.c.state == state)
    if channel is not None:
        statement = statement.where(deliveries.c.channel == channel)
    ordered = statement.order_by(alerts.c.created_at.desc(), alerts.c.id, deliveries.c.channel)
    return [AlertRow(**row) for row in conn.execute(ordered.limit(limit)).mappings()]


def _held_by() -> sa.ColumnElement[str | None]:
    """As the view `alert_history` has it."""
    return sa.case(
        (~IS_HELD, None),
        (deliveries.c.silence_id.is_not(None), "silence"),
        (reference_checks.c.state == CheckState.UNSPECIFIC.value, CheckState.UNSPECIFIC.value),
        (matches.c.verdict.in_(SETTLED_VERDICTS), "verdict"),
    )


def count_homeless(conn: Connection, since: datetime) -> int:
    """Operator alerts since then that had no channel to go to: nobody has been told.

    Matches without a channel are meant so: a watch may record only.
    """
    events = [event.value for event in AlertEvent if event.is_operator]
    told = sa.exists().where(deliveries.c.alert_id == alerts.c.id)
    counted = sa.select(sa.func.count()).select_from(alerts)
    homeless = counted.where(
        alerts.c.routed_at.is_not(None),
        alerts.c.created_at >= since,
        alerts.c.event.in_(events),
        ~told,
    )
    return int(conn.execute(homeless).scalar_one())
