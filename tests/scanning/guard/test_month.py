"""A month of a shop, two scans a day: everything that happens is told exactly once."""

from __future__ import annotations

from collections import Counter

from monitor.errors import Blocked
from tests.scanning.office import Office
from tests.scanning.shop import Answer
from tests.scanning.street import ask, gone, mug, page, price, told

SCANS_A_DAY = 2
MONTH = range(30 * SCANS_A_DAY)


def _offers(office: Office, scan: int) -> Answer | Exception:
    """What the shop answers. Its sellers are a to e, and each has one listing of the mug:

    a is there all the time, and its price is lowered on day 5;
    b leaves on day 8 and is back on day 20;
    c takes its listing down on day 10 and has it up again as c2 within the day;
    d shows two prices in turn, for the whole month;
    e comes on day 12.
    From day 14 to 17 there is a wall, on day 22 the site answers with next to nothing.
    """
    bench, day = office.bench, scan / SCANS_A_DAY
    if 14 <= day < 17:
        return Blocked("a wall")
    if 22 <= day < 23:
        return []
    shown = [
        mug(bench, "a", price("100" if day < 5 else "70"), "a"),
        mug(bench, "c" if day < 10 else "c2", price("50"), "c"),
        mug(bench, "d", price("30" if scan % 2 else "40"), "d"),
    ]
    if not 8 <= day < 20:
        shown.append(mug(bench, "b", price("20"), "b"))
    if day >= 12:
        shown.append(mug(bench, "e", price("10"), "e"))
    return page(bench, *shown)


def test_a_month_of_a_shop(office: Office) -> None:
    bench = office.bench
    ask(bench, price_change_percent=10, tell_gone=True)
    bench.draw("mug.png", 1)
    marked: list[list[str]] = []
    for scan in MONTH:
        bench.shop.pages = [_offers(office, scan)]
        bench.plan(24 / SCANS_A_DAY)
        bench.look()
        office.tell()
        marked.append(gone(bench))
    counts = Counter(told(bench))
    flickers = counts.pop(("price_change", "d"))
    assert counts == {
        **{("new_match", item): 1 for item in "abcde"},
        ("price_change", "a"): 1,
        ("gone", "b"): 1,
        ("reappeared", "b"): 1,
        ("relisted", "c2"): 1,
        ("gone", "c"): 1,
    }
    # one a day at most, on the 26 days with an answer
    assert 13 <= flickers <= 26
    # nothing becomes gone behind the wall, nor when the site holds back
    assert marked[14 * SCANS_A_DAY - 1] == marked[17 * SCANS_A_DAY - 1] == ["b", "c"]
    assert marked[-1] == ["c"]
    told_ids = [row.alert_id for row in bench.alerts() if row.match_id is not None]
    assert Counter(office.told()) == Counter(told_ids)
