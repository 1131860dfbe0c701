"""Time for many threads that passes only while all of them sleep: hours in a moment, in order."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


class VirtualTime:
    """One thread runs at a time. Each may oversleep by what `lateness` says, in seconds."""

    def __init__(self, start: datetime, lateness: Callable[[], float] = lambda: 0.0) -> None:
        self._start = start
        self._lateness = lateness
        self._turn = threading.Condition()
        self._seconds = 0.0
        self._sleepers: list[tuple[float, int]] = []
        self._running: int | None = None

    def monotonic(self) -> float:
        return self._seconds

    def clock(self) -> datetime:
        return self._start.astimezone(UTC) + timedelta(seconds=self._seconds)

    def sleep(self, seconds: float) -> None:
        with self._turn:
            self._wait_until(self._seconds + seconds + self._lateness())

    def run(self, *jobs: Callable[[], None]) -> None:
        """Run the jobs in a thread each, until all have ended."""
        threads = [threading.Thread(target=self._job, args=(job,)) for job in jobs]
        with self._turn:
            for thread in threads:
                thread.start()
            # everybody stands in line before the first one may go
            self._turn.wait_for(lambda: len(self._sleepers) == len(jobs))
            self._pass_on()
        for thread in threads:
            thread.join()

    def _job(self, job: Callable[[], None]) -> None:
        with self._turn:
            heapq.heappush(self._sleepers, (0.0, threading.get_ident()))
            self._turn.notify_all()
            self._turn.wait_for(self._is_mine)
        with self._handed_over():
            job()

    @contextmanager
    def _handed_over(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._turn:
                self._pass_on()

    def _wait_until(self, at: float) -> None:
        if self._running is None:  # nobody else is there
            self._seconds = max(self._seconds, at)
            return
        heapq.heappush(self._sleepers, (at, threading.get_ident()))
        self._pass_on()
        self._turn.wait_for(self._is_mine)

    def _pass_on(self) -> None:
        self._running = None
        if self._sleepers:
            at, self._running = heapq.heappop(self._sleepers)
            self._seconds = max(self._seconds, at)
        self._turn.notify_all()

    def _is_mine(self) -> bool:
        return self._running == threading.get_ident()
