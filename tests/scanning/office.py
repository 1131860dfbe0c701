"""A bench whose matches are told: channels `legal` and `ops`, each a receiver on loopback."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path

from monitor import matching
from monitor.alerting.context import AlertContext, Destination, Routes
from monitor.alerting.deliver import deliver_next
from monitor.alerting.options import ChannelOptions, Route
from monitor.alerting.route import route_next
from monitor.cases.trust import get_asset, trust
from monitor.channels import Channel
from monitor.marketplaces.testing import Reply
from monitor.model import CheckState, Observation, PictureRecord
from monitor.sandbox.receiver import JsonReceiver
from monitor.scanning.look.look import run_scan
from monitor.scanning.pictures import record_picture, sha256_of
from monitor.scanning.policy import LEASE, OBSERVE_EVERY
from monitor.scanning.trust.check import check_references
from monitor.storage.catalogue import assets, listings
from monitor.storage.db.engine import Store
from monitor.storage.searches import sightings
from monitor.storage.trust.reference_checks import ReferenceCheck
from tests.matching.drawing import draw, encode
from tests.scanning.shop import WATCH, Bench, open_bench

# A shop's template: this picture, with a small one of its own in each listing.
TEMPLATE = 7


@dataclass
class Office:
    """A watch with several assets, and what is told of it."""

    bench: Bench
    legal: JsonReceiver
    ops: JsonReceiver
    rules: tuple[Route, ...] = ()
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def context(self) -> AlertContext:
        receivers = (("legal", self.legal), ("ops", self.ops))
        return AlertContext(
            store=self.bench.store,
            files=self.bench.files,
            destinations={
                name: Destination(Channel(name, receiver.url), ChannelOptions(group=timedelta(0)))
                for name, receiver in receivers
            },
            routes=Routes(ops=("ops",), watches={WATCH: ("legal",)}, rules=self.rules),
            lease=LEASE,
            owner=self.bench.owner,
            clock=self.bench.clock,
            random=random.Random(1),
            new_alert_id=lambda: f"al-told-{next(self._numbers)}",
        )

    def draw_template(self, number: int) -> bytes:
        """The shop's template with a small picture of its own, as a file."""
        picture = draw(TEMPLATE)
        left, top = number * 7919 % 180, number * 104_729 % 130
        picture.paste(draw(2_000 + number).resize((52, 40)), (left, top))
        return encode(picture, "JPEG", quality=70)

    def offer_template(self, number: int) -> Observation:
        """A listing that has nothing but the shop's template in common with the others."""
        offer = self.bench.offer(f"t{number}", 1)
        self.bench.server.routes[f"/t{number}.jpg"] = Reply(body=self.draw_template(number))
        return offer

    def stock(self, asset: str, count: int, first: int = 100) -> None:
        """As if searches for the asset had returned so many listings of pictures like no other."""
        with self.bench.store.writing() as conn:
            row = assets.get(conn, asset)
            scan_id = conn.exec_driver_sql(
                "SELECT max(s.id) FROM scans AS s JOIN reference_pictures AS r"  # noqa: S608
                f" ON r.id = s.reference_id WHERE r.asset_id = {row.id}"
            ).scalar_one()
            for seed in range(first, first + count):
                record, seen = _other(seed), self.bench.offer(f"o{seed}", seed)
                record_picture(conn, record, self.bench.clock())
                found = listings.record(
                    conn,
                    scan_id,
                    seen,
                    record.sha256,
                    None,
                    self.bench.clock(),
                    observe_every=OBSERVE_EVERY,
                )
                sightings.record(conn, row.id, found.id)

    def scan(self, answers: Mapping[str, Sequence[Observation]]) -> None:
        """One cycle, in which the search for an asset is answered with these listings."""
        self.bench.plan()
        while (scan := self.bench.claim()) is not None:
            self.bench.shop.pages = [answers.get(scan.reference.asset, ())]
            run_scan(self.bench.context, scan)

    def check(self, *, alerting_only: bool = False) -> int:
        """How many steps it took."""
        steps = 0
        while check_references(self.bench.context, self.bench.rules, alerting_only=alerting_only):
            steps += 1
        return steps

    def tell(self) -> None:
        """Route, sum up and deliver until there is nothing more to do."""
        context = self.context
        busy = True
        while busy:
            busy = route_next(context)
            for name in context.destinations:
                busy |= deliver_next(context, name)

    def picture(self, asset: str, path: str | None = None) -> ReferenceCheck:
        with self.bench.store.reading() as conn:
            checks = get_asset(conn, asset).checks
        return next(item for item in checks if path in (None, item.path))

    def state(self, asset: str) -> CheckState:
        return self.picture(asset).state

    def trust(self, asset: str, path: str | None = None) -> int:
        """How many deliveries that has released."""
        with self.bench.store.writing() as conn:
            row = assets.get(conn, asset)
            now = self.bench.clock()
            return trust(conn, row.id, asset, path, "anne", now)[1]

    def told(self) -> list[str]:
        """The alert id of every match that has arrived at `legal`, as often as it has."""
        ids = [row.alert_id for row in self.bench.alerts() if row.match_id is not None]
        text = "\n".join(item.body + "\n" for item in self.legal.received)
        return sorted(
            alert_id
            for alert_id in ids
            for _ in range(text.count(f"[{alert_id}]") + text.count(f"Alert: {alert_id}\n"))
        )

    def matched(self, asset: str) -> list[str]:
        """The alert id of every match of the asset that there is to tell."""
        ids = {match.id for match in self.bench.matches() if match.asset == asset}
        return sorted(row.alert_id for row in self.bench.alerts() if row.match_id in ids)

    def summaries(self) -> list[str]:
        return [item.body for item in self.legal.received if "nothing to do with it" in item.body]

    def states(self) -> dict[str, str | None]:
        """Match alert -> where its delivery stands."""
        return {row.alert_id: row.state for row in self.bench.alerts() if row.match_id is not None}


@cache
def _other(seed: int) -> PictureRecord:
    data = encode(draw(seed), "JPEG", quality=70)
    decoded = matching.decode(data)
    prints = matching.fingerprint(decoded)
    return PictureRecord(sha256_of(data), "JPEG", 240, 180, len(data), fingerprints=prints)


@contextmanager
def open_office(store: Store, folder: Path) -> Iterator[Office]:
    with open_bench(store, folder) as bench, JsonReceiver() as legal, JsonReceiver() as ops:
        yield Office(bench, legal, ops)
