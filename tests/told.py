"""Alert events to tell, and what was told."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import sqlalchemy as sa

from monitor.model import AlertEvent, Price, ScanOutcome
from monitor.model.events import (
    CanaryFound,
    CanaryLost,
    Cause,
    ChannelFailing,
    ChannelGaveUp,
    ChannelRefuses,
    DiskLow,
    Event,
    Gone,
    Lacking,
    MarketplacePaused,
    MarketplaceResumed,
    MatchesHeld,
    NewMatch,
    Period,
    PictureUnreadable,
    PriceChanged,
    QuotaLow,
    Reappeared,
    ReferenceFeatureless,
    ReferenceRetired,
    ReferenceUnspecific,
    Relisted,
    Reminder,
    ScanBlocked,
    ScanFailed,
    ScanQuota,
    ScoreCrossed,
    StoredIn,
    WatchLate,
    WatchUnplanned,
    YieldDropped,
)
from monitor.storage.db.engine import Connection
from monitor.storage.tables import alerts as table
from monitor.storage.telling import alerts
from monitor.storage.telling.alerts import AlertRow
from monitor.words import read_words

AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

# One of each class.
EVENTS: tuple[Event, ...] = (
    NewMatch(),
    ScoreCrossed(),
    Relisted("77", "https://x.example/77", AT),
    PriceChanged(
        Price(Decimal("12.00"), Decimal("12.00"), "CNY", "CNY 12.00"),
        Price(Decimal("9.00"), Decimal("11.50"), "CNY", "CNY 9.00 - 11.50"),
        Decimal("-25.0"),
    ),
    Gone(AT),
    Reappeared(AT),
    Reminder(AT),
    MatchesHeld("size chart.png", "size chart", "acme", 7, 9, 400),
    ScanBlocked("acme", "alibaba", "mug.png", ScanOutcome.BLOCKED, "HTTP 403", Cause.BLOCKED),
    ScanQuota("acme", "alibaba", "mug.png", ScanOutcome.QUOTA, "used up", Cause.QUOTA),
    ScanFailed("acme", "alibaba", "mug.png", ScanOutcome.PARTIAL, "no", Cause.BAD_IMAGE, 10, 7),
    QuotaLow("alibaba", Period.MONTH, "2026-01", 8_000, 10_000),
    MarketplacePaused("alibaba", "HTTP 500", Cause.TRANSIENT, 3, is_mendable=False, probe_at=AT),
    MarketplaceResumed("alibaba", AT),
    YieldDropped("acme", "alibaba", "mug.png", 3, 40.5),
    CanaryLost("alibaba", "canary.png", None, 40, 2, 1, "HTTP 404"),
    CanaryFound("alibaba", AT),
    PictureUnreadable("mug.png", "not a picture"),
    ReferenceFeatureless("white.png", "white", 0.41),
    ReferenceUnspecific("chart.png", "size chart", 9, 400, held=3),
    ReferenceRetired("chart.png", "size chart", 5),
    ChannelFailing("legal", "connection refused"),
    ChannelRefuses("legal", "HTTP 401", 12),
    ChannelGaveUp("legal", "HTTP 500", 7, 12),
    DiskLow("host", StoredIn.PICTURES, "/srv/pictures", 900_000_000, 20_000_000_000),
    WatchLate("acme", AT, Lacking.DONE),
    WatchUnplanned("acme", "KeyError"),
)


def event_of(name: AlertEvent) -> Event:
    """An event of that name."""
    return next(event for event in EVENTS if event.name is name)


def add_written(
    conn: Connection, name: AlertEvent, text: str, *, dedup_key: str, now: datetime, alert_id: str
) -> bool:
    """Write an operator alert as earlier versions did: with a text in place of its facts."""
    is_new = alerts.add(conn, event_of(name), dedup_key=dedup_key, now=now, alert_id=alert_id)
    values = {"text": text, "detail": None}
    conn.execute(sa.update(table).where(table.c.id == alert_id).values(values))
    return is_new


def text_of(row: AlertRow) -> str:
    """What an alert says in English beside its name."""
    return read_words().tell(row.told)
