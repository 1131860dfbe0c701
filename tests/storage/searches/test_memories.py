"""What marketplace accounts keep between calls, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta

from monitor.accounts.memory import StoreMemory
from monitor.storage.db.engine import Store
from tests.storage.rows import later

HOUR = timedelta(hours=1)


def _memory(store: Store, seconds: float = 0, account: str = "alibaba") -> StoreMemory:
    return StoreMemory(store, account, lambda: later(seconds=seconds))


def test_a_value_is_kept_over_restarts_until_it_runs_out(store: Store) -> None:
    _memory(store).keep("image abc", "1164000000000000001", HOUR)
    assert _memory(store, 3599).find("image abc") == "1164000000000000001"
    assert _memory(store, 3600).find("image abc") is None
    _memory(store).keep("image abc", "2")
    assert _memory(store, 1e9).find("image abc") == "2"


def test_accounts_know_nothing_of_each_other(store: Store) -> None:
    _memory(store).keep("token", "a")
    assert _memory(store, account="ebay").find("token") is None
    _memory(store, account="ebay").forget("token")
    assert _memory(store).find("token") == "a"
    _memory(store).forget("token")
    assert _memory(store).find("token") is None


def test_one_caller_at_a_time_holds_a_claim(store: Store) -> None:
    assert _memory(store).claim("refresh", HOUR)
    assert not _memory(store, 3599).claim("refresh", HOUR)
    assert _memory(store, 3600).claim("refresh", HOUR)
    _memory(store).forget("refresh")
    assert _memory(store).claim("refresh", HOUR)


def test_of_many_threads_one_gets_the_claim(store: Store) -> None:
    got: list[bool] = []
    threads = [
        threading.Thread(target=lambda: got.append(_memory(store).claim("refresh", HOUR)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


def test_what_ran_out_long_ago_is_removed(store: Store) -> None:
    _memory(store).keep("image 1", "x", HOUR)
    _memory(store, 3 * 86_400).keep("image 2", "x", HOUR)
    assert _memory(store).find("image 1") is None
