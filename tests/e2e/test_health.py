"""What `monitor status` calls healthy, and what not."""

from __future__ import annotations

from datetime import timedelta

from monitor.config import load
from monitor.health.report import Health, check_health
from monitor.model import AlertEvent
from monitor.sandbox import Fault
from monitor.storage.catalogue import picture_urls, pictures, watches
from monitor.storage.matches import matches
from monitor.storage.telling import alerts
from tests.e2e.rehearsal import Rehearsal
from tests.told import event_of


def look(rehearsal: Rehearsal, **later: float) -> Health:
    config = load(rehearsal.config, {})
    with rehearsal.app() as app:
        return check_health(app.store, config, rehearsal.clock() + timedelta(**later))


def test_after_a_scan_all_is_well(sqlite_rehearsal: Rehearsal) -> None:
    sqlite_rehearsal.scan()
    health = look(sqlite_rehearsal)
    assert health.problems == ()
    assert "2 pictures, 2 open matches" in health.facts[0]


def test_a_watch_that_nobody_runs_is_overdue(sqlite_rehearsal: Rehearsal) -> None:
    sqlite_rehearsal.scan()
    assert any("overdue" in problem for problem in look(sqlite_rehearsal, hours=7).problems)


def test_a_cycle_that_was_blocked_is_named(sqlite_rehearsal: Rehearsal) -> None:
    sqlite_rehearsal.sandbox.faults.order(Fault.HTML)
    sqlite_rehearsal.scan()
    (problem,) = look(sqlite_rehearsal).problems
    assert "2 scans blocked" in problem


def test_alerts_that_wait_too_long_are_named_with_what_the_channel_said(
    sqlite_rehearsal: Rehearsal,
) -> None:
    sqlite_rehearsal.receiver.status = 503
    sqlite_rehearsal.scan()
    assert look(sqlite_rehearsal).problems == ()
    (problem,) = look(sqlite_rehearsal, minutes=20).problems
    assert "channel hook: 2 alerts wait" in problem
    assert "503" in problem


def test_operator_alerts_that_reached_nobody_count_for_a_day(sqlite_rehearsal: Rehearsal) -> None:
    sqlite_rehearsal.scan()
    with sqlite_rehearsal.app() as app, app.store.writing() as conn:
        now = sqlite_rehearsal.clock()
        alerts.add(
            conn, event=event_of(AlertEvent.SCAN_FAILED), dedup_key="k", now=now, alert_id="al-1"
        )
        alerts.route(conn, "al-1", [], now)
    assert any("[alerts] ops" in problem for problem in look(sqlite_rehearsal).problems)
    later = look(sqlite_rehearsal, hours=25).problems
    assert not any("[alerts] ops" in problem for problem in later)


def test_what_a_watch_has_found_that_is_gone_is_named_while_nobody_can_hear_of_it(
    sqlite_rehearsal: Rehearsal,
) -> None:
    sqlite_rehearsal.scan()
    config = load(sqlite_rehearsal.config, {})
    without = config.model_copy(
        update={"watches": [], "alerts": config.alerts.model_copy(update={"ops": []})}
    )
    with sqlite_rehearsal.app() as app:
        now = sqlite_rehearsal.clock()
        with app.store.writing() as conn:
            (match, *_) = matches.list_rows(conn)
            alerts.add(
                conn,
                event=event_of(AlertEvent.REMINDER),
                dedup_key="k",
                now=now,
                alert_id="al-1",
                watch_id=watches.get_id(conn, "acme"),
                match_id=match.id,
            )
        assert check_health(app.store, config, now).problems == ()
        (problem,) = check_health(app.store, without, now).problems
    assert "1 alert has no channel to go to" in problem
    assert "[alerts] ops" in problem


def test_a_watch_without_a_picture_is_a_problem(sqlite_rehearsal: Rehearsal) -> None:
    for path in sqlite_rehearsal.brand.iterdir():
        path.unlink()
    sqlite_rehearsal.scan()
    assert any("no picture" in problem for problem in look(sqlite_rehearsal).problems)


def test_a_host_that_gives_no_pictures_any_more_is_named(sqlite_rehearsal: Rehearsal) -> None:
    sqlite_rehearsal.scan()
    with sqlite_rehearsal.app() as app, app.store.writing() as conn:
        now = sqlite_rehearsal.clock()
        (stored, *_) = pictures.list_sha256(conn)
        for number in range(12):
            url = f"https://pictures.example/{number}.jpg"
            pictures.record_url(conn, url, stored, now - timedelta(days=40))
            picture_urls.record_failure(conn, url, now)
    (problem,) = look(sqlite_rehearsal).problems
    assert "pictures from pictures.example: 12 of 12 failed in the last day" in problem
