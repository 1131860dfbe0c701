from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from monitor.errors import (
    AuthError,
    BadImage,
    MarketplaceError,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.base import Query
from monitor.marketplaces.sites.tmapi_1688 import (
    CONVERTED_LIFETIME,
    Options,
    Tmapi1688,
    find_refusal,
    parse_answer,
    parse_converted,
)
from monitor.marketplaces.testing import (
    RecordedMemory,
    RecordedPace,
    Request,
    Scripted,
    as_json,
    make_outside,
)
from monitor.model import Observation
from tests.contracts.dialects import load_answers
from tests.contracts.dialects.tmapi_1688 import (
    CONVERT,
    CONVERTED,
    DIALECT,
    answer,
    converted,
    refused,
)

SEARCH = "/1688/search/image"
BASE = "https://api.tmapi.top"
KEY = "k3y-of-mine"
QUERY = Query(Image.new("RGB", (90, 70), "orange"), sha256="ab" * 32, path="mugs/Fuchs 1.jpg")
ANSWERS = load_answers("tmapi_1688")
REFUSED_PICTURE = refused(422, "img_url can't be identified")


FOUND = as_json(answer([DIALECT.item("11")]))


class Account:
    def __init__(self, server: Scripted, **options: object) -> None:
        given: dict[str, object] = {
            "base_url": server.url("/"),
            "api_key": KEY,
            "picture_url": "https://brand.example/watch/{path}?v={sha256}",
        }
        self.memory = RecordedMemory()
        self.pace = RecordedPace()
        outside = make_outside(self.pace, memory=self.memory)
        self.site = Tmapi1688("china", Options.model_validate({**given, **options}), outside)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(as_json(answer([]))) as running:
        running.routes[CONVERT] = converted()
        yield running


@pytest.fixture
def account(server: Scripted) -> Iterator[Account]:
    made = Account(server)
    yield made
    made.site.close()


def asked(server: Scripted, path: str) -> list[Request]:
    return [request for request in server.requests if urlsplit(request.path).path == path]


def params(request: Request) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.path).query)


def read(name: str, seen: int = 0) -> tuple[Observation, ...]:
    return parse_answer(ANSWERS[name], BASE, allow_loopback=False, seen=seen).observations


def test_the_pictures_address_is_converted_and_searched_for(
    account: Account, server: Scripted
) -> None:
    assert account.site.search(QUERY).requests == account.pace.waits == 2
    (conversion,) = asked(server, CONVERT)
    assert (conversion.method, conversion.headers["apikey"]) == ("POST", KEY)
    assert json.loads(conversion.body) == {
        "url": f"https://brand.example/watch/mugs/Fuchs%201.jpg?v={'ab' * 32}",
        "search_api_endpoint": "/search/image",
    }
    (search,) = asked(server, SEARCH)
    assert (search.method, search.headers["apikey"]) == ("GET", KEY)
    assert params(search) == {
        "img_url": [CONVERTED],
        "page": ["1"],
        "page_size": ["20"],
        "sort": ["default"],
    }


def test_a_picture_on_alibabas_hosts_needs_no_conversion(server: Scripted) -> None:
    account = Account(server, picture_url="https://cbu01.alicdn.com/img/{path}")
    assert account.site.search(QUERY).requests == 1
    account.site.close()
    assert asked(server, CONVERT) == []
    assert params(asked(server, SEARCH)[0])["img_url"] == [
        "https://cbu01.alicdn.com/img/mugs/Fuchs%201.jpg"
    ]


def test_a_host_that_only_ends_alike_is_not_alibabas(server: Scripted) -> None:
    account = Account(server, picture_url="https://evilalicdn.com/{path}")
    account.site.search(QUERY)
    account.site.close()
    assert len(asked(server, CONVERT)) == 1


def test_a_conversion_serves_all_pages_and_lasts_some_hours(
    account: Account, server: Scripted
) -> None:
    server.replies = [FOUND]
    server.replies = [FOUND]
    account.site.search(QUERY)
    assert account.site.search(QUERY).requests == 1
    account.memory.now += CONVERTED_LIFETIME / timedelta(seconds=1) + 1
    assert account.site.search(QUERY).requests == 2


def test_a_kept_conversion_that_is_refused_is_made_anew(account: Account, server: Scripted) -> None:
    account.site.search(QUERY)
    server.routes[CONVERT] = converted("/search/imgextra/second.jpg")
    server.replies = [REFUSED_PICTURE, FOUND]
    assert account.site.search(QUERY).requests == 3
    assert params(asked(server, SEARCH)[-1])["img_url"] == ["/search/imgextra/second.jpg"]
    server.replies = [REFUSED_PICTURE]
    with pytest.raises(BadImage, match=r"^china: "):
        account.site.search(QUERY)


def test_an_empty_page_for_a_kept_conversion_is_not_believed(
    account: Account, server: Scripted
) -> None:
    account.site.search(QUERY)
    server.replies = [as_json(answer([])), FOUND]
    page = account.site.search(QUERY)
    assert (len(page.observations), page.requests) == (1, 3)


def test_a_kept_conversion_with_which_the_site_fails_is_used_no_more(
    account: Account, server: Scripted
) -> None:
    server.replies = [FOUND, *[refused(417, "Failed to retrieve data")] * 4, FOUND]
    account.site.search(QUERY)
    with pytest.raises(Transient):
        account.site.search(QUERY)
    account.site.search(QUERY)
    assert len(asked(server, CONVERT)) == 2


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refused(439, "Insufficient API balance"), QuotaExhausted),
        (refused(422, "url is not an image"), BadImage),
        (as_json({"code": 4011, "message": "no API key found in request"}, 401), AuthError),
        (converted(""), ProtocolError),
        (converted("two words"), ProtocolError),
        (converted(7), ProtocolError),
        (as_json({"code": 200, "data": None}), ProtocolError),
        (as_json({"data": {"image_url": "/a.jpg"}}), ProtocolError),
    ],
)
def test_a_conversion_that_failed_ends_the_search(
    account: Account, server: Scripted, reply: object, kind: type[MarketplaceError]
) -> None:
    server.routes[CONVERT] = reply  # type: ignore[assignment]
    with pytest.raises(kind, match=r"^china: "):
        account.site.search(QUERY)
    assert asked(server, SEARCH) == []


def test_a_picture_without_an_address_is_said_to_have_none(
    account: Account, server: Scripted
) -> None:
    with pytest.raises(BadImage, match=r"^china: .*no watch's folder"):
        account.site.search(Query(QUERY.picture))
    assert server.requests == []


def test_pages_follow_what_the_site_says(server: Scripted) -> None:
    account = Account(server, max_pages=3)
    item = {"item_id": "7"}
    server.replies = [
        as_json(answer([item], has_next_page=True, total_count=1)),
        as_json(answer([item], has_next_page="false", total_count=900)),
        as_json(answer([], has_next_page=True, total_count=900)),
        as_json(answer([item], total_count=41)),
        as_json(answer([item], total_count=41)),
    ]
    cursors = [None, "2:20", "2:20", "2:20", "3:40"]
    pages = [
        account.site.search(Query(QUERY.picture, cursor, QUERY.sha256, QUERY.path))
        for cursor in cursors
    ]
    account.site.close()
    assert [page.next_cursor for page in pages] == ["2:1", None, None, "3:21", None]
    assert [params(request)["page"] for request in asked(server, SEARCH)] == [
        *(["1"], ["2"], ["2"], ["2"], ["3"]),
    ]
    assert pages[3].observations[0].rank == 21


@pytest.mark.parametrize("cursor", ["11:0", "0:0", "2"])
def test_a_cursor_of_other_options_starts_anew(
    account: Account, server: Scripted, cursor: str
) -> None:
    account.site.search(Query(QUERY.picture, cursor, path=QUERY.path))
    assert params(asked(server, SEARCH)[0])["page"] == ["1"]


def test_a_listing_is_read_whole() -> None:
    first, second = read("first_page.json", seen=20)
    assert (first.site, first.item_id, first.rank) == ("1688", "700000000001", 21)
    assert first.url == "https://detail.1688.com/offer/700000000001.html"
    assert first.title == "陶瓷马克杯 狐狸图案"
    assert first.price is not None
    assert (first.price.minimum, first.price.currency) == (Decimal("27.00"), "CNY")
    assert first.seller is not None
    assert first.seller.seller_id == "b2b-2210000000001abcde"
    assert first.seller.name == "某某供应链管理有限公司"
    assert first.sales == 5160
    assert first.picture_url is not None
    assert first.picture_url.endswith("/O1CN01test_!!2210000000001-0-cib.jpg")
    assert first.picture_fallback_url == f"{first.picture_url}_400x400.jpg"
    assert second.price is not None
    assert (second.price.minimum, second.price.maximum) == (Decimal("12.50"), Decimal("30.00"))
    assert second.sales == 12_000
    assert second.seller is not None
    assert (second.seller.seller_id, second.seller.name) == ("另一家", "另一家")
    assert second.url == "https://detail.1688.com/offer/700000000002.html"


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        (417, "Failed to retrieve data", Transient),
        (417, "failed to load the image", BadImage),
        (422, "Parameter error", ProtocolError),
        (422, "invalid required parameter img_url", BadImage),
        ("439", "", QuotaExhausted),
        (499, "timeout", Transient),
        (500, "", Transient),
        (503, "API request concurrency limit exceeded", Throttled),
        (4011, "", AuthError),
        (0, "ok", ProtocolError),
        (999, "", ProtocolError),
        ({}, "", ProtocolError),
    ],
)
def test_a_code_inside_http_200_has_its_error(
    code: object, words: str, kind: type[MarketplaceError]
) -> None:
    value = json.loads(json.dumps({"code": code, "msg": words}))
    assert type(find_refusal(value)) is kind


def test_neither_logs_nor_errors_hold_the_key(
    account: Account, server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.replies = [refused(999, f"nothing is known of {KEY}")]
    with pytest.raises(ProtocolError) as caught:
        account.site.search(QUERY)
    assert KEY not in str(caught.value) + caplog.text + repr(account.site._options.api_key)


@pytest.mark.parametrize(
    "wrong",
    [{"api_key": "two words"}, {"picture_url": "https://brand.example/a.jpg"}, {"max_pages": 0}],
)
def test_options_that_cant_be_are_refused(wrong: dict[str, object]) -> None:
    good = {"api_key": KEY, "picture_url": "https://brand.example/{path}"}
    Options.model_validate(good)
    with pytest.raises(ValidationError):
        Options.model_validate({**good, **wrong})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(json_values, json_values, json_values, json_values)
def test_any_json_is_listings_or_an_unknown_answer(
    code: object, items: object, shop: object, sale: object
) -> None:
    find_refusal(json.loads(json.dumps({"code": code, "msg": shop})))
    item = {"item_id": 7, "shop_info": shop, "sale_info": sale, "price_info": shop}
    for data in (items, {"items": items}, {"items": [item], "has_next_page": code}):
        body = json.dumps({"code": 200, "data": data}).encode()
        for parse in (lambda b: parse_answer(b, BASE, allow_loopback=False), parse_converted):
            try:
                parse(body)
            except ProtocolError:
                continue
