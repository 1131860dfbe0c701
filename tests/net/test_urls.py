from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import FetchRefused
from monitor.net.urls import absolute_url

BASE = "https://api.1688.com/router/imageSearch"
LOCAL = "http://127.0.0.1:8000/router/imageSearch"
url_like = st.builds(
    "".join,
    st.lists(
        st.sampled_from(
            [
                *(
                    "http://",
                    "https://",
                    "//",
                    "file://",
                    "/",
                    "..",
                    "?",
                    "#",
                    "%",
                    "%20",
                    ":",
                    "@",
                ),
                *("[::1]", "[", "127.0.0.1", "localhost", "detail.1688.com", "cbu01.alicdn.com"),
                *("i.ebayimg.com", "ae-pic-a1.aliexpress-media.com", "/kf/", "/s-l225"),
                *(
                    ".jpg",
                    "_400x400",
                    ".220x220",
                    "_.webp",
                    "offer/",
                    "123456",
                    ".html",
                    "offerId=",
                ),
                *("ä", "商", "ß", "。", "\ud800", "\x00", "\\", " ", "&", "=", "img", ":8080"),
            ]
        )
        | st.characters(),
        max_size=8,
    ),
)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("//cbu01.alicdn.com/a.jpg", "https://cbu01.alicdn.com/a.jpg"),
        ("http://cbu01.alicdn.com/a.jpg", "https://cbu01.alicdn.com/a.jpg"),
        ("http://cbu01.alicdn.com:80/a.jpg", "https://cbu01.alicdn.com/a.jpg"),
        ("HTTPS://CBU01.Alicdn.com./a.jpg#x", "https://cbu01.alicdn.com/a.jpg"),
        ("detail.1688.com/offer/1.html", "https://detail.1688.com/offer/1.html"),
        ("https://h.example/a b.jpg?q=1 2", "https://h.example/a%20b.jpg?q=1%202"),
        ("https://h.example/商.jpg", "https://h.example/%E5%95%86.jpg"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        ("https://[2606:4700::1]/a", "https://[2606:4700::1]/a"),
        ("/img/a.jpg", "https://api.1688.com/img/a.jpg"),
        ("img/a.jpg", "https://api.1688.com/router/img/a.jpg"),
        ("http://127.0.0.1:9/a.jpg", "https://127.0.0.1:9/a.jpg"),
    ],
)
def test_an_address_becomes_absolute_https(raw: str, expected: str) -> None:
    assert absolute_url(raw, base=BASE) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("http://127.0.0.1:9000/a.jpg", "http://127.0.0.1:9000/a.jpg"),
        ("http://localhost:9000/a.jpg", "http://localhost:9000/a.jpg"),
        ("http://[::1]:9000/a.jpg", "http://[::1]:9000/a.jpg"),
        ("/a.jpg", "http://127.0.0.1:8000/a.jpg"),
        ("//127.0.0.1:8000/a.jpg", "http://127.0.0.1:8000/a.jpg"),
        ("http://cbu01.alicdn.com/a.jpg", "https://cbu01.alicdn.com/a.jpg"),
        ("http://10.0.0.1/a.jpg", "https://10.0.0.1/a.jpg"),
    ],
)
def test_http_is_kept_on_loopback_only(raw: str, expected: str) -> None:
    assert absolute_url(raw, base=LOCAL, allow_loopback=True) == expected


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("file:///etc/passwd", "file:"),
        ("ftp://h.example/a", "ftp:"),
        ("data:image/png;base64,AAAA", "data:"),
        ("javascript:alert(1)", "javascript:"),
        ("https://user:secret@h.example/a", "user name"),
        ("https://h.example/a\x00b", "characters"),
        ("https://h.example\\@127.0.0.1/", "characters"),
        ("https://", "host name"),
        ("https://[::1", "can't be read"),
        ("https://h.example:99999/", "can't be read"),
        ("https://.example/", "host name"),
        ("https://h.example/" + "a" * 5000, "longer"),
        ("   ", "empty"),
    ],
)
def test_an_address_that_is_not_followed_is_refused_with_the_reason(raw: str, reason: str) -> None:
    with pytest.raises(FetchRefused, match=reason) as caught:
        absolute_url(raw, base=BASE)
    assert "secret" not in str(caught.value)


def test_a_relative_address_without_a_base_is_refused() -> None:
    with pytest.raises(FetchRefused, match="relative"):
        absolute_url("img/a.jpg")


@given(url_like, st.booleans())
def test_any_text_is_refused_or_becomes_an_address_that_stays(text: str, local: bool) -> None:
    try:
        url = absolute_url(text, base=LOCAL if local else BASE, allow_loopback=local)
    except FetchRefused:
        return
    assert absolute_url(url, allow_loopback=local) == url
    assert url.isascii()
    assert url.startswith("https://") or local
