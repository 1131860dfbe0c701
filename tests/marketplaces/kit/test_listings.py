"""What an answer says of one listing, whatever the site."""

from __future__ import annotations

from monitor.marketplaces.kit.identity import SiteListing
from monitor.marketplaces.kit.listings import find_json, first_given, observe_listing
from monitor.marketplaces.kit.picture_links import PictureLink
from monitor.marketplaces.kit.values import Json
from monitor.model import Observation, Seller

LISTING = SiteListing("shop.example", "7", "https://shop.example/7")


def test_a_listing_is_observed_with_all_that_is_said_of_it() -> None:
    picture = PictureLink("https://shop.example/a.jpg", "https://shop.example/s.jpg", "too small")
    seller = Seller("1", "shop")
    assert observe_listing(
        LISTING, picture, title=" a\nmug ", rank=3, seller=seller, sales="700+", score="0.5"
    ) == Observation(
        "shop.example",
        "7",
        "https://shop.example/7",
        "a mug",
        "https://shop.example/a.jpg",
        seller=seller,
        sales=700,
        rank=3,
        provider_score=0.5,
        picture_problem="too small",
        picture_fallback_url="https://shop.example/s.jpg",
    )


def test_a_listing_of_which_nothing_else_is_known_is_observed_all_the_same() -> None:
    picture = PictureLink(None, problem="no picture given")
    found = observe_listing(LISTING, picture, title=None, rank=1)
    assert found is not None
    assert (found.title, found.picture_problem) == ("", "no picture given")


def test_what_cant_be_told_from_other_listings_is_not_observed() -> None:
    picture = PictureLink("https://shop.example/a.jpg")
    assert observe_listing(None, picture, title="mug", rank=1) is None


def test_the_first_key_with_a_value_counts() -> None:
    item: dict[str, Json] = {"a": None, "b": 0, "c": 1}
    assert first_given(item, "x", "a", "b", "c") == 0
    assert first_given(item, "x", "a") is None


def test_what_is_no_json_is_as_if_nothing_were_said() -> None:
    assert [find_json(body) for body in (b'{"a": 1}', b"null", b"<html>", b"\xff")] == [
        {"a": 1},
        None,
        None,
        None,
    ]
