"""What becomes of matches after they were told: their price, whether they are gone, unreviewed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa

from monitor.model import AlertEvent, Price, Verdict
from monitor.storage.db.engine import Connection
from monitor.storage.db.rows import to_noun
from monitor.storage.db.upsert import PART
from monitor.storage.tables import alerts, assets, deliveries, matches, watches

# What a match is told by in the first place.
FIRST_EVENTS = (AlertEvent.NEW_MATCH, AlertEvent.SCORE_CROSSED, AlertEvent.RELISTED)


@dataclass(frozen=True, slots=True)
class FollowedMatch:
    """A match of an asset that is still watched.

    `is_told` says that there is an alert of it, whether or not it has arrived. `told_prices` are
    by currency: as last told, or as they were at that first alert.
    """

    id: int
    watch_id: int
    listing_id: int
    score: float
    verdict: Verdict
    last_seen_at: datetime
    gone_at: datetime | None
    is_told: bool
    told_prices: Mapping[str, Price]
    price_changed_at: datetime | None

    def is_due(self, alert_score: float) -> bool:
        """Whether what becomes of it is told at all."""
        return self.is_told and self.score >= alert_score and not self.verdict.is_settled


def find(conn: Connection, watch_id: int, listing_ids: Collection[int]) -> list[FollowedMatch]:
    """The watch's matches with these listings, by id."""
    ids, found = sorted(listing_ids), list[FollowedMatch]()
    for start in range(0, len(ids), PART):
        part = matches.c.listing_id.in_(ids[start : start + PART])
        rows = conn.execute(_select().where(matches.c.watch_id == watch_id, part))
        found += [_match(row) for row in rows]
    return sorted(found, key=lambda match: match.id)


def set_told_price(
    conn: Connection, match: FollowedMatch, price: Price, changed_at: datetime | None = None
) -> None:
    """Keep the price that was told; with `changed_at` it was told as a change."""
    told = {**match.told_prices, price.currency: price}
    values: dict[str, object] = {
        "told_prices": {key: [str(item.minimum), str(item.maximum)] for key, item in told.items()}
    }
    if changed_at is not None:
        values |= {
            "price_before": str(match.told_prices[price.currency]),
            "price_changed_at": changed_at,
        }
    conn.execute(sa.update(matches).where(matches.c.id == match.id).values(values))


def mark_gone(
    conn: Connection, watch_id: int, listing_ids: list[int], now: datetime
) -> list[FollowedMatch]:
    """Note that no search of the watch finds these listings any more; its matches that had one."""
    found = [match for match in find(conn, watch_id, listing_ids) if match.gone_at is None]
    _set(conn, [match.id for match in found], gone_at=now)
    return found


def mark_reappeared(conn: Connection, match: FollowedMatch, now: datetime) -> None:
    _set(conn, [match.id], gone_at=None, reappeared_at=now)


def _set(conn: Connection, ids: list[int], **values: object) -> None:
    for start in range(0, len(ids), PART):
        part = matches.c.id.in_(ids[start : start + PART])
        conn.execute(sa.update(matches).where(part).values(values))


def claim_reminding(conn: Connection, watch_id: int, now: datetime, every: timedelta) -> bool:
    """Whether nobody has looked for unreviewed matches of the watch within `every`; now we do."""
    is_due = sa.or_(watches.c.reminded_at.is_(None), watches.c.reminded_at <= now - every)
    done = conn.execute(
        sa.update(watches).where(watches.c.id == watch_id, is_due).values(reminded_at=now)
    )
    return done.rowcount == 1


def is_reminding_due(conn: Connection, name: str, now: datetime, every: timedelta) -> bool:
    """The cheap look before the claim, which decides."""
    last = conn.execute(sa.select(watches.c.reminded_at).where(watches.c.name == name)).scalar()
    return last is None or last <= now - every


def find_unreviewed(
    conn: Connection, watch_id: int, alert_score: float, told_until: datetime, limit: int
) -> list[tuple[int, datetime]]:
    """(match, when it was first told) of those told by then, unreviewed and never reminded of.

    At most `limit`, those found first before the others.
    """
    told = (
        sa.select(sa.func.min(deliveries.c.sent_at, type_=deliveries.c.sent_at.type))
        .select_from(deliveries.join(alerts))
        .where(alerts.c.match_id == matches.c.id)
        .scalar_subquery()
    )
    is_reminded = sa.exists().where(
        alerts.c.match_id == matches.c.id, alerts.c.event == AlertEvent.REMINDER.value
    )
    rows = conn.execute(
        sa.select(matches.c.id, told.label("told_at"))
        .select_from(matches.join(assets, assets.c.id == matches.c.asset_id))
        .where(
            matches.c.watch_id == watch_id,
            matches.c.verdict == Verdict.UNREVIEWED.value,
            matches.c.score >= alert_score,
            matches.c.first_seen_at <= told_until,
            assets.c.retired_at.is_(None),
            ~is_reminded,
            told <= told_until,
        )
        .order_by(matches.c.id)
        .limit(limit)
    )
    return [(row.id, row.told_at) for row in rows]


def _select() -> sa.Select[tuple[object, ...]]:
    events = [event.value for event in FIRST_EVENTS]
    is_told = sa.exists().where(alerts.c.match_id == matches.c.id, alerts.c.event.in_(events))
    return (
        sa.select(matches, is_told.label("is_told"))
        .select_from(matches.join(assets, assets.c.id == matches.c.asset_id))
        .where(assets.c.retired_at.is_(None))
    )


def _match(row: sa.Row[tuple[object, ...]]) -> FollowedMatch:
    return to_noun(
        FollowedMatch,
        row,
        verdict=Verdict(row.verdict),
        is_told=bool(row.is_told),
        told_prices={
            currency: Price(Decimal(low), Decimal(high), currency, "")
            for currency, (low, high) in (row.told_prices or {}).items()
        },
    )
