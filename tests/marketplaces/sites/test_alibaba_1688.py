"""The two routes of the official gateway: requests, answers and pages."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from PIL import Image

from monitor.errors import (
    BadImage,
    ProtocolError,
)
from monitor.marketplaces.base import Page, Query
from monitor.marketplaces.sites.alibaba_1688.adapter import Alibaba1688
from monitor.marketplaces.testing import Reply, Scripted, as_json
from tests.marketplaces.sites.aop_gateway import (
    LINKPLUS,
    QUERY,
    TOKEN,
    UPLOAD,
    App,
    offers,
    similar,
    stored,
    uploaded,
)

PICTURE = Image.new("RGB", (900, 820), "orange")
FILED = Query(PICTURE, sha256="ab" * 32, path="acme/mug 1.jpg")
PICTURE_URL = "https://brands.example/{path}"
REFUSED_ID = as_json({"result": {"success": "false", "code": "E1", "message": "imageId invalid"}})


@pytest.fixture
def app() -> Iterator[App]:
    with Scripted(Reply(404)) as server:
        made = App(server)
        made.answers(UPLOAD, uploaded("1164408192156408878"))
        made.answers(QUERY, stored("crossborder.json"))
        made.answers(LINKPLUS, stored("linkplus.json"))
        yield made
        made.close()


def search_all(site: Alibaba1688, query: Query = FILED) -> list[Page]:
    pages = [site.search(query)]
    while cursor := pages[-1].next_cursor:
        pages.append(site.search(replace(query, cursor=cursor)))
    return pages


def test_crossborder_uploads_the_picture_and_searches_by_its_id(app: App) -> None:
    page = app.open().search(FILED)
    upload, query = app.asked
    assert [asked.path for asked in app.asked] == [UPLOAD, QUERY]
    assert upload.fields.keys() == {
        *("uploadImageParam", "access_token", "_aop_timestamp", "_aop_signature")
    }
    assert upload.fields["access_token"] == TOKEN
    assert upload.fields["_aop_timestamp"] == "1700000000000"
    image, size = upload.picture
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", PICTURE.size)
    assert size <= 300_000
    red, green, blue = image.resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    assert abs(red - 255) + abs(green - 165) + abs(blue) < 12
    assert query.query == {
        "imageId": "1164408192156408878",
        "beginPage": 1,
        "pageSize": 50,
        "country": "en",
    }
    assert (page.requests, app.pace.waits) == (2, 2)


def test_the_fields_of_a_crossborder_answer_are_read(app: App) -> None:
    page = app.open().search(FILED)
    assert (page.total, page.next_cursor) == (3, None)
    first, second, third = page.observations
    assert (first.item_id, first.rank, first.sales) == ("700000000001", 1, 172)
    assert first.url == "https://detail.1688.com/offer/700000000001.html"
    assert first.title == "跨境陶瓷马克杯 厂家直销"
    assert first.price is not None
    assert (first.price.minimum, first.price.currency) == (Decimal("12.50"), "CNY")
    assert first.seller is not None
    assert (first.seller.seller_id, first.seller.name) == (None, "景德镇某某陶瓷有限公司")
    assert (second.item_id, second.seller) == ("9223372036854775807", None)
    assert second.price is not None
    assert (second.price.minimum, second.sales) == (Decimal("9.90"), 12_000)
    assert second.picture_url == "https://cbu01.alicdn.com/img/ibank/O1CN01mug2_!!1001-0-cib.jpg"
    assert (third.item_id, third.title, third.price) == ("700000000003", "enamel mug", None)


def test_a_list_one_level_higher_is_found(app: App) -> None:
    app.answers(QUERY, stored("crossborder_shallow.json"))
    (found,) = app.open().search(FILED).observations
    assert (found.item_id, found.sales) == ("700000000011", 40)


def test_what_narrows_a_search_is_sent_only_when_asked_for(app: App) -> None:
    app.open(filters=["new7", "certifiedFactory"], sort="monthSold:desc", country="ja").search(
        FILED
    )
    query = app.asked[-1].query
    assert (query["filter"], query["country"]) == ("new7,certifiedFactory", "ja")
    assert json.loads(str(query["sort"])) == {"monthSold": "desc"}


def test_a_large_picture_goes_up_in_300_kilobytes(app: App) -> None:
    noise = Image.frombytes("RGB", (1200, 900), random.Random(1).randbytes(1200 * 900 * 3))
    app.open().search(replace(FILED, picture=noise))
    assert 150_000 < app.asked[0].picture[1] <= 300_000


@pytest.mark.parametrize("no_id", ["zero.json", "empty.json", "missing.json"])
def test_an_upload_without_an_id_is_made_again_with_a_smaller_picture(app: App, no_id: str) -> None:
    noise = Image.frombytes("RGB", (900, 900), random.Random(1).randbytes(900 * 900 * 3))
    refused = stored(f"uploads/{no_id}")
    app.answers(UPLOAD, refused, refused, uploaded("7"))
    page = app.open().search(replace(FILED, picture=noise))
    sizes = [asked.picture[1] for asked in app.asked[:3]]
    assert sizes[1] <= sizes[0] / 2
    assert sizes[2] <= 100_000
    assert app.asked[3].query["imageId"] == "7"
    assert (len(page.observations), page.requests) == (3, 4)


def test_a_picture_that_gets_no_id_at_any_size_is_refused(app: App) -> None:
    app.answers(UPLOAD, stored("uploads/zero.json"))
    with pytest.raises(BadImage, match=r"acme: the site takes no version.* even at \d+ bytes"):
        app.open().search(FILED)
    app.answers(UPLOAD, stored("uploads/missing.json"))
    with pytest.raises(ProtocolError, match=r"acme: .*no image id"):
        app.open().search(FILED)
    assert QUERY not in app.paths


@pytest.mark.parametrize("name", ["text.json", "object.json", "number.json"])
def test_an_image_id_is_taken_exactly_in_every_form(app: App, name: str) -> None:
    app.answers(UPLOAD, stored(f"uploads/{name}"))
    app.open().search(FILED)
    assert app.asked[-1].query["imageId"] == "1164408192156408878"


def test_a_pictures_upload_is_kept_for_six_hours_by_its_content(app: App) -> None:
    app.open().search(FILED)
    app.open().search(FILED)
    assert app.paths == [UPLOAD, QUERY, QUERY]
    app.open().search(replace(FILED, sha256="cd" * 32))
    assert app.paths[3:] == [UPLOAD, QUERY]
    app.memory.now += timedelta(hours=6).total_seconds() + 1
    app.open().search(FILED)
    assert app.paths[5:] == [UPLOAD, QUERY]


def test_a_kept_id_that_is_refused_is_replaced_once(app: App) -> None:
    app.open().search(FILED)
    app.answers(UPLOAD, uploaded("8"))
    app.answers(QUERY, REFUSED_ID, stored("crossborder.json"))
    page = app.open().search(FILED)
    assert (len(page.observations), page.requests) == (3, 3)
    assert app.paths[2:] == [QUERY, UPLOAD, QUERY]
    assert [app.asked[n].query["imageId"] for n in (2, 4)] == ["1164408192156408878", "8"]
    app.answers(QUERY, REFUSED_ID)
    with pytest.raises(BadImage, match="imageId invalid"):
        app.open().search(FILED)
    assert app.paths[5:] == [QUERY, UPLOAD, QUERY]


def test_an_empty_page_for_a_kept_id_is_not_believed(app: App) -> None:
    app.open().search(FILED)
    app.answers(QUERY, stored("crossborder_empty.json"), stored("crossborder.json"))
    assert len(app.open().search(FILED).observations) == 3
    assert app.paths[2:] == [QUERY, UPLOAD, QUERY]


@pytest.mark.parametrize(("total", "calls"), [(0, [QUERY, UPLOAD, QUERY]), (90, [QUERY])])
def test_a_later_page_that_knows_nothing_of_the_search_is_not_its_end(
    app: App, total: int, calls: list[str]
) -> None:
    app.open().search(FILED)
    app.answers(QUERY, offers(totalRecords=total), offers(7))
    app.open().search(replace(FILED, cursor="2:2:50:0"))
    assert app.paths[2:] == calls


def test_an_empty_page_for_a_fresh_id_is_an_empty_page(app: App) -> None:
    app.answers(QUERY, stored("crossborder_empty.json"))
    page = app.open().search(FILED)
    assert (page.observations, page.total, page.next_cursor) == ((), 0, None)
    assert app.paths == [UPLOAD, QUERY]


def test_crossborder_goes_through_all_pages_by_one_upload(app: App) -> None:
    app.answers(
        *(QUERY, offers(*range(1, 51), total=120), offers(*range(51, 101), total=120)),
        offers(*range(101, 121), total=120),
    )
    pages = search_all(app.open())
    found = [item for page in pages for item in page.observations]
    assert [int(item.item_id) for item in found] == list(range(1, 121))
    assert [item.rank for item in found] == list(range(1, 121))
    assert app.paths == [UPLOAD, QUERY, QUERY, QUERY]
    assert [asked.query["beginPage"] for asked in app.asked[1:]] == [1, 2, 3]


def test_pages_that_are_smaller_than_asked_for_are_followed_to_the_end(app: App) -> None:
    pages = [range(1, 21), range(21, 41), range(41, 46)]
    app.answers(QUERY, *(offers(*page, total=45, size=20) for page in pages))
    found = [item for page in search_all(app.open()) for item in page.observations]
    assert len(found) == 45


def test_a_search_ends_at_max_pages_and_at_two_thousand_records(app: App) -> None:
    app.answers(QUERY, offers(*range(1, 51), total=100_000))
    assert len(search_all(app.open(max_pages=3))) == 3
    assert len(search_all(app.open(max_pages=200))) == 40


def test_detected_regions_are_searched_one_by_one_after_the_whole(app: App) -> None:
    regions = {
        "currentRegion": "0,800,0,800",
        "yoloCropRegion": "10,400,20,500;0,800,0,800;5,9,1,7",
    }
    app.answers(
        QUERY,
        offers(*range(1, 51), total=60, picRegionInfo=regions),
        offers(*range(51, 61), total=60, picRegionInfo={"yoloCropRegion": "1,2,3,4"}),
        offers(61, picRegionInfo={"yoloCropRegion": "1,2,3,4"}),
        offers(1, 62),
    )
    pages = search_all(app.open(search_regions=True))
    asked = [(one.query.get("region"), one.query["beginPage"]) for one in app.asked[1:]]
    assert asked == [(None, 1), (None, 2), ("10,400,20,500", 1), ("5,9,1,7", 1)]
    assert [page.observations[0].rank for page in pages] == [1, 51, 61, 62]
    assert [page.next_part is None for page in pages] == [False, False, False, True]
    assert pages[1].next_part == pages[1].next_cursor
    assert pages[0].next_part != pages[0].next_cursor


def test_regions_are_left_alone_unless_asked_for(app: App) -> None:
    page = app.open().search(FILED)
    assert (page.next_cursor, page.next_part) == (None, None)


def test_an_empty_region_doesnt_end_the_others_nor_cost_an_upload(app: App) -> None:
    regions = {"yoloCropRegion": "1,2,3,4;5,6,7,8"}
    app.answers(QUERY, offers(1, picRegionInfo=regions), offers(), offers(2))
    pages = search_all(app.open(search_regions=True))
    assert [len(page.observations) for page in pages] == [1, 0, 1]
    assert app.paths.count(UPLOAD) == 1


@pytest.mark.parametrize(
    "cursor", ["1:2:20:0", "3:2:50:0", "2:0:5:0", "2:2:50:1", "2:2:50:0:9:1:0:5", "2:2", "x"]
)
def test_a_cursor_that_is_no_place_of_this_search_starts_anew(app: App, cursor: str) -> None:
    page = app.open().search(replace(FILED, cursor=cursor))
    assert page.observations[0].rank == 1
    assert app.asked[-1].query["beginPage"] == 1


def test_linkplus_sends_the_pictures_address(app: App) -> None:
    site = app.open(mode="linkplus", picture_url=f"{PICTURE_URL}?v=1")
    site.search(replace(FILED, path="acme/杯 1.jpg"))
    (asked,) = app.asked
    assert (asked.path, asked.fields["page"], asked.fields["pageSize"]) == (LINKPLUS, "1", "20")
    assert asked.fields["picUrl"] == "https://brands.example/acme/%E6%9D%AF%201.jpg?v=1"
    assert asked.fields["access_token"] == TOKEN


def test_linkplus_prices_are_whole_fen(app: App) -> None:
    page = app.open(mode="linkplus", picture_url=PICTURE_URL).search(FILED)
    first, second = page.observations
    assert first.price is not None
    assert second.price is not None
    assert (first.price.minimum, second.price.minimum) == (Decimal("10.10"), Decimal("0.05"))
    assert first.price.currency == "CNY"
    assert (first.item_id, first.url) == (
        *("700000000001", "https://detail.1688.com/offer/700000000001.html"),
    )
    assert (first.seller, first.sales, page.total, page.requests) == (None, None, 95, 1)
    assert first.picture_url == second.picture_url


def test_linkplus_goes_through_all_pages(app: App) -> None:
    ends = [(1, 21), (21, 41), (41, 61), (61, 81), (81, 96)]
    app.answers(LINKPLUS, *(similar(*range(*ends_of), total=95) for ends_of in ends))
    pages = search_all(app.open(mode="linkplus", picture_url=PICTURE_URL))
    found = [item for page in pages for item in page.observations]
    assert [item.rank for item in found] == list(range(1, 96))
    assert [asked.fields["page"] for asked in app.asked] == ["1", "2", "3", "4", "5"]


def test_a_picture_that_1688_cant_load_is_refused_by_itself(app: App) -> None:
    address = "https://brands.example/quota/frequency-permission.jpg?key=geheim"
    said = f"handle image error with url {address}"
    app.answers(
        LINKPLUS,
        as_json({"success": False, "code": "SYSTEM_ERROR", "message": said, "result": {}}),
    )
    with pytest.raises(BadImage, match=r"acme: .*load or read the picture") as caught:
        app.open(mode="linkplus", picture_url=PICTURE_URL).search(FILED)
    assert "geheim" not in str(caught.value)


def test_linkplus_refuses_a_picture_that_has_no_address(app: App) -> None:
    with pytest.raises(BadImage, match="no address"):
        app.open(mode="linkplus", picture_url=PICTURE_URL).search(Query(PICTURE))
    assert app.asked == []
