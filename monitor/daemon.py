"""The daemon: APScheduler is the clock, the rows say what is due.

Small steps return True ("call me again at once") or False ("nothing to do"); the loops around
them are trivial. Nothing is kept in memory between steps, so any of them may die.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from monitor.alerting import deliver_next, route_alerts, summarise_held
from monitor.app import App, open_app
from monitor.config import Config
from monitor.errors import ConfigError, InputError, Stopping, StoreError
from monitor.model import Scan, ScanOutcome
from monitor.notify_systemd import notify, reloading
from monitor.scanning import (
    LEASE,
    check_references,
    claim_scan,
    drop_canary,
    finish_scan,
    look_back,
    look_for_canary,
    plan_watch,
    refresh_stored,
    remind,
    run_scan,
)
from monitor.signals import handling
from monitor.storage import scans, watches
from monitor.storage.queue import release, renew_leases
from monitor.triggers import with_jitter

log = logging.getLogger(__name__)

TICK = timedelta(seconds=1)
HEARTBEAT = timedelta(seconds=10)
# systemd waits 20 s before it kills; the contract is 10 s for everything.
DRAIN = timedelta(seconds=8)
RELEASE_LIMIT = timedelta(seconds=1)
# After the store failed, a step waits this long before it asks again.
STORE_PAUSE = timedelta(seconds=5)
# A watch whose planning raises what nobody expected must not keep the others from theirs.
POISONED_PAUSE = timedelta(hours=1)

LoadConfig = Callable[[], Config]


class Daemon:
    """Runs one config until it is told to stop or to reload."""

    def __init__(self, app: App, status: Callable[[str], None]) -> None:
        self._app = app
        self._watches = {watch.name: watch for watch in app.config.watches}
        self._status = status
        self._running: dict[str, float] = {}
        self._paused_until: dict[str, float] = {}
        self._refreshed_to: str | None = ""
        self._lock = threading.Lock()

    def start(self) -> BackgroundScheduler:
        """Start the clock: one job per marketplace and channel, so that none waits for another."""
        # a tick that finds its step still running is skipped, as it should; it is no news
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        steps: dict[str, Callable[[], bool]] = {"plan": self.plan_step}
        for name in self._app.scans.sources:
            steps[f"look {name}"] = _bind(self.search_step, name)
        steps["route"] = self.route_step
        steps["refresh"] = self.refresh_step
        steps["look back"] = self.look_back_step
        steps["check"] = self.check_step
        for name in self._app.alerts.destinations:
            steps[f"tell {name}"] = _bind(self.tell_step, name)
        scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(len(steps) + 2)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        now = datetime.now(UTC)
        for index, (name, step) in enumerate(steps.items()):
            scheduler.add_job(
                self._loop,
                "interval",
                (name, step),
                seconds=TICK.total_seconds(),
                id=name,
                # one after the other within a tick, as they hand over to each other
                next_run_time=now + TICK * index / len(steps),
            )
        scheduler.add_job(self.beat, "interval", seconds=HEARTBEAT.total_seconds(), id="beat")
        scheduler.start()
        return scheduler

    # -- steps

    def plan_step(self) -> bool:
        """Plan one watch that is due, an hour later if it can't be; with none due, remind."""
        context = self._app.scans
        now = context.clock()
        with context.store.reading() as conn:
            due = [watch for watch in watches.find_due(conn, now) if watch.name in self._watches]
        if not due:
            return remind(context, self._watches)
        try:
            self._plan(due[0], now)
        except (StoreError, Stopping):
            raise
        except Exception:
            with context.store.writing() as conn:
                watches.set_next_due(conn, due[0].id, due[0].due_at, now + POISONED_PAUSE)
            raise
        return True

    def _plan(self, due: watches.DueWatch, now: datetime) -> None:
        config = self._watches[due.name]
        # from the later of both: what was missed while we were down is made up for once
        next_at = config.trigger.next_after(max(now, due.due_at))
        next_at = with_jitter(config.trigger, next_at, config.jitter, self._app.alerts.random)
        context = self._app.scans
        plan = plan_watch(context, context.watches[due.name], due.due_at, next_due_at=next_at)
        log.info(
            "plan watch=%s due_at=%s pictures=%d unreadable=%d cycle=%s next_at=%s",
            due.name,
            due.due_at.isoformat(),
            plan.references,
            len(plan.unreadable),
            plan.cycle_id,
            next_at.isoformat(),
        )

    def search_step(self, marketplace: str) -> bool:
        """One search of a marketplace at a time: for its canary if that is due, else a scan."""
        return self.canary_step(marketplace) or self.look_step(marketplace)

    def canary_step(self, marketplace: str) -> bool:
        """Look for a marketplace's canary, if it has one and it is time."""
        context = self._app.scans
        try:
            return look_for_canary(context, marketplace)
        except (StoreError, Stopping):
            raise
        except Exception as error:
            # Border: one daemon step. The scans of the marketplace must not wait for ever.
            log.exception("canary of %s", marketplace)
            drop_canary(context, marketplace, f"unexpected {type(error).__name__}: {error}")
        return True

    def look_step(self, marketplace: str) -> bool:
        """Run the next due scan on a marketplace."""
        context = self._app.scans
        scan = claim_scan(context, marketplace, LEASE)
        if scan is None:
            return False
        try:
            run_scan(context, scan)
        except Stopping:
            raise
        except StoreError as error:
            if error.retryable:
                self._give_back(scan)
            raise
        except Exception as error:
            # Border: one daemon step. The scan's row keeps what happened, the daemon goes on.
            log.exception("scan %d", scan.id)
            message = f"unexpected {type(error).__name__}: {error}"
            finish_scan(context, scan, ScanOutcome.FAILED, message)
        return True

    def _give_back(self, scan: Scan) -> None:
        """A full disk or a database that is away must not use up a scan's attempts."""
        context = self._app.scans
        try:
            with context.store.writing() as conn:
                scans.give_back(conn, scan, context.owner)
        except (StoreError, Stopping) as error:
            # it is still ours in its row, so the next step takes it up again
            log.debug("scan %d could not be given back: %s", scan.id, error)

    def refresh_step(self) -> bool:
        """After an upgrade: fingerprint what is stored anew. Done once for each start."""
        if self._refreshed_to is None:
            return False
        context = self._app.scans
        after, now = self._refreshed_to, context.clock()
        self._refreshed_to = refresh_stored(context.store, context.files, after, now)
        return self._refreshed_to is not None

    def look_back_step(self) -> bool:
        """Compare new reference pictures with what is stored, a part of one watch at a time."""
        context = self._app.scans
        return any(look_back(context, context.watches[name]) for name in self._watches)

    def check_step(self) -> bool:
        """See whether the matches of a reference picture can be believed, one at a time."""
        context = self._app.scans
        return any(check_references(context, context.watches[name]) for name in self._watches)

    def route_step(self) -> bool:
        """Fan out what is new, then sum up what is held."""
        return route_alerts(self._app.alerts) > 0 or summarise_held(self._app.alerts) > 0

    def tell_step(self, channel: str) -> bool:
        return deliver_next(self._app.alerts, channel)

    def beat(self) -> None:
        """Renew our leases, and tell systemd that we are alive only if the store answers."""
        context = self._app.scans
        try:
            with self._busy("beat"), context.store.writing() as conn:
                held = renew_leases(conn, context.owner, context.clock(), LEASE)
        except (StoreError, Stopping) as error:
            log.warning("heartbeat: %s", error)
            return
        self._status(f"WATCHDOG=1\nSTATUS=working on {held} rows")

    # -- loop

    def _loop(self, name: str, step: Callable[[], bool]) -> None:
        """Repeat a step while it has work. Errors of the store pause it, and are logged once."""
        if time.monotonic() < self._paused_until.get(name, 0.0):
            return
        with self._busy(name):
            try:
                while not self._app.stop.is_set() and step():
                    pass
                self._paused_until.pop(name, None)
            except Stopping:
                return
            except StoreError as error:
                if name not in self._paused_until:
                    log.error("%s: %s; trying again", name, error)  # noqa: TRY400
                self._pause(name)
            except Exception:
                # Border: one daemon step. It must not end the daemon's other steps.
                log.exception("%s failed", name)
                self._pause(name)

    def _pause(self, name: str) -> None:
        self._paused_until[name] = time.monotonic() + STORE_PAUSE.total_seconds()

    @contextmanager
    def _busy(self, name: str) -> Iterator[None]:
        with self._lock:
            self._running[name] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._running.pop(name, None)

    def drain(self, scheduler: BackgroundScheduler) -> list[str]:
        """Take no new work, wait for what runs; the names of the steps that did not end in time.

        Called after `stop` is set: every wait inside the steps has ended by then.
        """
        scheduler.pause()
        deadline = time.monotonic() + DRAIN.total_seconds()
        while self._running and time.monotonic() < deadline:
            time.sleep(0.02)
        scheduler.shutdown(wait=False)
        return sorted(self._running)


def _bind(step: Callable[[str], bool], name: str) -> Callable[[], bool]:
    return lambda: step(name)


class Signals:
    """What the operator asked for; set by the thread of signals, read by the main thread."""

    def __init__(self) -> None:
        self.wake = threading.Event()
        self.is_stopping = False
        self._stop = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """SIGTERM and SIGINT stop, SIGHUP reloads; the old handlers come back at the end."""
        actions = {
            signal.SIGTERM: self._on_stop,
            signal.SIGINT: self._on_stop,
            signal.SIGHUP: self.wake.set,
        }
        with handling(actions):
            yield

    def new_stop(self) -> threading.Event:
        """The event that ends every wait of the parts about to start, also while they start."""
        with self._lock:
            self._stop = threading.Event()
            if self.is_stopping:
                self._stop.set()
            return self._stop

    def _on_stop(self) -> None:
        with self._lock:
            self.is_stopping = True
            self._stop.set()
        self.wake.set()


def run(load_config: LoadConfig, notify_address: str | None) -> bool:
    """Run until SIGTERM or SIGINT; SIGHUP loads the config anew and keeps the old one if it is bad.

    Returns whether everything in hand ended in time. Raises ConfigError or StoreError if it can't
    start at all.
    """
    signals = Signals()
    with signals.installed():
        config, clean = load_config(), True
        working: Config | None = None
        while not signals.is_stopping:
            try:
                following, clean = _serve(config, load_config, signals, notify_address)
            except Stopping:
                log.info("stopped while starting")
            except (StoreError, InputError) as error:
                if working is None:
                    raise
                log.error("the new config can't start, back to the old one: %s", error)  # noqa: TRY400
                config, working = working, None
            else:
                config, working = following, config
    return clean


def _serve(
    config: Config, load_config: LoadConfig, signals: Signals, notify_address: str | None
) -> tuple[Config, bool]:
    """Run one config until a stop or a good reload; (config to go on with, ended in time)."""

    def status(message: str) -> None:
        notify(message, notify_address)

    stop = signals.new_stop()
    with open_app(config, stop) as app:
        daemon = Daemon(app, status)
        scheduler = daemon.start()
        status(f"READY=1\nSTATUS=watching with {len(config.watches)} watches")
        log.info("ready watches=%d marketplaces=%d channels=%d", *_sizes(config))
        following = _await_signal(config, load_config, signals, status)
        status("STOPPING=1" if signals.is_stopping else reloading())
        stop.set()
        late = daemon.drain(scheduler)
        if late:
            log.error("did not end in time: %s; their rows are taken over later", ", ".join(late))
        elif not _release_in_time(app):
            late = ["giving rows back"]
    log.info("stopped" if signals.is_stopping else "config reloaded")
    return following, not late


def _sizes(config: Config) -> tuple[int, int, int]:
    return len(config.watches), len(config.marketplaces), len(config.channels)


def _await_signal(
    config: Config, load_config: LoadConfig, signals: Signals, status: Callable[[str], None]
) -> Config:
    """Wait for a stop or for a reload that loads; the config to go on with."""
    while True:
        signals.wake.wait()
        signals.wake.clear()
        if signals.is_stopping:
            return config
        try:
            return load_config()
        except ConfigError as error:
            log.error("reload refused, the old config stays:\n%s", error)  # noqa: TRY400
            status("STATUS=reload refused: the new config has problems, see the log")


def _release_in_time(app: App) -> bool:
    """Give back what is still ours; False if the database doesn't answer."""
    thread = threading.Thread(target=_release, args=(app,), name="release", daemon=True)
    thread.start()
    thread.join(RELEASE_LIMIT.total_seconds())
    if thread.is_alive():
        log.error("the database does not answer; our rows are taken over later")
    return not thread.is_alive()


def _release(app: App) -> None:
    """The stop event is set, so a lock of SQLite's is not waited for."""
    try:
        with app.store.writing() as conn:
            release(conn, app.scans.owner)
    except (StoreError, Stopping) as error:
        log.warning("could not give rows back: %s; their leases run out", error)
