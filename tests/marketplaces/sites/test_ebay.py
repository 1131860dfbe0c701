from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
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
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.base import Page, Query
from monitor.marketplaces.sites.ebay.adapter import Ebay, Options
from monitor.marketplaces.sites.ebay.answers import (
    find_refusal,
    parse_answer,
    parse_limits,
    parse_token,
)
from monitor.marketplaces.testing import (
    NOW,
    RecordedMemory,
    RecordedPace,
    Reply,
    Request,
    Scripted,
    as_json,
    make_outside,
)
from monitor.model import Observation
from tests.contracts.dialects import load_answers
from tests.contracts.dialects.ebay import GRANT, LIMITS, refused

PICTURE = Image.new("RGB", (900, 700), "orange")
SEARCH = "/buy/browse/v1/item_summary/search_by_image"
GRANT_PATH = "/identity/v1/oauth2/token"
LIMITS_PATH = "/developer/analytics/v1_beta/rate_limit/"
BASE = "https://api.ebay.com"
ANSWERS = load_answers("ebay")
EMPTY = as_json({"total": 0})
TOO_MANY = refused(2001, "Too many requests.", 429, domain="ACCESS")


class Account:
    def __init__(
        self, server: Scripted, memory: RecordedMemory | None = None, **options: object
    ) -> None:
        given = {"base_url": server.url("/"), "client_id": "Acme-PRD-1", "client_secret": "PRD-9f"}
        self.pace = RecordedPace()
        self.memory = memory or RecordedMemory()
        outside = make_outside(self.pace, memory=self.memory)
        self.site = Ebay("ebay-us", Options.model_validate({**given, **options}), outside)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(EMPTY) as running:
        running.routes[GRANT_PATH] = as_json(GRANT)
        running.routes[LIMITS_PATH] = as_json(LIMITS)
        yield running


@pytest.fixture
def account(server: Scripted) -> Iterator[Account]:
    made = Account(server)
    yield made
    made.site.close()


def grants(*tokens: str) -> Callable[[Request], Reply]:
    left = list(tokens)
    return lambda _: as_json({**GRANT, "access_token": left.pop(0)})


def asked(server: Scripted, path: str) -> list[Request]:
    return [request for request in server.requests if urlsplit(request.path).path == path]


def read(name: str, **options: int) -> tuple[Observation, ...]:
    return parse_answer(ANSWERS[name], BASE, allow_loopback=False, **options).observations


def walk(site: Ebay) -> list[Page]:
    query = Query(PICTURE)
    pages = [site.search(query)]
    while cursor := pages[-1].next_cursor:
        pages.append(site.search(replace(query, cursor=cursor)))
    return pages


def test_the_search_goes_out_with_token_marketplace_and_picture(
    account: Account, server: Scripted
) -> None:
    assert account.site.search(Query(PICTURE)).requests == 2
    (request,) = asked(server, SEARCH)
    assert request.method == "POST"
    assert parse_qs(urlsplit(request.path).query) == {"limit": ["50"], "offset": ["0"]}
    assert request.headers["authorization"] == f"Bearer {GRANT['access_token']}"
    assert request.headers["x-ebay-c-marketplace-id"] == "EBAY_US"
    assert request.headers["content-type"] == "application/json"
    body = json.loads(request.body)
    assert list(body) == ["image"]
    image = Image.open(io.BytesIO(base64.b64decode(body["image"], validate=True)))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (900, 700))


def test_the_token_is_asked_for_with_the_keys_of_the_application(
    account: Account, server: Scripted
) -> None:
    account.site.search(Query(PICTURE))
    (request,) = asked(server, GRANT_PATH)
    assert request.method == "POST"
    pair = base64.b64decode(request.headers["authorization"].removeprefix("Basic "))
    assert pair == b"Acme-PRD-1:PRD-9f"
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["https://api.ebay.com/oauth/api_scope"],
    }


def test_a_token_serves_until_it_nears_its_end_and_outlives_a_restart(
    account: Account, server: Scripted
) -> None:
    account.site.search(Query(PICTURE))
    again = Account(server, account.memory)
    account.memory.now = NOW + 7200 - 301
    assert again.site.search(Query(PICTURE)).requests == 1
    account.memory.now = NOW + 7200 - 299
    assert again.site.search(Query(PICTURE)).requests == 2
    again.site.close()
    assert len(asked(server, GRANT_PATH)) == 2
    assert not any(str(GRANT["access_token"]) in text for text, _ in account.memory.kept.values())


def test_a_refused_token_is_renewed_once_and_the_search_repeated(
    account: Account, server: Scripted
) -> None:
    server.routes[GRANT_PATH] = grants("token-1", "token-2")
    server.replies = [refused(1001, "Invalid access token", 401), EMPTY]
    assert account.site.search(Query(PICTURE)).requests == 4
    sent = [request.headers["authorization"] for request in asked(server, SEARCH)]
    assert sent == ["Bearer token-1", "Bearer token-2"]


def test_a_second_refusal_is_an_error(account: Account, server: Scripted) -> None:
    server.replies = [refused(1001, "Invalid access token", 401)]
    with pytest.raises(AuthError, match=r"^ebay-us: "):
        account.site.search(Query(PICTURE))
    assert (len(asked(server, SEARCH)), len(asked(server, GRANT_PATH))) == (2, 2)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (as_json({"error": "invalid_client"}, 401), AuthError),
        (as_json({"error": "invalid_client", "error_description": "client"}, 400), AuthError),
        (as_json({"error": "invalid_scope"}, 400), PermissionDenied),
        (as_json({"error": "unauthorized_client"}, 400), PermissionDenied),
        (refused(1100, "Access denied", 403), PermissionDenied),
        (as_json({"error": "server_error"}, 400), Transient),
        (as_json({"error": "unsupported_grant_type"}, 400), ProtocolError),
        (as_json({"token_type": "Application Access Token"}), ProtocolError),
        (as_json({**GRANT, "access_token": "two words"}), ProtocolError),
        (as_json({**GRANT, "expires_in": "soon"}), ProtocolError),
        (Reply(200, {}, b"granted"), ProtocolError),
    ],
)
def test_what_is_wrong_with_the_token_is_said_without_a_search(
    account: Account, server: Scripted, reply: Reply, kind: type[Exception]
) -> None:
    server.routes[GRANT_PATH] = reply
    with pytest.raises(kind, match=r"^ebay-us: "):
        account.site.search(Query(PICTURE))
    assert asked(server, SEARCH) == []


def test_too_many_requests_means_the_day_where_nothing_is_left_of_it(
    account: Account, server: Scripted
) -> None:
    server.replies = [TOO_MANY]
    with pytest.raises(Throttled, match=r"^ebay-us: "):
        account.site.search(Query(PICTURE))
    server.routes[LIMITS_PATH] = as_json(json.loads(json.dumps(LIMITS).replace("4983", "0")))
    with pytest.raises(QuotaExhausted, match=r"used up until 2026-11-25T08:00:00"):
        account.site.search(Query(PICTURE))


def test_limits_that_are_not_told_leave_too_many_requests_as_they_are(
    account: Account, server: Scripted
) -> None:
    server.replies = [TOO_MANY]
    server.routes[LIMITS_PATH] = refused(1100, "Access denied", 403)
    with pytest.raises(Throttled):
        account.site.search(Query(PICTURE))
    assert parse_limits(b"{}") == (None, "an unknown time")


def test_a_second_that_is_used_up_is_not_the_day() -> None:
    rates = [
        {"remaining": 0, "reset": "2026-11-25T07:00:05.000Z", "timeWindow": 5},
        {"remaining": 4983, "reset": "2026-11-25T08:00:00.000Z", "timeWindow": 86400},
    ]
    api = {"resources": [{"name": "buy.browse", "rates": rates}]}
    body = json.dumps({"rateLimits": [api]}).encode()
    assert parse_limits(body) == (4983, "2026-11-25T08:00:00.000Z")


def test_pages_are_asked_for_in_whole_pages_one_marketplace_after_the_other(
    server: Scripted,
) -> None:
    account = Account(server, marketplace_ids=["EBAY_US", "EBAY_GB"], max_pages=2)
    us = [{"itemId": f"v1|{n}|0"} for n in range(1, 51)]
    gb = [{"itemId": f"v1|{n}|0"} for n in range(50, 60)]
    more = f"{BASE}{SEARCH}?limit=50&offset=50"
    server.replies = [
        as_json({"total": 900, "next": more, "itemSummaries": us}),
        as_json({"total": 900, "next": more, "itemSummaries": us[:3]}),
        as_json({"total": 10, "itemSummaries": gb}),
    ]
    first, second, third = walk(account.site)
    account.site.close()
    assert [page.total for page in (first, second, third)] == [900, 900, 10]
    assert (first.next_part, second.next_part, third.next_part) == ("1:1:50", "1:1:53", None)
    assert second.next_cursor == second.next_part
    assert [page.observations[0].rank for page in (first, second, third)] == [1, 51, 54]
    sent = [
        (request.headers["x-ebay-c-marketplace-id"], parse_qs(urlsplit(request.path).query))
        for request in asked(server, SEARCH)
    ]
    assert [(name, query["offset"], query["limit"]) for name, query in sent] == [
        ("EBAY_US", ["0"], ["50"]),
        ("EBAY_US", ["50"], ["50"]),
        ("EBAY_GB", ["0"], ["50"]),
    ]


def test_an_offset_that_is_refused_later_on_is_the_end(
    account: Account, server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    server.replies = [refused(12515, "must be zero or a multiple of the limit")]
    with pytest.raises(ProtocolError):
        account.site.search(Query(PICTURE))
    page = account.site.search(Query(PICTURE, cursor="0:2:50"))
    assert (page.observations, page.next_cursor, page.requests) == ((), None, 1)
    assert "taken for the end" in caplog.text


@pytest.mark.parametrize("cursor", ["1:1:0", "0:0:0", "0:11:0", "0:1"])
def test_a_cursor_of_other_options_starts_anew(
    account: Account, server: Scripted, cursor: str
) -> None:
    account.site.search(Query(PICTURE, cursor=cursor))
    assert parse_qs(urlsplit(asked(server, SEARCH)[0].path).query)["offset"] == ["0"]


def test_a_listing_is_read_whole() -> None:
    fixed, converted, auction = read("first_page.json")
    assert (fixed.site, fixed.item_id) == ("ebay", "123456789012")
    assert fixed.url == "https://www.ebay.com/itm/123456789012"
    assert fixed.seller is not None
    assert (fixed.seller.seller_id, fixed.seller.name) == ("mug_shop", "mug_shop")
    assert fixed.price is not None
    assert (fixed.price.minimum, fixed.price.currency) == (Decimal("9.90"), "USD")
    assert fixed.picture_url == "https://i.ebayimg.com/images/g/AAAAOSwAAAA/s-l1600.jpg"
    assert [item.rank for item in (fixed, converted, auction)] == [1, 2, 3]


def test_a_converted_price_is_the_sellers_own() -> None:
    _, converted, auction = read("first_page.json")
    assert converted.price is not None
    assert (converted.price.minimum, converted.price.currency) == (Decimal("9.99"), "EUR")
    assert (converted.item_id, converted.seller) == ("123456789013", None)
    assert auction.price is not None
    assert (auction.price.minimum, auction.price.currency) == (Decimal("1.00"), "GBP")
    assert auction.picture_problem == "no picture given"


def test_an_additional_picture_stands_in_and_warnings_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    (item,) = read("last_page.json", page=2, seen=50)
    assert (item.rank, item.item_id) == (51, "123456789015")
    assert item.picture_url == "https://i.ebayimg.com/images/g/DDDDOSwDDDD/s-l1600.jpg"
    assert item.price is not None
    assert (item.price.minimum, item.price.currency) == (Decimal("1250.00"), "JPY")
    assert "eBay warns: 12508 The sort parameter was ignored." in caplog.text


def test_a_first_page_that_warns_and_lists_nothing_is_no_empty_one() -> None:
    warning = {"errorId": 12509, "message": "The image could not be used."}
    body = json.dumps({"total": 0, "warnings": [warning]}).encode()
    with pytest.raises(ProtocolError, match="12509 The image could not be used"):
        parse_answer(body, BASE, allow_loopback=False)
    assert parse_answer(body, BASE, allow_loopback=False, page=2).observations == ()


def test_an_id_is_found_in_the_address_where_no_field_has_it() -> None:
    body = b'{"total": 1, "itemSummaries": [{"itemId": "x", "itemWebUrl": "%s"}]}'
    (item,) = parse_answer(
        body % b"https://www.ebay.de/itm/Tasse/77?hash=x", BASE, allow_loopback=False
    ).observations
    assert (item.item_id, item.url) == ("77", "https://www.ebay.com/itm/77")
    with pytest.raises(ProtocolError):
        parse_answer(body % b"https://www.ebay.de/str/shop", BASE, allow_loopback=False)


@pytest.mark.parametrize(
    ("body", "page"),
    [
        (b'{"total": 5}', 1),
        (b"{}", 2),
        (b'{"total": null}', 2),
        (b'{"total": 5, "itemSummaries": {}}', 2),
        (b'{"total": 0, "itemSummaries": "none"}', 1),
    ],
)
def test_a_missing_list_is_no_matches_only_where_the_total_says_so(body: bytes, page: int) -> None:
    with pytest.raises(ProtocolError):
        parse_answer(body, BASE, allow_loopback=False, page=page)


def test_a_missing_list_after_the_first_page_is_the_end() -> None:
    parsed = parse_answer(b'{"total": 70, "next": "x"}', BASE, allow_loopback=False, page=2)
    assert (parsed.observations, parsed.has_next) == ((), False)


def test_a_probe_asks_for_a_token_and_what_is_left(account: Account, server: Scripted) -> None:
    standing = account.site.probe()
    assert standing.calls_left == 4983
    assert asked(server, SEARCH) == []
    server.routes[LIMITS_PATH] = refused(1100, "Access denied", 403)
    assert account.site.probe().calls_left is None
    server.routes[GRANT_PATH] = as_json({"error": "invalid_client"}, 401)
    with pytest.raises(AuthError):
        account.site.probe()


def test_neither_logs_nor_errors_hold_a_secret(
    account: Account, server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = str(GRANT["access_token"])
    pair = base64.b64encode(b"Acme-PRD-1:PRD-9f").decode()
    said = f"token {token} of Acme-PRD-1:PRD-9f ({pair}) is not good"
    server.replies = [refused(1001, said, 400)]
    with pytest.raises(AuthError) as caught:
        account.site.search(Query(PICTURE))
    shown = str(caught.value) + caplog.text + repr(account.site._options.client_secret)
    for secret in (token, token.partition("t^")[2], "Acme-PRD-1", "PRD-9f", pair):
        assert secret not in shown


def test_a_wait_that_the_site_asks_for_holds_the_account(
    account: Account, server: Scripted
) -> None:
    server.replies = [Reply(429, {"Retry-After": "7"}), EMPTY]
    account.site.search(Query(PICTURE))
    assert account.pace.holds == [timedelta(seconds=7)]


@pytest.mark.parametrize("ids", [[], ["EBAY_US", "EBAY_US"], ["US"], ["EBAY_us"], "EBAY_US"])
def test_marketplace_ids_that_cant_be_are_refused(ids: object) -> None:
    given = {"client_id": "a", "client_secret": "b", "marketplace_ids": ids}
    with pytest.raises(ValidationError):
        Options.model_validate(given)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(json_values, json_values, json_values)
def test_any_json_is_listings_or_a_known_error(
    errors: object, items: object, granted: object
) -> None:
    value = {"errors": errors, "error": granted, "total": 1, "itemSummaries": items}
    body = json.dumps(value).encode()
    find_refusal(json.loads(body))
    for parse in (
        lambda: parse_answer(body, BASE, allow_loopback=False),
        lambda: parse_token(json.dumps({"access_token": granted}).encode(), NOW),
        lambda: parse_limits(json.dumps({"rateLimits": items}).encode()),
    ):
        try:
            parse()
        except ProtocolError:
            continue
