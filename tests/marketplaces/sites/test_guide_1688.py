from __future__ import annotations

import io
import json
import logging
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from monitor.errors import (
    AuthError,
    BadImage,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.base import Query
from monitor.marketplaces.kit.answers import PictureTooLarge
from monitor.marketplaces.kit.signing import sign_guide
from monitor.marketplaces.sites.guide_1688 import Guide1688, Options, find_refusal, parse_answer
from monitor.marketplaces.testing import (
    NOW,
    PATIENT,
    RecordedPace,
    RecordedSleep,
    Reply,
    Request,
    Scripted,
    as_json,
    make_outside,
)
from monitor.net.wire import ExchangeLimits

BASE = "https://api.1688.com/router/imageSearch"
PICTURE = Image.new("RGB", (900, 900), "orange")
# the guide's own sample, its shortened addresses completed
SAMPLE = {
    "success": True,
    "request_id": "5b0a6b7e8c7a3",
    "data": {
        "total": 238,
        "items": [
            {
                "itemId": "624873245698",
                "title": "夏季男士短袖T恤",
                "price": 29.90,
                "imageUrl": "https://cbu01.alicdn.com/img/ibank/O1CN01x_!!221-0-cib.jpg_400x400.jpg",
                "detailUrl": "detail.1688.com/offer/624873245698.html",
                "similarity": 0.92,
            }
        ],
    },
}
EMPTY = {"success": True, "data": {"total": 0, "items": []}}


def answer_of(*items: object, **data: object) -> bytes:
    return json.dumps({"success": True, "data": {"items": items, **data}}).encode()


class Account:
    def __init__(self, server: Scripted, **options: object) -> None:
        self.pace = RecordedPace()
        self.sleep = RecordedSleep()
        given = {"base_url": server.url("/router/imageSearch"), "app_key": "12345678"}
        model = Options.model_validate({**given, "app_secret": "testsecret", **options})
        limits = ExchangeLimits(PATIENT.connect, PATIENT.read, PATIENT.total, 10_000_000)
        outside = make_outside(self.pace, self.sleep, limits=limits)
        self.site = Guide1688("alibaba", model, outside)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(as_json(SAMPLE)) as running:
        yield running


@pytest.fixture
def account(server: Scripted) -> Iterator[Account]:
    made = Account(server)
    yield made
    made.site.close()


def uploaded(request: Request) -> tuple[Image.Image, int]:
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + request.body).get_payload()
    assert isinstance(parts, list)
    assert len(parts) == 1
    part = parts[0]
    assert isinstance(part, Message)
    assert part.get_param("name", header="Content-Disposition") == "image"
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return Image.open(io.BytesIO(data)), len(data)


def test_the_guides_sample_is_read_whole(account: Account) -> None:
    page = account.site.search(Query(PICTURE))
    assert (page.total, page.next_cursor, page.requests) == (238, None, 1)
    (item,) = page.observations
    assert (item.site, item.item_id) == ("1688", "624873245698")
    assert item.url == "https://detail.1688.com/offer/624873245698.html"
    assert item.title == "夏季男士短袖T恤"
    assert item.price is not None
    assert (item.price.minimum, item.price.currency) == (Decimal("29.90"), "CNY")
    assert item.picture_url == "https://cbu01.alicdn.com/img/ibank/O1CN01x_!!221-0-cib.jpg"
    assert item.picture_fallback_url == f"{item.picture_url}_400x400.jpg"
    assert (item.rank, item.provider_score, item.seller) == (1, 0.92, None)


def test_the_request_is_the_guides_with_a_correct_boundary(
    account: Account, server: Scripted
) -> None:
    account.site.search(Query(PICTURE))
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/router/imageSearch?search_type=2")
    assert request.headers["appkey"] == "12345678"
    assert request.headers["timestamp"] == "1700000000000"
    assert request.headers["sign"] == "90D5DCEAA172E2F6AD22C1FBDD78A148"
    image, _ = uploaded(request)
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (900, 900))


def test_each_try_is_signed_with_its_own_time(server: Scripted) -> None:
    server.replies = [Reply(500), as_json(EMPTY)]
    times = iter([NOW, NOW + 0.5, NOW + 1, NOW + 2])
    outside = replace(make_outside(), now=lambda: next(times))
    options = Options.model_validate(
        {"base_url": server.url(), "app_key": "k", "app_secret": "geheim"}
    )
    site = Guide1688("alibaba", options, outside)
    assert site.search(Query(PICTURE)).requests == 2
    site.close()
    stamps = [int(request.headers["timestamp"]) for request in server.requests]
    assert stamps[0] < stamps[1]
    for request, stamp in zip(server.requests, stamps, strict=True):
        assert request.headers["sign"] == sign_guide("geheim", "k", stamp)


def test_sort_type_is_sent_only_when_asked_for(server: Scripted) -> None:
    account = Account(server, sort_type="price_asc", search_type=1)
    account.site.search(Query(PICTURE))
    account.site.close()
    assert server.requests[0].path == "/router/imageSearch?search_type=1&sort_type=price_asc"


def test_both_search_types_are_two_pages_ranked_through(server: Scripted) -> None:
    account = Account(server, search_type="both")
    first = account.site.search(Query(PICTURE))
    second = account.site.search(Query(PICTURE, first.next_cursor))
    account.site.close()
    assert second.next_cursor is None
    assert [page.observations[0].rank for page in (first, second)] == [1, 2]
    assert [request.path[-1] for request in server.requests] == ["2", "1"]


@pytest.mark.parametrize("cursor", ["", "x", "1:5", "2", "9:9999999999999"])
def test_a_cursor_of_other_options_starts_anew(account: Account, cursor: str) -> None:
    assert account.site.search(Query(PICTURE, cursor)).observations[0].rank == 1


def test_a_picture_refused_as_too_large_is_sent_smaller(account: Account, server: Scripted) -> None:
    noise = Image.frombytes("RGB", (900, 900), random.Random(1).randbytes(900 * 900 * 3))
    server.replies = [Reply(413), Reply(413), as_json(SAMPLE)]
    page = account.site.search(Query(noise))
    assert (page.requests, account.pace.waits) == (3, 3)
    sizes = [uploaded(request)[1] for request in server.requests]
    assert sizes[1] <= sizes[0] / 2
    assert sizes[2] < sizes[1]
    assert account.sleep.calls == []


def test_a_picture_refused_at_every_size_is_a_bad_image(account: Account, server: Scripted) -> None:
    server.replies = [Reply(413)]
    with pytest.raises(BadImage, match="too large even at"):
        account.site.search(Query(PICTURE))
    assert len(server.requests) == 1


def test_a_401_tells_the_clocks_skew(account: Account, server: Scripted) -> None:
    server.replies = [as_json({"success": False}, 401, Date="Tue, 14 Nov 2023 22:03:20 GMT")]
    with pytest.raises(AuthError, match=r"alibaba: .*secret.* 600 s ahead"):
        account.site.search(Query(PICTURE))


def test_neither_logs_nor_errors_hold_a_secret(
    account: Account, server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sign = "90D5DCEAA172E2F6AD22C1FBDD78A148"
    said = f"sign {sign} of key 12345678 is not that of testsecret"
    server.replies = [as_json({"success": False, "message": said})]
    with pytest.raises(AuthError) as caught:
        account.site.search(Query(PICTURE))
    for secret in (sign, "12345678", "testsecret"):
        assert secret not in str(caught.value) + caplog.text
    assert "testsecret" not in repr(account.site._options)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"code": "gw.NoUsageLeftError", "message": "SLA bill has no usage left"}, QuotaExhausted),
        ({"message": "今日额度已用完"}, QuotaExhausted),
        ({"code": "gw.QosAppFrequencyLimit"}, Throttled),
        ({"message": "App call exceeds limited frequency"}, Throttled),
        ({"message": "Exceed the app call time limit"}, Throttled),
        ({"message": "请求过于频繁"}, Throttled),
        ({"code": 429}, Throttled),
        ({"code": "gw.SignatureInvalid", "message": "Invalid signature"}, AuthError),
        ({"message": "签名错误"}, AuthError),
        ({"code": "gw.AppKeyMissing"}, AuthError),
        ({"code": "gw.APIACLDecline", "message": "AppKey is not allowed(acl)"}, PermissionDenied),
        ({"code": "gw.APIUnsupported"}, PermissionDenied),
        ({"message": "没有权限"}, PermissionDenied),
        ({"code": "SYSTEM_ERROR", "message": "handle image error with url"}, BadImage),
        ({"message": "图片格式不支持"}, BadImage),
        ({"message": "image too large"}, PictureTooLarge),
        ({"message": "图片过大"}, PictureTooLarge),
        ({"message": "system busy"}, Transient),
        ({"message": "invoke timeout"}, Transient),
        ({"message": "designed to fail"}, ProtocolError),
        ({}, ProtocolError),
    ],
)
def test_a_refusal_inside_http_200_has_its_error(
    said: dict[str, object], kind: type[MarketplaceError]
) -> None:
    for flag in (False, "false", 0, None):
        value = json.loads(json.dumps({"success": flag, **said}))
        assert type(find_refusal(value)) is kind


@pytest.mark.parametrize(
    "value",
    [
        {"error_response": {"code": 7, "msg": "App Call Limited"}},
        {"error_code": "gw.QosAppFrequencyLimit", "error_message": "too fast"},
    ],
)
def test_a_refusal_without_a_flag_is_seen(value: dict[str, object]) -> None:
    assert type(find_refusal(json.loads(json.dumps(value)))) is Throttled


def test_a_ban_tells_how_long_it_lasts() -> None:
    error = find_refusal({"success": False, "sub_msg": "This ban will last for 7 more seconds"})
    assert isinstance(error, Throttled)
    assert error.retry_after == timedelta(seconds=8)


@pytest.mark.parametrize("flag", [True, "true", 1])
def test_success_may_be_written_as_text(flag: object) -> None:
    assert find_refusal(json.loads(json.dumps({**EMPTY, "success": flag, "code": "S000"}))) is None


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b"7", b"{}", b'{"success": true}', b'{"success": true, "data": []}'),
        *(b'{"success": true, "data": {"total": 3}}', b'{"data": {"items": null}}', b"\xff\x00"),
        *(b'{"data": {"items": {}}}', b'{"data": {"items": [1, null, {}]}}', b"[" * 100_000),
        b'{"data": {"items": [{"title": "no id", "detailUrl": "https://dj.1688.com/ci_bb?a=1"}]}}',
    ],
)
def test_an_unknown_shape_is_never_taken_for_no_matches(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_answer(body, BASE, allow_loopback=False)


def test_one_listing_without_an_id_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    body = answer_of({"title": "no id"}, {"itemId": 7}, 5)
    parsed = parse_answer(body, BASE, allow_loopback=False)
    assert [(item.item_id, item.rank) for item in parsed.observations] == [("7", 1)]
    assert "2 of 3 listings" in caplog.text


def test_an_id_missing_in_its_field_is_taken_from_the_address() -> None:
    body = answer_of({"itemId": None, "detailUrl": "//m.1688.com/offer/77.html?spm=1"})
    (item,) = parse_answer(body, BASE, allow_loopback=False).observations
    assert (item.item_id, item.url) == ("77", "https://detail.1688.com/offer/77.html")


def test_an_item_of_odd_values_is_kept() -> None:
    body = (
        b'{"success": true, "data": {"total": "700+", "items": [{"itemId": 9223372036854775807,'
        b'"price": NaN, "similarity": 1e999, "imageUrl": 5, "title": ["x"], "detailUrl": {}}]}}'
    )
    parsed = parse_answer(body, BASE, allow_loopback=False)
    (item,) = parsed.observations
    assert parsed.total == 700
    assert item.item_id == "9223372036854775807"
    assert (item.price, item.provider_score, item.title, item.picture_url) == (None, None, "", None)
    assert item.picture_problem == "the picture's address is not text"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("itemId", "title", "price", "imageUrl", "detailUrl", "similarity")
items = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, json_values))


@given(st.lists(items | json_values, max_size=4), json_values, json_values)
def test_any_json_is_listings_or_an_unexpected_answer(
    found: list[object], total: object, said: object
) -> None:
    value = {"success": said, "data": {"total": total, "items": found}, "message": said}
    find_refusal(json.loads(json.dumps(value)))
    try:
        parsed = parse_answer(json.dumps(value).encode(), BASE, allow_loopback=False, offset=60)
    except ProtocolError:
        return
    assert len({item.item_id for item in parsed.observations}) == len(parsed.observations)
    for number, item in enumerate(parsed.observations):
        assert item.rank == 61 + number
        json.dumps([item.title, item.url, item.item_id]).encode()


@given(st.binary(max_size=200))
def test_any_bytes_are_an_unexpected_answer(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_answer(body, BASE, allow_loopback=True)
