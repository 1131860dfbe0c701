"""The daemon's steps: the clock rings them, the rows say what is due.

Small steps return True ("call me again at once") or False ("nothing to do"). Nothing is kept in
memory between steps, so any of them may die.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

from monitor.alerting.deliver import deliver_next
from monitor.alerting.route import route_next, warn_of_stranded
from monitor.app import App
from monitor.daemon.clock import Clock, Ring, Step
from monitor.daemon.heartbeat import beat
from monitor.daemon.policy import HEARTBEAT, HUNG_AFTER, LOOK, POISONED_PAUSE, TICK
from monitor.errors import Stopping, StoreError
from monitor.health.dead_mans_switch import DeadMansSwitch
from monitor.health.findings import Finding, StepHangs, StoreUnusable, describe
from monitor.health.report import check_health
from monitor.health.troubles import end_unplanned, note_late, note_unplanned, watch_over
from monitor.model import Scan, ScanOutcome
from monitor.scanning.follow.remind import remind
from monitor.scanning.guard.startup import apply_config
from monitor.scanning.look.canary import give_up_canary, look_for_canary
from monitor.scanning.look.look import claim_scan, finish_scan, run_scan
from monitor.scanning.look.look_back import look_back
from monitor.scanning.pictures import refresh_stored
from monitor.scanning.plan.plan import plan_watch
from monitor.scanning.policy import LEASE
from monitor.scanning.trust.check import check_references
from monitor.schedule.triggers import with_jitter
from monitor.storage.catalogue import watches
from monitor.storage.schema.versions import check_revision, this_program
from monitor.storage.searches import scans

log = logging.getLogger(__name__)


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
        self.clock = Clock(app.stop, give_up)
        self._app = app
        self._switch = switch
        self._program = this_program()
        self._watches = {watch.name: watch for watch in app.config.watches}
        self._status = status
        self._refreshed_to: str | None = ""

    def start(self) -> Clock:
        """Start the clock: one step per marketplace and channel, so that none waits for another."""
        apply_config(self._app.scans)
        warn_of_stranded(self._app.alerts)
        self.clock.start(list(self._rings()))
        return self.clock

    def _rings(self) -> Iterator[Ring]:
        steps: dict[str, Step] = {"plan": self.plan_step}
        for name in self._app.scans.sources:
            steps[f"look {name}"] = partial(self.search_step, name)
        steps["route"] = self.route_step
        steps["refresh"] = self.refresh_step
        steps["look back"] = self.look_back_step
        steps["check"] = self.check_step
        for name in self._app.alerts.destinations:
            steps[f"tell {name}"] = partial(self.tell_step, name)
        for index, (name, step) in enumerate(steps.items()):
            # one after the other within a tick, as they hand over to each other
            yield Ring(name, step, TICK, TICK * index / len(steps))
        yield Ring("watch over", self.watch_over_step, LOOK, TICK)
        if self._switch is not None:
            yield Ring("ping", self.ping_step, min(LOOK, self._switch.every), TICK)
        yield Ring("beat", self.beat_step, HEARTBEAT, HEARTBEAT)

    # -- steps

    def plan_step(self) -> bool:
        """Plan one watch that is due, an hour later if it can't be; with none due, remind."""
        context = self._app.scans
        now = context.clock()
        with context.store.reading() as conn:
            due = [watch for watch in watches.find_due(conn, now) if watch.name in self._watches]
        if not due:
            return remind(context, self._watches)
        return _attempt(
            partial(self._plan, due[0], now),
            partial(self._postpone, due[0], now),
        )

    def _postpone(self, due: watches.DueWatch, now: datetime, error: Exception) -> None:
        context = self._app.scans
        with context.store.writing() as conn:
            watches.set_next_due(conn, due.id, due.due_at, now + POISONED_PAUSE)
            note_unplanned(self._app, conn, due.name, error)
        raise error

    def _plan(self, due: watches.DueWatch, now: datetime) -> bool:
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
        return True

    def search_step(self, marketplace: str) -> bool:
        """One search of a marketplace at a time: for its canary if that is due, else a scan."""
        return self.canary_step(marketplace) or self.look_step(marketplace)

    def canary_step(self, marketplace: str) -> bool:
        """Look for a marketplace's canary, if it has one and it is time."""
        return _attempt(
            partial(look_for_canary, self._app.scans, marketplace),
            partial(self._lose_canary, marketplace),
        )

    def _lose_canary(self, marketplace: str, error: Exception) -> None:
        """The scans of the marketplace must not wait for ever."""
        log.error("canary of %s", marketplace, exc_info=error)
        give_up_canary(self._app.scans, marketplace, _unexpected(error))

    def look_step(self, marketplace: str) -> bool:
        """Run the next due scan on a marketplace."""
        context = self._app.scans
        scan = claim_scan(context, marketplace, LEASE)
        if scan is None:
            return False
        try:
            return _attempt(partial(self._run, scan), partial(self._fail, scan))
        except StoreError as error:
            if error.retryable:
                self._give_back(scan)
            raise

    def _run(self, scan: Scan) -> bool:
        run_scan(self._app.scans, scan)
        return True

    def _fail(self, scan: Scan, error: Exception) -> None:
        """The scan's row keeps what happened, the daemon goes on."""
        log.error("scan %d", scan.id, exc_info=error)
        finish_scan(self._app.scans, scan, ScanOutcome.FAILED, _unexpected(error))

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
        check_revision(self._app.store, self._program)
        watch_over(self._app)
        return False

    def ping_step(self) -> bool:
        """Hold the dead man's switch, if there is one."""
        if self._switch is not None:
            problem = next(self._find_problems(), None)
            self._switch.hold(None if problem is None else describe(problem))
        return False

    def _find_problems(self) -> Iterator[Finding]:
        """Why all is not well: what hangs in this process, else what `monitor status` tells."""
        for name in self.clock.list_hung():
            yield Finding.of(name, StepHangs(HUNG_AFTER / timedelta(hours=1)))
        try:
            health = check_health(self._app.store, self._app.config, self._app.scans.clock())
        except StoreError as error:
            yield Finding.of("", StoreUnusable(str(error)))
        else:
            yield from (finding for finding in health.findings if finding.is_problem)

    def beat_step(self) -> bool:
        """Renew our leases, and tell systemd that we are alive only if the store answers."""
        beat(self._app.scans, self._tell_alive)
        return False

    def _tell_alive(self, held: int) -> None:
        self._status(f"WATCHDOG=1\nSTATUS=working on {held} rows")


def _attempt(work: Step, store: Callable[[Exception], None]) -> bool:
    """Border: one daemon step. `store` writes down what nobody expected, and the step goes on.

    An error of the store and a stop are expected: they go through.
    """
    try:
        return work()
    except (StoreError, Stopping):
        raise
    except Exception as error:  # noqa: BLE001 - written down, never lost
        store(error)
    return True


def _unexpected(error: Exception) -> str:
    return f"unexpected {type(error).__name__}: {error}"
