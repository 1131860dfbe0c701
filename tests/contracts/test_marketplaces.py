"""What every registered marketplace promises, checked on real HTTP.

An adapter joins by a `Dialect`: how its site says things. Beside it stand stored answers.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from PIL import Image

from monitor.errors import (
    AuthError,
    BadImage,
    Blocked,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Stopping,
    Throttled,
    Transient,
)
from monitor.marketplaces.base import Marketplace, Query
from monitor.marketplaces.registry import create, describe, known_types, options_model
from monitor.model import Observation
from monitor.net.wire import ExchangeLimits
from tests.contracts.dialects import SECRET, Dialect, load_answers, load_dialects
from tests.contracts.mutations import check_observation
from tests.marketplaces.scripted import (
    PAGE,
    QUICK,
    RecordedPace,
    RecordedSleep,
    Reply,
    Scripted,
    as_json,
    make_outside,
)

# With a name in a folder, for sites that load the picture from there.
QUERY = Query(Image.new("RGB", (820, 810), "teal"), path="mugs/front.jpg")
CONTRACT_LIMITS = ExchangeLimits(connect=2.0, read=5.0, total=5.0, max_bytes=1_000_000)


@dataclass
class Contract:
    """One adapter against one scripted server."""

    dialect: Dialect
    server: Scripted
    make: Callable[[ExchangeLimits], Marketplace]
    type_name: str
    pace: RecordedPace = field(default_factory=RecordedPace)
    sleep: RecordedSleep = field(default_factory=RecordedSleep)
    opened: list[Marketplace] = field(default_factory=list)

    def answers(self, *items: object) -> Reply:
        return as_json(self.dialect.answer(list(items)))

    def search(
        self, *replies: Reply, limits: ExchangeLimits = CONTRACT_LIMITS
    ) -> tuple[Observation, ...]:
        """The listings of the first page of a search that is answered so."""
        self.server.replies = list(replies)
        return self.open(limits).search(QUERY).observations

    def open(self, limits: ExchangeLimits = CONTRACT_LIMITS) -> Marketplace:
        self.opened.append(self.make(limits))
        return self.opened[-1]

    @property
    def searches(self) -> int:
        """Calls of the search itself, without those that come before it."""
        return len(self.server.requests) - self.preparations

    @property
    def preparations(self) -> int:
        asked = [request.path.partition("?")[0] for request in self.server.requests]
        return sum(path in self.server.routes for path in asked)


DIALECTS = load_dialects()
# Types that don't speak HTTP have contract tests of their own.
ELSEWHERE = {"folder"}


@pytest.fixture(params=sorted(DIALECTS))
def contract(request: pytest.FixtureRequest) -> Iterator[Contract]:
    type_name = request.param
    dialect = DIALECTS[type_name]
    with Scripted(Reply()) as server:
        dialect.prepare(server)
        options = options_model(type_name).model_validate(dialect.options(server.url(dialect.base)))

        def make(limits: ExchangeLimits) -> Marketplace:
            outside = make_outside(made.pace, made.sleep, limits=limits)
            return create(type_name, "acme", options, outside)

        made = Contract(dialect, server, make, type_name)
        yield made
        for marketplace in made.opened:
            marketplace.close()


def test_every_registered_type_is_under_contract() -> None:
    assert set(known_types()) == set(DIALECTS) | ELSEWHERE


def test_it_knows_its_name_site_and_whether_it_is_on_loopback(contract: Contract) -> None:
    marketplace = contract.open()
    assert marketplace.name == "acme"
    assert isinstance(marketplace.site, str)
    assert marketplace.is_loopback


def test_its_type_says_what_it_searches_and_needs(contract: Contract) -> None:
    assert all(describe(contract.type_name))


def test_an_empty_list_is_an_empty_page(contract: Contract) -> None:
    assert contract.search(contract.answers()) == ()


def test_listings_carry_the_site_and_rise_in_rank(contract: Contract) -> None:
    found = contract.search(contract.answers(*map(contract.dialect.item, ("11", "12", "13"))))
    assert [item.rank for item in found] == [1, 2, 3]
    site = contract.opened[0].site
    assert all(item.site == site or (item.site and not site) for item in found)
    assert all(item.url.startswith("https://") for item in found)


@pytest.mark.parametrize(
    "body", [b"", b'{"success": tru\xff\x00', b"\x00" * 50, b"[" * 100_000, b"null", b"[]", b"{}"]
)
def test_garbage_is_an_unexpected_answer(contract: Contract, body: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"^acme: "):
        contract.search(Reply(200, {"Content-Type": "application/json"}, body))


def test_a_web_page_is_blocked(contract: Contract) -> None:
    with pytest.raises(Blocked, match=r"^acme: "):
        contract.search(PAGE)
    with pytest.raises(Blocked):
        contract.search(Reply(302, {"Location": "https://login.example/"}))


def test_a_refusal_inside_http_200_is_an_error(contract: Contract) -> None:
    with pytest.raises(MarketplaceError, match="nobody knows why"):
        contract.search(as_json(contract.dialect.refusal))


def test_a_401_says_what_to_check(contract: Contract) -> None:
    with pytest.raises(AuthError, match=r"secret.*clock.* 60 s behind"):
        contract.search(Reply(401, {"Date": "Tue, 14 Nov 2023 22:14:20 GMT"}))


def test_a_403_is_a_matter_of_permissions(contract: Contract) -> None:
    with pytest.raises(PermissionDenied):
        contract.search(as_json({}, 403))


def test_a_429_is_waited_for_as_long_as_the_site_asks(contract: Contract) -> None:
    reply = Reply(429, {"Retry-After": "9"})
    found = contract.search(reply, contract.answers(contract.dialect.item("1")))
    assert len(found) == 1
    assert contract.sleep.calls == [9.0]
    assert contract.pace.holds == [timedelta(seconds=9)]


def test_a_429_that_stays_is_throttled(contract: Contract) -> None:
    with pytest.raises(Throttled):
        contract.search(Reply(429))
    assert contract.searches == 4
    assert len(contract.pace.holds) == 3


def test_three_500s_are_survived_and_counted(contract: Contract) -> None:
    contract.server.replies = [Reply(500), Reply(502), Reply(503), contract.answers()]
    page = contract.open().search(QUERY)
    assert contract.searches == 4
    assert page.requests == contract.pace.waits == 4 + contract.preparations
    assert len(contract.sleep.calls) == 3


def test_a_site_that_stays_down_is_transient(contract: Contract) -> None:
    with pytest.raises(Transient, match=r"^acme: "):
        contract.search(Reply(500))
    assert contract.searches == 4


def test_a_cut_off_answer_is_tried_again_and_never_read(contract: Contract) -> None:
    whole = contract.answers(contract.dialect.item("1"), contract.dialect.item("2"))
    with pytest.raises(Transient):
        contract.search(Reply(200, whole.headers, whole.body, cut=True))
    assert len(contract.search(Reply(200, whole.headers, whole.body, cut=True), whole)) == 2


@pytest.mark.parametrize("slow", [Reply(silent=True), Reply(body=b"{" * 9000, drip=True)])
def test_a_slow_answer_ends_at_the_deadline(contract: Contract, slow: Reply) -> None:
    with pytest.raises(Transient, match="time limit"):
        contract.search(slow, limits=QUICK)


def test_an_answer_beyond_all_size_is_refused(contract: Contract) -> None:
    with pytest.raises(ProtocolError, match="over"):
        contract.search(Reply(body=b" " * 300_000), limits=QUICK)


def test_duplicate_ids_are_one_listing(contract: Contract) -> None:
    item = contract.dialect.item
    found = contract.search(contract.answers(item("1", "first"), item("1", "again"), item("2")))
    assert [one.item_id for one in found] == ["1", "2"]
    assert [one.rank for one in found] == [1, 2]
    if contract.dialect.has_titles:
        assert [one.title for one in found] == ["first", "T恤"]


def test_the_longest_id_is_exact_as_number_and_as_text(contract: Contract) -> None:
    number, text = contract.dialect.ids
    found = contract.search(
        contract.answers(contract.dialect.item(number), contract.dialect.item(text))
    )
    assert [one.item_id for one in found] == [str(number), str(text)]


def test_prices_of_all_sorts_are_taken_or_left_out(contract: Contract) -> None:
    if not contract.dialect.has_prices:
        pytest.skip("the site gives no prices")
    prices: list[object] = [None, "", "面议", -1, "¥12.50 - ¥30.00", 29.9, True, {"x": 1}]
    item = contract.dialect.item
    found = contract.search(
        contract.answers(*(item(str(n), price=price) for n, price in enumerate(prices, 1)))
    )
    assert len(found) == len(prices)
    known = [(one.price.minimum, one.price.maximum) for one in found if one.price]
    assert known == [(Decimal("12.50"), Decimal("30.00")), (Decimal("29.9"), Decimal("29.9"))]


def test_titles_are_fit_for_the_store_and_kept_in_length(contract: Contract) -> None:
    if not contract.dialect.has_titles:
        pytest.skip("the site gives no titles")
    titles: list[object] = ["👕" * 20, "长" * 10_000, "a\x00b\ud800c", None, 12]
    item = contract.dialect.item
    found = contract.search(
        contract.answers(*(item(str(n), title) for n, title in enumerate(titles, 1)))
    )
    assert [one.title for one in found] == ["👕" * 20, "长" * 10_000, "a b c", "", "12"]


@pytest.mark.parametrize(
    ("picture", "reason"),
    [(None, "no picture"), ("", "no picture"), ("file:///etc/passwd", "file:"), (5, "not text")],
)
def test_a_picture_that_cant_be_used_says_why(
    contract: Contract, picture: object, reason: str
) -> None:
    (one,) = contract.search(contract.answers(contract.dialect.item("1", picture=picture)))
    assert one.picture_url is None
    assert reason in (one.picture_problem or "")


def test_pictures_on_loopback_keep_http_and_port(contract: Contract) -> None:
    item = contract.dialect.item
    found = contract.search(
        contract.answers(
            item("1", picture="http://127.0.0.1:9/a.jpg"),
            item("2", picture="http://cbu01.alicdn.com/a.jpg"),
        )
    )
    assert [one.picture_url for one in found] == [
        "http://127.0.0.1:9/a.jpg",
        "https://cbu01.alicdn.com/a.jpg",
    ]


def test_a_relative_picture_counts_from_the_answer(contract: Contract) -> None:
    if not contract.dialect.has_relative_pictures:
        pytest.skip("the site gives whole addresses")
    (one,) = contract.search(
        contract.answers(contract.dialect.item("3", picture="/pictures/a.jpg"))
    )
    assert one.picture_url == contract.server.url("/pictures/a.jpg")


@pytest.mark.parametrize("score", [None, "x", True, {}])
def test_a_providers_score_is_a_number_or_none(contract: Contract, score: object) -> None:
    if not contract.dialect.has_scores:
        pytest.skip("the site gives no scores")
    (one,) = contract.search(contract.answers(contract.dialect.item("1", similarity=score)))
    assert one.provider_score is None


def test_a_used_up_quota_is_told_without_a_call(contract: Contract) -> None:
    contract.pace.refusal = QuotaExhausted("all calls are used up")
    with pytest.raises(QuotaExhausted):
        contract.search(contract.answers())
    assert contract.server.requests == []


def test_a_stop_is_passed_on(contract: Contract) -> None:
    contract.sleep.stop = Stopping("told to stop")
    with pytest.raises(Stopping):
        contract.search(Reply(503))
    contract.pace.refusal = Stopping("told to stop")
    with pytest.raises(Stopping):
        contract.search(contract.answers())


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 413, 429, 500])
def test_no_error_or_log_holds_the_secret(
    contract: Contract, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level("DEBUG")
    echo = {"success": False, "message": f"wrong secret {SECRET}"}
    with pytest.raises(MarketplaceError) as caught:
        contract.search(as_json(echo, status))
    assert SECRET not in str(caught.value) + caplog.text + json.dumps(str(caught.value.__cause__))


def test_several_threads_may_search_at_once(contract: Contract) -> None:
    contract.server.replies = [contract.answers(contract.dialect.item("1"))]
    marketplace = contract.open()
    barrier = threading.Barrier(4)

    def search(_: int) -> int:
        barrier.wait(5)
        return marketplace.search(QUERY).requests

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(search, range(4))) == 4 + contract.preparations


CLASSES = (
    *(Throttled, QuotaExhausted, AuthError, PermissionDenied),
    *(BadImage, Transient, ProtocolError, Blocked),
)


@pytest.mark.parametrize("kind", CLASSES)
def test_each_class_of_failure_is_told_apart(
    contract: Contract, kind: type[MarketplaceError]
) -> None:
    said = contract.dialect.failures[kind]
    assert said
    for reply in said:
        with pytest.raises(kind, match=r"^acme: ") as caught:
            contract.search(reply)
        assert SECRET not in str(caught.value)


def test_a_search_goes_on_to_its_last_page(contract: Contract) -> None:
    if contract.dialect.in_pages is None:
        pytest.skip("the site gives one page")
    replies, wanted = contract.dialect.in_pages()
    contract.server.replies = list(replies)
    marketplace = contract.open()
    query: Query | None = QUERY
    found: list[Observation] = []
    while query is not None:
        page = marketplace.search(query)
        found += page.observations
        query = replace(query, cursor=page.next_cursor) if page.next_cursor else None
    assert [item.item_id for item in found] == wanted
    assert [item.rank for item in found] == list(range(1, len(found) + 1))
    assert contract.searches == len(replies)


@pytest.mark.parametrize("cursor", ["", "x", "99:99:99:99:99", "-1", "1" * 400])
def test_a_cursor_of_another_kind_starts_anew(contract: Contract, cursor: str) -> None:
    contract.server.replies = [contract.answers(contract.dialect.item("1"))]
    page = contract.open().search(replace(QUERY, cursor=cursor))
    assert [item.rank for item in page.observations] == [1]


def test_stored_answers_are_read_as_valid_listings(contract: Contract) -> None:
    answers = load_answers(contract.type_name)
    assert answers
    found = [item for body in answers.values() for item in contract.dialect.read(body)]
    assert found
    for item in found:
        check_observation(item)
