"""Addresses of listings' pictures, as sites write them and as they are asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import FetchRefused
from monitor.marketplaces.kit.identity import offer_id_in
from monitor.marketplaces.kit.picture_links import PICTURE_REFERERS, full_size, picture_link
from monitor.net.urls import absolute_url, is_on
from tests.net.test_urls import BASE, LOCAL, url_like


@given(url_like, st.booleans())
def test_any_address_has_a_full_size_that_stays(text: str, local: bool) -> None:
    try:
        url = absolute_url(text, base=LOCAL if local else BASE, allow_loopback=local)
    except FetchRefused:
        return
    assert full_size(full_size(url)) == full_size(url)
    assert absolute_url(full_size(url), allow_loopback=local) == full_size(url)
    offer_id_in(url)


@given(url_like | st.none() | st.integers())
def test_picture_links_never_crash(raw: object) -> None:
    picture = picture_link(raw, base=BASE, allow_loopback=False)
    assert (picture.url is None) == (picture.problem is not None)


@pytest.mark.parametrize(
    "tail",
    [
        *("_400x400.jpg", "_400x400q90.jpg_.webp", "_.webp", "_Q90.jpg_.webp"),
        *("_110x10000Q75.jpg_.webp", "_350x350xz.jpg", "_220x220q75.jpg_.avif", "_50x50.jpg"),
        *("?x=1", ""),
    ],
)
def test_a_thumbnail_on_alibabas_hosts_becomes_the_original(tail: str) -> None:
    for name in ("O1CN01x_!!221-0-cib.jpg", "13022757938_726196378.jpg"):
        whole = f"https://cbu01.alicdn.com/img/ibank/{name}"
        assert full_size(whole + tail) == whole


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            "//ae-pic-a1.aliexpress-media.com/kf/S12ab.jpg_220x220q75.jpg_.avif",
            "https://ae01.alicdn.com/kf/S12ab.jpg",
        ),
        ("https://ae-pic-eu.aliexpress-media.com/kf/S1.png", "https://ae01.alicdn.com/kf/S1.png"),
        ("https://ae04.alicdn.com/kf/S1.jpg_50x50.jpg", "https://ae04.alicdn.com/kf/S1.jpg"),
        ("https://sc04.alicdn.com/kf/S1.jpg_300x300.jpg", "https://sc04.alicdn.com/kf/S1.jpg"),
        (
            "https://ae-pic-a1.aliexpress-media.com/other/S1.jpg_50x50.jpg",
            "https://ae-pic-a1.aliexpress-media.com/other/S1.jpg",
        ),
        (
            "https://video.aliexpress-media.com/kf/S1.jpg_.webp",
            "https://video.aliexpress-media.com/kf/S1.jpg",
        ),
        (
            "https://g-search3.alicdn.com/img/bao/uploaded/i4/O1CN01_!!0-item_pic.jpg_460x460q90.jpg_.webp",
            "https://g-search3.alicdn.com/img/bao/uploaded/i4/O1CN01_!!0-item_pic.jpg",
        ),
        (
            "https://i.ebayimg.com/images/g/a~b/s-l225.jpg",
            "https://i.ebayimg.com/images/g/a~b/s-l1600.jpg",
        ),
        (
            "https://i.ebayimg.com/thumbs/images/g/x/s-l64.webp?set_id=8",
            "https://i.ebayimg.com/thumbs/images/g/x/s-l1600.webp?set_id=8",
        ),
        (
            "https://i.ebayimg.com/images/g/x/s-l1600.jpg",
            "https://i.ebayimg.com/images/g/x/s-l1600.jpg",
        ),
        (
            "https://i.ebayimg.com/00/s/z/x/$_1.JPG?set_id=88",
            "https://i.ebayimg.com/00/s/z/x/$_1.JPG?set_id=88",
        ),
    ],
)
def test_each_sites_pictures_are_asked_for_in_full(raw: str, expected: str) -> None:
    link = picture_link(raw, base=BASE, allow_loopback=False)
    given = absolute_url(raw)
    assert link.url == expected
    assert link.fallback == (None if expected == given else given)


@pytest.mark.parametrize(
    "url",
    [
        "https://evilebayimg.com/images/g/x/s-l225.jpg",
        "https://i.ebayimg.com.evil.example/images/g/x/s-l225.jpg",
        "https://evilaliexpress-media.com/kf/x.jpg_50x50.jpg",
        "https://ae-pic-a1.aliexpress-media.com.evil.example/kf/x.jpg",
    ],
)
def test_a_host_that_only_looks_like_a_picture_host_is_left_alone(url: str) -> None:
    assert full_size(url) == url


@pytest.mark.parametrize("middle", ["220x220", "search", "summ"])
def test_a_size_before_the_ending_is_dropped(middle: str) -> None:
    assert full_size(f"https://i.alicdn.com/a_b.{middle}.jpg") == "https://i.alicdn.com/a_b.jpg"


@pytest.mark.parametrize(
    "host", ["evilalicdn.com", "alicdn.com.evil.example", "127.0.0.1:8000", "i.ebayimg.com"]
)
def test_other_hosts_addresses_are_left_alone(host: str) -> None:
    url = f"https://{host}/a.jpg_400x400.jpg?x=1"
    assert full_size(url) == url


def test_a_picture_keeps_its_given_address_as_fallback() -> None:
    link = picture_link("//cbu01.alicdn.com/a.jpg_50x50.jpg", base=BASE, allow_loopback=False)
    assert link.url == "https://cbu01.alicdn.com/a.jpg"
    assert link.fallback == "https://cbu01.alicdn.com/a.jpg_50x50.jpg"
    assert link.problem is None


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (None, "no picture given"),
        ("", "no picture given"),
        (7, "not text"),
        ("file:///etc/passwd", "file:"),
    ],
)
def test_a_picture_that_cant_be_used_says_why(raw: object, problem: str) -> None:
    link = picture_link(raw, base=BASE, allow_loopback=True)
    assert link.url is None
    assert problem in (link.problem or "")


@pytest.mark.parametrize(
    ("host", "is_theirs"),
    [
        ("cbu01.alicdn.com", True),
        ("ae-pic-a1.aliexpress-media.com", True),
        ("evilalicdn.com", False),
        ("i.ebayimg.com", False),
        ("pictures.example", False),
    ],
)
def test_only_alibabas_hosts_have_a_referer(host: str, is_theirs: bool) -> None:
    assert is_on(f"https://{host}/a.jpg", *PICTURE_REFERERS) is is_theirs
