"""Scan now, deliver at once, and say what came of it: `monitor scan` and the demo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from monitor.alerting.deliver import deliver_next
from monitor.alerting.route import route_next, warn_of_stranded
from monitor.app import App
from monitor.daemon.heartbeat import beating
from monitor.daemon.policy import NO_GROUP, NO_PATIENCE, POLL
from monitor.model import ScanOutcome
from monitor.scanning.follow.remind import remind
from monitor.scanning.look.canary import look_for_canary
from monitor.scanning.look.look import claim_scan, run_scan
from monitor.scanning.look.look_back import look_back
from monitor.scanning.plan.plan import Plan, plan_watch
from monitor.scanning.policy import LEASE
from monitor.scanning.trust.check import check_references
from monitor.storage.catalogue import watches
from monitor.storage.matches import matches
from monitor.storage.searches import cycles, scans
from monitor.storage.telling import deliveries, held, silences

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Summary:
    """What scanning now came to, over every watch asked for."""

    plans: dict[str, Plan]
    scans: tuple[scans.ScanHealth, ...]
    matches: tuple[matches.MatchRow, ...]
    alerts_sent: int
    alerts_waiting: int
    alerts_held: int = 0

    @property
    def outcomes(self) -> dict[str, int]:
        """How many scans ended how."""
        counts: dict[str, int] = {}
        for scan in self.scans:
            outcome = scan.outcome or "unfinished"
            counts[outcome] = counts.get(outcome, 0) + 1
        return counts

    @property
    def is_complete(self) -> bool:
        """Whether every scan saw all it asked for."""
        return all(
            scan.outcome is not None and ScanOutcome(scan.outcome).is_complete
            for scan in self.scans
        )


def scan_now(app: App, names: Sequence[str], progress: Progress) -> Summary:
    """Plan the named watches, run every open scan of theirs, deliver what is due without waiting.

    Scans that an earlier run left open are finished too. Raises StoreError or Stopping.
    """
    context = app.scans
    began_at = context.clock()
    with beating(context):
        plans = {name: _plan(app, name, began_at) for name in names}
        cycle_ids = _open_cycles(app, names)
        for name in names:
            while look_back(context, context.watches[name]):
                app.sleep(0)  # raises when it is time to stop
        _run_all(app, cycle_ids, progress)
        for name in names:
            # those that have found nothing to tell can wait for the daemon
            while check_references(context, context.watches[name], alerting_only=True):
                app.sleep(0)
        while remind(context, names):
            app.sleep(0)
        warn_of_stranded(app.alerts)
        _deliver_all(app)
    return _summarise(app, plans, cycle_ids, began_at)


def _plan(app: App, name: str, now: datetime) -> Plan:
    """Plan a watch; if it is due, this is the run that was due, and its schedule moves on."""
    context = app.scans
    with context.store.reading() as conn:
        due = {watch.name: watch.due_at for watch in watches.find_due(conn, now)}
    if name not in due:
        return plan_watch(context, context.watches[name], now)
    trigger = next(watch.trigger for watch in app.config.watches if watch.name == name)
    next_due_at = trigger.next_after(now)
    return plan_watch(context, context.watches[name], due[name], next_due_at=next_due_at)


def _open_cycles(app: App, names: Sequence[str]) -> list[int]:
    with app.store.reading() as conn:
        ids = [watches.get_id(conn, name) for name in names]
        return [cycle for watch_id in ids for cycle in cycles.list_open(conn, watch_id)]


def _run_all(app: App, cycle_ids: list[int], progress: Progress) -> None:
    """One thread per marketplace: each has its own pace."""
    workers = max(1, len(app.scans.sources) + 1)
    with ThreadPoolExecutor(max_workers=workers) as pool, ExitStack() as failing:
        failing.callback(app.stop.set)  # the other marketplaces' threads end at their next step
        jobs = [pool.submit(_run_marketplace, app, name, cycle_ids) for name in app.scans.sources]
        while wait(jobs, timeout=POLL.total_seconds()).not_done:
            _show(app, cycle_ids, progress)
        for job in jobs:
            job.result()
        failing.pop_all()
    _show(app, cycle_ids, progress)


def _show(app: App, cycle_ids: list[int], progress: Progress) -> None:
    with app.store.reading() as conn:
        done, total = cycles.count_progress(conn, cycle_ids)
    progress(done, total)


def _run_marketplace(app: App, marketplace: str, cycle_ids: list[int]) -> None:
    """Run the cycles' scans on one marketplace until none is open, whoever runs them.

    On a paused one the first scan is run all the same, and what is left ends without waiting.
    """
    is_first = True
    for cycle_id in cycle_ids:
        while True:
            scan = claim_scan(
                app.scans, marketplace, LEASE, cycle_id, patience=NO_PATIENCE, is_asked=is_first
            )
            if scan is not None:
                is_first = False
                run_scan(app.scans, scan)
                continue
            with app.store.reading() as conn:
                if not cycles.has_open(conn, cycle_id, marketplace):
                    break
            app.sleep(POLL.total_seconds())  # another process has the last ones in hand
    if not is_first:
        look_for_canary(app.scans, marketplace)


def _deliver_all(app: App) -> None:
    """Route and deliver until nothing more may go out now; what failed waits for its next try.

    One thread per channel, so that a slow one holds up no other.
    """
    names = list(app.alerts.destinations)
    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        while True:
            busy = route_next(app.alerts)
            told = list(pool.map(lambda name: _deliver_channel(app, name), names))
            if not busy and not any(told):
                return


def _deliver_channel(app: App, name: str) -> bool:
    """Deliver what a channel takes now; whether that was anything."""
    is_any = False
    while deliver_next(app.alerts, name, group=NO_GROUP):
        is_any = True
        app.sleep(0)  # raises when it is time to stop
    return is_any


def _summarise(
    app: App, plans: dict[str, Plan], cycle_ids: list[int], began_at: datetime
) -> Summary:
    with app.store.reading() as conn:
        return Summary(
            plans=plans,
            scans=tuple(scans.list_health(conn, cycles=cycle_ids)),
            matches=tuple(matches.list_rows(conn, first_seen_from=began_at)),
            alerts_sent=deliveries.count_sent_since(conn, began_at),
            alerts_waiting=deliveries.count_waiting(conn),
            alerts_held=sum(held.count_deliveries(conn).values()) + silences.count_held(conn),
        )
