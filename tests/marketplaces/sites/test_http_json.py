from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from PIL import Image
from pydantic import ValidationError

from monitor.errors import BadImage, ProtocolError, QuotaExhausted
from monitor.marketplaces.base import Query
from monitor.marketplaces.kit.signing import sign_iop
from monitor.marketplaces.registry import create, options_model
from monitor.marketplaces.sites.http_json.options import Options
from monitor.marketplaces.testing import NOW, Scripted, as_json, make_outside
from monitor.model import Observation

PICTURE = Image.new("RGB", (900, 850), "orange")
ANSWER = {"items": "found", "item_id": "id", "url": "page", "picture": "img"}
EMPTY = as_json({"found": []})


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(EMPTY) as running:
        yield running


def search(
    server: Scripted, wanted: Query | None = None, /, **options: object
) -> list[Observation]:
    given = {"site": "shop.example", "base_url": server.url("/find?fixed=1"), "answer": ANSWER}
    model = options_model("http_json").model_validate({**given, **options})
    marketplace = create("http_json", "proxy", model, make_outside())
    try:
        return list(marketplace.search(wanted or Query(PICTURE)).observations)
    finally:
        marketplace.close()


def test_a_file_goes_out_as_multipart_with_form_fields(server: Scripted) -> None:
    search(server, file_field="picture", form={"page": "{page}"}, query={"t": "{timestamp}"})
    (request,) = server.requests
    assert request.path == f"/find?fixed=1&t={int(NOW)}"
    assert b'name="page"\r\n\r\n1' in request.body
    start = request.body.index(b"\xff\xd8")
    assert Image.open(io.BytesIO(request.body[start:])).size == (900, 850)


def test_a_json_body_is_filled_and_keeps_its_types(server: Scripted) -> None:
    body = {"a": ["{image_base64}"], "page": "{page}", "text": "page {page}", "n": 5, "z": None}
    search(server, body=body, api_key="k-1234", headers={"X-Key": "key {api_key}"})
    (request,) = server.requests
    assert request.headers["x-key"] == "key k-1234"
    sent = json.loads(request.body)
    picture = base64.b64decode(sent["a"].pop())
    assert Image.open(io.BytesIO(picture)).format == "JPEG"
    assert sent == {"a": [], "page": 1, "text": "page 1", "n": 5, "z": None}


def test_a_get_names_the_pictures_address_and_is_signed(server: Scripted) -> None:
    query = {"pic": "{picture_url}", "ts": "{timestamp_ms}", "key": "{api_key}"}
    search(
        server,
        Query(PICTURE, path="red mug/ä.jpg", sha256="ab" * 32),
        method="GET",
        query={**query, "sign": "{signature}"},
        picture_url="https://pictures.example/{sha256}/{path}",
        api_key="k",
        api_secret="geheim",
        signature="iop_hmac_sha256",
        signature_path="/find",
    )
    (request,) = server.requests
    fields = {
        "pic": f"https://pictures.example/{'ab' * 32}/red%20mug/%C3%A4.jpg",
        "ts": str(int(NOW * 1000)),
        "key": "k",
    }
    assert f"sign={sign_iop('geheim', fields, path='/find')}" in request.path
    assert request.method == "GET"
    assert request.body == b""


def test_a_picture_without_an_address_is_said_before_any_call(server: Scripted) -> None:
    query = {"pic": "{picture_url}"}
    with pytest.raises(BadImage, match="proxy: this picture has no public address"):
        search(server, query=query, picture_url="https://p.example/{path}")
    assert server.requests == []


def test_listings_of_another_site_have_their_own_addresses(server: Scripted) -> None:
    items = [
        {"id": 7, "page": "/item/7?a=1", "img": "/7.jpg"},
        {"id": None, "page": "https://shop.example/item/8", "img": None},
        {"id": 9, "page": None, "img": "/9.jpg"},
    ]
    server.replies = [as_json({"found": items})]
    first, second = search(server, file_field="f")
    assert first.item_id == "7"
    assert first.url.startswith("https://127.0.0.1:")
    assert second.item_id == second.url == "https://shop.example/item/8"


def test_an_expression_may_compute(server: Scripted) -> None:
    item = {"id": 1, "page": "https://s.example/1", "img": "/a.jpg", "prices": [3.5, 2.25]}
    server.replies = [as_json({"found": [item]})]
    (one,) = search(server, file_field="f", answer={**ANSWER, "price": "sort(prices)[0]"})
    assert one.price is not None
    assert one.price.minimum == Decimal("2.25")


def test_a_code_in_the_table_wins_over_words(server: Scripted) -> None:
    server.replies = [as_json({"error": "signature", "code": 439})]
    answer = {**ANSWER, "error": "error", "code": "code"}
    with pytest.raises(QuotaExhausted, match="proxy: the site says: 439 signature"):
        search(server, file_field="f", answer=answer, failures={"439": "quota"})


def test_a_full_page_with_a_listing_twice_is_not_the_last_one(server: Scripted) -> None:
    item = {"id": 1, "page": "https://s.example/1", "img": "/a.jpg"}
    server.replies = [as_json({"found": [item, item]})]
    model = options_model("http_json").model_validate(
        {
            "site": "shop.example",
            "base_url": server.url(),
            "file_field": "f",
            "form": {"page": "{page}"},
            "page_size": 2,
            "max_pages": 3,
            "answer": ANSWER,
        }
    )
    marketplace = create("http_json", "proxy", model, make_outside())
    page = marketplace.search(Query(PICTURE))
    marketplace.close()
    assert (len(page.observations), page.next_cursor) == (1, "2:1")


def test_an_expression_that_fails_repeats_nothing_of_the_answer(server: Scripted) -> None:
    item = {"id": 1, "page": "https://s.example/1", "img": "/a.jpg", "cost": ["geheimes-ding"]}
    server.replies = [as_json({"found": [item]})]
    with pytest.raises(ProtocolError, match=r"sum\(cost\) can't be asked.*sum\(\)") as caught:
        search(server, file_field="f", answer={**ANSWER, "price": "sum(cost)"})
    assert "geheimes-ding" not in str(caught.value)


GOOD: dict[str, object] = {
    "site": "1688",
    "base_url": "https://proxy.example/find",
    "file_field": "f",
    "answer": {"items": "a", "item_id": "b", "picture": "c"},
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"file_field": None}, "exactly one way"),
        ({"body": {"i": "{image_base64}"}}, "exactly one way"),
        ({"file_field": None, "query": {"i": "{picture_url}"}}, "needs the option picture_url"),
        ({"headers": {"x": "{api_key}"}}, "needs the option api_key"),
        ({"headers": {"x": "{apikey}"}}, "stands for nothing"),
        ({"file_field": None, "body": {"i": "{image_base64}"}, "form": {"a": "b"}}, "not both"),
        ({"method": "GET"}, "a GET has"),
        ({"signature": "top_md5"}, "go together"),
        ({"signature": "top_md5", "query": {"s": "{signature}"}}, "needs the option api_secret"),
        ({"max_pages": 3}, "needs {page} or {offset}"),
        ({"site": "shop.example"}, "answer.url is needed"),
        ({"answer": {"items": "a", "picture": "c"}}, "tells listings apart"),
        ({"answer": {"items": "a[", "item_id": "b", "picture": "c"}}, "no JMESPath"),
        ({"failures": {"1": "oops"}}, "throttled"),
        ({"picture_url": "https://p.example/fixed.jpg"}, "{path} or {sha256}"),
    ],
)
def test_options_that_cant_work_are_refused_with_the_reason(
    change: dict[str, object], words: str
) -> None:
    Options.model_validate(GOOD)
    with pytest.raises(ValidationError) as caught:
        Options.model_validate({**GOOD, **change})
    assert words in str(caught.value)
