from __future__ import annotations

import base64
import io
import json
import random
from collections.abc import Iterator
from decimal import Decimal
from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from monitor.errors import PermissionDenied, ProtocolError
from monitor.marketplaces.base import Page, Query
from monitor.marketplaces.sites.iop.aliexpress import Options, Parsed, judge, parse_answer
from monitor.marketplaces.testing import Reply, Request, Scripted, as_json
from monitor.net.wire import Answer
from tests.contracts.dialects import load_answers
from tests.contracts.dialects.aliexpress import DIALECT, URL, gateway
from tests.marketplaces.sites.test_iop import Account, fields_of, json_values, signature

ANSWERS = load_answers("aliexpress")
PICTURE = Image.new("RGB", (900, 900), "orange")
NOISE = Image.frombytes("RGB", (900, 900), random.Random(1).randbytes(900 * 900 * 3))
GOOD = as_json(DIALECT.answer([DIALECT.item("11")]))
NOT_GRANTED = gateway("InsufficientPermission", "the app has no permission")


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(GOOD) as running:
        yield running


def stored(name: str) -> Parsed:
    return parse_answer(ANSWERS[name], URL, allow_loopback=False)


def reply(name: str) -> Reply:
    return Reply(200, {"Content-Type": "application/json"}, ANSWERS[name])


def multipart(request: Request) -> tuple[dict[str, str], dict[str, bytes]]:
    """Fields and files of a multipart request."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + request.body).get_payload()
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    assert isinstance(parts, list)
    for part in parts:
        assert isinstance(part, Message)
        name = str(part.get_param("name", header="Content-Disposition"))
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        if part.get_filename() is None:
            fields[name] = data.decode()
        else:
            files[name] = data
    return fields, files


def asked_of(request: Request) -> dict[str, object]:
    asked = json.loads(fields_of(request)["param0"])
    assert isinstance(asked, dict)
    return asked


def test_v2_sends_the_picture_as_base64_in_json(server: Scripted) -> None:
    account = Account(server, search_type="same", currency="EUR", language="de", ship_to="DE")
    account.site.search(Query(PICTURE))
    account.site.close()
    asked = asked_of(server.requests[0])
    image = Image.open(io.BytesIO(base64.b64decode(str(asked.pop("image_base64")), validate=True)))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (900, 900))
    assert fields_of(server.requests[0])["method"] == "aliexpress.ds.image.searchV2"
    assert asked == {"search_type": "same", "currency": "EUR", "lang": "de", "ship_to": "DE"}


def test_v1_sends_a_file_that_is_small_enough_and_not_signed(server: Scripted) -> None:
    server.replies = [reply("v1.json")]
    account = Account(server, method="aliexpress.ds.image.search", ship_to="US")
    page = account.site.search(Query(NOISE))
    account.site.close()
    fields, files = multipart(server.requests[0])
    assert server.requests[0].path == "/sync"
    assert fields.pop("sign") == signature(fields)
    assert fields["method"] == "aliexpress.ds.image.search"
    assert (fields["shpt_to"], fields["target_currency"]) == ("US", "USD")
    assert (fields["target_language"], fields["product_cnt"]) == ("EN", "150")
    assert set(files) == {"image_file_bytes"}
    assert len(files["image_file_bytes"]) <= 100_000
    assert Image.open(io.BytesIO(files["image_file_bytes"])).format == "JPEG"
    assert (len(page.observations), page.total, page.next_cursor) == (2, 2, None)


def test_a_picture_refused_as_too_large_is_sent_smaller(server: Scripted) -> None:
    server.replies = [gateway("E1", "the image is too large"), GOOD]
    account = Account(server)
    assert account.site.search(Query(NOISE)).requests == 2
    account.site.close()
    sizes = [len(str(asked_of(request)["image_base64"])) for request in server.requests]
    assert sizes[0] <= 400_000
    assert sizes[1] < sizes[0]


def test_auto_takes_v1_when_v2_is_not_granted_and_remembers_it(server: Scripted) -> None:
    server.replies = [NOT_GRANTED, reply("v1.json")]
    account = Account(server, method="auto")
    page = account.site.search(Query(PICTURE))
    assert (len(page.observations), page.requests) == (2, 2)
    assert account.site.search(Query(PICTURE)).requests == 1
    account.memory.now += 90_000
    server.replies = [GOOD]
    assert account.site.search(Query(PICTURE)).requests == 1
    account.site.close()
    kinds = ["multipart" in request.headers["content-type"] for request in server.requests]
    assert kinds == [False, True, True, False]


def test_auto_tells_what_v1_says_when_both_are_refused(server: Scripted) -> None:
    server.replies = [NOT_GRANTED]
    account = Account(server, method="auto")
    with pytest.raises(PermissionDenied, match=r"^acme: "):
        account.site.search(Query(PICTURE))
    account.site.close()
    assert len(server.requests) == 2


def test_a_fixed_method_is_never_changed(server: Scripted) -> None:
    server.replies = [NOT_GRANTED]
    account = Account(server)
    with pytest.raises(PermissionDenied):
        account.site.search(Query(PICTURE))
    account.site.close()
    assert len(server.requests) == 1


def test_the_first_shape_is_read_whole() -> None:
    parsed = stored("v1.json")
    first, second = parsed.observations
    assert (parsed.total, parsed.has_next) == (2, False)
    assert (first.site, first.item_id) == ("aliexpress", "1005000000000001")
    assert first.url == "https://www.aliexpress.com/item/1005000000000001.html"
    assert first.picture_url == "https://ae01.alicdn.com/kf/S1a.jpg"
    assert first.price is not None
    assert (first.price.minimum, first.price.currency) == (Decimal("4.51"), "USD")
    assert first.seller is not None
    assert (first.seller.seller_id, first.sales, first.provider_score) == ("910000001", 11, None)
    assert second.picture_url == "https://ae01.alicdn.com/kf/S1b.jpg"
    assert second.price is not None
    assert (second.price.minimum, second.price.currency) == (Decimal("5.00"), "EUR")
    assert (second.seller, second.sales) == (None, 0)


def test_the_list_of_v2_is_read_with_its_scores() -> None:
    parsed = stored("v2_list.json")
    first, second = parsed.observations
    assert [item.provider_score for item in parsed.observations] == [0.91, 0.42]
    assert (first.sales, second.sales, parsed.has_next) == (120, None, False)
    assert first.picture_url == "https://ae01.alicdn.com/kf/S2a.jpg"
    assert second.price is not None
    assert (second.price.minimum, second.price.currency) == (Decimal("2.5"), "USD")


def test_the_pages_of_v2_are_read_with_their_paging() -> None:
    parsed = stored("v2_pages.json")
    first, second = parsed.observations
    assert (parsed.total, parsed.page, parsed.has_next) == (12, 1, True)
    assert parsed.next_key == "00000000-7a55-424d-a3ab-000000000001"
    assert (first.sales, second.sales) == (700, 1500)
    assert (first.provider_score, second.provider_score) == (0.967, None)
    assert first.price is not None
    assert first.price.text == "99"
    assert second.price is not None
    assert (second.price.minimum, second.price.currency) == (Decimal(148), "EUR")


def test_paging_beside_the_data_is_found_too() -> None:
    parsed = stored("v2_pages_beside.json")
    assert (parsed.total, parsed.page, parsed.has_next) == (89, 1, True)
    assert parsed.next_key == "00000000-7a55-424d-a3ab-000000000002"


@pytest.mark.parametrize(
    "value",
    [
        json.loads(ANSWERS["v2_empty.json"]),
        {"r_response": {"data": {"total_record_count": 0, "products": {}}, "rsp_code": "200"}},
        {"r_response": {"data": {"total_record_count": "0"}, "rsp_code": 200}},
        {"r_response": {"result": {"ret": "true", "data": []}}},
    ],
)
def test_what_the_site_calls_empty_is_an_empty_page(value: object) -> None:
    body = json.dumps(value).encode()
    assert judge(Answer(URL, 200, {}, body)) is None
    assert parse_answer(body, URL, allow_loopback=False).observations == ()


@pytest.mark.parametrize(
    "value",
    [
        {"r_response": {"result": {"ret": True, "data": None}}},
        {"r_response": {"result": {"ret": True, "data": {"products": None}}}},
        {"r_response": {"data": {"total_record_count": 5, "products": {}}}},
        {"r_response": {"data": {"total_record_count": 0, "products": {"others": [1]}}}},
        {"r_response": {"result": {"data": [{"product_title": "no id"}]}}},
        {"r_response": []},
    ],
)
def test_an_unknown_shape_is_never_taken_for_no_matches(value: object) -> None:
    with pytest.raises(ProtocolError):
        parse_answer(json.dumps(value).encode(), URL, allow_loopback=False)


def test_an_id_missing_in_its_field_is_taken_from_the_address() -> None:
    item = {"product_detail_url": "//www.aliexpress.com/item/1005.html?skuId=7"}
    body = json.dumps({"r_response": {"result": {"data": [item]}}}).encode()
    (found,) = parse_answer(body, URL, allow_loopback=False).observations
    assert (found.item_id, found.url) == ("1005", "https://www.aliexpress.com/item/1005.html")


def search_on(account: Account, page: Page) -> Page:
    return account.site.search(Query(PICTURE, page.next_cursor))


def test_the_next_page_is_asked_for_with_what_the_answer_gave(server: Scripted) -> None:
    assert DIALECT.in_pages is not None
    server.replies, _ = DIALECT.in_pages()
    account = Account(server)
    first = account.site.search(Query(PICTURE))
    second = search_on(account, first)
    third = search_on(account, second)
    account.site.close()
    assert third.next_cursor is None
    asked = [asked_of(request) for request in server.requests]
    assert [one.get("page_no") for one in asked] == [None, 2, 3]
    assert [one.get("start_row_key") for one in asked] == [None, "row-key-of-1", "row-key-of-2"]


def test_paging_ends_at_max_pages(server: Scripted) -> None:
    server.replies = [reply("v2_pages.json")]
    account = Account(server, max_pages=1)
    assert account.site.search(Query(PICTURE)).next_cursor is None
    account.site.close()


def test_a_first_page_given_again_ends_the_search_and_is_told(
    server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    server.replies = [reply("v2_pages.json")]
    account = Account(server)
    first = account.site.search(Query(PICTURE))
    second = search_on(account, first)
    account.site.close()
    assert len(first.observations) == 2
    assert (second.observations, second.next_cursor) == ((), None)
    assert "max_pages = 1 saves that call" in caplog.text


@pytest.mark.parametrize(
    "cursor", ["2", "2:10@short", "2:10@with spaces in it", "9:80", "1:0", "@"]
)
def test_a_cursor_of_other_options_starts_anew(server: Scripted, cursor: str) -> None:
    account = Account(server)
    assert account.site.search(Query(PICTURE, cursor)).observations[0].rank == 1
    account.site.close()
    assert "page_no" not in asked_of(server.requests[0])


@pytest.mark.parametrize(
    "options", [{"currency": "usd"}, {"ship_to": "Germany"}, {"search_type": "both"}, {"pages": 1}]
)
def test_options_that_the_site_does_not_know_are_refused(options: dict[str, object]) -> None:
    keys = {"app_key": "1", "app_secret": "s", "access_token": "t"}
    with pytest.raises(ValueError, match=next(iter(options))):
        Options.model_validate({**keys, **options})


def test_the_price_of_a_range_keeps_its_currency() -> None:
    body = json.dumps(DIALECT.answer([DIALECT.item("1", price="1.20 - 3.40")])).encode()
    (item,) = parse_answer(body, URL, allow_loopback=False).observations
    assert item.price is not None
    assert (item.price.minimum, item.price.maximum) == (Decimal("1.20"), Decimal("3.40"))
    assert item.price.currency == "USD"


FIELDS = (
    *("product_id", "product_title", "title", "product_main_image_url", "image_url", "shop_id"),
    *("target_sale_price", "target_sale_price_currency", "price", "similarity_score", "volume"),
)
items = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, json_values))


@given(st.lists(items | json_values, max_size=4) | json_values, json_values, json_values)
def test_any_json_is_listings_or_an_unexpected_answer(
    found: object, paging: object, said: object
) -> None:
    for data in (found, {"products": found}, {"products": {"traffic_image_product_d_t_o": found}}):
        result = {"data": data, "pagination": paging, "empty": said, "code": said, "ret": said}
        body = json.dumps({"r_response": {"result": result}}).encode()
        judge(Answer(URL, 200, {}, body))
        try:
            parsed = parse_answer(body, URL, allow_loopback=False, offset=60)
        except ProtocolError:
            continue
        assert [one.rank for one in parsed.observations] == [
            61 + n for n in range(len(parsed.observations))
        ]
