"""The pace of an account: evenly spaced calls, whoever makes them."""

from __future__ import annotations

import threading
from datetime import timedelta

from monitor.storage import Store, paces
from monitor.storage.paces import Slot
from tests.storage.rows import START, later

FIFTH = timedelta(seconds=0.2)
MINUTE = timedelta(minutes=1)


def _reserve(store: Store, seconds: float = 0, quota: int | None = None) -> Slot:
    with store.writing() as conn:
        return paces.reserve(conn, "alibaba", FIFTH, quota, MINUTE, later(seconds=seconds))


def _waits(*slots: Slot) -> list[float]:
    return [round(slot.wait.total_seconds(), 3) for slot in slots if slot.wait is not None]


def test_calls_are_spaced_and_pauses_give_no_credit(store: Store) -> None:
    assert _waits(*(_reserve(store) for _ in range(3))) == [0, 0.2, 0.4]
    assert _waits(_reserve(store, 60), _reserve(store, 60)) == [0, 0.2]


def test_callers_of_many_threads_never_share_a_slot(store: Store) -> None:
    slots: list[Slot] = []
    threads = [
        threading.Thread(target=lambda: slots.extend(_reserve(store) for _ in range(10)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(_waits(*slots)) == [round(number * 0.2, 3) for number in range(40)]


def test_a_hold_stops_everybody_and_never_shortens_one(store: Store) -> None:
    with store.writing() as conn:
        paces.hold(conn, "alibaba", later(seconds=30))
        paces.hold(conn, "alibaba", later(seconds=10))
    assert _waits(_reserve(store)) == [30]
    with store.writing() as conn:
        paces.hold(conn, "alibaba", later(minutes=5))
    assert _reserve(store) == Slot(None)  # longer than anybody would wait; nothing is taken
    assert _waits(_reserve(store, 300)) == [0]


def test_the_budget_of_a_day_is_kept_and_comes_back(store: Store) -> None:
    for second in range(3):
        assert _reserve(store, second, quota=3).wait is not None
    assert _reserve(store, 4, quota=3) == Slot(None, quota_exhausted=True)
    hours_left = (START.replace(hour=23, minute=59) - START) + MINUTE
    assert _reserve(store, hours_left.total_seconds(), quota=3).wait is not None
