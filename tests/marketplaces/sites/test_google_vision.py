from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from pydantic import ValidationError

from monitor.errors import AuthError, BadImage, ProtocolError, QuotaExhausted, Throttled
from monitor.marketplaces.base import Query
from monitor.marketplaces.registry import account_key
from monitor.marketplaces.sites.google_vision import GoogleVision, Options, judge, parse_answer
from monitor.marketplaces.testing import PATIENT, Request, Scripted, as_json, make_outside
from monitor.net.wire import Answer
from tests.contracts.dialects import load_answers

KEY = "AIzaSyA-geheim_0123456789abcdefghijklmn"
PICTURE = Image.effect_noise((1200, 900), 90).convert("RGB")
STORED = load_answers("google_vision")
PAGES = STORED["pages.json"]


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(as_json(json.loads(PAGES))) as running:
        yield running


def search(server: Scripted, **options: object) -> list[object]:
    site = make(server, **options)
    try:
        return list(site.search(Query(PICTURE)).observations)
    finally:
        site.close()


def make(server: Scripted, **options: object) -> GoogleVision:
    model = Options.model_validate({"base_url": server.url("/v1"), "api_key": KEY, **options})
    return GoogleVision("google", model, make_outside(limits=PATIENT))


def sent(request: Request) -> tuple[bytes, dict[str, object]]:
    """The picture of a request, and what is asked of it."""
    body = json.loads(request.body)
    assert list(body) == ["requests"]
    (asked,) = body["requests"]
    assert list(asked) == ["image", "features"]
    (feature,) = asked["features"]
    return base64.b64decode(asked["image"]["content"], validate=True), feature


def test_the_request_asks_for_pages_with_the_key_in_a_header(server: Scripted) -> None:
    search(server, max_results=7)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/images:annotate")
    assert request.headers["x-goog-api-key"] == KEY
    assert request.headers["content-type"] == "application/json"
    data, feature = sent(request)
    assert feature == {"type": "WEB_DETECTION", "maxResults": 7}
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.size) == ("JPEG", (1200, 900))


def test_the_largest_request_stays_under_its_limit(server: Scripted) -> None:
    site = make(server)
    site.search(Query(Image.effect_noise((2400, 2400), 200).convert("RGB")))
    site.close()
    assert len(server.requests[0].body) < 10_000_000


def test_pages_of_known_and_named_hosts_are_listings() -> None:
    found = parse_answer(PAGES, hosts=("shop.example",), allow_loopback=False)
    assert [(one.site, one.item_id, one.rank) for one in found] == [
        ("1688", "700000000001", 1),
        ("ebay", "123456789012", 2),
        ("shop.example", "/goods/7", 3),
    ]
    offer, auction, goods = found
    assert offer.title == "Mug & saucer 'Acme'"
    assert offer.picture_url == "https://cbu01.alicdn.com/img/ibank/O1CN01test_!!1-0-cib.jpg"
    assert offer.picture_fallback_url == f"{offer.picture_url}_400x400.jpg"
    assert auction.picture_url == "https://i.ebayimg.com/images/g/abc/s-l1600.jpg"
    assert (goods.picture_url, goods.picture_problem) == (None, "no picture given")


def test_without_named_hosts_only_listings_of_known_marketplaces_count() -> None:
    found = parse_answer(PAGES, hosts=(), allow_loopback=False)
    assert [one.site for one in found] == ["1688", "ebay"]


def test_a_whole_copy_goes_before_a_part_which_is_its_fallback() -> None:
    page = {
        "url": "https://www.ebay.com/itm/1",
        "partialMatchingImages": [{"url": "https://a.example/part.jpg"}],
        "fullMatchingImages": [{"score": 1.0}, {"url": "https://a.example/whole.jpg"}],
    }
    body = json.dumps({"responses": [{"webDetection": {"pagesWithMatchingImages": [page]}}]})
    (one,) = parse_answer(body.encode(), hosts=(), allow_loopback=False)
    assert one.picture_url == "https://a.example/whole.jpg"
    assert one.picture_fallback_url == "https://a.example/part.jpg"


def test_a_picture_that_is_nowhere_is_an_empty_answer() -> None:
    assert parse_answer(STORED["nothing.json"], hosts=(), allow_loopback=False) == ()
    body = b'{"responses": [{"webDetection": {}}]}'
    assert parse_answer(body, hosts=(), allow_loopback=False) == ()


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"webDetection": None},
        {"webDetection": []},
        {"labelAnnotations": []},
        {"webDetection": {"pagesWithMatchingImages": None}},
        {"webDetection": {"pagesWithMatchingImages": [{"link": "https://www.ebay.com/itm/1"}]}},
        {"webDetection": {"pages": [{"url": "https://www.ebay.com/itm/1"}]}},
    ],
)
def test_an_answer_of_another_shape_is_never_taken_for_no_matches(response: object) -> None:
    body = json.dumps({"responses": [response]}).encode()
    with pytest.raises(ProtocolError):
        parse_answer(body, hosts=(), allow_loopback=False)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'", Throttled),
        ("Quota exceeded for quota metric 'x' and limit 'Requests per day'", QuotaExhausted),
        ("Resource has been exhausted (e.g. check quota).", Throttled),
    ],
)
def test_a_rate_is_told_from_a_used_up_quota_by_its_period(message: str, kind: type) -> None:
    said = {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED"}}
    assert type(judge(Answer("", 429, {}, json.dumps(said).encode()))) is kind


@pytest.mark.parametrize("error", [None, {}])
def test_an_error_without_content_is_none(error: object) -> None:
    body = json.dumps({"responses": [{"error": error, "webDetection": {}}]}).encode()
    assert judge(Answer("", 200, {}, body)) is None


@pytest.mark.parametrize("error", ["broken", 7, ["x"], {"message": "broken"}, {"code": 99}])
def test_an_error_of_any_shape_is_one(error: object) -> None:
    body = json.dumps({"responses": [{"error": error, "webDetection": {}}]}).encode()
    assert judge(Answer("", 200, {}, body)) is not None


def test_neither_logs_nor_errors_hold_the_key(
    server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = f"API key not valid: {KEY}"
    server.replies = [as_json({"error": {"code": 400, "message": said}}, 400)]
    with pytest.raises(AuthError) as caught:
        search(server)
    assert KEY not in str(caught.value) + caplog.text
    assert KEY not in server.requests[0].path
    model = Options.model_validate({"api_key": KEY})
    assert KEY not in repr(model) + account_key("google_vision", "a", model)


def test_a_picture_too_large_is_sent_smaller(server: Scripted) -> None:
    refused = {"error": {"code": 400, "message": "Request payload size exceeds the limit"}}
    server.replies = [as_json(refused, 400), as_json(json.loads(PAGES))]
    search(server)
    sizes = [len(sent(request)[0]) for request in server.requests]
    assert sizes[1] <= sizes[0] / 2


def test_bad_image_data_is_about_the_picture(server: Scripted) -> None:
    refused = {"responses": [{"error": {"code": 3, "message": "Bad image data."}}]}
    server.replies = [as_json(refused)]
    with pytest.raises(BadImage, match=r"google: .*Bad image data"):
        search(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_key": ""},
        {"api_key": "a b"},
        {"api_key": "schlüssel"},
        {"max_results": 0},
        {"hosts": ["https://shop.example/"]},
        {"hosts": "shop.example"},
        {"key": "x"},
    ],
)
def test_wrong_options_are_refused_without_their_value(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        Options.model_validate({"api_key": KEY, **wrong})
    assert "schlüssel" not in str(caught.value)


def test_stored_answers_hold_no_key() -> None:
    folder = Path(__file__).parents[1] / "answers" / "google_vision"
    assert all("AIza" not in file.read_text(encoding="utf-8") for file in folder.iterdir())
