"""When a marketplace is left alone: the rules, and what holds whatever happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from monitor.errors import (
    AuthError,
    BadImage,
    Blocked,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QueueFull,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.model import ScanOutcome
from monitor.scanning.guard.breaker import (
    Failure,
    admit,
    after_failure,
    after_nothing,
    after_restart,
    after_success,
    failure_of,
)
from monitor.scanning.policy import FAILURES_TO_OPEN, LONGEST_PAUSE, SHORTEST_PAUSE
from monitor.storage.searches.breakers import Breaker, BreakerState

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)
WALL = Failure(ScanOutcome.BLOCKED, "a wall")
MENDABLE = Failure(ScanOutcome.FAILED, "bad key", is_mendable=True)
USED_UP = Failure(ScanOutcome.QUOTA, "used up", is_final=True)


def opened(now: datetime = START, failure: Failure = WALL) -> Breaker:
    breaker = Breaker()
    while breaker.is_closed:
        breaker = after_failure(breaker, failure, "me", now)
    return breaker


def probe(breaker: Breaker, now: datetime, owner: str = "me") -> Breaker:
    probing = admit(breaker, owner, now, LEASE)
    assert probing is not None
    return probing


def test_the_third_failure_in_a_row_opens_it() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker = after_failure(breaker, WALL, "me", START)
        assert admit(breaker, "me", START, LEASE) == breaker
    breaker = after_success(breaker, START)
    assert breaker == Breaker()
    assert opened().failures == FAILURES_TO_OPEN
    assert admit(opened(), "me", START, LEASE) is None


def test_pauses_double_up_to_an_hour() -> None:
    breaker, now, pauses = opened(), START, []
    for _ in range(8):
        assert breaker.probe_at is not None
        pauses.append(breaker.pause.total_seconds() / 60)
        now = breaker.probe_at
        assert admit(breaker, "me", now - timedelta(seconds=1), LEASE) is None
        breaker = after_failure(probe(breaker, now), WALL, "me", now)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert breaker.opened_at == START


def test_a_site_that_asks_for_longer_is_left_alone_for_longer() -> None:
    asked = Failure(ScanOutcome.FAILED, "slower", timedelta(hours=3))
    breaker = opened(failure=asked)
    assert breaker.probe_at == START + timedelta(hours=3)
    assert breaker.pause == SHORTEST_PAUSE  # the next is counted from our own


def test_a_used_up_budget_pauses_at_once_and_is_tried_hourly_and_at_midnight() -> None:
    breaker = after_failure(Breaker(), USED_UP, "me", START)
    assert (breaker.state, breaker.probe_at) == (BreakerState.OPEN, START + LONGEST_PAUSE)
    evening = START.replace(hour=23, minute=40)
    breaker = after_failure(Breaker(), USED_UP, "me", evening)
    # the minute is for the clock that it is counted by
    assert breaker.probe_at == evening + timedelta(minutes=21)
    late = START.replace(hour=23, minute=59, second=50)
    assert after_failure(Breaker(), USED_UP, "me", late).probe_at == late + timedelta(seconds=70)


def test_a_person_who_asks_need_not_wait_but_gets_no_second_probe() -> None:
    breaker = opened()
    probing = admit(breaker, "me", START, LEASE, is_asked=True)
    assert probing is not None
    assert admit(probing, "you", START, LEASE, is_asked=True) is None


def test_a_probe_that_its_process_lost_is_made_anew() -> None:
    assert opened().probe_at is not None
    now = START + SHORTEST_PAUSE
    probing = probe(opened(), now, "dead")
    assert admit(probing, "me", now + LEASE, LEASE) is None
    assert admit(probing, "dead", now, LEASE) is not None  # an error has dropped it
    assert probe(probing, now + LEASE * 2, "me").owner == "me"


def test_a_late_failure_of_another_search_changes_nothing() -> None:
    breaker = opened()
    assert after_failure(breaker, WALL, "other", START) == breaker
    probing = probe(breaker, START + SHORTEST_PAUSE)
    assert after_failure(probing, WALL, "other", START) == probing
    asked = Failure(ScanOutcome.FAILED, "slower", timedelta(hours=1))
    assert after_failure(breaker, asked, "other", START).probe_at == START + timedelta(hours=1)


def test_a_probe_that_says_nothing_leaves_its_place_to_the_next() -> None:
    now = START + SHORTEST_PAUSE
    after = after_nothing(probe(opened(), now), "me")
    assert after == opened()
    assert probe(after, now, "you").owner == "you"


def test_a_restart_tries_at_once_what_a_person_may_have_mended() -> None:
    for failure in (WALL, USED_UP):
        assert after_restart(opened(failure=failure), START) == opened(failure=failure)
    now = START + timedelta(seconds=5)
    wrong_key = opened(failure=MENDABLE)
    assert admit(wrong_key, "me", now, LEASE) is None
    probing = probe(after_restart(wrong_key, now), now)
    assert after_restart(probing, now) == probing
    assert not after_success(probing, now).is_mendable
    later = after_failure(probing, WALL, "me", now)  # by now another trouble
    assert after_restart(later, now) == later


def test_a_clock_that_was_ahead_stops_no_probe_and_no_end() -> None:
    ahead = START + timedelta(days=365)
    breaker = opened(ahead)
    probing = probe(breaker, START)
    again = after_failure(probing, WALL, "me", START)
    assert (again.opened_at, again.probe_at) == (START, START + 2 * SHORTEST_PAUSE)


def test_what_fails_soon_after_it_resumed_is_left_alone_for_longer() -> None:
    now = START + SHORTEST_PAUSE
    resumed = after_success(probe(opened(), now), now)
    assert resumed.is_closed
    for wait, pause in ((timedelta(minutes=5), 2), (timedelta(hours=2), 1)):
        again = resumed
        while again.is_closed:
            again = after_failure(again, WALL, "me", now + wait)
        assert again.pause == timedelta(minutes=pause)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (BadImage("too dark"), None),
        (QueueFull("ours"), None),
        (Blocked("a wall"), replace(WALL, is_mendable=True)),
        (QuotaExhausted("used up"), USED_UP),
        (AuthError("bad key"), MENDABLE),
        (PermissionDenied("bad key"), MENDABLE),
        (ProtocolError("bad key"), MENDABLE),
        (Transient("down"), Failure(ScanOutcome.FAILED, "down")),
        (
            Throttled("slower", retry_after=timedelta(hours=2)),
            Failure(ScanOutcome.FAILED, "slower", timedelta(hours=2)),
        ),
        (
            Throttled("banned", retry_after=timedelta(days=9)),
            Failure(ScanOutcome.FAILED, "banned", timedelta(days=1)),
        ),
    ],
)
def test_what_an_error_says_of_the_marketplace(
    error: MarketplaceError, failure: Failure | None
) -> None:
    assert failure_of(error) == failure


OWNERS = st.sampled_from(["one", "two", "three"])
FAILURES = st.builds(
    Failure,
    st.sampled_from([ScanOutcome.BLOCKED, ScanOutcome.QUOTA, ScanOutcome.FAILED]),
    st.just("why"),
    st.timedeltas(timedelta(0), timedelta(days=1)),
    st.booleans(),
)


class Processes(RuleBasedStateMachine):
    """Three processes that search one marketplace, each with at most one search in hand."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.breaker = Breaker()
        # owner -> whether the search in hand is the probe
        self.searching: dict[str, bool] = {}

    @rule(seconds=st.integers(1, 7_200))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        if self.breaker.owner in self.searching:
            self.breaker = replace(
                self.breaker, lease_until=self.now + LEASE
            )  # as a heartbeat does

    @rule(owner=OWNERS, is_asked=st.booleans())
    def begin(self, owner: str, *, is_asked: bool) -> None:
        if owner in self.searching:
            return
        before = self.breaker
        admitted = admit(before, owner, self.now, LEASE, is_asked=is_asked)
        if admitted is None:
            assert not before.is_closed
            return
        self.breaker = admitted
        self.searching[owner] = not before.is_closed
        if before.state is BreakerState.OPEN and not is_asked:
            assert before.probe_at is not None
            assert self.now >= before.probe_at

    @precondition(lambda self: self.searching)
    @rule(owner=OWNERS)
    def succeed(self, owner: str) -> None:
        if self.searching.pop(owner, None) is None:
            return
        self.breaker = after_success(self.breaker, self.now)
        assert self.breaker.is_closed
        assert self.breaker.failures == 0
        self.searching = dict.fromkeys(self.searching, False)
        assert admit(self.breaker, owner, self.now, LEASE) == self.breaker

    @precondition(lambda self: self.searching)
    @rule(owner=OWNERS, failure=FAILURES)
    def fail(self, owner: str, failure: Failure) -> None:
        if self.searching.pop(owner, None) is None:
            return
        self.breaker = after_failure(self.breaker, failure, owner, self.now)
        if self.breaker.is_closed:
            return
        assert self.breaker.probe_at is not None
        most = max(LONGEST_PAUSE, timedelta(days=1))
        assert self.breaker.probe_at <= self.now + most

    @precondition(lambda self: self.searching)
    @rule(owner=OWNERS)
    def end_without_a_word(self, owner: str) -> None:
        if self.searching.pop(owner, None) is not None:
            self.breaker = after_nothing(self.breaker, owner)

    @precondition(lambda self: self.searching)
    @rule(owner=OWNERS)
    def die(self, owner: str) -> None:
        self.searching.pop(owner, None)

    @invariant()
    def one_probe_at_most(self) -> None:
        if self.breaker.is_closed:
            return
        probing = {owner for owner, is_probe in self.searching.items() if is_probe}
        assert len(probing) <= 1
        for owner in {"one", "two", "three"} - probing if probing else ():
            assert admit(self.breaker, owner, self.now, LEASE, is_asked=True) is None

    @invariant()
    def a_paused_one_is_tried_again_and_can_say_why(self) -> None:
        breaker = self.breaker
        assert breaker.pause <= LONGEST_PAUSE
        if not breaker.is_closed:
            assert breaker.reason == "why"
            assert breaker.opened_at is not None
            assert breaker.opened_at <= self.now
            much_later = self.now + timedelta(days=2)
            assert admit(breaker, "anyone", much_later, LEASE) is not None


Processes.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestProcesses = Processes.TestCase
