"""Builds everything from a Config; closes it in reverse."""

from __future__ import annotations

import logging
import random
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.accounts.memory import StoreMemory
from monitor.accounts.pace import StorePace
from monitor.alerting.context import AlertContext, Destination, Routes
from monitor.alerting.retry import INTERRUPTED, digest_of_url
from monitor.channels import Channel
from monitor.config import Config, MarketplaceConfig
from monitor.errors import Stopping
from monitor.marketplaces.base import Outside, PictureSource
from monitor.marketplaces.kit.picture_links import PICTURE_REFERERS
from monitor.marketplaces.registry import create
from monitor.net.downloads import HostLanes, PictureFetcher
from monitor.scanning.context import ScanContext, Source
from monitor.scanning.options import WatchRules
from monitor.scanning.policy import LEASE
from monitor.storage.catalogue import watches
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Connection, Store
from monitor.storage.leases import is_dead, take_over, this_process
from monitor.storage.schema.versions import ensure_schema
from monitor.storage.searches import paces
from monitor.storage.telling import channels

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Sleep = Callable[[float], None]


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_alert_id() -> str:
    """A stable id that people can read out: 48 random bits, unique for any real history."""
    return f"al-{secrets.token_hex(6)}"


def interruptible_sleep(stop: threading.Event) -> Sleep:
    """A sleep that raises Stopping as soon as `stop` is set."""

    def sleep(seconds: float) -> None:
        if stop.wait(max(0.0, seconds)):
            raise Stopping("told to stop while waiting")

    return sleep


@dataclass(frozen=True, slots=True)
class App:
    """Everything that runs, built from one config. `stop` ends every wait inside."""

    config: Config
    scans: ScanContext
    alerts: AlertContext
    stop: threading.Event

    @property
    def store(self) -> Store:
        return self.scans.store

    def sleep(self, seconds: float) -> None:
        """Wait, or raise Stopping as soon as `stop` is set."""
        interruptible_sleep(self.stop)(seconds)


@contextmanager
def open_app(
    config: Config,
    stop: threading.Event,
    *,
    clock: Clock = utc_now,
    rng: random.Random | None = None,
) -> Iterator[App]:
    """The running parts of a config. Raises StoreError, or ConfigError for what can't be built.

    An empty database is created; rows that a dead process on this host held are free at once.
    """
    rng = rng or random.SystemRandom()
    sleep = interruptible_sleep(stop)
    with ExitStack() as stack:
        store = Store.open(config.database.url, stop=stop)
        stack.callback(store.close)
        ensure_schema(store)
        files = PictureFiles(config.storage.pictures)
        lanes = HostLanes(sleep)
        sources = {
            name: _source(stack, store, item, clock, sleep, rng, lanes)
            for name, item in config.marketplaces.items()
        }
        destinations = {
            name: Destination(Channel(name, item.url.get_secret_value()), item)
            for name, item in config.channels.items()
        }
        owner = this_process()
        _settle_rows(store, config, destinations, clock)
        yield App(
            config=config,
            scans=ScanContext(
                store=store,
                files=files,
                sources=sources,
                watches={watch.name: watch for watch in config.watches},
                owner=owner,
                clock=clock,
                new_alert_id=new_alert_id,
                is_stopping=stop.is_set,
            ),
            alerts=AlertContext(
                store=store,
                files=files,
                destinations=destinations,
                routes=routes_of(config),
                owner=owner,
                lease=LEASE,
                clock=clock,
                random=rng,
                new_alert_id=new_alert_id,
                templates=config.alerts.templates,
                sleep=sleep,
            ),
            stop=stop,
        )


def _settle_rows(
    store: Store, config: Config, destinations: Mapping[str, Destination], clock: Clock
) -> None:
    """Bring the rows into line with the config, and free what dead processes held."""
    digests = {
        name: digest_of_url(item.channel.name, item.channel.url)
        for name, item in destinations.items()
    }
    with store.writing() as conn:
        if freed := take_over(conn, is_dead, INTERRUPTED):
            log.warning("took over %d rows of a process that died", freed)
        for name, count in channels.mirror(conn, digests, clock()).items():
            log.info("channel=%s has another URL, due again alerts=%d", name, count)
        _mirror_watches(conn, config.watches, clock())
        for item in config.marketplaces.values():
            if item.account_key != item.name:
                paces.carry_over(conn, item.name, item.account_key)


def _mirror_watches(conn: Connection, rules: Sequence[WatchRules], now: datetime) -> None:
    """A new watch on an interval is due at once, one on a cron at its next time."""
    triggers = {watch.name: watch.trigger for watch in rules}
    rows = [
        watches.WatchRow(watch.name, watch.record_score, watch.alert_score, watch.trigger.text)
        for watch in rules
    ]
    watches.mirror(conn, rows, now, first_due=lambda row: triggers[row.name].first_after(now))


def routes_of(config: Config) -> Routes:
    """Who is told of what, as the config has it."""
    return Routes(
        ops=tuple(config.alerts.ops),
        watches={watch.name: tuple(watch.channels) for watch in config.watches},
        rules=tuple(config.routes),
    )


def _source(
    stack: ExitStack,
    store: Store,
    item: MarketplaceConfig,
    clock: Clock,
    sleep: Sleep,
    rng: random.Random,
    lanes: HostLanes,
) -> Source:
    pace = StorePace(
        store=store,
        key=item.account_key,
        name=item.name,
        rate_per_second=item.rate,
        budget=item.budget,
        clock=clock,
        sleep=sleep,
        new_alert_id=new_alert_id,
    )
    outside = Outside(
        pace=pace,
        memory=StoreMemory(store, item.account_key, clock),
        sleep=sleep,
        rng=rng,
        proxy=item.proxy.get_secret_value() if item.proxy else None,
    )
    marketplace = create(item.type, item.name, item.options, outside)
    stack.callback(marketplace.close)
    if isinstance(marketplace, PictureSource):
        return Source(marketplace, marketplace, item.find_canary())
    fetcher = PictureFetcher(
        allow_loopback=marketplace.is_loopback,
        sleep=sleep,
        referers=PICTURE_REFERERS,
        lanes=lanes,
    )
    stack.callback(fetcher.close)
    return Source(marketplace, fetcher, item.find_canary())
