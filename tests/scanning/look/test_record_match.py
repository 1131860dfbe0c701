"""Whether a match is part of a baseline."""

from __future__ import annotations

import pytest

from monitor.model import ReferencePicture, Scan, ScanCounts
from monitor.scanning.look.record_match import MatchedListing
from tests.storage.rows import START

SEARCHED, OTHER = 1, 2
SCAN = Scan(
    id=7,
    cycle_id=3,
    watch_id=1,
    watch="acme",
    marketplace="alibaba",
    reference=ReferencePicture(SEARCHED, 10, "mug", "sha", "mug.png"),
    cursor=None,
    attempts=1,
    counts=ScanCounts(),
    started_at=START,
)


@pytest.mark.parametrize(
    ("searched_to_the_end", "found", "cycle"),
    [
        (set(), SEARCHED, 3),
        ({SEARCHED}, SEARCHED, None),
        ({SEARCHED}, OTHER, 3),
        ({OTHER}, OTHER, 3),  # this search has never shown what it returns
        ({SEARCHED, OTHER}, OTHER, None),
    ],
)
def test_it_is_until_both_pictures_were_searched_to_the_end(
    searched_to_the_end: set[int], found: int, cycle: int | None
) -> None:
    listing = MatchedListing(1, 5, "alibaba", None, scan=SCAN, baselines=searched_to_the_end)
    assert listing.baseline_cycle(found) == cycle


def test_what_a_look_back_finds_is_part_of_none() -> None:
    assert MatchedListing(1, 5, "alibaba", None).baseline_cycle(SEARCHED) is None
