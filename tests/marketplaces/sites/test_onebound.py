from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from monitor.errors import BadImage, MarketplaceError, ProtocolError, QuotaExhausted
from monitor.marketplaces.base import Query
from monitor.marketplaces.sites.onebound import (
    OneBound,
    Options,
    Parsed,
    find_usage,
    judge,
    parse_answer,
)
from monitor.marketplaces.testing import (
    QUICK,
    WEB_PAGE,
    RecordedPace,
    Reply,
    Request,
    Scripted,
    as_json,
    make_outside,
)
from monitor.net.wire import Answer
from tests.contracts.dialects import load_answers
from tests.contracts.dialects.onebound import DIALECT, PICTURES, URL, answer_of, refused
from tests.marketplaces.sites.test_iop import json_values

ANSWERS = load_answers("onebound")
QUERY = Query(Image.new("RGB", (50, 50)), sha256="a" * 64, path="mugs/fox & co.jpg")
KEY = "t-key/1234"
# characters that stand otherwise in an address
SECRET = "ge heim+te/Lösung&42"


class Account:
    def __init__(self, base_url: str, **options: object) -> None:
        self.pace = RecordedPace()
        given = {
            "base_url": base_url,
            "api_key": KEY,
            "api_secret": SECRET,
            "picture_url": PICTURES,
            **options,
        }
        outside = make_outside(self.pace, limits=QUICK)
        self.site = OneBound("acme", Options.model_validate(given), outside)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(as_json(answer_of([DIALECT.item("11")]))) as running:
        yield running


@pytest.fixture
def account(server: Scripted) -> Iterator[Account]:
    made = Account(server.url(""))
    yield made
    made.site.close()


def params_of(request: Request) -> dict[str, str]:
    asked = parse_qs(urlsplit(request.path).query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in asked.values())
    return {name: values[0] for name, values in asked.items()}


def stored(name: str, site: str) -> Parsed:
    return parse_answer(ANSWERS[name], URL, site, allow_loopback=False)


def test_the_request_asks_for_a_fresh_answer(account: Account, server: Scripted) -> None:
    account.site.search(QUERY)
    (request,) = server.requests
    assert (request.method, urlsplit(request.path).path) == ("GET", "/1688/item_search_img/")
    assert params_of(request) == {
        "key": KEY,
        "secret": SECRET,
        "imgid": "https://pictures.example/mugs/fox%20%26%20co.jpg",
        "page": "1",
        "cache": "no",
        "result_type": "json",
        "lang": "cn",
    }


@pytest.mark.parametrize("platform", ["1688", "taobao", "aliexpress", "alibaba"])
def test_each_platform_is_its_own_site(server: Scripted, platform: str) -> None:
    account = Account(server.url(""), platform=platform)
    (item,) = account.site.search(QUERY).observations
    account.site.close()
    assert account.site.site == item.site == platform
    assert server.requests[0].path.startswith(f"/{platform}/item_search_img/?")


def test_a_picture_in_no_folder_has_no_address(account: Account, server: Scripted) -> None:
    with pytest.raises(BadImage, match=r"^acme: .*no address"):
        account.site.search(Query(QUERY.picture))
    assert server.requests == []


def test_pages_are_asked_for_until_the_last(account: Account, server: Scripted) -> None:
    assert DIALECT.in_pages is not None
    server.replies, _ = DIALECT.in_pages()
    cursor = account.site.search(QUERY).next_cursor
    account.site.search(Query(QUERY.picture, cursor, path=QUERY.path))
    assert [params_of(request)["page"] for request in server.requests] == ["1", "2"]


@pytest.mark.parametrize(
    ("paging", "goes_on"),
    [
        ({"pagecount": 3}, True),
        ({"pagecount": "3"}, True),
        ({"pagecount": 1, "total_results": 90}, False),
        ({"total_results": 90}, True),
        ({"pagecount": 0, "total_results": 90}, True),
        ({"total_results": "1"}, False),
        ({}, False),
    ],
)
def test_a_next_page_is_there_where_the_answer_says_so(
    account: Account, server: Scripted, paging: dict[str, object], goes_on: bool
) -> None:
    server.replies = [as_json(answer_of([DIALECT.item("11")], **paging))]
    assert (account.site.search(QUERY).next_cursor is not None) is goes_on


def test_an_empty_page_ends_the_search(account: Account, server: Scripted) -> None:
    server.replies = [as_json(answer_of([], pagecount=9, total_results=90))]
    page = account.site.search(replace(QUERY, cursor="2:10"))
    assert (page.observations, page.next_cursor) == ((), None)


def test_a_reason_without_any_listing_is_why_there_is_none(
    account: Account, server: Scripted
) -> None:
    server.replies = [as_json({**answer_of([]), "reason": "今日调用次数已达上限"})]
    with pytest.raises(QuotaExhausted):
        account.site.search(QUERY)
    server.replies = [as_json({**answer_of([DIALECT.item("11")]), "reason": "success"})]
    assert len(account.site.search(QUERY).observations) == 1


def test_paging_ends_at_max_pages(server: Scripted) -> None:
    server.replies = [as_json(answer_of([DIALECT.item("11")], pagecount=9))]
    account = Account(server.url(""), max_pages=1)
    assert account.site.search(QUERY).next_cursor is None
    account.site.close()


def test_an_answer_of_1688_is_read_whole() -> None:
    parsed = stored("1688.json", "1688")
    first, second = parsed.observations
    assert (parsed.total, parsed.pages, parsed.is_cached) == (41, 3, False)
    assert (first.site, first.item_id) == ("1688", "700000000000001")
    assert first.url == "https://detail.1688.com/offer/700000000000001.html"
    assert first.picture_url == "https://cbu01.alicdn.com/img/ibank/O1CN01x_!!221-0-cib.jpg"
    assert first.price is not None
    assert (first.price.minimum, first.price.currency) == (Decimal("12.50"), "CNY")
    assert first.seller is not None
    assert (first.seller.name, first.sales, first.provider_score) == ("狐狸工厂", 172, None)
    assert second.price is not None
    assert (second.price.minimum, second.price.maximum) == (Decimal(15), Decimal(22))
    assert second.picture_url == "https://cbu01.alicdn.com/b.png"
    assert (second.title, second.seller) == ("", None)


def test_a_list_with_gaps_and_ids_in_addresses_are_read() -> None:
    parsed = stored("taobao.json", "taobao")
    first, second = parsed.observations
    assert (parsed.total, parsed.is_cached) == (44, True)
    assert first.price is not None
    assert first.price.minimum == Decimal("19.90")
    assert first.seller is not None
    assert (first.seller.seller_id, first.sales) == ("2200811456689", 12_000)
    assert second.url == "https://item.taobao.com/item.htm?id=700000000000012"


def test_the_address_of_alibaba_keeps_its_name() -> None:
    url = "https://www.alibaba.com/product-detail/Fox-mug_1600000000001.html"
    items = [
        {"num_iid": "1600000000001", "detail_url": f"{url}?spm=a"},
        {"num_iid": "1600000000002", "detail_url": url},
    ]
    parsed = parse_answer(
        json.dumps(answer_of([*items])).encode(), URL, "alibaba", allow_loopback=False
    )
    assert [item.url for item in parsed.observations] == [
        url,
        "https://www.alibaba.com/product-detail/1600000000002.html",
    ]


@pytest.mark.parametrize(("site", "currency"), [("taobao", "CNY"), ("aliexpress", "USD")])
def test_a_price_is_in_the_currency_of_its_platform(site: str, currency: str) -> None:
    body = json.dumps(answer_of([DIALECT.item("1", price="3.50")])).encode()
    (item,) = parse_answer(body, URL, site, allow_loopback=False).observations
    assert item.price is not None
    assert item.price.currency == currency


def test_an_answer_from_the_cache_and_the_days_calls_are_told(
    server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    server.replies = [Reply(200, {}, ANSWERS["taobao.json"])]
    account = Account(server.url(""), platform="taobao")
    account.site.search(QUERY)
    account.site.close()
    assert "acme: 16 of today's 10100 calls are used" in caplog.text
    assert "from the site's cache" in caplog.text


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ("today:15 max:10100", (15, 10100)),
        ("today:15 max:10100 all[15=1+2+3];expires:2030-12-31", (15, 10100)),
        ("max:3", None),
        (None, None),
        (7, None),
    ],
)
def test_the_days_calls_are_read_where_they_are_told(
    said: object, usage: tuple[int, int] | None
) -> None:
    assert find_usage(json.loads(json.dumps({"api_info": said}))) == usage


def test_words_nobody_knows_are_no_quota_while_calls_are_left() -> None:
    body = refused("stopped", api_info="today:15 max:10100").body
    assert type(judge(Answer(URL, 200, {}, body))) is ProtocolError
    used = refused("stopped", api_info="today:10100 max:10100").body
    assert type(judge(Answer(URL, 200, {}, used))) is QuotaExhausted


FORMS = (KEY, quote(KEY, safe=""), SECRET, quote(SECRET, safe=""), quote_plus(SECRET), "geheim")
ECHO = f"https://api-gw.onebound.cn/1688/item_search_img/?key={quote(KEY, safe='')}"


def _texts(error: BaseException | None) -> Iterator[str]:
    """What an error and everything that led to it may put into a log."""
    while error is not None:
        yield f"{error} {error!r} {error.args}"
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    "reply",
    [
        refused(f"key {KEY} and secret {SECRET} are wrong"),
        refused(f"{ECHO}&secret={quote_plus(SECRET)}&imgid=x can't be answered"),
        refused("x" * 150 + f" {ECHO}&secret={quote(SECRET, safe='')}"),
        refused(f"no {quote(SECRET, safe='')}", reason=f"no {quote_plus(SECRET)}"),
        Reply(302, {"Location": f"/login?{urlsplit(ECHO).query}&secret={quote_plus(SECRET)}"}),
        as_json({"error": SECRET}, 401),
        as_json({"error": SECRET}, 403),
        as_json({"error": SECRET}, 404),
        Reply(429),
        Reply(500, {}, SECRET.encode()),
        Reply(silent=True),
        Reply(200, {"Content-Length": "900"}, b"{", cut=True),
        Reply(200, {"Content-Encoding": "gzip"}, b"{}"),
        Reply(200, {}, SECRET.encode()),
        WEB_PAGE,
    ],
)
def test_key_and_secret_are_in_no_error_and_no_log(
    account: Account, server: Scripted, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    caplog.set_level("DEBUG")
    server.replies = [reply]
    with pytest.raises(MarketplaceError) as caught:
        account.site.search(QUERY)
    assert params_of(server.requests[0])["secret"] == SECRET
    said = " ".join(_texts(caught.value)) + caplog.text + repr(account.site._options)
    assert not [form for form in FORMS if form in said]


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "no-such-host.invalid"])
def test_a_site_that_is_not_there_reveals_no_secret(
    host: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        account = Account(f"http://{host.format(port=taken.getsockname()[1])}")
        with pytest.raises(MarketplaceError) as caught:
            account.site.search(QUERY)
        account.site.close()
    said = " ".join(_texts(caught.value)) + caplog.text
    assert not [form for form in FORMS if form in said]


def test_bad_options_are_refused_without_their_values() -> None:
    given = {"api_key": KEY, "api_secret": [SECRET], "picture_url": "https://x.example/a.jpg"}
    with pytest.raises(ValueError, match="api_secret") as caught:
        Options.model_validate(given)
    assert not [form for form in FORMS if form in str(caught.value)]
    assert "must hold {path} or {sha256}" in str(caught.value)


FIELDS = ("num_iid", "title", "pic_url", "price", "promotion_price", "sales", "detail_url")
items = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, json_values))


@given(
    st.lists(items | json_values, max_size=4)
    | st.dictionaries(st.text("019"), items | json_values),
    json_values,
)
def test_any_json_is_listings_or_an_unexpected_answer(found: object, said: object) -> None:
    value = {"items": {"item": found, "error": said, "pagecount": said}, "error_code": said}
    body = json.dumps({**value, "cache": said, "api_info": said}).encode()
    judge(Answer(URL, 200, {}, body))
    try:
        parsed = parse_answer(body, URL, "taobao", allow_loopback=False, offset=60)
    except ProtocolError:
        return
    ranks = [one.rank for one in parsed.observations]
    assert ranks == [61 + number for number in range(len(ranks))]
