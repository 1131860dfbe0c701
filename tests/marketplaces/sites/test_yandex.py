from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PIL import Image
from pydantic import ValidationError

from monitor.errors import AuthError, ProtocolError
from monitor.marketplaces.base import Page, Query
from monitor.marketplaces.registry import account_key
from monitor.marketplaces.sites.yandex import Options, Yandex, parse_answer
from monitor.marketplaces.testing import PATIENT, Request, Scripted, as_json, make_outside
from monitor.model import Observation
from tests.contracts.dialects import load_answers

KEY = "AQVNgeheim0123456789abcdefghijklmnopqrst"
STORED = load_answers("yandex")
PAGE = json.loads(STORED["page.json"])
NOTHING = json.loads(STORED["nothing.json"])
QUERY = Query(Image.new("RGB", (900, 900), "teal"))


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(as_json(PAGE)) as running:
        yield running


def make(server: Scripted, **options: object) -> Yandex:
    given = {"base_url": server.url("/v2"), "api_key": KEY, "folder_id": "b1gfolder", **options}
    return Yandex("ya", Options.model_validate(given), make_outside(limits=PATIENT))


def search_all(server: Scripted, **options: object) -> list[Page]:
    site = make(server, **options)
    try:
        pages = [site.search(QUERY)]
        while pages[-1].next_cursor is not None:
            pages.append(site.search(replace(QUERY, cursor=pages[-1].next_cursor)))
    finally:
        site.close()
    return pages


def asked(request: Request) -> dict[str, str]:
    found: dict[str, str] = json.loads(request.body)
    return found


def image(number: int, host: str = "shop.example") -> dict[str, str]:
    return {"url": f"https://{host}/{number}.jpg", "pageUrl": f"https://{host}/goods/{number}"}


def page_of(*images: object, last: object = "0") -> object:
    return {"images": images, "page": "0", "maxPage": last, "id": "a/b"}


def read(answer: object, offset: int = 0) -> tuple[Observation, ...]:
    body = json.dumps(answer).encode()
    found = parse_answer(body, hosts=("shop.example",), allow_loopback=False, offset=offset)
    return found.observations


def test_the_request_holds_picture_and_folder_and_the_key_in_a_header(server: Scripted) -> None:
    server.replies = [as_json(NOTHING)]
    search_all(server)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v2/image/search_by_image")
    assert request.headers["authorization"] == f"Api-Key {KEY}"
    body = asked(request)
    picture = Image.open(io.BytesIO(base64.b64decode(body.pop("data"), validate=True)))
    assert (picture.format, picture.size) == ("JPEG", (900, 900))
    assert body == {"folderId": "b1gfolder", "page": "0", "familyMode": "FAMILY_MODE_NONE"}


def test_a_picture_is_under_the_limit_before_and_after_base64(server: Scripted) -> None:
    site = make(server)
    site.search(Query(Image.effect_noise((2400, 2400), 200).convert("RGB")))
    site.close()
    data = asked(server.requests[0])["data"]
    assert len(base64.b64decode(data)) < len(data) <= 3_145_728


def test_pages_of_known_and_named_hosts_are_listings() -> None:
    offer, goods = read(PAGE)
    assert (offer.site, offer.item_id, offer.rank) == ("1688", "700000000001", 1)
    assert offer.url == "https://detail.1688.com/offer/700000000001.html"
    assert offer.title == "Acme mug & saucer"
    assert offer.picture_url == "https://cbu01.alicdn.com/img/ibank/O1CN01test_!!1-0-cib.jpg"
    assert offer.picture_fallback_url == f"{offer.picture_url}_400x400.jpg"
    assert (goods.site, goods.item_id, goods.rank) == ("shop.example", "/goods/7", 2)
    # a page without a title is named by its passage
    assert goods.title == "A mug by Acme"


def test_ranks_go_on_from_page_to_page() -> None:
    assert [one.rank for one in read(PAGE, offset=40)] == [41, 42]


def test_a_search_ends_at_the_last_page(server: Scripted) -> None:
    server.replies = [as_json(page_of(image(n), last="2")) for n in range(3)]
    pages = search_all(server, hosts=["shop.example"])
    assert [asked(one)["page"] for one in server.requests] == ["0", "1", "2"]
    assert [one.rank for page in pages for one in page.observations] == [1, 2, 3]


@pytest.mark.parametrize("last", ["0", None, "", "x"])
def test_without_a_last_page_a_search_ends_where_pictures_do(
    server: Scripted, last: object
) -> None:
    server.replies = [as_json(page_of(image(n), last=last)) for n in range(2)]
    server.replies.append(as_json(NOTHING))
    assert len(search_all(server, hosts=["shop.example"])) == 3


def test_a_page_with_pages_of_other_sites_only_does_not_end_a_search(server: Scripted) -> None:
    server.replies = [
        as_json(page_of(image(1, "blog.example"), last="1")),
        as_json(page_of(image(2), last="1")),
    ]
    pages = search_all(server, hosts=["shop.example"])
    assert [len(page.observations) for page in pages] == [0, 1]


def test_a_search_ends_at_the_page_that_the_config_allows(server: Scripted) -> None:
    server.replies = [as_json(page_of(image(1), last="99"))]
    assert len(search_all(server, max_pages=2)) == 2


def test_each_site_is_searched_after_the_other_with_all_its_pages(server: Scripted) -> None:
    server.replies = [
        as_json(page_of(image(1), last="1")),
        as_json(page_of(image(2), last="1")),
        as_json(NOTHING),
        as_json(page_of(image(3, "other.example"), last="0")),
        as_json(NOTHING),
    ]
    pages = search_all(server, sites=["shop.example", "1688.com", "other.example"])
    requests = [asked(one) for one in server.requests]
    assert [(one["site"], one["page"]) for one in requests] == [
        ("shop.example", "0"),
        ("shop.example", "1"),
        ("1688.com", "0"),
        ("other.example", "0"),
        ("other.example", "1"),
    ]
    found = [one for page in pages for one in page.observations]
    assert [(one.site, one.rank) for one in found] == [
        ("shop.example", 1),
        ("shop.example", 2),
        ("other.example", 3),
    ]


def test_of_a_known_site_only_listings_count_unless_its_host_is_named(server: Scripted) -> None:
    shown = {"url": "https://a.example/a.jpg", "pageUrl": "https://www.alibaba.com/showroom/a.html"}
    server.replies = [as_json(page_of(shown)), as_json(NOTHING)]
    pages = search_all(server, sites=["alibaba.com"])
    assert [page.observations for page in pages] == [(), ()]
    server.replies = [as_json(page_of(shown)), as_json(NOTHING)]
    pages = search_all(server, sites=["alibaba.com"], hosts=["alibaba.com"])
    assert [one.site for one in pages[0].observations] == ["alibaba.com"]


@pytest.mark.parametrize("cursor", ["", "1:0:0", "0:5:9", "0:1", "7"])
def test_a_cursor_of_other_options_starts_anew(server: Scripted, cursor: str) -> None:
    site = make(server, max_pages=5)
    page = site.search(replace(QUERY, cursor=cursor))
    site.close()
    assert page.observations[0].rank == 1
    assert asked(server.requests[0])["page"] == "0"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"id": ""},
        {"page": "0", "maxPage": "1"},
        {"images": None, "id": "a"},
        {"images": {}, "id": "a"},
        {"images": [{"pageURL": "https://shop.example/goods/7"}], "id": "a"},
        {"images": [1, None], "id": "a"},
        {"results": [], "id": "a"},
        [],
    ],
)
def test_an_answer_of_another_shape_is_never_taken_for_no_matches(answer: object) -> None:
    with pytest.raises(ProtocolError):
        read(answer)


def test_nothing_found_is_an_empty_page() -> None:
    assert read(NOTHING) == ()
    assert read({"images": [], "id": "a"}) == ()


def test_neither_logs_nor_errors_hold_the_key(
    server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.replies = [as_json({"code": 16, "message": f"Unknown api key '{KEY}'"}, 400)]
    with pytest.raises(AuthError) as caught:
        search_all(server)
    assert KEY not in str(caught.value) + caplog.text
    model = Options.model_validate({"api_key": KEY, "folder_id": "b1g"})
    assert KEY not in repr(model) + account_key("yandex", "a", model)


def test_keys_of_one_folder_share_its_pace() -> None:
    one, other = (
        Options.model_validate({"api_key": key, "folder_id": "b1g"}) for key in ("k1", "k2")
    )
    assert account_key("yandex", "a", one) == account_key("yandex", "b", other)


@pytest.mark.parametrize(
    "wrong",
    [
        {"folder_id": ""},
        {"folder_id": "b 1"},
        {"folder_id": "b" * 51},
        {"max_pages": 0},
        {"sites": ["https://a.example"]},
        {"api_key": "a\nb"},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate({"api_key": KEY, "folder_id": "b1g", **wrong})
