"""The clock: it rings each step when it is time, one step beside the other.

APScheduler keeps the time; the loop around a step is trivial, and keeps its trouble to itself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from monitor.daemon.policy import DRAIN, HUNG_AFTER, STORE_PAUSE
from monitor.errors import SchemaMismatch, Stopping, StoreError

log = logging.getLogger(__name__)

# True: "call me again at once"; False: "nothing to do".
Step: TypeAlias = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Ring:
    """A step that is rung every so often, for the first time after a while."""

    name: str
    step: Step
    every: timedelta
    first_after: timedelta


class Clock:
    """Rings steps until it is drained; each has a thread, so that none waits for another.

    `give_up` is told of what no further step can mend.
    """

    def __init__(self, stop: threading.Event, give_up: Callable[[StoreError], None] | None) -> None:
        # What runs now, and since when; as `time.monotonic` has it.
        self.running: dict[str, float] = {}
        self._stop = stop
        self._give_up = give_up
        self._paused_until: dict[str, float] = {}
        self._lock = threading.Lock()
        self._scheduler: BackgroundScheduler | None = None

    def start(self, rings: list[Ring]) -> None:
        # a tick that finds its step still running is skipped, as it should; it is no news
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        scheduler = BackgroundScheduler(
            timezone="UTC",
            executors={"default": ThreadPoolExecutor(len(rings) + 1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        now = datetime.now(UTC)
        for ring in rings:
            scheduler.add_job(
                self.ring,
                "interval",
                (ring.name, ring.step),
                seconds=ring.every.total_seconds(),
                id=ring.name,
                next_run_time=now + ring.first_after,
            )
        scheduler.start()
        self._scheduler = scheduler

    def ring(self, name: str, step: Step) -> None:
        """Repeat a step while it has work. Errors of the store pause it, and are logged once."""
        if time.monotonic() < self._paused_until.get(name, 0.0):
            return
        with self._busy(name):
            try:
                while not self._stop.is_set() and step():
                    with self._lock:
                        self.running[name] = time.monotonic()
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
            self.running[name] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self.running.pop(name, None)

    def list_hung(self) -> list[str]:
        """The steps that have worked on one thing for too long."""
        latest = time.monotonic() - HUNG_AFTER.total_seconds()
        with self._lock:
            return [name for name, since in self.running.items() if since < latest]

    def drain(self) -> list[str]:
        """Take no new work, wait for what runs; the names of the steps that did not end in time.

        Called after `stop` is set: every wait inside the steps has ended by then.
        """
        if self._scheduler is None:
            return []
        self._scheduler.pause()
        deadline = time.monotonic() + DRAIN.total_seconds()
        while self.running and time.monotonic() < deadline:
            time.sleep(0.02)
        self._scheduler.shutdown(wait=False)
        return sorted(self.running)
