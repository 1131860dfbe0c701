"""One claimed scan, page by page, and every way it can end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerting.retry import INTERRUPTED
from monitor.errors import (
    AuthError,
    BadImage,
    Blocked,
    DiskFull,
    LeaseLost,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Stopping,
    Throttled,
    Transient,
)
from monitor.marketplaces.base import Page, Query
from monitor.model import Scan, ScanCounts, ScanOutcome
from monitor.scanning.context import Source
from monitor.scanning.look.look import claim_scan, look_at_page, run_scan
from monitor.scanning.look.references import load_watch
from monitor.scanning.policy import LEASE, MAX_ATTEMPTS
from monitor.storage.leases import release
from monitor.storage.searches import scans
from monitor.storage.telling import alerts
from tests.scanning.shop import SHOP, Answer, Bench
from tests.told import text_of

_TABLES = ("match_history", "listing_history", "alert_history", "pictures", "comparisons")


def _sizes(bench: Bench) -> dict[str, int]:
    return {table: bench.count(table) for table in _TABLES}


def _health(bench: Bench, scan: Scan) -> scans.ScanHealth:
    with bench.store.reading() as conn:
        (row,) = [row for row in scans.list_health(conn) if row.scan_id == scan.id]
    return row


def _interrupt(bench: Bench, scan: Scan) -> None:
    """End after the first page, as a stop does."""
    bench.is_stopping = lambda: bench.count("listing_history") > 0
    with pytest.raises(Stopping):
        run_scan(bench.context, scan)
    bench.is_stopping = lambda: False


def test_every_page_is_looked_at_and_counted(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    scan = bench.start(
        [bench.offer("1", 1), bench.offer("2", 50)],
        [bench.offer("3", 1), bench.offer("4", 51, picture_url=None)],
    )
    assert run_scan(bench.context, scan) is ScanOutcome.OK
    assert bench.shop.asked == [None, "1"]
    health = _health(bench, scan)
    assert (health.outcome, health.error) == ("ok", None)
    assert (health.listings_seen, health.listings_new, health.matches_new) == (4, 4, 2)
    assert (health.pictures_fetched, health.pictures_failed, health.requests) == (3, 1, 2)
    assert {match.item_id for match in bench.matches()} == {"1", "3"}


def test_nothing_of_a_page_is_kept_when_another_process_has_the_scan(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    scan = bench.start([bench.offer("1", 1)], [bench.offer("2", 1), bench.offer("3", 2)])
    before: list[dict[str, int]] = []

    def steal(query: Query) -> None:
        if query.cursor is None:
            return
        before.append(_sizes(bench))
        with bench.store.writing() as conn:
            late = bench.clock() + timedelta(seconds=31)
            stolen = scans.claim(conn, [SHOP], "other", late, LEASE)
        assert stolen is not None
        assert (stolen.id, stolen.cursor, stolen.counts.listings_seen) == (scan.id, "1", 1)

    bench.shop.before_answer = steal
    with pytest.raises(LeaseLost):
        run_scan(bench.context, scan)
    assert [_sizes(bench)] == before
    assert before[0]["match_history"] == 1
    assert _health(bench, scan).outcome is None


def test_nothing_of_a_page_is_kept_when_the_disk_is_full(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    long = "\U0001f600" * 10_000
    scan = bench.start(
        [bench.offer("1", 1)], [bench.offer(str(n), n, title=long) for n in range(2, 12)]
    )

    def fill(query: Query) -> None:
        with bench.store.reading() as conn:
            pages = int(conn.exec_driver_sql("PRAGMA page_count").scalar() or 0)
            most = 10**6 if query.cursor is None else pages + 20
            conn.exec_driver_sql(f"PRAGMA max_page_count = {most}")

    bench.shop.before_answer = fill
    with pytest.raises(DiskFull, match="disk"):
        run_scan(bench.context, scan)
    assert bench.rows("SELECT item_id FROM listing_history") == [("1",)]
    assert _health(bench, scan).outcome is None
    with bench.store.reading() as conn:
        conn.exec_driver_sql("PRAGMA max_page_count = 1000000")
    bench.shop.before_answer = lambda _: None
    assert bench.look() == [ScanOutcome.OK]
    assert bench.shop.asked == [None, "1", "1"]
    assert _health(bench, scan).listings_seen == 11


def test_an_interrupted_scan_goes_on_at_its_page(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    scan = bench.start([bench.offer("1", 1)], [bench.offer("2", 1)])
    _interrupt(bench, scan)
    with bench.store.writing() as conn:
        assert release(conn, "me", INTERRUPTED) == 1
    assert bench.look() == [ScanOutcome.OK]
    assert bench.shop.asked == [None, "1"]
    health = _health(bench, scan)
    assert (health.listings_seen, health.requests, health.matches_new) == (2, 2, 2)
    assert bench.rows("SELECT DISTINCT times_seen FROM match_history") == [(1,)]


def test_a_scan_interrupted_after_its_last_page_is_only_finished(bench: Bench) -> None:
    """The last page leaves no cursor, and so does a scan that never began."""
    bench.draw("mug.png", 1)
    scan = bench.start([bench.offer("1", 1)])
    page = bench.shop.search(Query(picture=None))  # type: ignore[arg-type]
    references = load_watch(bench.context, scan.watch_id)
    look_at_page(bench.context, bench.fetcher, scan, references, set(), page)
    assert bench.look() == [ScanOutcome.OK]
    assert bench.shop.asked == [None]
    assert _health(bench, scan).listings_seen == 1


def test_a_stop_while_pictures_are_fetched_leaves_nothing_of_the_page(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    scan = bench.start([bench.offer("1", 1), bench.offer("2", 1)])
    bench.is_stopping = lambda: len(bench.shop.asked) > 0
    with pytest.raises(Stopping):
        run_scan(bench.context, scan)
    assert bench.count("listing_history") == 0
    assert bench.downloads == 0


def test_what_takes_the_program_down_time_and_again_is_given_up_and_told(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    bench.plan()
    for number in range(MAX_ATTEMPTS):
        bench.owner = f"process {number}"  # each is killed with the scan in hand
        scan = bench.claim()
        assert scan is not None
        bench.clock.advance(seconds=31)
    assert bench.look() == [ScanOutcome.FAILED]
    assert bench.shop.asked == []
    (alert,) = bench.alerts()
    assert "given up after 5 interrupted attempts" in text_of(alert)


@pytest.mark.parametrize(
    ("failure", "outcome", "later_outcome", "event"),
    [
        (Blocked("a wall"), "blocked", "blocked", "scan_blocked"),
        (QuotaExhausted("used up"), "quota", "quota", "marketplace_paused"),
        (AuthError("bad key"), "failed", "partial", "scan_failed"),
        (PermissionDenied("not yours"), "failed", "partial", "scan_failed"),
        (BadImage("too dark"), "failed", "partial", "scan_failed"),
        (Throttled("slower"), "failed", "partial", "scan_failed"),
        (Transient("down"), "failed", "partial", "scan_failed"),
        (ProtocolError("what?"), "failed", "partial", "scan_failed"),
    ],
)
def test_a_failure_is_never_no_matches(
    sqlite_bench: Bench, failure: MarketplaceError, outcome: str, later_outcome: str, event: str
) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    first = bench.start(failure)
    assert run_scan(bench.context, first) == outcome
    assert _health(bench, first).error == str(failure)
    second = bench.start([bench.offer("1", 1)], failure)
    assert run_scan(bench.context, second) == later_outcome
    assert [match.item_id for match in bench.matches()] == ["1"]
    # one alert for a marketplace that stays in trouble, and no baseline
    told = [row for row in bench.alerts() if row.event == event]
    assert len(told) == 1
    assert bench.count("baselines") == 0


def test_trouble_is_told_again_once_it_has_been_over(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    wall = Blocked("a wall")
    answers: list[Answer] = [wall, wall, [], wall, wall]
    for answer in answers:
        bench.shop.pages = [answer]
        bench.scan()
    assert [row.event for row in bench.alerts()] == ["scan_blocked"] * 2


def test_a_budget_that_is_used_up_is_told_once_for_all_pictures(bench: Bench) -> None:
    for number in range(4):
        bench.draw(f"mug-{number}.png", number)
    bench.shop.pages = [QuotaExhausted("used up until midnight")]
    assert set(bench.scan()) == {ScanOutcome.QUOTA}
    bench.clock.advance(hours=6)
    assert set(bench.scan()) == {ScanOutcome.QUOTA}
    assert [row.event for row in bench.alerts()] == ["marketplace_paused"]
    assert len(bench.shop.asked) == 2


def test_an_answer_without_listings_is_empty_and_a_baseline(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    assert run_scan(bench.context, bench.start([])) is ScanOutcome.EMPTY
    assert bench.count("baselines") == 1
    assert bench.alerts() == []


def test_an_empty_page_before_others_ends_nothing(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    assert run_scan(bench.context, bench.start([], [bench.offer("1", 1)])) is ScanOutcome.OK


@pytest.mark.parametrize("gone", ["watch", "marketplace"])
def test_what_left_the_config_ends_its_scans_visibly(sqlite_bench: Bench, gone: str) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    scan = bench.start([bench.offer("1", 1)])
    context = bench.context
    if gone == "marketplace":
        context = replace(context, sources={})
    else:
        context = replace(context, watches={})
    assert run_scan(context, scan) is ScanOutcome.FAILED
    assert "no longer in the config" in str(_health(bench, scan).error)


def test_a_lost_reference_copy_fails_its_scan_and_the_next_plan_mends_it(bench: Bench) -> None:
    original = bench.draw("mug.png", 1)
    bench.plan()
    scan = bench.claim()
    assert scan is not None
    kept = bench.files.path(scan.reference.sha256)
    kept.unlink()
    assert run_scan(bench.context, scan) is ScanOutcome.FAILED
    assert "mug.png" in str(_health(bench, scan).error)
    bench.plan()
    assert kept.read_bytes() == original.read_bytes()
    kept.write_bytes(b"cut off")
    bench.plan()
    assert kept.read_bytes() == original.read_bytes()


def test_a_scan_that_another_process_has_ended_is_left_alone(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    scan = bench.start(Blocked("a wall"))
    with bench.store.writing() as conn:
        assert scans.finish(conn, scan, "me", ScanOutcome.OK, None, bench.clock())
    run_scan(bench.context, scan)
    assert _health(bench, scan).outcome == "ok"
    assert bench.alerts() == []


def test_two_processes_share_a_cycle(bench: Bench) -> None:
    for seed in range(4):
        bench.draw(f"{seed}.png", seed)
    bench.plan()
    taken = []
    for owner in ("me", "you", "me", "you"):
        bench.owner = owner
        scan = claim_scan(bench.context, SHOP, LEASE)
        assert scan is not None
        run_scan(bench.context, scan)
        taken.append(scan.id)
    assert len(set(taken)) == 4
    assert bench.claim() is None
    assert bench.rows("SELECT count(*) FROM cycles WHERE finished_at IS NOT NULL") == [(1,)]


def test_counts_of_two_runs_add_up() -> None:
    one = ScanCounts(1, 2, 3, 4, 5, 6)
    assert one.plus(one) == ScanCounts(2, 4, 6, 8, 10, 12)


def test_a_site_that_gives_the_same_page_for_ever_is_left(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    scan = bench.start([bench.offer("1", 1)], [bench.offer("2", 2)])

    class Looping:
        name, site, is_loopback = SHOP, "1688", True

        def search(self, query: Query) -> Page:
            page = bench.shop.search(query)
            return replace(page, next_cursor="1")

        def close(self) -> None:
            """Nothing is open."""

    bench.sources[SHOP] = Source(Looping(), bench.fetcher)
    assert run_scan(bench.context, scan) is ScanOutcome.PARTIAL
    assert "same page" in str(_health(bench, scan).error)


def test_a_picture_that_is_always_refused_is_told_once(bench: Bench) -> None:
    bench.draw("mug.png", 1)
    bench.draw("lamp.png", 2)
    bench.shop.pages = [[bench.offer("1", 1)]]

    def refuse_lamp(query: Query) -> None:
        if query.path == "lamp.png":
            raise BadImage("alibaba: this picture is refused")

    bench.shop.before_answer = refuse_lamp
    for _ in range(3):
        assert sorted(bench.scan()) == [ScanOutcome.FAILED, ScanOutcome.OK]
    with bench.store.reading() as conn:
        rows = [row for row in alerts.list_rows(conn) if row.event == "scan_failed"]
    assert len(rows) == 1


def test_a_damaged_copy_of_a_reference_fails_its_scan_and_is_mended(bench: Bench) -> None:
    path = bench.draw("mug.png", 1)
    scan = bench.start([bench.offer("1", 1)])
    copy = bench.files.path(scan.reference.sha256)
    copy.write_bytes(bytes(len(path.read_bytes())))
    assert run_scan(bench.context, scan) is ScanOutcome.FAILED
    assert bench.scan() == [ScanOutcome.OK]
    assert len(bench.matches()) == 1
