"""When a marketplace is left alone, and when it is tried again. Pure: no rows, no clock.

A closed breaker lets every search through. Three failures in a row open it: nobody searches until
the pause is over, then exactly one search goes through as the probe. Its success closes the
breaker, its failure doubles the pause.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from monitor.errors import (
    AuthError,
    BadImage,
    Blocked,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QueueFull,
    QuotaExhausted,
)
from monitor.model import ScanOutcome
from monitor.scanning.policy import FAILURES_TO_OPEN, LONGEST_ASKED, LONGEST_PAUSE, SHORTEST_PAUSE
from monitor.storage.searches.breakers import Breaker, BreakerState

# What time alone does not mend, but a new key, a word with the provider or a new version does.
_MENDABLE = (AuthError, PermissionDenied, ProtocolError, Blocked)


@dataclass(frozen=True, slots=True)
class Failure:
    """A search that failed after its own retries, for a reason that another picture meets too.

    `asked` is how long the site wants to be left alone, a day at most. An `is_final` one is worth
    no second try for now, an `is_mendable` one is for a person to mend.
    """

    outcome: ScanOutcome
    message: str
    asked: timedelta = timedelta(0)
    is_final: bool = False
    is_mendable: bool = False


def outcome_of(error: MarketplaceError, *, has_pages: bool = False) -> ScanOutcome:
    """What a failed search means for its scan; never `empty`."""
    if isinstance(error, Blocked):
        return ScanOutcome.BLOCKED
    if isinstance(error, QuotaExhausted):
        return ScanOutcome.QUOTA
    return ScanOutcome.PARTIAL if has_pages else ScanOutcome.FAILED


def failure_of(error: MarketplaceError) -> Failure | None:
    """What an error says of the marketplace; None for one about the picture, or our own queue."""
    if isinstance(error, BadImage | QueueFull):
        return None
    if isinstance(error, QuotaExhausted):
        # whatever it says of the reset: a budget that is topped up is back at once
        return Failure(outcome_of(error), str(error), is_final=True)
    asked: object = getattr(error, "retry_after", None)
    wait = min(asked, LONGEST_ASKED) if isinstance(asked, timedelta) else timedelta(0)
    is_mendable = isinstance(error, _MENDABLE)
    return Failure(outcome_of(error), str(error), wait, is_mendable=is_mendable)


def admit(
    breaker: Breaker, owner: str, now: datetime, lease: timedelta, *, is_asked: bool = False
) -> Breaker | None:
    """The breaker once `owner` begins a search; None if none may begin.

    The probe is its owner's for `lease`. An owner that asks for another search has no other in
    hand, so an error has dropped its probe. `is_asked`: a person asks, so the pause is no matter.
    """
    if breaker.is_closed:
        return breaker
    if breaker.state is BreakerState.PROBING:
        is_lost = breaker.lease_until is None or breaker.lease_until < now
        if breaker.owner != owner and not is_lost:
            return None
    elif not is_asked and _is_ahead(breaker.probe_at, now):
        return None
    return replace(breaker, state=BreakerState.PROBING, owner=owner, lease_until=now + lease)


def _is_ahead(probe_at: datetime | None, now: datetime) -> bool:
    return probe_at is not None and now < probe_at <= now + LONGEST_ASKED


def after_restart(breaker: Breaker, now: datetime) -> Breaker:
    """Tried at once if a person may have mended it: who has set a new key restarts the daemon."""
    if breaker.state is not BreakerState.OPEN or not breaker.is_mendable:
        return breaker
    return replace(breaker, probe_at=now)


def after_success(breaker: Breaker, now: datetime) -> Breaker:
    """Closed, whatever it was; how long the last pause was is remembered."""
    if breaker.is_closed:
        return replace(breaker, failures=0, outcome=None, reason=None, is_mendable=False)
    return Breaker(pause=breaker.pause, closed_at=now)


def after_failure(breaker: Breaker, failure: Failure, owner: str, now: datetime) -> Breaker:
    """One failure more; it opens a closed breaker, and prolongs the pause after a failed probe.

    The failure of a search that had begun before the pause prolongs it only as far as asked.
    """
    if breaker.is_closed:
        noted = _note(breaker, failure)
        if not failure.is_final and noted.failures < FAILURES_TO_OPEN:
            return noted
        return _open(replace(noted, opened_at=now), failure, _first_pause(breaker, now), now)
    if breaker.state is BreakerState.PROBING and breaker.owner == owner:
        return _open(_note(breaker, failure), failure, _longer(breaker.pause), now)
    if breaker.probe_at is None or not failure.asked:
        return breaker
    return replace(breaker, probe_at=max(breaker.probe_at, now + failure.asked))


def after_nothing(breaker: Breaker, owner: str) -> Breaker:
    """A search that says nothing of the marketplace: if it was the probe, the next search is."""
    if breaker.state is BreakerState.PROBING and breaker.owner == owner:
        return replace(breaker, state=BreakerState.OPEN, owner=None, lease_until=None)
    return breaker


def _note(breaker: Breaker, failure: Failure) -> Breaker:
    return replace(
        breaker,
        failures=breaker.failures + 1,
        outcome=failure.outcome,
        reason=failure.message,
        is_mendable=failure.is_mendable,
    )


def _open(breaker: Breaker, failure: Failure, pause: timedelta, now: datetime) -> Breaker:
    if failure.is_final:
        # A budget comes back at midnight UTC, or whenever somebody tops it up. A minute later, as
        # it is counted by the clocks of others: a try too early costs an hour.
        pause = min(LONGEST_PAUSE, _next_midnight(now) - now + SHORTEST_PAUSE)
    return replace(
        breaker,
        state=BreakerState.OPEN,
        # the clock may have been set back since
        opened_at=min(breaker.opened_at or now, now),
        pause=pause,
        probe_at=now + max(pause, failure.asked),
        owner=None,
        lease_until=None,
    )


def _first_pause(breaker: Breaker, now: datetime) -> timedelta:
    """What fails again soon after it resumed is left alone for longer, else it would be told so
    every few minutes.
    """
    if breaker.closed_at is not None and now - breaker.closed_at < LONGEST_PAUSE:
        return _longer(breaker.pause)
    return SHORTEST_PAUSE


def _longer(pause: timedelta) -> timedelta:
    return min(max(pause * 2, SHORTEST_PAUSE), LONGEST_PAUSE)


def _next_midnight(now: datetime) -> datetime:
    day = now.astimezone(UTC).date() + timedelta(days=1)
    return datetime.combine(day, time(0), UTC)
