"""Stored pictures are asked for again: a seller may swap the file at an address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

import pytest

from monitor.errors import DiskFull, FetchFailed, PictureError, Stopping
from monitor.marketplaces.testing import RecordedSleep, Reply, Request
from monitor.model import FileVersion, Observation, ScanOutcome
from monitor.net.downloads import PictureFetcher
from monitor.net.wire import ExchangeLimits
from monitor.scanning.context import Source
from monitor.scanning.look.fetch import find_due, try_listing
from monitor.scanning.policy import CHECK_AFTER, CHECK_SPREAD, CHECKS_OF_A_PAGE
from monitor.storage.catalogue import pictures
from tests.matching.drawing import draw, encode
from tests.matching.test_decode import png_claiming
from tests.scanning.shop import SHOP, Bench
from tests.storage.rows import START, keep, sha

DUE = CHECK_AFTER + CHECK_SPREAD


@dataclass
class File:
    """A picture on a server that keeps versions; `statuses` are what it answered."""

    body: bytes
    etag: str | None = '"1"'
    statuses: list[int] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        is_known = self.etag is not None and request.headers.get("if-none-match") == self.etag
        self.statuses.append(304 if is_known else 200)
        headers = {"ETag": self.etag} if self.etag else {}
        return Reply(304, headers) if is_known else Reply(200, headers, self.body)


def _photo(seed: int) -> bytes:
    return encode(draw(seed), "JPEG", quality=70)


def _list(bench: Bench, item_id: str, file: File) -> Observation:
    offer = bench.offer(item_id, 1)
    bench.server.routes[f"/{item_id}.jpg"] = file
    return offer


def _stocked(bench: Bench, etag: str | None = '"1"') -> File:
    """A watch and one listing with another picture than the watch's, seen once."""
    file = File(_photo(50), etag)
    bench.draw("mug.png", 1)
    bench.shop.pages = [[_list(bench, "1", file)]]
    bench.scan()
    assert (file.statuses, bench.matches()) == ([200], [])
    return file


def _times(bench: Bench) -> list[tuple[object, ...]]:
    return bench.rows("SELECT fetched_at, checked_at FROM picture_urls")


def test_a_picture_is_asked_for_again_after_a_month_and_not_sent_if_it_is_the_same(
    bench: Bench,
) -> None:
    file = _stocked(bench)
    bench.clock.advance(days=CHECK_AFTER.days - 1)
    bench.scan()
    assert file.statuses == [200]
    before = _times(bench)
    bench.clock.advance(days=CHECK_SPREAD.days + 1)
    bench.scan()
    assert file.statuses == [200, 304]
    ((fetched, checked),) = _times(bench)
    assert fetched == checked != before[0][0]
    bench.scan()
    assert file.statuses == [200, 304]
    assert bench.count("listing_history") == 3  # one a day, not for the check
    assert bench.rows("SELECT sum(pictures_fetched) FROM scan_health") == [(1,)]


def test_a_server_without_versions_sends_the_same_again(sqlite_bench: Bench) -> None:
    file = _stocked(sqlite_bench, etag=None)
    sqlite_bench.clock.advance(days=DUE.days)
    sqlite_bench.scan()
    sqlite_bench.scan()
    assert file.statuses == [200, 200]
    assert sqlite_bench.rows("SELECT sum(pictures_fetched) FROM scan_health") == [(1,)]


def test_a_swapped_picture_is_compared_and_told(bench: Bench) -> None:
    file = _stocked(bench)
    file.body, file.etag = _photo(1), '"2"'
    bench.clock.advance(days=DUE.days)
    assert bench.scan() == [ScanOutcome.OK]
    assert [match.item_id for match in bench.matches()] == ["1"]
    assert len(bench.alerts()) == 1
    (shown,) = bench.rows("SELECT picture_sha256 FROM match_history")
    assert bench.rows("SELECT picture_sha256 FROM listings") == [shown]
    assert bench.rows("SELECT sha256, etag FROM picture_urls") == [(*shown, '"2"')]
    bench.clock.advance(days=DUE.days)
    bench.scan()
    assert file.statuses == [200, 200, 304]
    assert len(bench.alerts()) == 1


def test_another_listing_with_the_address_gets_the_new_picture_too(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    file = _stocked(bench)
    first = bench.shop.pages[0]
    assert not isinstance(first, Exception)
    file.body, file.etag = _photo(1), '"2"'
    bench.clock.advance(days=DUE.days)
    bench.scan()
    bench.shop.pages = [[bench.offer("2", 1, picture_url=first[0].picture_url)]]
    bench.scan()
    assert file.statuses == [200, 200]
    assert {match.item_id for match in bench.matches()} == {"1", "2"}


@pytest.mark.parametrize(
    "reply", [Reply(404), Reply(503), Reply(body=b"<html>slide to verify"), Reply(body=b"")]
)
def test_a_check_that_fails_leaves_what_is_stored_and_is_no_failed_picture(
    sqlite_bench: Bench, reply: Reply
) -> None:
    bench = sqlite_bench
    _stocked(bench)
    before = bench.rows("SELECT picture_sha256, picture_problem FROM listings")
    ((fetched, _),) = _times(bench)
    bench.server.routes["/1.jpg"] = reply
    bench.clock.advance(days=DUE.days)
    bench.scan()
    asked = bench.downloads
    bench.scan()
    assert bench.downloads == asked > 1  # once, with its tries, in a month
    assert bench.rows("SELECT picture_sha256, picture_problem FROM listings") == before
    assert bench.rows("SELECT sum(pictures_failed) FROM scans") == [(0,)]
    ((fetched_again, checked),) = _times(bench)
    assert fetched_again == fetched
    assert str(checked) > str(fetched)


def test_after_a_long_pause_a_page_checks_a_few_at_a_time_the_oldest_first(
    sqlite_bench: Bench,
) -> None:
    bench = sqlite_bench
    files = [File(_photo(50)) for _ in range(CHECKS_OF_A_PAGE + 3)]
    bench.draw("mug.png", 1)
    bench.shop.pages = [[_list(bench, str(number), file) for number, file in enumerate(files)]]
    bench.scan()
    bench.clock.advance(days=300)
    bench.scan()
    assert sum(304 in file.statuses for file in files) == CHECKS_OF_A_PAGE
    bench.scan()
    bench.scan()
    assert all(file.statuses == [200, 304] for file in files)


def test_addresses_first_met_on_one_day_part(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    urls = [f"https://cbu01.alicdn.com/{number}.jpg" for number in range(200)]
    with bench.store.writing() as conn:
        keep(conn, "a")
        for url in urls:
            pictures.record_url(conn, url, sha("a"), START, FileVersion())
    due_on: list[set[str]] = []
    for days in range(CHECK_AFTER.days, DUE.days + 1):
        bench.clock.now = START + timedelta(days=days)
        due_on.append({url for url in urls if url in find_due(bench.context, [url])})
    assert due_on[0] == set()
    assert due_on[-1] == set(urls)
    assert all(one <= other for one, other in pairwise(due_on))
    a_day = [len(other) - len(one) for one, other in pairwise(due_on)]
    assert max(a_day) < 2 * len(urls) / CHECK_SPREAD.days


@pytest.mark.parametrize("name", ["WEBP", "AVIF", "PNG", "GIF"])
def test_the_bytes_say_what_a_picture_is_not_its_name(sqlite_bench: Bench, name: str) -> None:
    bench = sqlite_bench
    bench.draw("mug.png", 1)
    offer = bench.offer("1", 1)
    body = encode(draw(1), name)
    bench.server.routes["/1.jpg"] = Reply(200, {"Content-Type": "image/jpeg"}, body)
    bench.shop.pages = [[offer]]
    bench.scan()
    assert [match.item_id for match in bench.matches()] == ["1"]
    assert bench.rows("SELECT p.format FROM pictures p JOIN picture_urls USING (sha256)") == [
        (name,)
    ]


def test_a_picture_with_too_many_pixels_or_bytes_or_too_slow_is_refused(
    sqlite_bench: Bench,
) -> None:
    bench = sqlite_bench
    quick = ExchangeLimits(connect=2.0, read=0.15, total=0.3, max_bytes=200_000)
    fetcher = PictureFetcher(allow_loopback=True, sleep=RecordedSleep(), limits=quick)
    bench.sources[SHOP] = Source(bench.shop, fetcher)
    bench.draw("mug.png", 1)
    bad = {
        "pixels": Reply(body=png_claiming(30_000, 30_000)),
        "bytes": Reply(body=bytes(200_001)),
        "slow": Reply(body=_photo(1), drip=True),
    }
    offers = [bench.offer(name, 1) for name in bad]
    bench.server.routes |= {f"/{name}.jpg": reply for name, reply in bad.items()}
    bench.shop.pages = [[*offers, bench.offer("good", 1)]]
    assert bench.scan() == [ScanOutcome.OK]
    fetcher.close()
    rows = bench.rows("SELECT item_id, picture_problem FROM listings")
    problems = {str(item_id): str(problem) for item_id, problem in rows}
    assert "pixels, more than" in problems["pixels"]
    assert "over 200000 bytes" in problems["bytes"]
    assert "time limit" in problems["slow"]
    assert problems["good"] == "None"


# -- one listing is a border


def _raising(error: Exception) -> Callable[[], str]:
    def step() -> str:
        raise error

    return step


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (FetchFailed("503"), "503"),
        (PictureError("cut off"), "cut off"),
        (IndexError("a decoder's own"), "unexpected IndexError: a decoder's own"),
    ],
)
def test_what_a_picture_does_to_us_is_a_problem_of_its_listing_alone(
    sqlite_bench: Bench, error: Exception, problem: str
) -> None:
    offer = sqlite_bench.offer("1", 1)
    assert try_listing(sqlite_bench.context, offer, _raising(error)) == problem
    assert try_listing(sqlite_bench.context, offer, lambda: 1) == 1


@pytest.mark.parametrize("error", [DiskFull("no space"), Stopping("told to")])
def test_what_is_no_fault_of_the_listing_ends_the_page(
    sqlite_bench: Bench, error: Exception
) -> None:
    with pytest.raises(type(error)):
        try_listing(sqlite_bench.context, sqlite_bench.offer("1", 1), _raising(error))


def test_nothing_is_begun_once_we_are_told_to_stop(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    bench.is_stopping = lambda: True
    with pytest.raises(Stopping):
        try_listing(bench.context, bench.offer("1", 1), _raising(AssertionError("was begun")))
