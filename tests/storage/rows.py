"""Rows for the tests of the store: a watch with assets, pictures, listings and matches."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from monitor.alerting.policy import MOST_IN_A_MESSAGE
from monitor.alerting.retry import INTERRUPTED
from monitor.model import (
    Basis,
    Fingerprints,
    FoundPicture,
    Observation,
    PictureRecord,
    Price,
    ReferencePicture,
    Relation,
    Rights,
    Scan,
    ScanOutcome,
    Seller,
    Similarity,
)
from monitor.model.events import NewMatch
from monitor.scanning.policy import MOST_ALIKE, OBSERVE_EVERY
from monitor.storage.catalogue import assets, listings, pictures, watches
from monitor.storage.db.engine import Connection
from monitor.storage.matches import matches
from monitor.storage.searches import scans
from monitor.storage.telling import alerts, deliveries
from monitor.storage.telling.deliveries import DueDelivery
from monitor.storage.telling.ready import Wanted

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)
SHOP = "alibaba"
ALERT_SCORE = 0.85


def later(**duration: float) -> datetime:
    return START + timedelta(**duration)


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def never_near(_a: Fingerprints, _b: Fingerprints) -> bool:
    return False


def picture(name: str) -> PictureRecord:
    return PictureRecord(sha(name), "JPEG", 800, 600, 1234, {"test-1": name.encode()})


def keep(conn: Connection, *names: str) -> None:
    for name in names:
        pictures.record(conn, picture(name), [], never_near, START, most_alike=MOST_ALIKE)


def found(
    path: str,
    content: str,
    asset: str | None = None,
    rights: Rights | None = None,
    tags: tuple[str, ...] = (),
) -> FoundPicture:
    stem = path.split("/", maxsplit=1)[0] if "/" in path else path.rsplit(".", 1)[0]
    return FoundPicture(
        path, sha(content), asset or stem, rights or Rights(), tags, "JPEG", 800, 600, 1234
    )


def add_watch(conn: Connection, *names: str) -> int:
    """Watches as the config has them; the id of the first."""
    rows = [watches.WatchRow(name, 0.6, 0.85, "every 6h") for name in names]
    watches.mirror(conn, rows, START, first_due=lambda _: START)
    return watches.get_id(conn, names[0])


def sync(
    conn: Connection, watch_id: int, *files: FoundPicture, unreadable: set[str] | None = None
) -> assets.AssetChanges:
    for file in files:
        record = PictureRecord(file.sha256, "JPEG", 800, 600, 1234, {})
        pictures.record(conn, record, [], never_near, START, most_alike=MOST_ALIKE)
    return assets.sync(conn, watch_id, files, START, unreadable or set())


def listing(item_id: str = "1", **changes: object) -> Observation:
    seen = Observation(
        site="1688",
        item_id=item_id,
        url=f"https://detail.1688.com/offer/{item_id}.html",
        title="Mug",
        picture_url=f"https://cbu01.alicdn.com/{item_id}.jpg",
        price=Price(Decimal("12.50"), Decimal("30.00"), "CNY", "12.50-30.00"),
        seller=Seller("s1", "Shop"),
        sales=700,
        rank=1,
        provider_score=0.5,
    )
    return replace(seen, **changes)  # type: ignore[arg-type]


def similarity(score: float = 0.9) -> Similarity:
    return Similarity(score, Relation.SAME, "compare-1", reasons={"hash": 0.5})


@dataclass(frozen=True, slots=True)
class Shelf:
    """One watch with one picture, and the claimed scan that looks for it."""

    watch_id: int
    references: Sequence[ReferencePicture]
    scan: Scan
    owner: str = "me"


def stock(conn: Connection, *extra_pictures: str) -> Shelf:
    watch_id = add_watch(conn, "mugs")
    sync(conn, watch_id, found("mug.jpg", "mug"))
    keep(conn, "copy", *extra_pictures)
    references = assets.iter_references(conn, watch_id)
    scans.plan(conn, watch_id, references, [SHOP], START)
    scan = scans.claim(conn, [SHOP], "me", START, LEASE)
    assert scan is not None
    return Shelf(watch_id, references, scan)


def find_ready(
    conn: Connection, channel: str, owner: str, now: datetime, group: timedelta, **more: object
) -> list[int]:
    """What of the channel's queue makes its next message."""
    return deliveries.find_ready(conn, _wanted(channel, owner, now, group, more))


def claim(
    conn: Connection,
    channel: str,
    owner: str,
    now: datetime,
    lease: timedelta,
    group: timedelta,
    *,
    found: Sequence[int] | None = None,
    **more: object,
) -> list[DueDelivery]:
    """The deliveries of the channel's next message, in `owner`'s hands."""
    wanted = _wanted(channel, owner, now, group, more)
    return deliveries.claim(conn, wanted, lease, INTERRUPTED, found)


def _wanted(
    channel: str, owner: str, now: datetime, group: timedelta, more: Mapping[str, object]
) -> Wanted:
    return Wanted(channel, owner, now, group, MOST_IN_A_MESSAGE, **more)  # type: ignore[arg-type]


def add_match(
    conn: Connection,
    shelf: Shelf,
    seen: Observation | None = None,
    score: float = 0.9,
    now: datetime = START,
    *,
    own_seller: bool = False,
) -> matches.MatchChange:
    row = listings.record(
        conn, shelf.scan.id, seen or listing(), sha("copy"), None, now, observe_every=OBSERVE_EVERY
    )
    scores = {shelf.references[0].id: score}
    return see_match(conn, shelf, row.id, scores, now, own_seller=own_seller)


def see_match(
    conn: Connection,
    shelf: Shelf,
    listing_id: int,
    scores: Mapping[int, float],
    now: datetime = START,
    *,
    own_seller: bool = False,
) -> matches.MatchChange:
    """A listing is seen with a picture that is like these reference pictures of the asset."""
    return matches.record(
        conn,
        watch_id=shelf.watch_id,
        asset_id=shelf.references[0].asset_id,
        listing_id=listing_id,
        bases=[Basis(number, sha("copy"), similarity(score)) for number, score in scores.items()],
        marketplace=SHOP,
        provider_score=0.5,
        own_seller=own_seller,
        now=now,
        alert_score=ALERT_SCORE,
    )


def add_alert(conn: Connection, shelf: Shelf, match_id: int, alert_id: str) -> None:
    """The alert of a match that the shelf's scan has made."""
    alerts.add(
        conn,
        event=NewMatch(),
        dedup_key=f"match:{match_id}",
        now=START,
        alert_id=alert_id,
        watch_id=shelf.watch_id,
        match_id=match_id,
        scan_id=shelf.scan.id,
    )


def finish(conn: Connection, shelf: Shelf, outcome: ScanOutcome = ScanOutcome.OK) -> bool:
    return scans.finish(conn, shelf.scan, shelf.owner, outcome, None, START)
