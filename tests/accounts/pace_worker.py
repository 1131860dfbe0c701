"""A process of its own that calls as fast as the pace allows, until the budget is used up.

    python tests/accounts/pace_worker.py DATABASE RATE DAILY_QUOTA THREADS

prints how many calls went out and how many threads were told that the budget is used up.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from monitor.accounts.pace import StorePace
from monitor.app import new_alert_id
from monitor.errors import QuotaExhausted
from monitor.model import Budget
from monitor.storage.db.engine import Store


def main(url: str, rate: str, daily: str, threads: str) -> None:
    store = Store.open(url)
    pace = StorePace(
        store=store,
        key="one credential",
        name="alibaba",
        rate_per_second=float(rate),
        budget=Budget(daily=int(daily)),
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        new_alert_id=new_alert_id,
    )

    def call_until_used_up(_: int) -> int:
        calls = 0
        while True:
            try:
                pace.wait()
            except QuotaExhausted:
                return calls
            calls += 1

    with ThreadPoolExecutor(int(threads)) as pool:
        calls = list(pool.map(call_until_used_up, range(int(threads))))
    store.close()
    print(sum(calls), len(calls))


if __name__ == "__main__":
    main(*sys.argv[1:])
