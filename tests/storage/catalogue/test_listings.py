"""Listings, their history and their sellers."""

from __future__ import annotations

import secrets
import threading
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.cli.hints import explain
from monitor.errors import NotFound, StoreError
from monitor.model import Observation, Price, Seller
from monitor.scanning.policy import OBSERVE_EVERY
from monitor.storage.catalogue import listings, sellers
from monitor.storage.db.engine import Store
from tests.storage.rows import START, Shelf, later, listing, sha, stock

PICTURE = listing().picture_url


def _history(store: Store, item_id: str = "1") -> int:
    with store.reading() as conn:
        return len(listings.get(conn, item_id).history)


def _see(store: Store, shelf: Shelf, seen: Observation, hours: float, **kept: str | None) -> bool:
    sha256 = kept.get("sha256", sha("copy"))
    with store.writing() as conn:
        row = listings.record(
            conn,
            shelf.scan.id,
            seen,
            sha256,
            kept.get("problem"),
            later(hours=hours),
            observe_every=OBSERVE_EVERY,
        )
    return row.is_new


@pytest.fixture
def shelf(store: Store) -> Shelf:
    with store.writing() as conn:
        return stock(conn, "other")


def test_a_sighting_without_news_moves_only_the_counters(store: Store, shelf: Shelf) -> None:
    assert _see(store, shelf, listing(), 0)
    assert not _see(store, shelf, listing(rank=9), 6)
    with store.reading() as conn:
        row = listings.get(conn, "1")
    assert (row.times_seen, row.first_seen_at, row.last_seen_at) == (2, START, later(hours=6))
    assert len(row.history) == 1
    assert row.price == listing().price


def test_a_row_a_day_without_any_change(store: Store, shelf: Shelf) -> None:
    for hours in (0, 6, 12, 18, 24, 30, 48):
        _see(store, shelf, listing(), hours)
    assert _history(store) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Cup"},
        {"price": Price(Decimal("12.51"), Decimal("30.00"), "CNY", "12.51-30.00")},
        {"price": None},
        {"sales": 701},
    ],
)
def test_a_change_is_a_row(store: Store, shelf: Shelf, change: dict[str, object]) -> None:
    _see(store, shelf, listing(), 0)
    _see(store, shelf, listing("1", **change), 1)
    assert _history(store) == 2


def test_another_picture_is_a_row_and_another_url_of_the_same_is_none(
    store: Store, shelf: Shelf
) -> None:
    _see(store, shelf, listing(), 0)
    _see(store, shelf, listing(picture_url="https://cbu02.alicdn.com/1.jpg?t=1"), 1)
    assert _history(store) == 1
    _see(store, shelf, listing(), 2, sha256=sha("other"))
    assert _history(store) == 2


def test_a_picture_that_fails_stays_known_while_its_url_stays(store: Store, shelf: Shelf) -> None:
    _see(store, shelf, listing(), 0)
    _see(store, shelf, listing(), 1, sha256=None, problem="503")
    with store.reading() as conn:
        known = listings.find_known(conn, [("1688", "1"), ("1688", "2")])
    assert known == {("1688", "1"): listings.KnownListing(PICTURE, sha("copy"), "503")}
    _see(store, shelf, listing(picture_url="https://x.test/2.jpg"), 2, sha256=None, problem="503")
    with store.reading() as conn:
        assert listings.get(conn, "1").picture_sha256 is None


def test_ids_of_19_digits_stay_apart(store: Store, shelf: Shelf) -> None:
    for last in (1, 2):
        assert _see(store, shelf, listing(f"922337203685477580{last}"), 0)
    with store.reading() as conn:
        assert listings.get(conn, "9223372036854775801").times_seen == 1


@pytest.mark.parametrize(
    "title",
    ["a\x00b", "half \ud83d of it", "\U0001f600" * 10_000, "", "\u202e" * 3, "杯子" * 5_000],
)
def test_any_title_can_be_kept(store: Store, shelf: Shelf, title: str) -> None:
    _see(store, shelf, listing(title=title), 0)
    _see(store, shelf, listing(title=title), 1)
    with store.reading() as conn:
        row = listings.get(conn, "1")
    assert len(row.title) == len(title)
    assert "\x00" not in row.title
    assert len(row.history) == 1


@given(text=st.text(st.characters(codec=None), max_size=200))
@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_whatever_a_site_writes_is_kept(store: Store, shelf: Shelf, text: str) -> None:
    seen = listing(
        title=text,
        url=text,
        picture_url=text,
        price=Price(Decimal(1), Decimal(2), "CNY", text),
        seller=Seller(text, text),
    )
    with store.writing() as conn:
        listings.record(conn, shelf.scan.id, seen, None, text, START, observe_every=OBSERVE_EVERY)


def test_a_seller_is_known_by_id_else_by_name(store: Store, shelf: Shelf) -> None:
    _see(store, shelf, listing("1", seller=Seller("s1", "Old name")), 0)
    _see(store, shelf, listing("2", seller=Seller("s1", "New name")), 1)
    _see(store, shelf, listing("3", seller=Seller(None, "New name")), 2)
    _see(store, shelf, listing("4", seller=Seller(None, secrets.token_hex(5_000))), 3)
    _see(store, shelf, listing("5", seller=None), 4)
    with store.reading() as conn:
        assert len(sellers.list_rows(conn)) == 3
        row = sellers.get(conn, "s1")
        assert (row.seller, row.listings, row.first_seen_at) == ("New name", 2, START)
        assert listings.get(conn, "5").seller is None
        with pytest.raises(NotFound, match="2 sellers fit"):
            sellers.get(conn, "New name")
        with pytest.raises(NotFound, match="no seller"):
            sellers.get(conn, "nobody")


def test_a_seller_once_named_stays(store: Store, shelf: Shelf) -> None:
    _see(store, shelf, listing(), 0)
    _see(store, shelf, listing(seller=None), 1)
    with store.reading() as conn:
        assert listings.get(conn, "1").seller == "Shop"


def test_an_item_id_on_two_sites_must_be_told_apart(store: Store, shelf: Shelf) -> None:
    _see(store, shelf, listing(), 0)
    _see(store, shelf, listing(site="taobao"), 1)
    with store.reading() as conn:
        assert [row.site for row in listings.list_rows(conn)] == ["taobao", "1688"]
        with pytest.raises(NotFound) as caught:
            listings.get(conn, "1")
        assert "--site" in explain(caught.value)
        assert listings.get(conn, "1", site="taobao").site == "taobao"
        with pytest.raises(NotFound, match="no listing"):
            listings.get(conn, "9")


def test_two_pages_with_the_same_listings_in_another_order_both_end(
    store: Store, shelf: Shelf
) -> None:
    """On PostgreSQL each would wait for the other's row, until the server kills one."""
    items = [listing(str(number), seller=Seller(str(number), None)) for number in range(20)]
    errors: list[StoreError] = []

    def record(order: list[Observation]) -> None:
        try:
            for _ in range(3):
                with store.writing() as conn:
                    for item in order:
                        listings.record(
                            conn,
                            shelf.scan.id,
                            item,
                            None,
                            None,
                            START,
                            observe_every=OBSERVE_EVERY,
                        )
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=record, args=(order,)) for order in (items, items[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with store.reading() as conn:
        assert {row.times_seen for row in listings.list_rows(conn)} == {6}
