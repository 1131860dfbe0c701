"""A marketplace in memory, its pictures on loopback, a watch's folder and a clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path

from PIL import Image

from monitor.cases.decide import decide
from monitor.marketplaces.base import Page, Query
from monitor.marketplaces.testing import PATIENT, RecordedSleep, Reply, Scripted
from monitor.model import Observation, Scan, ScanOutcome, Verdict
from monitor.net.downloads import PictureFetcher
from monitor.scanning.cache import ScanCache
from monitor.scanning.context import ScanContext, Source
from monitor.scanning.look.look import claim_scan, run_scan
from monitor.scanning.options import WatchRules
from monitor.scanning.plan.plan import Plan, plan_watch
from monitor.scanning.policy import LEASE
from monitor.storage.catalogue import watches
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Store
from monitor.storage.matches import matches
from monitor.storage.schema.sql import run_readonly
from monitor.storage.telling import alerts
from tests.e2e.rehearsal import START, Clock
from tests.matching.drawing import draw, encode

WATCH = "acme"
SHOP = "alibaba"

Answer = Sequence[Observation] | Exception


@dataclass
class Shop:
    """A marketplace: `pages` are its answers by page, an exception is raised instead of one."""

    pages: list[Answer] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    before_answer: Callable[[Query], None] = lambda _: None
    name: str = SHOP
    site: str = "1688"
    is_loopback: bool = True

    def search(self, query: Query) -> Page:
        self.asked.append(query.cursor)
        self.before_answer(query)
        number = int(query.cursor or 0)
        answer = self.pages[number] if self.pages else ()
        if isinstance(answer, Exception):
            raise answer
        more = str(number + 1) if number + 1 < len(self.pages) else None
        return Page(tuple(answer), len(answer), more, requests=1)

    def close(self) -> None:
        """Nothing is open."""


def rules_for(name: str, folder: Path) -> WatchRules:
    """A watch of a folder on the shop, told from 0.85 on."""
    return WatchRules(
        name=name,
        images=folder,
        marketplaces=[SHOP],
        every=timedelta(hours=6),
        record_score=0.6,
        alert_score=0.85,
        channels=[],
    )


@dataclass
class Bench:
    """One watch on one shop. `folder` holds the reference pictures."""

    store: Store
    folder: Path
    files: PictureFiles
    server: Scripted
    fetcher: PictureFetcher
    shop: Shop = field(default_factory=Shop)
    clock: Clock = field(default_factory=Clock)
    owner: str = "me"
    is_stopping: Callable[[], bool] = lambda: False
    cache: ScanCache = field(default_factory=ScanCache)
    rules: WatchRules = field(init=False)
    sources: dict[str, Source] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.rules = rules_for(WATCH, self.folder)
        self.sources[SHOP] = Source(self.shop, self.fetcher)
        row = watches.WatchRow(WATCH, 0.6, 0.85, "every 6h")
        with self.store.writing() as conn:
            watches.mirror(conn, [row], START, first_due=lambda _: START)

    @property
    def context(self) -> ScanContext:
        return ScanContext(
            store=self.store,
            files=self.files,
            sources=self.sources,
            watches={WATCH: self.rules},
            owner=self.owner,
            clock=self.clock,
            new_alert_id=lambda: f"al-{next(self._numbers)}",
            is_stopping=self.is_stopping,
            cache=self.cache,
        )

    def draw(self, path: str, seed: int) -> Path:
        """A reference picture."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(encode(draw(seed)))
        return target

    def put(self, path: str, picture: Image.Image) -> None:
        """A reference picture that is given."""
        (self.folder / path).write_bytes(encode(picture))

    def offer(self, item_id: str, seed: int, **changes: object) -> Observation:
        """A listing with a recompressed copy of the picture of that seed."""
        return self._serve(item_id, _copy_of(seed), **changes)

    def show(self, item_id: str, picture: Image.Image, **changes: object) -> Observation:
        """A listing with a recompressed copy of the picture."""
        return self._serve(item_id, encode(picture, "JPEG", quality=70), **changes)

    def _serve(self, item_id: str, file: bytes, **changes: object) -> Observation:
        self.server.routes[f"/{item_id}.jpg"] = Reply(body=file)
        seen = Observation(
            site="1688",
            item_id=item_id,
            url=f"https://detail.1688.com/offer/{item_id}.html",
            title=f"Mug {item_id}",
            picture_url=self.server.url(f"/{item_id}.jpg"),
        )
        return replace(seen, **changes)  # type: ignore[arg-type]

    def plan(self, hours: float = 6) -> Plan:
        self.clock.advance(hours=hours)
        return plan_watch(self.context, self.rules, self.clock())

    def claim(self) -> Scan | None:
        return claim_scan(self.context, SHOP, LEASE)

    def look(self) -> list[ScanOutcome]:
        """Run every due scan."""
        outcomes = []
        while (scan := self.claim()) is not None:
            outcomes.append(run_scan(self.context, scan))
        return outcomes

    def scan(self) -> list[ScanOutcome]:
        """One cycle."""
        self.plan()
        return self.look()

    def start(self, *pages: Answer) -> Scan:
        """A planned and claimed scan that will see these pages."""
        self.shop.pages = list(pages)
        self.plan()
        scan = self.claim()
        assert scan is not None
        return scan

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        url = self.store.engine.url.render_as_string(hide_password=False)
        return run_readonly(url, statement)[1]

    def count(self, table: str) -> int:
        return int(str(self.rows(f"SELECT count(*) FROM {table}")[0][0]))  # noqa: S608

    def alerts(self) -> list[alerts.AlertRow]:
        with self.store.reading() as conn:
            return alerts.list_rows(conn)

    def matches(self) -> list[matches.MatchRow]:
        with self.store.reading() as conn:
            return matches.list_rows(conn)

    def decide(self, verdict: Verdict) -> None:
        with self.store.writing() as conn:
            for match in matches.list_rows(conn):
                decide(conn, match.id, verdict, "me", None, self.clock())

    @property
    def downloads(self) -> int:
        return len(self.server.requests)


@cache
def _copy_of(seed: int) -> bytes:
    return encode(draw(seed), "JPEG", quality=70)


@contextmanager
def open_bench(store: Store, folder: Path) -> Iterator[Bench]:
    (folder / "brand").mkdir(parents=True)
    with Scripted(Reply(404)) as server:
        fetcher = PictureFetcher(allow_loopback=True, sleep=RecordedSleep(), limits=PATIENT)
        yield Bench(store, folder / "brand", PictureFiles(folder / "kept"), server, fetcher)
        fetcher.close()
