"""A host that no longer gives its pictures is a problem that `monitor status` names."""

from __future__ import annotations

from datetime import datetime

import pytest

from monitor.health.findings import describe
from monitor.health.pictures import picture_findings
from monitor.scanning.policy import OBSERVE_EVERY
from monitor.storage.catalogue import listings, pictures
from monitor.storage.db.engine import Store
from tests.storage.rows import START, later, listing, sha, stock

PROBLEM = "cbu01.alicdn.com: no connection, or it broke (its name was not found)"


def list_picture_problems(store: Store, now: datetime) -> list[str]:
    with store.reading() as conn:
        return [describe(item) for item in picture_findings(conn, now)]


def _record(store: Store, *, failed: int, had: int) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        for number in range(failed):
            seen = listing(str(number))
            listings.record(
                conn, shelf.scan.id, seen, None, PROBLEM, START, observe_every=OBSERVE_EVERY
            )
        for number in range(had):
            url = f"https://cbu01.alicdn.com/had{number}.jpg"
            pictures.record_url(conn, url, sha("copy"), START)


@pytest.mark.parametrize(
    ("failed", "had", "is_told"),
    [(10, 0, True), (6, 4, True), (5, 5, False), (9, 0, False), (0, 30, False), (16, 15, True)],
)
def test_more_than_half_of_ten_is_a_problem(
    sqlite_store: Store, failed: int, had: int, is_told: bool
) -> None:
    _record(sqlite_store, failed=failed, had=had)
    problems = list_picture_problems(sqlite_store, later(hours=1))
    assert len(problems) == is_told
    for problem in problems:
        assert f"pictures from cbu01.alicdn.com: {failed} of {failed + had} failed" in problem
        assert PROBLEM in problem


def test_it_is_over_a_day_later(sqlite_store: Store) -> None:
    _record(sqlite_store, failed=20, had=0)
    assert list_picture_problems(sqlite_store, later(hours=23))
    assert list_picture_problems(sqlite_store, later(hours=25)) == []
