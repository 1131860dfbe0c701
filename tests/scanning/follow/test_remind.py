"""Matches that nobody has reviewed are told once more, once, in one message."""

from __future__ import annotations

from datetime import timedelta

from monitor.cases.decide import decide
from monitor.model import Verdict
from monitor.scanning.follow.remind import remind
from tests.scanning.office import Office
from tests.scanning.shop import WATCH
from tests.scanning.street import ask, mug, page


def wait(office: Office, **duration: float) -> bool:
    """So much later; whether the watch was looked at for reminders."""
    office.bench.clock.advance(**duration)
    looked = remind(office.bench.context, [WATCH])
    office.tell()
    return looked


def events(office: Office) -> list[str]:
    return [row.event for row in office.bench.alerts()]


def start(office: Office, after: timedelta | None = timedelta(days=14)) -> None:
    """Three matches that have been told."""
    ask(office.bench, remind_after=after)
    office.bench.draw("mug.png", 1)
    office.scan({"mug": page(office.bench, *(mug(office.bench, name) for name in "abc"))})
    office.tell()


def test_one_message_for_all_and_each_match_once(office: Office) -> None:
    start(office)
    assert wait(office, days=13)
    assert "reminder" not in events(office)
    messages = len(office.legal.received)
    assert wait(office, days=2)
    assert events(office).count("reminder") == 3
    assert len(office.legal.received) == messages + 1
    for _ in range(30):
        wait(office, days=1)
    assert events(office).count("reminder") == 3
    details = {str(row.detail) for row in office.bench.alerts() if row.event == "reminder"}
    assert details == {"{'first_told_at': '2026-01-05 14:00 UTC'}"}


def test_what_is_reviewed_is_left_alone(office: Office) -> None:
    start(office)
    first, second, _ = office.bench.matches()
    with office.bench.store.writing() as conn:
        for match_id, verdict in ((first.id, Verdict.INFRINGING), (second.id, Verdict.UNSURE)):
            decide(conn, match_id, verdict, "anne", None, office.bench.clock())
    wait(office, days=15)
    assert events(office).count("reminder") == 1


def test_it_is_off_by_default(sqlite_office: Office) -> None:
    start(sqlite_office, None)
    assert not wait(sqlite_office, days=300)
    assert "reminder" not in events(sqlite_office)


def test_it_counts_from_when_it_arrived_not_from_when_it_was_found(sqlite_office: Office) -> None:
    office = sqlite_office
    ask(office.bench, remind_after=timedelta(days=14))
    office.bench.draw("mug.png", 1)
    office.scan({"mug": page(office.bench, mug(office.bench, "a"))})
    assert remind(office.bench.context, [WATCH])
    office.bench.clock.advance(days=10)
    office.tell()
    wait(office, days=10)
    assert "reminder" not in events(office)
    wait(office, days=5)
    assert events(office).count("reminder") == 1


def test_a_watch_is_looked_at_once_an_hour(sqlite_office: Office) -> None:
    start(sqlite_office)
    assert wait(sqlite_office, minutes=1)
    assert not wait(sqlite_office, minutes=50)
    assert wait(sqlite_office, minutes=11)
