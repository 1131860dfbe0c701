"""A picture that is known to be there must be found: lost once, found again, never guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from monitor.alerting.retry import INTERRUPTED
from monitor.errors import BadImage, Blocked
from monitor.marketplaces.testing import Reply
from monitor.model import Observation, ScanOutcome
from monitor.scanning.context import Source
from monitor.scanning.look.canary import look_for_canary
from monitor.scanning.options import Canary
from monitor.scanning.policy import CANARY_PAGES, CANARY_RETRY_AFTER
from monitor.storage.leases import release
from monitor.storage.searches import breakers, canaries
from monitor.storage.searches.breakers import BreakerState
from monitor.storage.searches.canaries import CanaryStatus
from tests.matching.drawing import draw, encode
from tests.scanning.shop import SHOP, Answer, Bench
from tests.told import text_of

SEED = 30


def hatch(bench: Bench, item_id: str | None = None) -> Path:
    """A canary for the bench's shop; its picture file."""
    picture = bench.folder.parent / "canary.png"
    picture.write_bytes(encode(draw(SEED)))
    canary = Canary(picture, item_id, timedelta(days=1))
    bench.sources[SHOP] = Source(bench.shop, bench.fetcher, canary)
    return picture


def look(bench: Bench, *pages: Answer) -> None:
    """One look, on the day after the last."""
    bench.clock.advance(days=1)
    bench.shop.pages = list(pages)
    assert look_for_canary(bench.context, SHOP)
    assert not look_for_canary(bench.context, SHOP)


def status(bench: Bench) -> CanaryStatus:
    with bench.store.reading() as conn:
        return canaries.list_rows(conn)[SHOP]


def events(bench: Bench) -> list[str]:
    return [row.event for row in reversed(bench.alerts())]


def others(bench: Bench, first: int, count: int = 2) -> list[Observation]:
    return [bench.offer(str(number), number) for number in range(first, first + count)]


def test_it_is_found_by_its_picture_and_looked_for_when_it_is_due(bench: Bench) -> None:
    hatch(bench)
    look(bench, [*others(bench, 60), bench.offer("9", SEED)])
    found = status(bench)
    assert (found.missed, found.lost_at, found.problem) == (0, None, None)
    assert found.found_at is not None
    bench.clock.advance(hours=23)
    assert not look_for_canary(bench.context, SHOP)
    bench.clock.advance(hours=2)
    assert look_for_canary(bench.context, SHOP)
    assert bench.alerts() == []
    assert bench.count("listing_history") == 0


def test_it_is_told_once_when_it_is_lost_and_once_when_it_is_back(bench: Bench) -> None:
    hatch(bench)
    for _ in range(3):
        look(bench, others(bench, 60))
    assert events(bench) == ["canary_lost"]
    text = text_of(bench.alerts()[0])
    assert "canary.png: not found among the first 2 listings (1 page)" in text
    assert "Look for the canary there by hand" in text
    assert status(bench).missed == 3
    for _ in range(2):
        look(bench, [bench.offer("9", SEED)])
    assert events(bench) == ["canary_lost", "canary_found"]
    look(bench, [])
    assert events(bench) == ["canary_lost", "canary_found", "canary_lost"]


def test_it_is_found_by_its_item_id_without_a_download(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    hatch(bench, item_id="61")
    look(bench, [*others(bench, 60)])
    assert status(bench).lost_at is None
    look(bench, [bench.offer("9", SEED)])
    assert status(bench).lost_at is not None  # the same picture elsewhere is not what was asked for
    assert bench.downloads == 0


def test_only_the_first_pages_are_looked_at(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    hatch(bench, item_id="9")
    pages = [others(bench, 60 + 2 * number) for number in range(CANARY_PAGES)]
    look(bench, *pages, [bench.offer("9", SEED)])
    assert bench.shop.asked == [None, "1", "2"]
    assert status(bench).lost_at is not None


def test_pictures_that_can_not_be_had_are_named(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    hatch(bench)
    gone, broken = others(bench, 60)
    bench.server.routes["/60.jpg"] = Reply(404)
    bench.server.routes["/61.jpg"] = Reply(body=b"\xff\xd8\xff no picture")
    look(bench, [gone, broken, replace(bench.offer("62", 62), picture_url=None)])
    assert "2 pictures could not be seen" in str(status(bench).problem)


def test_what_is_stored_is_not_downloaded_again(bench: Bench) -> None:
    bench.draw("mug.png", SEED)
    bench.shop.pages = [[bench.offer("9", SEED)]]
    assert bench.scan() == [ScanOutcome.OK]
    hatch(bench)
    downloads = bench.downloads
    look(bench, [bench.offer("9", SEED)])
    assert status(bench).found_at is not None
    assert bench.downloads == downloads


def test_a_search_that_fails_is_the_marketplaces_trouble_and_loses_nothing(bench: Bench) -> None:
    hatch(bench)
    bench.shop.pages = [Blocked("alibaba: a wall")]
    for _ in range(3):
        assert look_for_canary(bench.context, SHOP)
        assert not look_for_canary(bench.context, SHOP)
        bench.clock.advance(seconds=CANARY_RETRY_AFTER.total_seconds())
    assert events(bench) == ["marketplace_paused"]
    assert status(bench).tried_at is None
    bench.shop.pages = [[bench.offer("9", SEED)]]
    assert look_for_canary(bench.context, SHOP)  # as the probe
    assert events(bench) == ["marketplace_paused", "marketplace_resumed"]
    assert status(bench).found_at is not None


def test_a_paused_marketplace_is_not_asked(sqlite_bench: Bench) -> None:
    bench = sqlite_bench
    hatch(bench)
    for seed in range(4):
        bench.draw(f"{seed}.png", seed)
    bench.shop.pages = [Blocked("alibaba: a wall")]
    bench.scan()
    asked = len(bench.shop.asked)
    assert not look_for_canary(bench.context, SHOP)
    assert len(bench.shop.asked) == asked


def test_a_canary_that_is_refused_or_unreadable_is_told_and_pauses_nothing(
    sqlite_bench: Bench,
) -> None:
    bench = sqlite_bench
    picture = hatch(bench)
    look(bench, BadImage("alibaba: too dark"))
    assert status(bench).problem == "it can't be searched for: alibaba: too dark"
    picture.write_bytes(b"no picture")
    look(bench, [])
    assert "can't be used" in str(status(bench).problem)
    picture.unlink()
    look(bench, [])
    assert "can't be read" in str(status(bench).problem)
    assert events(bench) == ["canary_lost"]
    with bench.store.reading() as conn:
        assert breakers.find(conn, SHOP).failures == 0


def test_a_canary_without_a_picture_is_no_sign_that_a_paused_marketplace_is_back(
    bench: Bench,
) -> None:
    hatch(bench).unlink()
    for seed in range(4):
        bench.draw(f"{seed}.png", seed)
    bench.shop.pages = [Blocked("alibaba: a wall")]
    bench.scan()
    asked = len(bench.shop.asked)
    bench.clock.advance(minutes=2)
    assert look_for_canary(bench.context, SHOP)  # as the probe
    assert len(bench.shop.asked) == asked
    assert events(bench) == ["marketplace_paused", "canary_lost"]
    assert "a blind search goes unnoticed: mend it" in text_of(bench.alerts()[0])
    with bench.store.reading() as conn:
        assert breakers.find(conn, SHOP).state is BreakerState.OPEN
    assert bench.claim() is not None  # the probe is still to come


def test_another_canary_starts_anew(bench: Bench) -> None:
    hatch(bench)
    look(bench, others(bench, 60))
    assert status(bench).missed == 1
    hatch(bench, item_id="60")
    assert look_for_canary(bench.context, SHOP)  # at once, not a day later
    assert (status(bench).missed, status(bench).lost_at) == (0, None)
    assert events(bench) == ["canary_lost"]


def test_a_marketplace_without_one_is_left_alone(sqlite_bench: Bench) -> None:
    assert not look_for_canary(sqlite_bench.context, SHOP)


def test_one_process_looks_at_a_time(bench: Bench) -> None:
    hatch(bench)
    key = Canary(bench.folder.parent / "canary.png", None).key
    lease = timedelta(seconds=30)

    def claim(owner: str) -> bool:
        with bench.store.writing() as conn:
            return canaries.claim(conn, SHOP, key, owner, bench.clock(), lease)

    assert claim("me")
    assert not claim("you")
    assert claim("me")  # an error has dropped it
    with bench.store.writing() as conn:
        assert release(conn, "me", INTERRUPTED) == 1
        assert breakers.find(conn, SHOP).state is BreakerState.CLOSED
    assert claim("you")
    bench.clock.advance(minutes=1)
    assert claim("me")  # its process is gone
    with bench.store.writing() as conn:
        now = bench.clock()
        assert canaries.finish_found(conn, SHOP, "you", now, now) is None
