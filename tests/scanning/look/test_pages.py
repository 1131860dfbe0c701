"""When a search has no more to give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image

from monitor.marketplaces.base import Page, Query
from monitor.model import ScanOutcome
from monitor.scanning.context import Source
from monitor.scanning.look.look import run_scan
from monitor.scanning.look.pages import iter_pages
from tests.scanning.shop import SHOP, Bench
from tests.storage.rows import listing


@dataclass
class Endless:
    """A site whose pages are these, the last one for ever; `parts` begin at these pages."""

    pages: Sequence[Sequence[str]]
    parts: Sequence[int] = ()
    asked: list[int] = field(default_factory=list)
    name: str = SHOP
    site: str = "1688"
    is_loopback: bool = True

    def search(self, query: Query) -> Page:
        number = int(query.cursor or 0)
        self.asked.append(number)
        ids = self.pages[min(number, len(self.pages) - 1)]
        following = next((start for start in self.parts if start > number), None)
        return Page(
            tuple(listing(item) for item in ids),
            total=None,
            next_cursor=str(number + 1),
            requests=1,
            next_part=None if following is None else str(following),
        )

    def close(self) -> None:
        """Nothing is open."""


def look(bench: Bench, site: Endless) -> list[list[str]]:
    source = Source(site, bench.fetcher)
    query = Query(Image.new("RGB", (8, 8)))
    pages = iter_pages(bench.context, source, query)
    return [[item.item_id for item in page.observations] for page in pages]


def test_a_site_that_gives_its_last_page_for_ever_is_left_and_counted_once(
    sqlite_bench: Bench,
) -> None:
    bench = sqlite_bench
    site = Endless([["1", "2"], ["2", "3"]])
    assert look(bench, site) == [["1", "2"], ["2", "3"], []]
    bench.draw("mug.png", 1)
    bench.sources[SHOP] = Source(site, bench.fetcher)
    bench.plan()
    scan = bench.claim()
    assert scan is not None
    assert run_scan(bench.context, scan) is ScanOutcome.OK
    rows = bench.rows("SELECT listings_seen, requests, error FROM scan_health")
    assert rows == [(4, 3, None)]


def test_a_page_with_one_new_listing_goes_on(sqlite_bench: Bench) -> None:
    site = Endless([["1", "2"], ["1", "2", "3"], ["1"]])
    assert look(sqlite_bench, site) == [["1", "2"], ["1", "2", "3"], []]


def test_an_empty_page_ends_nothing(sqlite_bench: Bench) -> None:
    assert look(sqlite_bench, Endless([[], ["1"]])) == [[], ["1"], []]


def test_a_part_that_brings_nothing_new_ends_and_the_next_begins(sqlite_bench: Bench) -> None:
    """A region's first page is often what the whole picture has found already."""
    site = Endless([["1"], ["1"], ["2"], ["2"], ["1"], ["3"], ["3"]], parts=(4,))
    assert look(sqlite_bench, site) == [["1"], [], ["1"], ["3"], []]
    assert site.asked == [0, 1, 4, 5, 6]
