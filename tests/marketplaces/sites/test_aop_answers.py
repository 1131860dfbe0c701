"""What the official gateway says, and any other JSON: read, or refused by name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import (
    AuthError,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    Throttled,
    Transient,
)
from monitor.marketplaces.kit.tokens import Token
from monitor.marketplaces.sites.alibaba_1688.gateway_answers import (
    ClockRefused,
    TokenRefused,
    find_refusal,
    judge,
    read_datetime,
    read_millis,
    read_token,
)
from monitor.marketplaces.sites.alibaba_1688.listings import (
    parse_crossborder,
    parse_image_id,
    parse_linkplus,
    parse_regions,
)
from monitor.marketplaces.sites.alibaba_1688.places import Place, read_place
from monitor.marketplaces.testing import NOW, check_observation
from monitor.net.wire import Answer
from tests.marketplaces.sites.aop_gateway import stored

URL = "https://gw.open.1688.com/openapi/param2/1/x/y/1"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"Request need user authenticated", TokenRefused),
        (401, b"", TokenRefused),
        (401, b'{"error_code":"gw.SignatureInvalid"}', AuthError),
        (400, b"timestamp error", ClockRefused),
        (400, b"Invalid signature", AuthError),
        (400, b"Exceed the app call time limit", Throttled),
        (400, b"Unsupport API", PermissionDenied),
        (200, b"invoke timeout", Transient),
        (200, b'{"success":false,"message":"busy: https://a.example/quota/acl.jpg"}', Transient),
    ],
)
def test_each_refusal_is_of_its_kind(
    status: int, body: bytes, kind: type[MarketplaceError]
) -> None:
    assert type(judge(Answer(URL, status, {}, body))) is kind


@pytest.mark.parametrize(
    "value",
    [
        "20261010164552223+0800",
        1_700_000_000_000,
        {"success": True, "result": {}},
        {"result": {"success": "true", "code": "200", "message": "fine"}},
        {"result": {"success": True, "errorCode": None}, "error_code": ""},
        {"result": {"total": 0}, "errorCode": "0", "message": "ok"},
    ],
)
def test_what_is_no_refusal_is_none(value: object) -> None:
    assert find_refusal(json.loads(json.dumps(value))) is None


@pytest.mark.parametrize("body", [b"timeout " * 100, b'{"result": "timeout', b"", b"fine"])
def test_what_is_no_plain_refusal_is_left_to_the_reader(body: bytes) -> None:
    assert judge(Answer(URL, 200, {}, body)) is None


@pytest.mark.parametrize("flag", [False, "false", None, 0, "FALSE", "no", {}])
def test_a_flag_that_is_not_true_is_a_refusal_at_either_level(flag: object) -> None:
    for value in ({"success": flag, "result": {}}, {"result": {"success": flag, "result": {}}}):
        assert find_refusal(json.loads(json.dumps(value))) is not None


@pytest.mark.parametrize(
    ("info", "regions"),
    [
        ({"yoloCropRegion": "10,400,20,500;0,800,0,800"}, ((10, 400, 20, 500), (0, 800, 0, 800))),
        ({"currentRegion": "1,2,3,4", "yoloCropRegion": "1,2,3,4;1,2,3,5"}, ((1, 2, 3, 5),)),
        ({"yoloCropRegion": "1,2,3,4;1,2,3,4"}, ((1, 2, 3, 4),)),
        ({"yoloCropRegion": "9,1,2,3;1,2,3;a,b,c,d;-1,2,3,4;;1,2,3,999999"}, ()),
        ({"yoloCropRegion": None}, ()),
        ([], ()),
        (None, ()),
    ],
)
def test_regions_are_read_in_the_gateways_order(info: object, regions: object) -> None:
    assert parse_regions(json.loads(json.dumps(info))) == regions


def test_a_picture_of_many_objects_has_eight_regions_at_most() -> None:
    text = ";".join(f"{n},{n + 5},0,9" for n in range(20))
    assert len(parse_regions({"yoloCropRegion": text})) == 8


regions_of_place = st.lists(
    st.tuples(*[st.integers(0, 9999)] * 2).map(lambda xy: (xy[0], xy[0] + 5, xy[1], xy[1] + 5)),
    max_size=8,
).map(tuple)


@given(st.integers(1, 2), st.integers(1, 200), st.integers(0, 10**6), regions_of_place)
def test_a_place_survives_its_cursor(
    route: int, page: int, seen: int, regions: tuple[tuple[int, int, int, int], ...]
) -> None:
    for in_region in {False, bool(regions)}:
        place = Place(route, page, seen, regions, in_region=in_region)
        assert read_place(place.write()) == place


@given(st.text() | st.from_regex(r"[0-9]{1,3}(:[0-9]{1,5}){3,12}", fullmatch=True))
def test_any_cursor_is_a_place_or_none(cursor: str) -> None:
    place = read_place(cursor)
    assert place is None or (place.page >= 1 and (place.region is not None) == place.in_region)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("success", "code", "message", "result", "error_code", "errorCode", "error")
sayings = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, json_values))
OFFER = ("offerId", "subject", "priceInfo", "oldPrice", "imageUrl", "traceInfo", "detailUrl")
offer_values = st.fixed_dictionaries(
    {}, optional=dict.fromkeys((*OFFER, "companyName"), json_values)
)


@given(sayings | json_values | st.fixed_dictionaries({"result": sayings}), st.integers(200, 599))
def test_no_answer_makes_the_gateways_reader_crash(value: object, status: int) -> None:
    body = json.dumps(value).encode()
    judge(Answer(URL, status, {}, body))
    for read in (parse_image_id, read_millis, read_datetime):
        try:
            read(body)
        except ProtocolError:
            continue


@given(st.binary(max_size=300), st.integers(200, 599))
def test_any_bytes_are_judged(body: bytes, status: int) -> None:
    judge(Answer(URL, status, {}, body))
    for read in (parse_image_id, lambda it: read_token(it, NOW, Token("a"))):
        try:
            read(body)
        except ProtocolError:
            continue


@given(st.lists(offer_values | json_values, max_size=4), json_values, json_values)
def test_any_json_is_listings_or_an_unexpected_answer(
    found: list[object], total: object, info: object
) -> None:
    inner = {"data": found, "result": found, "totalRecords": total, "picRegionInfo": info}
    body = json.dumps({"result": {"result": inner, "total": total}}).encode()
    for parse in (parse_crossborder, parse_linkplus):
        try:
            page = parse(body, URL, allow_loopback=False, offset=60)
        except ProtocolError:
            continue
        assert page.got >= len(page.observations)
        for number, item in enumerate(page.observations):
            assert item.rank == 61 + number
            check_observation(item)


def test_the_stored_uploads_hold_an_id_nothing_or_no_word() -> None:
    forms = {
        name: parse_image_id(stored(f"uploads/{name}.json").body)
        for name in ("text", "object", "number", "zero", "empty", "missing")
    }
    exact = "1164408192156408878"
    assert forms == {
        "text": exact,
        "object": exact,
        "number": exact,
        "zero": "",
        "empty": "",
        "missing": None,
    }
