"""1688's gateway as the sandbox speaks it: both routes to a search. Over real HTTP."""

from __future__ import annotations

import io
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread

import httpx
import pytest
from PIL import Image

from monitor.sandbox import Sandbox
from monitor.sandbox.server import LoopbackServer, Rules
from tests.sandbox.callers import (
    IMAGE_QUERY,
    PICTURE_PATH,
    UPLOAD,
    AlibabaCaller,
    Caller,
    fetch,
    gateway_error,
    picture_bytes,
    stock,
)


@pytest.fixture
def caller(sandbox: Sandbox) -> AlibabaCaller:
    return AlibabaCaller(sandbox)


def image_id_of(answer: httpx.Response) -> str:
    result = answer.json()["result"]
    assert result["success"] == "true"
    found: str = result["result"]
    return found


# -- the two routes


def test_a_search_by_url_finds_the_picture_there(caller: AlibabaCaller, window: str) -> None:
    answer = caller.linkplus(window)
    assert answer.status_code == 200
    said = answer.json()
    assert set(said) == {"result", "success"}
    assert said["success"] is True
    assert (said["result"]["total"], said["result"]["page"]) == (3, 1)
    offer = said["result"]["result"][0]
    assert offer["subject"] == "good 0"
    assert isinstance(offer["offerId"], str)
    assert isinstance(offer["oldPrice"], int)
    assert offer["detailUrl"] == f"https://detail.1688.com/offer/{offer['offerId']}.html"
    assert fetch(offer["imageUrl"]).content == picture_bytes()


def test_a_search_by_upload_finds_the_picture(caller: AlibabaCaller) -> None:
    image_id = image_id_of(caller.upload(picture_bytes(1)))
    assert len(image_id) == 19
    said = caller.query(image_id).json()["result"]
    assert said["success"] == "true"
    result = said["result"]
    counts = (result["totalRecords"], result["totalPage"], result["currentPage"])
    assert counts == (3, 1, 1)
    offer = result["data"][0]
    assert offer["subject"] == "good 1"
    assert isinstance(offer["offerId"], int)
    assert offer["companyName"]
    assert offer["promotionURL"].startswith("https://detail.1688.com/offer/")
    assert result["picRegionInfo"] == {
        "currentRegion": "0,256,0,256",
        "yoloCropRegion": "0,128,0,256;128,256,0,256;0,256,0,256",
    }


def test_the_same_offer_has_one_id_and_one_price_on_1688(
    caller: AlibabaCaller, sandbox: Sandbox, window: str
) -> None:
    guide = Caller(sandbox).items()[0]
    by_url = caller.linkplus(window).json()["result"]["result"][0]
    by_upload = caller.query(image_id_of(caller.upload())).json()["result"]["result"]["data"][0]
    assert guide["itemId"] == by_url["offerId"] == str(by_upload["offerId"])
    yuan = f"{by_url['oldPrice'] / 100:.2f}"
    assert by_upload["priceInfo"]["price"] == yuan == f"{guide['price']:.2f}"


def test_the_same_picture_keeps_its_id(caller: AlibabaCaller) -> None:
    first, other = image_id_of(caller.upload()), image_id_of(caller.upload(picture_bytes(1)))
    assert image_id_of(caller.upload()) == first != other


def test_a_region_is_searched_by_itself(caller: AlibabaCaller) -> None:
    both = Image.new("RGB", (400, 200))
    for index in (0, 1):
        half = Image.open(io.BytesIO(picture_bytes(index))).resize((200, 200))
        both.paste(half, (200 * index, 0))
    buffer = io.BytesIO()
    both.save(buffer, "PNG")
    image_id = image_id_of(caller.upload(buffer.getvalue()))
    regions = caller.query(image_id).json()["result"]["result"]["picRegionInfo"]["yoloCropRegion"]
    left, right, whole = regions.split(";")
    assert whole == "0,400,0,200"
    for region, title in ((left, "good 0"), (right, "good 1")):
        result = caller.query(image_id, region=region).json()["result"]["result"]
        assert result["data"][0]["subject"] == title
        assert result["picRegionInfo"]["currentRegion"] == region


def test_an_image_address_on_loopback_stands_in_for_an_id(
    caller: AlibabaCaller, window: str
) -> None:
    result = caller.query("", imageAddress=window).json()["result"]["result"]
    assert result["data"][0]["subject"] == "good 0"


def test_pages_go_to_the_end_without_doubles(tmp_path: Path) -> None:
    with Sandbox(stock(tmp_path / "shop", 45), Rules(rate=1_000, max_items=43)) as sandbox:
        caller = AlibabaCaller(sandbox)
        window = f"{sandbox.shop.origin}{PICTURE_PATH}"
        image_id = image_id_of(caller.upload())
        by_url, by_upload = [], []
        for page in (1, 2, 3, 4):
            result = caller.linkplus(window, page=str(page)).json()["result"]
            by_url.append([offer["offerId"] for offer in result["result"]])
            result = caller.query(image_id, beginPage=page).json()["result"]["result"]
            by_upload.append([offer["offerId"] for offer in result["data"]])
    for pages in (by_url, by_upload):
        assert [len(page) for page in pages] == [20, 20, 3, 0]
        assert len({offer for page in pages for offer in page}) == 43


def test_page_sizes_have_their_caps(caller: AlibabaCaller, window: str) -> None:
    assert caller.linkplus(window, pageSize="100").json()["result"]["pageSize"] == 20
    assert len(caller.linkplus(window, pageSize="2").json()["result"]["result"]) == 2
    image_id = image_id_of(caller.upload())
    assert caller.query(image_id, pageSize=50).json()["result"]["success"] == "true"
    assert caller.query(image_id, pageSize=51).json()["result"]["success"] == "false"


def test_listings_json_sets_this_dialects_fields_in_an_object(
    caller: AlibabaCaller, sandbox: Sandbox, window: str
) -> None:
    path = sandbox.shelf.path / "listings.json"
    fields = {"subject": "guide only", "alibaba_1688": {"oldPrice": None, "offerId": "7"}}
    path.write_text(json.dumps({"good_0.jpg": fields}))
    offer = caller.linkplus(window).json()["result"]["result"][0]
    assert (offer["offerId"], offer["oldPrice"], offer["subject"]) == ("7", None, "good 0")
    path.write_text(json.dumps({"good_0.jpg": {"alibaba_1688": 3}}))
    answer = caller.linkplus(window)
    assert gateway_error(answer) == (500, "500")
    assert "listings.json" in answer.json()["error_message"]


# -- what the APIs refuse, inside HTTP 200


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.jpg",
        "http://192.168.0.1/a.jpg",
        "http://localhost.example.com/a.jpg",
        "http://127.0.0.1@example.com/a.jpg",
        "http://[::ffff:127.0.0.1]/a.jpg",
        "file:///etc/passwd",
        "http://127.0.0.1:1/nobody-listens.jpg",
        "http://127.0.0.1:x/",
        "http://127.0.0.1/a b\r\nc",
        "//127.0.0.1/a.jpg",
        "x",
    ],
)
def test_a_url_that_is_not_a_picture_on_loopback_can_not_be_handled(
    caller: AlibabaCaller, url: str
) -> None:
    answer = caller.linkplus(url)
    assert answer.status_code == 200
    assert answer.json() == {
        "success": False,
        "code": "SYSTEM_ERROR",
        "message": f"handle image error with url {url}",
        "result": {},
    }


@pytest.mark.parametrize("path", ["/stats", "/pictures/0/none.jpg"])
def test_what_is_no_picture_can_not_be_handled(
    caller: AlibabaCaller, sandbox: Sandbox, path: str
) -> None:
    assert caller.linkplus(sandbox.shop.origin + path).json()["code"] == "SYSTEM_ERROR"


def test_a_redirect_is_not_followed(caller: AlibabaCaller, window: str) -> None:
    class Redirecting(BaseHTTPRequestHandler):
        asked = 0

        def do_GET(self) -> None:
            Redirecting.asked += 1
            self.send_response(302)
            self.send_header("Location", window)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with LoopbackServer(("127.0.0.1", 0), Redirecting) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        answer = caller.linkplus(f"http://127.0.0.1:{server.server_address[1]}/a.jpg")
        server.shutdown()
        thread.join()
    assert Redirecting.asked == 1
    assert answer.json()["code"] == "SYSTEM_ERROR"


def test_the_environments_proxy_is_not_asked(
    caller: AlibabaCaller, window: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    assert caller.linkplus(window).json()["success"] is True


@pytest.mark.parametrize("page", ["0", "-1", "x", "1.5", "1" * 30])
def test_pages_count_from_1(caller: AlibabaCaller, window: str, page: str) -> None:
    assert caller.linkplus(window, page=page).json()["success"] is False
    assert caller.query("1", beginPage=page).json()["result"]["success"] == "false"


@pytest.mark.parametrize(
    "picture",
    [b"", b"no picture", picture_bytes(kind="WEBP"), picture_bytes() + bytes(300_000)],
)
def test_an_upload_that_fails_says_so_by_its_id_alone(
    caller: AlibabaCaller, picture: bytes
) -> None:
    if not picture:
        assert caller.upload(picture).json()["result"]["success"] == "false"
    else:
        assert image_id_of(caller.upload(picture)) == "0"


def test_an_upload_with_a_data_prefix_fails(caller: AlibabaCaller) -> None:
    param = {"imageBase64": "data:image/jpeg;base64,/9j/"}
    assert image_id_of(caller.call(UPLOAD, uploadImageParam=json.dumps(param))) == "0"


@pytest.mark.parametrize(
    "param",
    [
        {"imageId": "1164000000000000001"},
        {"imageId": "", "imageAddress": "https://example.com/a.jpg"},
        {"country": "zh"},
        {"country": None},
        {"region": "0,0,0,0"},
        {"region": "0,257,0,256"},
        {"region": "left"},
    ],
)
def test_a_query_that_can_not_be_answered_is_refused(
    caller: AlibabaCaller, param: dict[str, object]
) -> None:
    image_id = image_id_of(caller.upload())
    answer = caller.query(image_id, **param)
    assert (answer.status_code, answer.json()["result"]["success"]) == (200, "false")


@pytest.mark.parametrize("text", ["{", "[]", "7", "[" * 100_000])
def test_a_parameter_that_is_no_json_object_is_refused(caller: AlibabaCaller, text: str) -> None:
    for api, name in ((UPLOAD, "uploadImageParam"), (IMAGE_QUERY, "offerQueryParam")):
        answer = caller.call(api, **{name: text})
        assert (answer.status_code, answer.json()["result"]["success"]) == (200, "false")
