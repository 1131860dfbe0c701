from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from monitor.errors import ProtocolError
from monitor.marketplaces.kit.values import Json
from monitor.marketplaces.kit.web_pages import Hosts, collect_pages, observe_page, page_title
from monitor.marketplaces.testing import check_observation
from monitor.model import Observation

HOSTS = TypeAdapter(Hosts)
OFFER = "https://detail.1688.com/offer/7.html"


def observe(
    page: object, picture: object = "https://a.example/a.jpg", **more: object
) -> Observation | None:
    given: dict[str, object] = {"title": "mug", "rank": 3, "hosts": ("shop.example",), **more}
    return observe_page(page, picture, allow_loopback=False, **given)  # type: ignore[arg-type]


def item(url: object) -> Json:
    return {"url": url}  # type: ignore[dict-item]


def collect(*urls: object, offset: int = 0) -> tuple[Observation, ...]:
    def observe_item(one: dict[str, Json], rank: int) -> Observation | None:
        return observe(one.get("url"), rank=rank)

    return collect_pages(
        [item(url) for url in urls], observe_item, page_key="url", place="pages", offset=offset
    )


def test_a_page_of_a_known_marketplace_is_its_listing() -> None:
    found = observe("http://m.1688.com/offer/7.html?spm=1")
    assert found is not None
    assert (found.site, found.item_id, found.url, found.rank) == ("1688", "7", OFFER, 3)
    assert found.picture_url == "https://a.example/a.jpg"


def test_a_page_of_a_named_host_is_a_listing_by_its_path() -> None:
    found = observe("https://www.shop.example/goods/7")
    assert found is not None
    assert (found.site, found.item_id) == ("shop.example", "/goods/7")


@pytest.mark.parametrize(
    "page", ["https://blog.example/a", "https://www.alibaba.com/showroom/a.html", None, 7, "", "//"]
)
def test_a_page_elsewhere_is_no_listing(page: object) -> None:
    assert observe(page) is None


def test_a_spare_picture_stands_in_or_is_the_fallback() -> None:
    spare = "https://b.example/small.jpg"
    found = observe(OFFER, fallback=spare)
    assert found is not None
    assert (found.picture_url, found.picture_fallback_url) == ("https://a.example/a.jpg", spare)
    for unfit in (None, "", "data:image/png;base64,AAAA", 5):
        found = observe(OFFER, unfit, fallback=spare)
        assert found is not None
        assert (found.picture_url, found.picture_problem) == (spare, None)
        assert found.picture_fallback_url is None


def test_a_picture_cut_to_full_size_falls_back_to_what_the_site_gave() -> None:
    thumbnail = "https://cbu01.alicdn.com/a.jpg_400x400.jpg"
    found = observe(OFFER, thumbnail, fallback="https://b.example/b.jpg")
    assert found is not None
    assert found.picture_url == "https://cbu01.alicdn.com/a.jpg"
    assert found.picture_fallback_url == thumbnail


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("<b>Mug</b> &amp; <em class='x'>saucer</em>", "Mug & saucer"),
        ("Mug &lt;b&gt; size &#39;M&#39;", "Mug <b> size 'M'"),
        ("price < 5 > 3, <M>, <body>", "price < 5 > 3, <M>, <body>"),
        ("a<br/>b<BR >c", "abc"),
        (f"&#{'9' * 5000};", f"&#{'9' * 5000};"),
        ("a&#0;b", "a\ufffdb"),
        ("&#10;", ""),
        (None, ""),
        (12, "12"),
    ],
)
def test_a_title_loses_the_marks_of_html_and_nothing_else(raw: object, title: str) -> None:
    assert page_title(raw) == title


def test_ranks_go_on_and_pages_elsewhere_are_counted_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "monitor.marketplaces.kit.web_pages")
    found = collect("https://blog.example/a", OFFER, "https://shop.example/b", OFFER, offset=4)
    assert [one.rank for one in found] == [5, 6]
    assert caplog.messages == ["2 listings on 4 pages; the others are of other sites"]


def test_only_pages_elsewhere_are_no_error() -> None:
    assert collect("https://blog.example/a", "https://blog.example/b") == ()
    assert collect() == ()


def test_pages_without_an_address_are_told_and_never_read_as_no_matches(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert len(collect(OFFER, None)) == 1
    assert "1 of 2 pages have no address" in caplog.text
    with pytest.raises(ProtocolError, match="none of the 2 pages"):
        collect(None, "not an address")


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("shop.example", "shop.example"),
        (" .Shop.Example. ", "shop.example"),
        ("bücher.example",) * 2,
    ],
)
def test_a_host_is_named_as_people_write_it(given: str, host: str) -> None:
    assert HOSTS.validate_python([given]) == (host,)


@pytest.mark.parametrize(
    "given",
    ["", "com", "https://shop.example", "shop.example/a", "*.shop.example", "a b.example",
     "shop.example:80", "u@shop.example", "shop.example?x", "[::1]"],
)  # fmt: skip
def test_what_is_no_host_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="name of a host"):
        HOSTS.validate_python([given])


# without what has no form of its own, such as marks of direction: a title may hold those
text = st.text(st.characters(exclude_categories=("Cf", "Cn", "Co", "Zl", "Zp")))
anything = st.none() | st.integers() | text | st.sampled_from([OFFER, "//a.example/b", "x:"])


@given(anything, anything, anything, anything)
def test_any_values_make_a_valid_listing_or_none(
    page: object, picture: object, title: object, spare: object
) -> None:
    for one in (page, OFFER):
        found = observe(one, picture, title=title, fallback=spare)
        if found is not None:
            check_observation(found)
