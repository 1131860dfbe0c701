"""Waiting for a turn: never above the rate, whoever calls and however late they wake."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.accounts.pace import StorePace
from monitor.errors import QueueFull, QuotaExhausted, Stopping, Throttled
from monitor.model import Budget
from monitor.storage.db.engine import Store
from monitor.storage.telling import alerts
from tests.storage.rows import START
from tests.told import text_of
from tests.virtual_time import VirtualTime

_numbers = itertools.count(1)


def _pace(
    store: Store,
    time: VirtualTime,
    rate: float = 5.0,
    budget: Budget | None = None,
    sleep: Callable[[float], None] | None = None,
) -> StorePace:
    return StorePace(
        store=store,
        key="sha256 of a key",
        name="alibaba",
        rate_per_second=rate,
        budget=budget or Budget(),
        clock=time.clock,
        sleep=sleep or time.sleep,
        new_alert_id=lambda: f"al-{next(_numbers)}",
        monotonic=time.monotonic,
    )


def _busiest(times: list[float]) -> int:
    """The most calls in any second, its end not counted in."""
    times = sorted(times)
    return max(bisect_left(times, start + 1.0) - number for number, start in enumerate(times))


def _told(store: Store) -> list[str | None]:
    with store.reading() as conn:
        return [
            text_of(row) for row in reversed(alerts.list_rows(conn)) if row.event == "quota_low"
        ]


def _call(pace: StorePace, time: VirtualTime, seconds: float, times: list[float]) -> None:
    while time.monotonic() < seconds:
        pace.wait()
        times.append(time.monotonic())


@pytest.mark.parametrize("rate", [1, 5, 50])
@pytest.mark.parametrize("seed", [1, 2])
def test_callers_that_wake_late_never_make_a_second_too_full(
    sqlite_store: Store, rate: int, seed: int
) -> None:
    """One wake-up in twelve is late, by up to a fifth of a second; the others by up to 15 ms."""
    rng = random.Random(seed)

    def lateness() -> float:
        return rng.uniform(0.015, 0.2) if rng.random() < 1 / 12 else rng.uniform(0, 0.015)

    time, times, seconds = VirtualTime(START, lateness), list[float](), max(4, 40 // rate)
    pace = _pace(sqlite_store, time, rate)
    time.run(*(lambda: _call(pace, time, seconds, times) for _ in range(8)))
    assert _busiest(times) <= rate
    assert len(times) >= 0.75 * rate * seconds


@pytest.mark.parametrize("rate", [5, 50])
def test_callers_in_time_use_nearly_all_of_the_rate(sqlite_store: Store, rate: int) -> None:
    rng, times = random.Random(3), list[float]()
    time, seconds = VirtualTime(START, lambda: rng.uniform(0, 0.01)), 200 / rate
    pace = _pace(sqlite_store, time, rate)
    time.run(*(lambda: _call(pace, time, seconds, times) for _ in range(8)))
    inside = sum(at <= seconds for at in times)
    assert _busiest(times) <= rate
    assert inside >= 0.95 * rate * seconds


def test_a_machine_that_always_wakes_late_still_gets_its_turns(sqlite_store: Store) -> None:
    time, times = VirtualTime(START, lambda: 0.3), list[float]()
    pace = _pace(sqlite_store, time, 5)
    time.run(*(lambda: _call(pace, time, 20, times) for _ in range(4)))
    assert _busiest(times) <= 5
    assert len(times) > 10


def test_a_slow_disk_costs_a_second_try_and_no_wide_turn(sqlite_store: Store) -> None:
    """Each look at the clock finds it 15 ms later: a slot that opens at once is missed."""
    ticks, time = itertools.count(), VirtualTime(START)
    reserved: list[datetime] = []

    def clock() -> datetime:
        reserved.append(START + timedelta(seconds=next(ticks) * 0.015))
        return reserved[-1]

    def monotonic() -> float:
        return next(ticks) * 0.015

    pace = replace(_pace(sqlite_store, time, rate=50), clock=clock, monotonic=monotonic)
    pace.wait()
    assert len(reserved) == 2
    with sqlite_store.reading() as conn:
        next_at = conn.exec_driver_sql("SELECT next_at FROM paces").scalar()
    assert next_at == pytest.approx(reserved[-1].timestamp() + 0.08, abs=0.02)


@pytest.mark.parametrize(("rate", "longest"), [(1 / 60, 300), (1 / 200, 515)])
def test_a_wait_is_bounded_and_a_place_in_line_is_waited_for(
    sqlite_store: Store, rate: float, longest: int
) -> None:
    """Too many callers: those who get no turn are told late, not all at once."""
    time, called, told = VirtualTime(START), list[float](), list[tuple[float, str]]()
    pace = _pace(sqlite_store, time, rate)

    def call() -> None:
        try:
            pace.wait()
        except QueueFull as error:
            told.append((time.monotonic(), str(error)))
        else:
            called.append(time.monotonic())

    time.run(*[call] * 20)
    assert len(called) + len(told) == 20
    assert max(called) == pytest.approx((len(called) - 1) * 1.03 / rate)
    assert longest < max(called) <= 2 * longest + 10
    assert {longest <= at <= longest + 10 for at, _ in told} == {True}
    assert {text for _, text in told} == {
        "alibaba: more calls wait for their turn than its `rate` lets through: search less often, "
        "or raise `rate` if the site allows more"
    }


def test_a_few_calls_an_hour_are_a_rate_too(store: Store) -> None:
    """The time between two of them is longer than the wait at usual rates."""
    time, times = VirtualTime(START), list[float]()
    pace = _pace(store, time, rate=10 / 3600)
    _call(pace, time, 1000, times)
    if store.dialect == "sqlite":  # on PostgreSQL the turns are those of the database's clock
        assert times == pytest.approx([0, 370.8, 741.6, 1112.4])
    assert len(times) >= 3


def test_a_long_hold_is_the_sites_and_no_full_queue(store: Store) -> None:
    time = VirtualTime(START)
    pace = _pace(store, time)
    pace.hold(timedelta(hours=3))
    with pytest.raises(Throttled, match=r"has asked to be left alone until 20..-..-.. ") as caught:
        pace.wait()
    assert not isinstance(caught.value, QueueFull)
    assert time.monotonic() == 0  # there is nothing to wait for
    if store.dialect == "sqlite":
        assert caught.value.retry_after == timedelta(hours=3)


def test_a_clock_that_was_a_year_ahead_stops_nobody(sqlite_store: Store) -> None:
    wrong, time = VirtualTime(START + timedelta(days=365)), VirtualTime(START)
    _pace(sqlite_store, wrong).wait()
    _pace(sqlite_store, wrong).hold(timedelta(days=9))
    pace = _pace(sqlite_store, time)
    pace.wait()
    pace.wait()
    assert time.monotonic() == pytest.approx(0.206)


def test_who_never_wakes_in_time_gives_up_in_the_end(sqlite_store: Store) -> None:
    time = VirtualTime(START, lambda: 7.0)
    with pytest.raises(Throttled):
        _pace(sqlite_store, time).wait()
    assert time.monotonic() < 400


def test_a_hold_reaches_those_who_wait_already(store: Store) -> None:
    time, times = VirtualTime(START), list[float]()
    pace = _pace(store, time, rate=1)

    def hold() -> None:
        time.sleep(1.5)
        pace.hold(timedelta(seconds=60))

    time.run(hold, *(lambda: _call(pace, time, 4, times) for _ in range(4)))
    before = [at for at in times if at < 10]
    assert len(before) == 2
    # on PostgreSQL the hold runs on the database's clock
    least = 61 if store.dialect == "sqlite" else 55
    assert min(at for at in times if at >= 10) >= least


def test_a_stop_ends_the_wait(sqlite_store: Store) -> None:
    def stop(_: float) -> None:
        raise Stopping("told to stop while waiting")

    with pytest.raises(Stopping):
        _pace(sqlite_store, VirtualTime(START), sleep=stop).wait()


def test_a_budget_that_runs_low_is_told_once_a_period(sqlite_store: Store) -> None:
    time = VirtualTime(START)
    pace = _pace(sqlite_store, time, budget=Budget(daily=5, monthly=8, is_spread=False))
    for _ in range(3):
        pace.wait()
    assert _told(sqlite_store) == []
    pace.wait()
    pace.wait()
    with pytest.raises(QuotaExhausted, match=r"all 5 calls of the day .* until 2026-11-25 00:00"):
        pace.wait()
    time.sleep(24 * 3600)
    for _ in range(3):
        pace.wait()
    with pytest.raises(QuotaExhausted, match=r"all 8 calls of the month .* until 2026-12-01 00:00"):
        pace.wait()
    assert _told(sqlite_store) == [
        "Marketplace alibaba: 4 of the 5 calls of the day 2026-11-24 (UTC) are used; "
        "when all are, it is not searched until the next day. If that is too early, search less "
        "often or buy more; `monitor status` says how long the rest lasts.",
        "Marketplace alibaba: 7 of the 8 calls of the month 2026-11 (UTC) are used; "
        "when all are, it is not searched until the next month. If that is too early, search less "
        "often or buy more; `monitor status` says how long the rest lasts.",
    ]


def test_a_warning_is_not_lost_with_its_call(store: Store) -> None:
    """Both are written in one transaction, and the operator's channel gets it."""
    pace = _pace(store, VirtualTime(START), budget=Budget(daily=1))
    pace.wait()
    with store.reading() as conn:
        (row,) = alerts.list_rows(conn)
        assert row.event == "quota_low"
        used = conn.exec_driver_sql("SELECT used_today FROM paces").scalar()
    assert used == 1


def test_a_day_that_is_nearly_used_up_is_told_once_a_week(sqlite_store: Store) -> None:
    time = VirtualTime(START)
    pace = _pace(sqlite_store, time, budget=Budget(daily=1))
    for _ in range(21):
        pace.wait()
        time.sleep(24 * 3600)
    assert 3 <= len(_told(sqlite_store)) <= 4


def test_a_share_that_is_used_up_says_so(sqlite_store: Store) -> None:
    time = VirtualTime(START)  # seven days are left
    pace = _pace(sqlite_store, time, budget=Budget(monthly=10))
    pace.wait()
    pace.wait()
    with pytest.raises(QuotaExhausted, match="share of the month, 2 of 10 calls, is used up until"):
        pace.wait()
    time.sleep(24 * 3600)
    pace.wait()


def test_two_processes_share_one_budget_to_the_last_call(database_url: str, store: Store) -> None:
    script = Path(__file__).with_name("pace_worker.py")
    workers = [
        subprocess.Popen(
            [sys.executable, script, database_url, "40", "45", "3"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    answers = [worker.communicate(timeout=60)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sum(int(calls) for calls, _ in answers) == 45
    with store.reading() as conn:
        row = conn.exec_driver_sql("SELECT used_today, used_this_month FROM paces").one()
        assert [item.event for item in alerts.list_rows(conn)] == ["quota_low"]
        assert conn.exec_driver_sql("SELECT used FROM pace_days").scalar() == 45
    assert tuple(row) == (45, 45)
