"""Scans: how one ends and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from monitor.model.pictures import ReferencePicture


class ScanOutcome(StrEnum):
    """How a scan ended. Only `ok` and `empty` saw everything they asked for."""

    OK = "ok"
    EMPTY = "empty"
    PARTIAL = "partial"
    BLOCKED = "blocked"
    QUOTA = "quota"
    FAILED = "failed"

    @property
    def is_complete(self) -> bool:
        return self in (ScanOutcome.OK, ScanOutcome.EMPTY)


# For queries, which can't ask the noun.
COMPLETE_OUTCOMES: Final = tuple(outcome.value for outcome in ScanOutcome if outcome.is_complete)


@dataclass(frozen=True, slots=True)
class ScanCounts:
    """What one scan did so far."""

    listings_seen: int = 0
    listings_new: int = 0
    pictures_fetched: int = 0
    pictures_failed: int = 0
    matches_new: int = 0
    requests: int = 0

    def plus(self, other: ScanCounts) -> ScanCounts:
        return ScanCounts(
            self.listings_seen + other.listings_seen,
            self.listings_new + other.listings_new,
            self.pictures_fetched + other.pictures_fetched,
            self.pictures_failed + other.pictures_failed,
            self.matches_new + other.matches_new,
            self.requests + other.requests,
        )


@dataclass(frozen=True, slots=True)
class Scan:
    """One claimed run of a watch for one reference picture on one marketplace."""

    id: int
    cycle_id: int
    watch_id: int
    watch: str
    marketplace: str
    reference: ReferencePicture
    cursor: str | None
    attempts: int
    counts: ScanCounts
    started_at: datetime
