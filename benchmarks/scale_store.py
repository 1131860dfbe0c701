"""A real SQLite file with a watch of many assets, and scans of it without a network."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from scale_pictures import Known

from monitor.marketplaces.base import Page
from monitor.model import FoundPicture, Observation, PictureRecord, ReferencePicture, Rights, Scan
from monitor.net.downloads import Fetched, PictureFetcher
from monitor.scanning.context import ScanContext
from monitor.scanning.look.look import look_at_page
from monitor.scanning.look.references import load_watch
from monitor.scanning.options import WatchRules
from monitor.scanning.pictures import record_picture
from monitor.scanning.policy import LEASE
from monitor.storage.catalogue import assets, watches
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Store
from monitor.storage.schema.versions import ensure_schema
from monitor.storage.searches import scans

SHOP: Final = "shop"
WATCH: Final = "watch"
NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
_AT_ONCE: Final = 500


class Shelf(PictureFetcher):
    """Pictures by URL, without a network."""

    def __init__(self) -> None:
        super().__init__(allow_loopback=False, sleep=lambda _: None)
        self.pictures: dict[str, bytes] = {}

    def fetch(self, url: str, fallback_url: str | None = None) -> Fetched:  # noqa: ARG002
        return Fetched(self.pictures[url])


@dataclass
class Bench:
    """One watch in one database."""

    store: Store
    context: ScanContext
    watch_id: int
    shelf: Shelf = field(default_factory=Shelf)

    @property
    def rules(self) -> WatchRules:
        return self.context.watches[WATCH]

    def add(self, known: Sequence[Known]) -> list[ReferencePicture]:
        """Make these the watch's reference pictures, an asset each; those in use, in order."""
        found = []
        for start in range(0, len(known), _AT_ONCE):
            with self.store.writing() as conn:
                for item in known[start : start + _AT_ONCE]:
                    sha256 = hashlib.sha256(item.path.encode()).hexdigest()
                    record = PictureRecord(sha256, "JPEG", 800, 800, 1, item.prints)
                    record_picture(conn, record, NOW)
                    details = (Rights(), (), "JPEG", 800, 800, 1)
                    found.append(FoundPicture(item.path, sha256, item.path, *details))
        with self.store.writing() as conn:
            assets.sync(conn, self.watch_id, found, NOW, set())
            by_path = {item.path: item for item in assets.iter_references(conn, self.watch_id)}
        return [by_path[item.path] for item in known]

    def claim(self, reference: ReferencePicture) -> Scan:
        """The watch's scan for that picture."""
        with self.store.writing() as conn:
            scans.plan(conn, self.watch_id, [reference], [SHOP], NOW)
            scan = scans.claim(conn, [SHOP], self.context.owner, NOW, LEASE)
        assert scan is not None
        return scan

    def look_at(self, scan: Scan, pages: Sequence[Page]) -> None:
        """Fetch, judge and record them, as a scan does that has just begun."""
        references = load_watch(self.context, self.watch_id)
        with self.store.reading() as conn:
            baselines = scans.find_baselines(conn, scan.watch_id, scan.marketplace)
        for page in pages:
            look_at_page(self.context, self.shelf, scan, references, baselines, page)

    def page(self, name: str, shown: Sequence[bytes]) -> Page:
        """A page of new listings with these pictures."""
        seen = []
        for number, data in enumerate(shown):
            url = f"https://pictures.example/{name}/{number}.jpg"
            self.shelf.pictures[url] = data
            item = f"{name}-{number}"
            seen.append(
                Observation(SHOP, item, f"https://shop.example/{item}", "Mug", picture_url=url)
            )
        return Page(tuple(seen), len(seen), None, requests=1)


@contextmanager
def open_bench(folder: Path, name: str) -> Iterator[Bench]:
    numbers = itertools.count(1)
    store = Store.open(f"sqlite:///{folder / name}.db")
    ensure_schema(store)
    with store.writing() as conn:
        row = watches.WatchRow(WATCH, 0.6, 0.85, "every 6h")
        watches.mirror(conn, [row], NOW, first_due=lambda _: NOW)
        watch_id = watches.get_id(conn, WATCH)
    context = ScanContext(
        store=store,
        files=PictureFiles(folder / f"{name}-pictures"),
        sources={},
        watches={
            WATCH: WatchRules(
                name=WATCH,
                images=folder,
                marketplaces=[SHOP],
                every=timedelta(hours=6),
                record_score=0.6,
                alert_score=0.85,
                channels=[],
            )
        },
        owner="me",
        clock=lambda: NOW,
        new_alert_id=lambda: f"al-{next(numbers)}",
    )
    bench = Bench(store, context, watch_id)
    try:
        yield bench
    finally:
        bench.shelf.close()
        store.close()
