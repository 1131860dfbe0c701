"""The daemon: APScheduler is the clock, the rows say what is due.

Small steps return True ("call me again at once") or False ("nothing to do"); the loops around
them are trivial. Nothing is kept in memory between steps, so any of them may die.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from monitor.alerting import deliver_next, route_next, warn_of_stranded
from monitor.app import App
from monitor.errors import SchemaMismatch, Stopping, StoreError
from monitor.health.dead_mans_switch import DeadMansSwitch
from monitor.health.report import check_health
from monitor.health.troubles import end_unplanned, note_late, note_unplanned, watch_over
from monitor.model import Scan, ScanOutcome
from monitor.scanning import (
    LEASE,
    begin,
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
from monitor.schedule.triggers import with_jitter
from monitor.storage import check_revision, head_revision
from monitor.storage.catalogue import watches
from monitor.storage.leases import renew_leases
from monitor.storage.searches import scans

log = logging.getLogger(__name__)

TICK = timedelta(seconds=1)
HEARTBEAT = timedelta(seconds=10)
# How often the daemon looks at its own state.
LOOK = timedelta(minutes=1)
# One scan waits for minutes, a message of hundreds of parts takes an hour: who works on one thing
# for longer hangs.
HUNG_AFTER = timedelta(hours=2)
# systemd waits 20 s before it kills; the contract is 10 s for everything.
DRAIN = timedelta(seconds=8)
# After the store failed, a step waits this long before it asks again.
STORE_PAUSE = timedelta(seconds=5)
# A watch whose planning raises what nobody expected must not keep the others from theirs.
POISONED_PAUSE = timedelta(hours=1)

_HUNG_SECONDS = HUNG_AFTER.total_seconds()


class Daemon:
    """Runs one config until it is told to stop or to reload.

    `give_up` is told of what no further step can mend.
    """

    def __init__(
        self,
        app: App,
        status: Callable[[str], None],
        switch: DeadMansSwitch | None = None,
        give_up: Callable[[StoreError], None] | None = None,
    ) -> None:
        self._app = app
        self._switch = switch
        self._give_up = give_up
        self._revision = head_revision()
        self._watches = {watch.name: watch for watch in app.config.watches}
        self._status = status
        self._running: dict[str, float] = {}
        self._paused_until: dict[str, float] = {}
        self._refreshed_to: str | None = ""
        self._lock = threading.Lock()

    def start(self) -> BackgroundScheduler:
        """Start the clock: one job per marketplace and channel, so that none waits for another."""
        begin(self._app.scans)
        warn_of_stranded(self._app.alerts)
        # a tick that finds its step still running is skipped, as it should; it is no news
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        steps: dict[str, Callable[[], bool]] = {"plan": self.plan_step}
        for name in self._app.scans.sources:
            steps[f"look {name}"] = partial(self.search_step, name)
        steps["route"] = self.route_step
        steps["refresh"] = self.refresh_step
        steps["look back"] = self.look_back_step
        steps["check"] = self.check_step
        for name in self._app.alerts.destinations:
            steps[f"tell {name}"] = partial(self.tell_step, name)
        slow_steps: dict[str, tuple[Callable[[], bool], timedelta]] = {
            "watch over": (self.watch_over_step, LOOK)
        }
        if self._switch is not None:
            slow_steps["ping"] = (self.ping_step, min(LOOK, self._switch.every))
        scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(len(steps) + len(slow_steps) + 2)},
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
        for name, (step, every) in slow_steps.items():
            scheduler.add_job(
                self._loop,
                "interval",
                (name, step),
                seconds=every.total_seconds(),
                id=name,
                next_run_time=now + TICK,
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
        except Exception as error:
            with context.store.writing() as conn:
                watches.set_next_due(conn, due[0].id, due[0].due_at, now + POISONED_PAUSE)
                note_unplanned(self._app, conn, due[0].name, error)
            raise
        return True

    def _plan(self, due: watches.DueWatch, now: datetime) -> None:
        config = self._watches[due.name]
        note_late(self._app, config, due.due_at)
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
        end_unplanned(self._app, due.name)

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
        """Fan out what is new, and see to what is held."""
        return route_next(self._app.alerts)

    def tell_step(self, channel: str) -> bool:
        return deliver_next(self._app.alerts, channel)

    def watch_over_step(self) -> bool:
        """Tell of full disks and late watches; give up if the database is no longer ours."""
        check_revision(self._app.store, self._revision)
        watch_over(self._app)
        return False

    def ping_step(self) -> bool:
        """Hold the dead man's switch, if there is one."""
        if self._switch is not None:
            self._switch.hold(self._find_problem())
        return False

    def _find_problem(self) -> str | None:
        """Why all is not well, in one line."""
        now = time.monotonic()
        with self._lock:
            hung = [name for name, since in self._running.items() if now - since > _HUNG_SECONDS]
        if hung:
            return f"{hung[0]} has hung for more than {HUNG_AFTER}"
        try:
            health = check_health(self._app.store, self._app.config, self._app.scans.clock())
        except StoreError as error:
            return str(error)
        return health.problems[0] if health.problems else None

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
                    with self._lock:
                        self._running[name] = time.monotonic()
                self._paused_until.pop(name, None)
            except Stopping:
                return
            except StoreError as error:
                if isinstance(error, SchemaMismatch) and self._give_up is not None:
                    self._give_up(error)
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
