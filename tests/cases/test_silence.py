"""What a person may ask of a silence, and what is refused."""

from __future__ import annotations

from datetime import datetime

import pytest

from monitor.cases import silence
from monitor.errors import InputError, NotFound
from monitor.model import Seller
from monitor.storage.db.engine import Connection, Store
from monitor.storage.telling import silences
from monitor.storage.telling.silences import Matcher
from tests.storage.rows import SHOP, START, Shelf, add_match, later, listing, stock

END = later(days=7)
SELLER = Matcher(site="1688", seller="s1")


def _show(conn: Connection, shelf: Shelf) -> None:
    """Listing 1 of the seller s1 matches."""
    add_match(conn, shelf, listing("1", seller=Seller("s1", "Shop s1")))


def _add(
    conn: Connection,
    matcher: Matcher = SELLER,
    *,
    starts_at: datetime = START,
    expires_at: datetime = END,
) -> int:
    return silence.add(
        conn,
        matcher,
        starts_at=starts_at,
        expires_at=expires_at,
        author="anne",
        reason=" they pay now ",
        now=START,
    )


def test_a_reason_is_kept_as_it_was_meant(store: Store) -> None:
    with store.writing() as conn:
        _add(conn)
        (row,) = silences.list_rows(conn, START)
    assert (row.author, row.reason) == ("anne", "they pay now")


def test_a_silence_must_say_what_until_when_and_why(store: Store) -> None:
    with store.writing() as conn:
        with pytest.raises(InputError, match="of everything is refused"):
            _add(conn, Matcher())
        with pytest.raises(InputError, match="in the future"):
            _add(conn, expires_at=START)
        with pytest.raises(InputError, match="ends after it begins"):
            _add(conn, starts_at=END)
        with pytest.raises(InputError, match="needs a reason"):
            silence.add(
                conn, SELLER, starts_at=START, expires_at=END, author="a", reason=" ", now=START
            )
        assert silences.list_rows(conn, START, include_over=True) == []


def test_one_that_is_over_or_was_never_there_is_not_removed(store: Store) -> None:
    with store.writing() as conn:
        silence_id = _add(conn)
        with pytest.raises(NotFound, match="no silence 99"):
            silence.remove(conn, 99, START)
        with pytest.raises(InputError, match="is over already"):
            silence.remove(conn, silence_id, END)
        silence.remove(conn, silence_id, START)
        with pytest.raises(InputError, match="is over already"):
            silence.remove(conn, silence_id, START)


@pytest.mark.parametrize(
    ("matcher", "message"),
    [
        (Matcher(watch="lamps"), "no watch 'lamps'"),
        (Matcher(asset="lamp"), "no asset 'lamp'"),
        (Matcher(asset="mug", watch="lamps"), "no watch 'lamps'"),
        (Matcher(marketplace="ebay"), "no marketplace 'ebay'"),
        (Matcher(site="taobao"), "no site 'taobao'"),
        (Matcher(cluster_id=8), "no cluster 8"),
        (Matcher(item_id="9"), "no listing '9' yet"),
        (Matcher(seller="nobody"), "no seller 'nobody' yet"),
        (Matcher(item_id="two"), r"several sites \(1688, taobao\) have a listing 'two'"),
        (Matcher(seller="s2"), r"several sites \(1688, taobao\) have a seller 's2'"),
    ],
)
def test_what_nobody_knows_is_not_silenced_by_mistake(
    store: Store, matcher: Matcher, message: str
) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        _show(conn, shelf)
        for site in ("1688", "taobao") if "several" in message else ():
            add_match(conn, shelf, listing("two", site=site, seller=Seller("s2", None)))
        with pytest.raises(NotFound, match=message):
            silence.complete(conn, matcher, ["alibaba"])


def test_the_site_of_a_listing_or_seller_is_looked_up(store: Store) -> None:
    with store.writing() as conn:
        _show(conn, stock(conn))
        assert silence.complete(conn, Matcher(item_id="1"), []) == Matcher(site="1688", item_id="1")
        assert silence.complete(conn, Matcher(seller="Shop s1"), []) == Matcher(
            site="1688", seller="Shop s1"
        )
        for as_written in (
            Matcher(site="1688", seller="coming soon"),
            Matcher(watch="mugs", asset="mug"),
            Matcher(marketplace=SHOP),
        ):
            assert silence.complete(conn, as_written, []) == as_written
        assert silence.complete(conn, Matcher(marketplace="new"), ["new"]) == Matcher(
            marketplace="new"
        )
