from __future__ import annotations

import base64
import contextlib
import io
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from monitor.errors import AuthError, BadImage, ProtocolError, Throttled
from monitor.marketplaces.base import Query
from monitor.marketplaces.plug_in import Parsed
from monitor.marketplaces.sites.iop.taobao_global import (
    Options,
    TaobaoGlobal,
    judge,
    parse_answer,
    parse_upload,
)
from monitor.marketplaces.testing import (
    PATIENT,
    RecordedMemory,
    RecordedPace,
    Scripted,
    as_json,
    make_outside,
)
from monitor.net.wire import Answer
from tests.contracts.dialects import load_answers
from tests.contracts.dialects.aliexpress import gateway
from tests.contracts.dialects.taobao_global import DIALECT, UPLOADED, URL, prepare, refused
from tests.marketplaces.sites.test_iop import (
    FIRST,
    NEXT_REFRESH,
    REFRESH,
    SECOND,
    SECRET,
    fields_of,
    json_values,
    refreshed,
    signature,
)

ANSWERS = load_answers("taobao_global")
PICTURE = Image.new("RGB", (900, 900), "orange")
NOISE = Image.frombytes("RGB", (900, 900), random.Random(1).randbytes(900 * 900 * 3))
GOOD = as_json(DIALECT.answer([DIALECT.item("11")]))
NOTHING = as_json(DIALECT.answer([]))
KNOWN = Query(PICTURE, sha256="a" * 64, path="mugs/fox 1.jpg")
UPLOAD, SEARCH = "/rest/upload/image", "/rest/traffic/item/imgsearch"


class Account:
    def __init__(self, server: Scripted, memory: RecordedMemory | None = None, **options: object):
        self.pace = RecordedPace()
        self.memory = memory or RecordedMemory()
        given = {
            "base_url": server.url("/rest"),
            "app_key": "12345678",
            "app_secret": SECRET,
            "access_token": FIRST,
            **options,
        }
        limits = replace(PATIENT, max_bytes=2_000_000)
        outside = make_outside(self.pace, memory=self.memory, limits=limits)
        self.site = TaobaoGlobal("acme", Options.model_validate(given), outside)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(GOOD) as running:
        prepare(running)
        yield running


@pytest.fixture
def account(server: Scripted) -> Iterator[Account]:
    made = Account(server)
    yield made
    made.site.close()


def paths(server: Scripted) -> list[str]:
    return [request.path for request in server.requests]


def stored(name: str) -> Parsed:
    return parse_answer(ANSWERS[name], URL, allow_loopback=False)


def test_a_picture_is_uploaded_in_the_form_and_searched_by_its_id(
    account: Account, server: Scripted
) -> None:
    page = account.site.search(Query(PICTURE))
    upload, search = server.requests
    assert (upload.method, upload.path, search.method, search.path) == (
        *("POST", UPLOAD),
        *("POST", SEARCH),
    )
    fields = fields_of(upload)
    image = Image.open(io.BytesIO(base64.b64decode(fields["image_base64"], validate=True)))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (900, 900))
    assert fields["sign"] == signature(fields, "/upload/image")
    asked = fields_of(search)
    assert asked["sign"] == signature(asked, "/traffic/item/imgsearch")
    assert (asked["image_id"], asked["language"], asked["access_token"]) == ("image-1", "en", FIRST)
    assert {"session", "method", "pic_url"}.isdisjoint(asked)
    assert (page.requests, account.pace.waits, page.next_cursor) == (2, 2, None)


def test_an_uploaded_picture_is_searched_for_again_without_an_upload(
    account: Account, server: Scripted
) -> None:
    account.site.search(KNOWN)
    assert account.site.search(KNOWN).requests == 1
    account.memory.now += 7 * 3600
    account.site.search(KNOWN)
    assert paths(server) == [UPLOAD, SEARCH, SEARCH, UPLOAD, SEARCH]


@pytest.mark.parametrize("words", ["image id does not exist", "nobody knows why"])
def test_an_id_that_has_run_out_is_forgotten_and_the_picture_uploaded_anew(
    account: Account, server: Scripted, words: str
) -> None:
    account.site.search(KNOWN)
    server.replies = [refused(words), GOOD]
    assert account.site.search(KNOWN).requests == 3
    assert paths(server)[2:] == [SEARCH, UPLOAD, SEARCH]


def test_an_empty_list_for_a_kept_id_is_not_believed(account: Account, server: Scripted) -> None:
    account.site.search(KNOWN)
    server.replies = [NOTHING, GOOD]
    assert account.site.search(KNOWN).observations
    assert paths(server)[2:] == [SEARCH, UPLOAD, SEARCH]


def test_an_empty_list_for_a_fresh_id_is_an_empty_page(account: Account, server: Scripted) -> None:
    server.replies = [NOTHING]
    assert account.site.search(KNOWN).observations == ()
    assert paths(server) == [UPLOAD, SEARCH]


def test_a_picture_refused_right_after_its_upload_is_a_bad_image(
    account: Account, server: Scripted
) -> None:
    server.replies = [refused("image decode failed")]
    with pytest.raises(BadImage, match=r"^acme: "):
        account.site.search(KNOWN)
    assert paths(server) == [UPLOAD, SEARCH]


def test_a_picture_refused_as_too_large_is_uploaded_smaller(
    account: Account, server: Scripted
) -> None:
    replies = iter([refused("image is too large"), UPLOADED])
    server.routes[UPLOAD] = lambda _: next(replies)
    assert account.site.search(Query(NOISE)).requests == 3
    sizes = [len(fields_of(request)["image_base64"]) for request in server.requests[:2]]
    assert sizes[1] < sizes[0] <= 400_000


def test_with_a_public_address_nothing_is_uploaded(server: Scripted) -> None:
    account = Account(server, picture_url="https://pictures.example/{path}", language="ko")
    account.site.search(KNOWN)
    assert paths(server) == [SEARCH]
    asked = fields_of(server.requests[0])
    assert asked["pic_url"] == "https://pictures.example/mugs/fox%201.jpg"
    assert (asked["language"], "image_id" in asked) == ("ko", False)
    assert asked["sign"] == signature(asked, "/traffic/item/imgsearch")
    # one that lies in no folder has no address
    account.site.search(Query(PICTURE))
    account.site.close()
    assert paths(server)[1:] == [UPLOAD, SEARCH]


def test_the_token_is_renewed_for_the_upload_and_kept_for_the_search(server: Scripted) -> None:
    refused_token = gateway("IllegalAccessToken", "the access token is invalid or expired")
    replies = iter([refused_token, UPLOADED])
    server.routes[UPLOAD] = lambda _: next(replies)
    server.routes["/rest/auth/token/refresh"] = as_json(refreshed())
    account = Account(server, refresh_token=REFRESH)
    page = account.site.search(Query(PICTURE))
    account.site.close()
    assert paths(server) == [UPLOAD, "/rest/auth/token/refresh", UPLOAD, SEARCH]
    tokens = [fields_of(request).get("access_token") for request in server.requests]
    assert tokens == [FIRST, None, SECOND, SECOND]
    assert page.requests == 4


@pytest.mark.parametrize(
    "reply",
    [
        {"code": "0"},
        {"code": "0", "data": None},
        {"code": "0", "data": {"image_id": None}},
        {"code": "0", "data": {"image_id": "0"}},
        {"code": "0", "data": []},
    ],
)
def test_an_upload_without_an_id_is_an_unexpected_answer(
    account: Account, server: Scripted, reply: object
) -> None:
    server.routes[UPLOAD] = as_json(reply)
    with pytest.raises(ProtocolError, match=r"^acme: .*image_id"):
        account.site.search(Query(PICTURE))
    assert paths(server) == [UPLOAD]


def test_an_upload_that_is_refused_has_its_error(account: Account, server: Scripted) -> None:
    server.routes[UPLOAD] = gateway("ApiCallLimit", "this ban will last 3000 seconds")
    with pytest.raises(Throttled):
        account.site.search(Query(PICTURE))
    server.routes[UPLOAD] = gateway("IncompleteSignature", f"not signed with {SECRET}")
    with pytest.raises(AuthError) as caught:
        account.site.search(Query(PICTURE))
    assert SECRET not in str(caught.value)


def test_no_token_is_in_an_error_or_a_log(
    server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    server.routes["/rest/auth/token/refresh"] = as_json(refreshed())
    server.replies = [gateway("IllegalAccessToken", f"{FIRST} {SECOND} {REFRESH} are wrong")]
    account = Account(server, refresh_token=REFRESH)
    with pytest.raises(AuthError) as caught:
        account.site.search(Query(PICTURE))
    account.site.close()
    said = str(caught.value) + caplog.text
    assert not any(one in said for one in (FIRST, SECOND, REFRESH, NEXT_REFRESH, SECRET))


def test_the_answer_is_read_whole() -> None:
    first, second = stored("search.json").observations
    assert (first.site, first.item_id) == ("taobao", "700000000000001")
    assert first.url == "https://item.taobao.com/item.htm?id=700000000000001"
    assert first.title == "搪瓷杯 狐狸"
    assert first.picture_url == "https://img.alicdn.com/imgextra/i1/O1CN01zh_!!221-0-cib.jpg"
    assert first.price is not None
    assert (first.price.minimum, first.price.currency) == (Decimal("29.90"), "CNY")
    assert first.seller is not None
    assert (first.seller.seller_id, first.seller.name) == (None, "狐狸杂货店")
    assert (first.rank, first.provider_score) == (1, None)
    # what is missing is taken from the translation, and from the price with a coupon
    assert (second.title, second.seller) == ("Fox cup", None)
    assert second.picture_url == "https://img.alicdn.com/imgextra/i2/O1CN01cup_!!222-0-cib.png"
    assert second.price is not None
    assert second.price.minimum == Decimal("9.90")


def test_names_in_camel_case_are_the_same() -> None:
    (item,) = stored("camel.json").observations
    assert (item.item_id, item.title) == ("700000000000011", "搪瓷杯")
    assert item.picture_url == "https://img.alicdn.com/imgextra/i3/O1CN01zh_!!223-0-cib.jpg"
    assert item.seller is not None
    assert item.seller.name == "杯子店"
    assert judge(Answer(URL, 200, {}, ANSWERS["camel.json"])) is None


def test_a_list_under_result_is_read_too() -> None:
    parsed = stored("item_list.json")
    (item,) = parsed.observations
    assert (parsed.total, item.item_id, item.sales) == (240, "700000000000021", 35)
    assert item.picture_url == "https://img.alicdn.com/imgextra/i4/O1CN01x_!!224-0-cib.jpg"


@pytest.mark.parametrize("code", [None, "", "0", 0, "200"])
def test_no_error_code_of_the_search_is_no_error(code: object) -> None:
    body = json.dumps({"code": "0", "biz_error_code": code, "data": []}).encode()
    assert judge(Answer(URL, 200, {}, body)) is None
    assert parse_answer(body, URL, allow_loopback=False).observations == ()


@pytest.mark.parametrize("name", ["biz_error_{}", "bizError{}"])
def test_an_error_of_the_search_is_told_in_its_words(name: str) -> None:
    names = [name.format(part) for part in (("code", "msg") if "_" in name else ("Code", "Msg"))]
    body = json.dumps({"code": "0", "data": [], **dict(zip(names, ("E7", "why"), strict=True))})
    assert "E7 why" in str(judge(Answer(URL, 200, {}, body.encode())))


FIELDS = ("item_id", "itemId", "title", "price", "main_image_url", "multi_language_info", "tags")
items = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, json_values))


@given(st.lists(items | json_values, max_size=4) | json_values, json_values)
def test_any_json_is_listings_or_an_unexpected_answer(found: object, said: object) -> None:
    for value in ({"data": found}, {"result": {"item_list": found, "total_results": said}}, found):
        body = json.dumps(value).encode()
        judge(Answer(URL, 200, {}, json.dumps({"biz_error_code": said}).encode()))
        with contextlib.suppress(ProtocolError):
            assert parse_upload(body)
        try:
            parsed = parse_answer(body, URL, allow_loopback=False)
        except ProtocolError:
            continue
        ids = [one.item_id for one in parsed.observations]
        assert len(set(ids)) == len(ids)
