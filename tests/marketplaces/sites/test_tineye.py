from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from monitor.errors import BadImage, MarketplaceError, ProtocolError, QuotaExhausted, Throttled
from monitor.marketplaces.base import Query
from monitor.marketplaces.kit.answers import PictureTooLarge
from monitor.marketplaces.sites.tineye import Options, TinEye, judge, parse_answer, parse_remaining
from monitor.marketplaces.testing import Request, Scripted, as_json, make_outside
from monitor.model import Observation
from monitor.net.wire import Answer
from tests.contracts.dialects import load_answers
from tests.contracts.dialects.tineye import NONE_LEFT, answer, refused

PICTURE = Image.new("RGB", (900, 700), "orange")
ANSWERS = load_answers("tineye")
KEY = "k3y-of-mine"
REMAINING = {
    "code": 200,
    "messages": [],
    "results": {
        "bundles": [
            {"remaining_searches": 7892, "expire_date": "2027-03-09 14:09:12 UTC"},
            {"remaining_searches": 50000, "expire_date": "2028-03-23 09:52:46 UTC"},
        ],
        "total_remaining_searches": 57892,
    },
}


def make(server: Scripted, **options: object) -> TinEye:
    given = {"base_url": server.url("/rest/"), "api_key": KEY}
    return TinEye("web", Options.model_validate({**given, **options}), make_outside())


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(as_json(answer([]))) as running:
        yield running


def fields(request: Request) -> dict[str, bytes]:
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + request.body).get_payload()
    assert isinstance(parts, list)
    found = {}
    for part in parts:
        assert isinstance(part, Message)
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        found[str(part.get_param("name", header="Content-Disposition"))] = data
    return found


def read(name: str, *hosts: str, seen: int = 0) -> tuple[Observation, ...]:
    body = ANSWERS[name]
    return parse_answer(body, hosts=hosts, allow_loopback=False, seen=seen).observations


def test_the_picture_goes_out_as_an_upload_with_the_key_in_a_header(server: Scripted) -> None:
    site = make(server)
    site.search(Query(PICTURE))
    site.close()
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/rest/search/")
    assert request.headers["x-api-key"] == KEY
    sent = fields(request)
    image = Image.open(io.BytesIO(sent.pop("image_upload")))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (900, 700))
    assert sent == {"offset": b"0", "limit": b"100", "sort": b"score", "order": b"desc"}


def test_options_go_out_as_they_are(server: Scripted) -> None:
    site = make(server, domain="Detail.1688.com", backlink_limit=9, sort="crawl_date", limit=20)
    site.search(Query(PICTURE, cursor="3:7"))
    site.close()
    sent = fields(server.requests[0])
    assert (sent["domain"], sent["backlink_limit"]) == (b"detail.1688.com", b"9")
    assert (sent["sort"], sent["limit"], sent["offset"]) == (b"crawl_date", b"20", b"40")


def test_backlinks_on_marketplaces_and_named_hosts_are_listings() -> None:
    offer, good, item = read("matches.json", "shop.example")
    assert (offer.site, offer.item_id) == ("1688", "700000000001")
    assert offer.url == "https://detail.1688.com/offer/700000000001.html"
    assert offer.picture_url == "https://cbu01.alicdn.com/img/a.jpg"
    assert (good.site, good.item_id) == ("shop.example", "/goods/7")
    assert good.picture_url == "https://shop.example/files/a.jpg"
    assert good.picture_fallback_url == "https://img.tineye.com/result/abc-0"
    assert (item.site, item.item_id) == ("ebay", "123456789012")
    assert [one.provider_score for one in (offer, good, item)] == [0.889, 0.889, 0.17]
    assert [one.rank for one in (offer, good, item)] == [1, 2, 3]


def test_a_missing_picture_is_tineyes_own_copy() -> None:
    item = read("matches.json")[-1]
    assert item.picture_url == "https://img.tineye.com/result/def-1"


def test_pages_elsewhere_are_no_listings_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="monitor")
    found = read("matches.json", seen=10)
    assert [(one.site, one.rank) for one in found] == [("1688", 11), ("ebay", 12)]
    assert "2 listings on 6 pages" in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_pages_are_counted_in_matches_not_in_listings(server: Scripted) -> None:
    site = make(server, limit=2, max_pages=2)
    elsewhere = {"score": 3, "backlinks": [{"backlink": "https://blog.example/1"}]}
    server.replies = [as_json(answer([elsewhere, elsewhere], total=5))]
    first = site.search(Query(PICTURE))
    assert (first.observations, first.total, first.next_cursor) == ((), 5, "2:0")
    second = site.search(Query(PICTURE, cursor=first.next_cursor))
    assert second.next_cursor is None
    site.close()
    assert [fields(request)["offset"] for request in server.requests] == [b"0", b"2"]


@pytest.mark.parametrize("cursor", ["6:0", "0:0", "2"])
def test_a_cursor_of_other_options_starts_anew(server: Scripted, cursor: str) -> None:
    site = make(server)
    site.search(Query(PICTURE, cursor=cursor))
    site.close()
    assert fields(server.requests[0])["offset"] == b"0"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"code": "402", "messages": [NONE_LEFT]}, QuotaExhausted),
        ({"code": 429, "messages": "You have exceeded your 30 search quota"}, Throttled),
        ({"code": 400, "messages": ["Too simple to create a unique image signature"]}, BadImage),
        ({"code": 400, "messages": ["Image file is too large"]}, PictureTooLarge),
        ({"code": 400, "messages": ["Invalid or missing URL."]}, BadImage),
        ({"code": 400, "messages": ["Invalid limit"]}, ProtocolError),
        ({"code": 418}, ProtocolError),
        ({"code": {}}, ProtocolError),
    ],
)
def test_a_code_in_the_body_counts_beside_the_status(
    said: dict[str, object], kind: type[MarketplaceError]
) -> None:
    found = judge(Answer("https://a.example", 200, {}, json.dumps(said).encode()))
    assert type(found) is kind


def test_matches_without_a_page_are_an_unknown_answer() -> None:
    body = json.dumps(answer([{"score": 9, "backlinks": [{"backlink": 7}]}, {"score": 8}]))
    with pytest.raises(ProtocolError):
        parse_answer(body.encode(), hosts=(), allow_loopback=False)


def test_a_match_without_a_page_beside_others_is_told(caplog: pytest.LogCaptureFixture) -> None:
    offer = {"backlinks": [{"backlink": "https://detail.1688.com/offer/7.html"}]}
    body = json.dumps(answer([{"score": 9}, offer])).encode()
    (one,) = parse_answer(body, hosts=(), allow_loopback=False).observations
    assert one.item_id == "7"
    assert "1 of 2 pages have no address" in caplog.text


def test_a_probe_tells_the_searches_left_and_costs_none(server: Scripted) -> None:
    site = make(server)
    server.routes["/rest/remaining_searches/"] = as_json(REMAINING)
    standing = site.probe()
    assert (standing.calls_left, "2028-03-23" in standing.text) == (57892, True)
    server.routes["/rest/remaining_searches/"] = refused(402, NONE_LEFT)
    with pytest.raises(QuotaExhausted, match=r"^web: "):
        site.probe()
    site.close()
    assert {request.method for request in server.requests} == {"GET"}
    with pytest.raises(ProtocolError):
        parse_remaining(b'{"code": 200, "results": {}}')


def test_neither_logs_nor_errors_hold_the_key(
    server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    site = make(server)
    server.replies = [refused(400, f"nothing is known of {KEY}")]
    with pytest.raises(ProtocolError) as caught:
        site.search(Query(PICTURE))
    site.close()
    assert KEY not in str(caught.value) + caplog.text + repr(site._options.api_key)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"api_key": "two words"}, {"api_key": ""}, {"domain": "https://a.example"}),
        *({"limit": 0}, {"limit": 101}, {"hosts": ["a.example/x"]}, {"sort": "best"}),
    ],
)
def test_options_that_cant_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate({"api_key": KEY, **wrong})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(json_values, json_values, json_values, json_values)
def test_any_json_is_listings_or_an_unknown_answer(
    code: object, matches: object, links: object, score: object
) -> None:
    said = {"code": code, "messages": matches}
    judge(Answer("https://a.example", 200, {}, json.dumps(said).encode()))
    for given_matches in (matches, [{"backlinks": links, "score": score}, {"backlinks": [links]}]):
        body = json.dumps({"code": 200, "results": {"matches": given_matches}}).encode()
        try:
            parse_answer(body, hosts=("shop.example",), allow_loopback=False)
            parse_remaining(body)
        except ProtocolError:
            continue
