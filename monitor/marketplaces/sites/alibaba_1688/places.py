"""Where a search of 1688 stands: which route, which part of the picture, which page. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from monitor.marketplaces import plug_in as m

# In pixels, in the gateway's own order: x0, x1, y0, y1.
Region: TypeAlias = tuple[int, int, int, int]

# A picture of many objects would cost as many searches.
MAX_REGIONS = 8


@dataclass(frozen=True, slots=True)
class Place:
    """A page to ask for. `seen` is how many listings the pages before gave.

    `regions` are the parts of the picture that are still to be searched: the first of them is
    searched now where `in_region`, else the whole picture is.
    """

    route: int
    page: int = 1
    seen: int = 0
    regions: tuple[Region, ...] = ()
    in_region: bool = False

    @property
    def region(self) -> Region | None:
        """The part of the picture that is searched now, None for the whole."""
        return self.regions[0] if self.in_region else None

    def next_page(self, count: int) -> Place:
        """The page after this one, which gave `count` listings."""
        return replace(self, page=self.page + 1, seen=self.seen + count)

    def next_region(self, count: int) -> Place | None:
        """The first page of the next region, None after the last one."""
        left = self.regions[1:] if self.in_region else self.regions
        if not left:
            return None
        return Place(self.route, 1, self.seen + count, left, in_region=True)

    def write(self) -> str:
        """As a cursor."""
        numbers = [number for region in self.regions for number in region]
        return m.write_cursor(self.route, self.page, self.seen, int(self.in_region), *numbers)


def read_place(cursor: str | None) -> Place | None:
    """The place that a cursor names; None for the start, or a cursor of another kind."""
    numbers = m.read_numbers(cursor)
    if len(numbers) < 4 or len(numbers) % 4 or len(numbers) > 4 + 4 * MAX_REGIONS:
        return None
    route, page, seen, in_region = numbers[:4]
    regions = [make_region(numbers[start : start + 4]) for start in range(4, len(numbers), 4)]
    good = tuple(region for region in regions if region is not None)
    if page < 1 or in_region not in (0, 1) or len(good) < len(regions) or (in_region and not good):
        return None
    return Place(route, page, seen, good, in_region=bool(in_region))


def make_region(numbers: tuple[int, ...]) -> Region | None:
    """A region of four numbers with something in it, else None."""
    if len(numbers) != 4 or max(numbers) >= 10**5:
        return None
    x0, x1, y0, y1 = numbers
    return (x0, x1, y0, y1) if x0 < x1 and y0 < y1 else None
