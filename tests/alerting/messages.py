"""Matches and due deliveries to write messages of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from monitor.alerting.options import ChannelOptions
from monitor.alerting.rendering import Part, render
from monitor.channels import Capacity
from monitor.model import AlertEvent, MessageFormat, Price, Relation, Verdict
from monitor.model.events import Event, NewMatch, Written
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.matches.matches import MatchRow
from monitor.storage.telling.deliveries import DueDelivery
from monitor.words import read_words

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def match(number: int, files: PictureFiles, **fields: object) -> MatchRow:
    values: dict[str, object] = {
        "id": number,
        "watch": "acme",
        "asset": "mug",
        "score": 0.9 + number / 1_000,
        "relation": Relation.SAME,
        "mirrored": False,
        "method": "m-1",
        "region": None,
        "marketplace": "alibaba",
        "site": "1688",
        "item_id": str(1_000 + number),
        "url": f"https://detail.1688.com/offer/{1_000 + number}.html",
        "title": f"Mug {number}",
        "price": Price(Decimal("12.5"), Decimal("30"), "CNY", "12.5-30"),
        "seller_id": None,
        "seller": None,
        "provider_score": None,
        "verdict": Verdict.UNREVIEWED,
        "verdict_at": None,
        "verdict_by": None,
        "verdict_note": None,
        "first_seen_at": NOW,
        "last_seen_at": NOW,
        "times_seen": 1,
        "reference_sha256": files.put(b"\xff\xd8\xff reference"),
        "reference_path": "mug.jpg",
        "picture_sha256": files.put(f"\x89PNG {number}".encode("latin-1")),
    }
    return MatchRow(**{**values, **fields})  # type: ignore[arg-type]


def due(
    number: int,
    found: MatchRow | None,
    *,
    baseline: int | None = None,
    event: AlertEvent = AlertEvent.NEW_MATCH,
    text: str | None = None,
    told: Event | None = None,
) -> DueDelivery:
    return DueDelivery(
        id=number,
        alert_id=f"al-{number:03d}",
        channel="legal",
        attempts=1,
        created_at=NOW,
        due_from_at=NOW,
        event=event,
        watch="acme",
        told=Written(text or "") if found is None else told or NewMatch(),
        baseline_cycle_id=baseline,
        match=found,
    )


PLAIN = Capacity(30_000, in_bytes=False, takes_pictures=True, format=MessageFormat.TEXT)
MARKDOWN = Capacity(30_000, in_bytes=False, takes_pictures=True, format=MessageFormat.MARKDOWN)
MAIL = Capacity(1_000_000, in_bytes=True, takes_pictures=True, format=MessageFormat.HTML)
WECOM = Capacity(
    2_048, in_bytes=True, takes_pictures=False, format=MessageFormat.TEXT, is_compact=True
)


def write(
    batch: Sequence[DueDelivery],
    files: PictureFiles,
    capacity: Capacity = PLAIN,
    options: ChannelOptions | None = None,
    templates: Path | None = None,
    drawings: dict[int, Path] | None = None,
) -> tuple[Part, ...]:
    return render(
        batch,
        options or ChannelOptions(),
        read_words((options or ChannelOptions()).language),
        capacity,
        files,
        drawings or {},
        templates,
    )
