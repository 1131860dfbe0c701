"""A marketplace that fails time and again: paused for all, told once, tried again, resumed."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerting.retry import INTERRUPTED
from monitor.alerting.route import route_alerts
from monitor.errors import (
    AuthError,
    BadImage,
    Blocked,
    QueueFull,
    QuotaExhausted,
    StoreUnavailable,
    Throttled,
    Transient,
)
from monitor.marketplaces.base import Query
from monitor.model import ScanOutcome
from monitor.scanning.guard.startup import apply_config
from monitor.scanning.look.look import claim_scan, finish_scan, run_scan
from monitor.scanning.policy import LEASE, MOST_REFUSED_TOLD, PAUSED_PATIENCE
from monitor.storage.db.engine import Store
from monitor.storage.leases import release, renew_leases, take_over
from monitor.storage.searches import breakers, scans
from monitor.storage.searches.breakers import Breaker, BreakerState
from tests.scanning.office import Office
from tests.scanning.shop import SHOP, Bench
from tests.told import text_of

WALL = Blocked("alibaba: a wall")


def find(bench: Bench) -> Breaker:
    with bench.store.reading() as conn:
        return breakers.find(conn, SHOP)


def events(bench: Bench) -> list[str]:
    """In the order in which they came."""
    return [row.event for row in reversed(bench.alerts())]


def stock(bench: Bench, count: int) -> None:
    for seed in range(count):
        bench.draw(f"{seed}.png", seed)


def block(bench: Bench, count: int = 6) -> None:
    """A cycle of so many scans, of which the first three run into a wall."""
    stock(bench, count)
    bench.shop.pages = [WALL]
    bench.plan()
    assert bench.look() == [ScanOutcome.BLOCKED] * 3


def outcomes(bench: Bench) -> list[object]:
    rows = bench.rows("SELECT scan_id, outcome FROM scan_health")
    return [outcome for _, outcome in sorted(rows, key=lambda row: int(str(row[0])))]


def test_three_failures_pause_it_and_due_scans_stay_due(bench: Bench) -> None:
    block(bench)
    assert bench.claim() is None
    assert len(bench.shop.asked) == 3
    assert outcomes(bench) == ["blocked"] * 3 + [None] * 3
    (alert,) = bench.alerts()
    assert alert.event == "marketplace_paused"
    text = text_of(alert)
    assert "alibaba is paused after 3 failures in a row: alibaba: a wall" in text
    assert "From 2026-01-05 14:01 UTC on one search that is due tries it again" in text
    assert "by hand" in text
    assert "`monitor scan` tries it at once and so does a restart of the daemon" in text


def test_its_probe_succeeds_and_everything_goes_on(bench: Bench) -> None:
    block(bench)
    bench.shop.pages = [[]]
    bench.clock.advance(minutes=1)
    assert bench.look() == [ScanOutcome.EMPTY] * 3
    assert events(bench) == ["marketplace_paused", "marketplace_resumed"]
    assert "paused since 2026-01-05 14:00 UTC" in text_of(bench.alerts()[0])
    assert find(bench).is_closed


def test_exactly_one_scan_is_let_through_whoever_asks(bench: Bench) -> None:
    block(bench)
    bench.clock.advance(minutes=1)
    taken: list[str] = []

    def ask(owner: str) -> None:
        if claim_scan(replace(bench.context, owner=owner), SHOP, LEASE) is not None:
            taken.append(owner)

    threads = [threading.Thread(target=ask, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    assert find(bench).owner == taken[0]


def test_failed_probes_are_silent_and_pauses_grow(bench: Bench) -> None:
    block(bench)
    for minutes in (1, 2, 4):
        bench.clock.advance(minutes=minutes)
        assert bench.look() == [ScanOutcome.BLOCKED]
        assert bench.claim() is None
    assert find(bench).pause == timedelta(minutes=8)
    assert events(bench) == ["marketplace_paused"]
    bench.plan()  # hours later the next cycle has its probe, and the others wait
    assert bench.look() == [ScanOutcome.BLOCKED]
    assert outcomes(bench)[7:] == [None] * 5
    assert events(bench) == ["marketplace_paused"]


def test_a_cycle_behind_a_paused_marketplace_ends(bench: Bench) -> None:
    block(bench)
    bench.clock.advance(seconds=1)
    with bench.store.writing() as conn:
        breaker = breakers.lock(conn, SHOP)
        much_later = bench.clock() + timedelta(hours=1)
        breakers.put(conn, SHOP, replace(breaker, probe_at=much_later))
    bench.clock.advance(minutes=29)
    assert bench.claim() is None
    assert outcomes(bench)[3:] == [None] * 3
    bench.clock.advance(minutes=2)
    assert bench.claim() is None
    assert outcomes(bench) == ["blocked"] * 6
    assert bench.rows("SELECT count(*) FROM cycles WHERE finished_at IS NULL") == [(0,)]
    assert bench.count("baselines") == 0
    ((error,),) = bench.rows("SELECT DISTINCT error FROM scan_health WHERE started_at IS NULL")
    assert error == ("not searched: alibaba is paused since 2026-01-05 14:00 UTC: alibaba: a wall")
    assert events(bench) == ["marketplace_paused"]


def test_a_used_up_budget_pauses_at_once_and_ends_as_quota(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    stock(bench, 3)
    bench.shop.pages = [QuotaExhausted("alibaba: used up")]
    bench.plan()
    assert bench.look() == [ScanOutcome.QUOTA]
    assert events(bench) == ["marketplace_paused"]
    assert "buy more" in text_of(bench.alerts()[0])
    bench.clock.advance(minutes=31)
    assert bench.look() == []
    assert outcomes(bench) == ["quota"] * 3
    bench.shop.pages = [[]]
    bench.plan(hours=0.5)
    assert bench.look() == [ScanOutcome.EMPTY] * 3  # topped up: an hour is enough
    assert events(bench) == ["marketplace_paused", "marketplace_resumed"]


def test_a_budget_that_ends_every_day_is_told_once_a_week(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    stock(bench, 1)
    for _ in range(8):
        bench.shop.pages = [QuotaExhausted("alibaba: used up")]
        assert bench.scan() == [ScanOutcome.QUOTA]
        bench.shop.pages = [[]]
        bench.plan(hours=12)
        assert bench.look() == [ScanOutcome.EMPTY]
        bench.clock.advance(hours=12)
    # in pairs: on the first day and after a week
    assert events(bench) == ["marketplace_paused", "marketplace_resumed"] * 2


def test_a_key_that_is_refused_while_the_budget_is_used_up_is_told(bench: Bench) -> None:
    stock(bench, 1)
    used_up, refused = QuotaExhausted("alibaba: used up"), AuthError("alibaba: wrong key")
    for error in (used_up, None, used_up, refused, None):
        bench.shop.pages = [[] if error is None else error]
        bench.plan(hours=2)
        bench.look()
    assert events(bench) == ["marketplace_paused", "marketplace_resumed"] * 2
    assert any("wrong key" in text_of(item) for item in bench.alerts())


def test_a_site_that_asks_for_longer_gets_it(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    stock(bench, 4)
    bench.shop.pages = [Throttled("alibaba: slower", retry_after=timedelta(minutes=20))]
    bench.plan()
    assert bench.look() == [ScanOutcome.FAILED] * 3
    bench.clock.advance(minutes=19)
    assert bench.claim() is None
    bench.clock.advance(minutes=2)
    assert bench.look() == [ScanOutcome.FAILED]


def test_a_refused_picture_pauses_nothing_and_is_told_by_itself(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    stock(bench, 5)
    bench.shop.pages = [BadImage("alibaba: too dark")]
    assert bench.scan() == [ScanOutcome.FAILED] * 5
    assert events(bench) == ["scan_failed"] * 5
    text = text_of(bench.alerts()[-1])
    assert "alibaba: too dark. It was the search for 0.png" in text
    assert "put another picture in its place" in text
    assert find(bench) == Breaker()


def test_a_picture_that_stays_refused_is_told_once_whatever_the_site_says(
    sqlite_bench: Bench,
) -> None:
    bench = sqlite_bench
    stock(bench, 1)
    for number in range(3):
        bench.shop.pages = [BadImage(f"alibaba: too dark (request {number})")]
        bench.scan()
    assert events(bench) == ["scan_failed"]
    bench.shop.pages = [[]]
    bench.scan()
    bench.shop.pages = [BadImage("alibaba: too dark")]
    bench.scan()
    assert events(bench) == ["scan_failed"] * 2


def test_hundreds_of_refused_pictures_are_no_flood(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    stock(bench, MOST_REFUSED_TOLD + 5)
    bench.shop.pages = [BadImage("alibaba: the picture's address can't be reached")]
    bench.scan()
    bench.scan()
    texts = [text_of(item) for item in bench.alerts()]
    assert len(texts) == MOST_REFUSED_TOLD + 1
    assert sum("`scan_health` has them all" in text for text in texts) == 1


def test_a_refused_picture_is_no_verdict_on_a_paused_marketplace(bench: Bench) -> None:
    block(bench)
    asked = len(bench.shop.asked)

    def refuse_first(_: Query) -> None:
        if len(bench.shop.asked) == asked + 1:
            raise BadImage("alibaba: too dark")

    bench.shop.pages, bench.shop.before_answer = [[]], refuse_first
    bench.clock.advance(minutes=1)
    assert bench.look() == [ScanOutcome.FAILED, ScanOutcome.EMPTY, ScanOutcome.EMPTY]
    assert events(bench) == ["marketplace_paused", "scan_failed", "marketplace_resumed"]


def test_our_own_queue_is_no_trouble_of_the_marketplace(office: Office) -> None:
    bench = office.bench
    stock(bench, 5)
    bench.shop.pages = [QueueFull("alibaba: more calls wait for their turn")]
    bench.scan()
    assert find(bench) == Breaker()
    office.tell()
    (told,) = office.ops.received
    assert "more calls wait for their turn" in told.body


def test_what_is_no_fault_of_the_marketplace_is_not_withdrawn_with_its_failures(
    office: Office,
) -> None:
    """Else it would be told by nobody: the pause tells of the marketplace."""
    bench = office.bench
    stock(bench, 5)
    bench.shop.pages = [Throttled("alibaba: slower")]
    bench.plan()
    for number in range(4):
        scan = bench.claim()
        assert scan is not None
        if number == 1:
            finish_scan(bench.context, scan, ScanOutcome.FAILED, "unexpected KeyError: 1")
        else:
            run_scan(bench.context, scan)
    office.tell()
    told = "\n".join(item.body for item in office.ops.received)
    assert "alibaba is paused after 3 failures" in told
    assert "unexpected KeyError" in told
    assert told.count("scan failed") == 1


def test_an_error_nobody_expected_is_no_verdict_either(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    block(bench)
    bench.clock.advance(minutes=1)
    scan = bench.claim()
    assert scan is not None
    assert find(bench).state is BreakerState.PROBING
    finish_scan(bench.context, scan, ScanOutcome.FAILED, "unexpected KeyError: 1")
    assert find(bench).state is BreakerState.OPEN
    assert bench.claim() is not None


def test_one_failure_among_others_is_told_as_ever(office: Office) -> None:
    bench = office.bench
    stock(bench, 3)

    def fail_first(_: Query) -> None:
        if len(bench.shop.asked) == 1:
            raise AuthError("alibaba: bad key")

    bench.shop.pages, bench.shop.before_answer = [[]], fail_first
    bench.plan()
    scan = bench.claim()
    assert scan is not None
    run_scan(bench.context, scan)
    assert route_alerts(office.context) == 0  # the next search tells whether it is the marketplace
    assert bench.look() == [ScanOutcome.EMPTY] * 2
    office.tell()
    (told,) = office.ops.received
    assert "scan failed: alibaba: bad key" in told.body


def test_a_failure_is_told_when_its_cycle_ends_or_after_a_while(office: Office) -> None:
    bench = office.bench
    stock(bench, 2)
    bench.shop.pages = [WALL]
    bench.plan()
    scan = bench.claim()
    assert scan is not None
    run_scan(bench.context, scan)
    assert route_alerts(office.context) == 0
    bench.clock.advance(minutes=16)
    assert route_alerts(office.context) == 1
    bench.look()
    office.tell()
    assert len(office.ops.received) == 1


def test_a_failure_in_a_cycle_that_is_over_is_told_at_once(sqlite_office: Office) -> None:
    bench = sqlite_office.bench
    stock(bench, 1)
    bench.shop.pages = [WALL]
    bench.scan()
    sqlite_office.tell()
    assert len(sqlite_office.ops.received) == 1


def test_a_pause_is_one_message_whatever_has_failed_before_it(office: Office) -> None:
    bench = office.bench
    block(bench)
    office.tell()
    (told,) = office.ops.received
    assert told.title == "Infringement Monitor: marketplace paused"


def test_a_probe_is_as_lasting_as_its_process(bench: Bench) -> None:
    block(bench)
    bench.clock.advance(minutes=1)
    for is_killed in (False, True):
        assert bench.claim() is not None
        assert find(bench).owner == "me"
        with bench.store.writing() as conn:
            assert renew_leases(conn, "me", bench.clock(), LEASE) == 2
            freed = (
                take_over(conn, "me".__eq__, INTERRUPTED)
                if is_killed
                else release(conn, "me", INTERRUPTED)
            )
        assert freed == 2
        assert find(bench).state is BreakerState.OPEN
    bench.claim()
    bench.owner = "you"
    assert bench.claim() is None
    bench.clock.advance(seconds=31)  # no heartbeat
    assert bench.claim() is not None
    assert find(bench).owner == "you"


def test_a_probe_that_the_store_has_dropped_is_made_again(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    block(bench)
    bench.clock.advance(minutes=1)
    scan = bench.claim()
    assert scan is not None

    def break_down(_: Query) -> None:
        raise StoreUnavailable("the database is away")

    bench.shop.before_answer = break_down
    with pytest.raises(StoreUnavailable):
        run_scan(bench.context, scan)
    with bench.store.writing() as conn:
        scans.give_back(conn, scan, "me")
    again = bench.claim()
    assert again is not None
    assert again.id == scan.id


def test_a_scan_of_which_only_the_end_was_missing_resumes_nothing(sqlite_bench: Bench) -> None:
    """Its last page was recorded before the pause; its process died before it was finished."""
    bench = sqlite_bench
    stock(bench, 5)
    bench.shop.pages = [[]]
    bench.plan()
    first = bench.claim()
    assert first is not None
    with bench.store.writing() as conn:
        scans.advance(conn, first, "me", None, replace(first.counts, requests=1))
    bench.shop.pages = [WALL]
    bench.owner = "you"
    assert bench.look() == [ScanOutcome.BLOCKED] * 3
    bench.clock.advance(minutes=2)
    assert bench.look() == [ScanOutcome.EMPTY, ScanOutcome.BLOCKED]  # the second asks the site
    assert events(bench) == ["marketplace_paused"]


def test_a_pause_that_comes_to_need_a_person_is_told_anew(bench: Bench) -> None:
    stock(bench, 3)
    bench.shop.pages = [Transient("alibaba: down")]
    bench.plan()
    assert bench.look() == [ScanOutcome.FAILED] * 3
    for error in (Transient("down"), AuthError("bad key"), Transient("down"), AuthError("again")):
        bench.shop.pages = [error]
        bench.plan()
        assert bench.look() == [ScanOutcome.FAILED]
    assert events(bench) == ["marketplace_paused"] * 2
    first, second = [text_of(alert) for alert in reversed(bench.alerts())]
    assert "alibaba: down" in first
    assert "bad key" in second
    assert "Check its key" in second


def test_a_restart_tries_a_mended_marketplace_at_once(bench: Bench) -> None:
    stock(bench, 4)
    bench.shop.pages = [AuthError("alibaba: bad key")]
    bench.plan()
    assert bench.look() == [ScanOutcome.FAILED] * 3
    bench.shop.pages = [[]]
    assert bench.claim() is None
    apply_config(bench.context)
    assert bench.look() == [ScanOutcome.EMPTY]
    assert events(bench) == ["marketplace_paused", "marketplace_resumed"]


def test_a_restart_is_no_reason_to_ask_a_site_that_wants_peace(bench: Bench) -> None:
    stock(bench, 4)
    bench.shop.pages = [Throttled("alibaba: slower", retry_after=timedelta(hours=1))]
    bench.plan()
    bench.look()
    apply_config(bench.context)
    assert bench.claim() is None


def test_one_marketplace_is_no_other(sqlite_store: Store) -> None:
    with sqlite_store.writing() as conn:
        breaker = Breaker(BreakerState.OPEN, failures=3, outcome=ScanOutcome.BLOCKED, reason="x\0")
        breakers.lock(conn, "one")
        breakers.put(conn, "one", breaker)
        assert breakers.find(conn, "two") == Breaker()
        assert list(breakers.list_paused(conn)) == ["one"]


def test_patience_is_longer_than_the_first_probes() -> None:
    assert timedelta(minutes=1 + 2 + 4 + 8) < PAUSED_PATIENCE
