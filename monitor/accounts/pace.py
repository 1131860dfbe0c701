"""Whose turn it is on a marketplace's credential: waiting for a slot, and keeping to it.

A strict counter allows `rate` calls in any second. Calls are 1.03/rate apart, so rate + 1 of them
span 1.03 s: as long as none goes out more than 0.03 s late, no second holds more than `rate`. A
caller that wakes later gives its slot up and takes another; one that does so time and again takes
a slot that is wide enough for it.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.accounts.policy import (
    ASK_AGAIN,
    LATEST,
    LEAST_TURNS,
    LONGEST_WAIT_FOR_PACE,
    LOW_FROM,
    PACE_RULES,
    PATIENCE,
    SPACING,
    WIDEST,
)
from monitor.errors import QueueFull, QuotaExhausted, Throttled
from monitor.model import Budget
from monitor.model.events import Period, QuotaLow
from monitor.storage.db.engine import Connection, Store
from monitor.storage.searches import paces
from monitor.storage.searches.paces import Asked, Reason, Refusal, Slot
from monitor.storage.telling import alerts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StorePace:
    """The pace of one credential, shared by all processes and machines on the database.

    `key` is the credential's row, `name` what messages call it. `clock` is the time of day,
    `monotonic` seconds that no clock setting touches; `sleep` may raise Stopping.
    """

    store: Store
    key: str
    name: str
    rate_per_second: float
    budget: Budget
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    new_alert_id: Callable[[], str]
    monotonic: Callable[[], float] = time.monotonic

    def wait(self) -> None:
        """Block until a call is allowed: for the longest wait, after as long for a place in line.

        Every call counts against the budget, one that missed its slot or was held only once. Raises
        QuotaExhausted, Throttled, QueueFull, Stopping or StoreError.
        """
        interval = timedelta(seconds=SPACING / self.rate_per_second)
        longest = max(LONGEST_WAIT_FOR_PACE, LEAST_TURNS * interval)
        asked = Asked(self.key, interval, longest, PACE_RULES, self.budget)
        slot, took = self._reserve_first(asked)
        give_up_at = self.monotonic() + longest.total_seconds()
        for missed in itertools.count(1):
            if not self._is_lost(slot, took):
                self.sleep(max(0.0, slot.opens - self.monotonic()))
                late = timedelta(seconds=self.monotonic() - slot.opens)
                if late <= self._latest() + asked.width:
                    return
                log.debug("%s: %s late for its turn, takes another", self.name, late)
                if missed > PATIENCE:
                    asked = replace(asked, width=min(2 * late, WIDEST))
            asked = replace(
                asked,
                max_wait=timedelta(seconds=give_up_at - self.monotonic()),
                lead=min(timedelta(seconds=took), WIDEST),
                given_up=slot,
            )
            slot, took = self._reserve(asked)

    def hold(self, duration: timedelta) -> None:
        """Let nobody call for `duration`: the site asked for it."""
        with self.store.writing() as conn:
            paces.hold(conn, self.key, duration, self.clock(), PACE_RULES.longest_hold)

    def _latest(self) -> timedelta:
        # slower than one a second, a counter's window is at least the time between two calls
        return timedelta(seconds=LATEST * max(1.0, 1 / self.rate_per_second))

    def _reserve_first(self, asked: Asked) -> tuple[Slot, float]:
        """A slot; where the queue is full it is asked for again, for as long as a slot may be away.

        A scan that failed at once would be followed by the next, until none is left of a cycle.
        """
        give_up_at = self.monotonic() + asked.max_wait.total_seconds()
        while True:
            try:
                return self._reserve(asked)
            except QueueFull:
                if self.monotonic() >= give_up_at:
                    raise
            self.sleep(ASK_AGAIN)

    def _reserve(self, asked: Asked) -> tuple[Slot, float]:
        """A slot, and how many seconds it took to reserve it."""
        begun_at = self.monotonic()
        with self.store.writing() as conn:
            got = paces.reserve(conn, asked, self.clock(), self.monotonic)
            if isinstance(got, Slot):
                self._warn(conn, got)
        if isinstance(got, Refusal):
            raise self._error(got)
        return got, self.monotonic() - begun_at

    def _is_lost(self, slot: Slot, took: float) -> bool:
        """Whether somebody was asked to hold while we waited for the slot.

        Asked before it opens by as long as it took to reserve it, and 20 ms more for waking late,
        so that the answer is there in time.
        """
        ahead = slot.opens - self.monotonic() - took - LATEST
        if ahead <= 0:
            return False
        self.sleep(ahead)
        with self.store.reading() as conn:
            return paces.is_held(conn, self.key, slot)

    def _warn(self, conn: Connection, slot: Slot) -> None:
        """Write the operator alert that a budget runs low, once per credential and period.

        That of a day once a week: days that nearly use it up are how some live.
        """
        day, month = f"{slot.day}", f"{slot.day:%Y-%m}"
        periods = (
            (Period.DAY, day, f"{slot.day:%G-W%V}", slot.used_today, self.budget.daily),
            (Period.MONTH, month, month, slot.used_this_month, self.budget.monthly),
        )
        for period, which, key, used, quota in periods:
            if quota is None or used < LOW_FROM * quota:
                continue
            alerts.add(
                conn,
                QuotaLow(self.name, period, which, used, quota),
                dedup_key=f"quota-low:{self.key}:{key}",
                now=self.clock(),
                alert_id=self.new_alert_id(),
            )

    def _error(self, refusal: Refusal) -> QuotaExhausted | Throttled:
        if refusal.reason is Reason.QUEUE or refusal.until is None:
            # with a wait: it was waited for already, so the client must not try again
            return QueueFull(
                f"{self.name}: more calls wait for their turn than its `rate` lets through: search "
                "less often, or raise `rate` if the site allows more",
                retry_after=LONGEST_WAIT_FOR_PACE,
            )
        until = f"until {refusal.until:%Y-%m-%d %H:%M} UTC"
        if refusal.reason is Reason.HELD:
            return Throttled(
                f"{self.name}: the site has asked to be left alone {until}",
                retry_after=max(timedelta(0), refusal.until - self.clock()),
            )
        if refusal.reason is Reason.SHARE:
            return QuotaExhausted(
                f"{self.name}: the day's share of the month, {refusal.limit:,} of "
                f"{self.budget.monthly:,} calls, is used up {until} (monthly_quota; "
                "spread_quota = false lets a day take more)"
            )
        return QuotaExhausted(
            f"{self.name}: all {refusal.limit:,} calls of the {refusal.reason} are used up {until}"
        )
