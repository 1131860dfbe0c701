"""Time, turns and memory as an adapter is handed them: nobody waits, and all is remembered."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.marketplaces.base import Outside
from monitor.net.wire import ExchangeLimits

# Real time that a test may wait for a server that never answers.
QUICK = ExchangeLimits(connect=2.0, read=0.15, total=0.3, max_bytes=200_000)
PATIENT = ExchangeLimits(connect=5.0, read=10.0, total=10.0, max_bytes=200_000)
NOW = 1_700_000_000.0


@dataclass
class RecordedPace:
    """Lets every call pass, and remembers; `refusal` is raised instead from call `after` on."""

    waits: int = 0
    holds: list[timedelta] = field(default_factory=list)
    refusal: Exception | None = None
    after: int = 0

    def wait(self) -> None:
        if self.refusal is not None and self.waits >= self.after:
            raise self.refusal
        self.waits += 1

    def hold(self, duration: timedelta) -> None:
        self.holds.append(duration)


@dataclass
class RecordedSleep:
    """Never sleeps; remembers the waits. Zeros are only questions whether to stop."""

    calls: list[float] = field(default_factory=list)
    stop: Exception | None = None

    def __call__(self, seconds: float) -> None:
        if self.stop is not None:
            raise self.stop
        if seconds > 0:
            self.calls.append(seconds)


@dataclass
class RecordedMemory:
    """Remembers in a dict, by a clock that stands still until it is set."""

    now: float = NOW
    kept: dict[str, tuple[str, float]] = field(default_factory=dict)

    def find(self, key: str) -> str | None:
        value, end = self.kept.get(key, ("", 0.0))
        return value if end > self.now else None

    def keep(self, key: str, value: str, lifetime: timedelta | None = None) -> None:
        end = self.now + lifetime.total_seconds() if lifetime else float("inf")
        self.kept[key] = (value, end)

    def forget(self, key: str) -> None:
        self.kept.pop(key, None)

    def claim(self, key: str, lifetime: timedelta) -> bool:
        is_free = self.find(key) is None
        if is_free:
            self.keep(key, "", lifetime)
        return is_free


def make_outside(
    pace: RecordedPace | None = None,
    sleep: RecordedSleep | None = None,
    memory: RecordedMemory | None = None,
    *,
    limits: ExchangeLimits = PATIENT,
    proxy: str | None = None,
) -> Outside:
    """Recorders for everything that an adapter gets, at a time that stands still."""
    memory = memory or RecordedMemory()
    return Outside(
        pace=pace or RecordedPace(),
        memory=memory,
        sleep=sleep or RecordedSleep(),
        rng=random.Random(1),
        now=lambda: memory.now,
        limits=limits,
        proxy=proxy,
    )
