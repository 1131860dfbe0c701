"""What every marketplace promises, checked on real HTTP.

An adapter joins by a `Dialect`: how its site says things. Beside it stand stored answers.
"""

from __future__ import annotations

import copy
import inspect
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

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
from monitor.marketplaces.kit.identity import KNOWN_SITES, find_listing
from monitor.marketplaces.kit.values import MAX_ID, MAX_PRICE, MAX_TITLE
from monitor.marketplaces.registry import create, describe, options_model
from monitor.marketplaces.testing.dialect import BY_STATUS, SECRET, UNEXPLAINED, Dialect
from monitor.marketplaces.testing.recorders import (
    QUICK,
    RecordedPace,
    RecordedSleep,
    make_outside,
)
from monitor.marketplaces.testing.server import WEB_PAGE, Reply, Scripted, as_json
from monitor.model import Observation
from monitor.net.addresses import is_loopback_host
from monitor.net.wire import ExchangeLimits

# With a name in a folder, for sites that load the picture from there.
QUERY = Query(Image.new("RGB", (820, 810), "teal"), path="mugs/front.jpg")
CONTRACT_LIMITS = ExchangeLimits(connect=2.0, read=5.0, total=5.0, max_bytes=1_000_000)


@dataclass
class Trial:
    """One adapter against one scripted server."""

    dialect: Dialect
    server: Scripted
    pace: RecordedPace = field(default_factory=RecordedPace)
    sleep: RecordedSleep = field(default_factory=RecordedSleep)
    opened: list[Marketplace] = field(default_factory=list)

    def item(self, item_id: object, **fields: object) -> object:
        """A listing in an answer, with those of the fields that the site gives."""
        given = {name: value for name, value in fields.items() if self.dialect.gives(name)}
        return self.dialect.item(item_id, **given)

    def answers(self, *items: object) -> Reply:
        """The whole answer with these listings."""
        return as_json(self.dialect.answer(list(items)))

    def search(
        self, *replies: Reply, limits: ExchangeLimits = CONTRACT_LIMITS
    ) -> tuple[Observation, ...]:
        """The listings of the first page of a search that is answered so."""
        self.server.replies = list(replies)
        return self.open(limits).search(QUERY).observations

    def open(self, limits: ExchangeLimits = CONTRACT_LIMITS) -> Marketplace:
        """The marketplace `acme` of the type, with the server for a site."""
        model = options_model(self.dialect.type_name)
        base_url = self.server.url(self.dialect.base)
        options = model.model_validate({**self.dialect.options, "base_url": base_url})
        outside = make_outside(self.pace, self.sleep, limits=limits)
        self.opened.append(create(self.dialect.type_name, "acme", options, outside))
        return self.opened[-1]

    @property
    def searches(self) -> int:
        """Calls of the search itself, without those that come before it."""
        return len(self.server.requests) - self.preparations

    @property
    def preparations(self) -> int:
        """Calls that come before a search, such as for a token."""
        asked = [request.path.partition("?")[0] for request in self.server.requests]
        return sum(path in self.server.routes for path in asked)


@contextmanager
def trial_of(dialect: Dialect) -> Iterator[Trial]:
    """A server that speaks a dialect, and the adapter on it."""
    with Scripted(Reply()) as server:
        dialect.prepare(server)
        trial = Trial(dialect, server)
        yield trial
        for marketplace in trial.opened:
            marketplace.close()


def check_observation(item: Observation, *, allow_loopback: bool = False) -> None:
    """Everything that the rest of the program relies on.

    `allow_loopback` is for answers that came from there: then pictures on it may be http.
    """
    assert item.site
    assert 0 < len(item.item_id) <= MAX_ID
    assert item.item_id == item.item_id.strip()
    assert " " not in item.item_id
    parts = urlsplit(item.url)
    assert parts.scheme == "https"
    assert parts.hostname
    assert len(item.title) <= MAX_TITLE
    assert item.title.isprintable() or item.title == ""
    assert item.rank >= 1
    if item.picture_url is None:
        assert item.picture_problem
    else:
        picture = urlsplit(item.picture_url)
        is_local = allow_loopback and is_loopback_host(picture.hostname or "")
        assert picture.scheme == "https" or is_local
    if item.price is not None:
        assert 0 <= item.price.minimum <= item.price.maximum <= MAX_PRICE
        assert len(item.price.currency) == 3
    if item.seller is not None:
        assert item.seller.seller_id or item.seller.name
    if item.sales is not None:
        assert 0 <= item.sales < 2**63


def check_canonical(item: Observation) -> bool:
    """Whether a listing is of a known site: then it is the same row, whoever has found it."""
    if item.site not in KNOWN_SITES:
        return False
    listing = find_listing(item.url)
    assert listing is not None, item.url
    assert (item.site, item.item_id, item.url) == (listing.site, listing.item_id, listing.url)
    return True


# How answers tell of an error in fields that their adapter may not know.
TROUBLES: tuple[dict[str, object], ...] = (
    {"error": "something is wrong"},
    {"errors": [{"message": "something is wrong"}]},
    {"errorCode": "E5", "errorMessage": "something is wrong"},
    {"error_code": 4013, "error_msg": "something is wrong"},
    {"error_response": {"code": 7}},
    {"exception": "something is wrong"},
    {"success": False},
    {"success": "false"},
    {"status": "error"},
)


def _iter_objects(value: object, *keys: str) -> Iterator[tuple[str, ...]]:
    """The way to every object of an answer that is in no list."""
    if isinstance(value, dict):
        yield keys
        for key, item in value.items():
            yield from _iter_objects(item, *keys, key)


def _with_trouble(value: object, keys: tuple[str, ...], trouble: dict[str, object]) -> bytes:
    """The answer's bytes, with the trouble in the object at `keys`."""
    changed = place = copy.deepcopy(value)
    for key in keys:
        assert isinstance(place, dict)
        place = place[key]
    assert isinstance(place, dict)
    place.update(trouble)
    return json.dumps(changed).encode()


CLASSES = (
    *(Throttled, QuotaExhausted, AuthError, PermissionDenied),
    *(BadImage, Transient, ProtocolError, Blocked),
)


class MarketplaceContract:
    """The tests; a subclass says in `dialect` how its site talks, and has stored answers."""

    dialect: ClassVar[Dialect]

    @pytest.fixture
    def trial(self) -> Iterator[Trial]:
        """The adapter on a server of its own."""
        with trial_of(self.dialect) as trial:
            yield trial

    def stored_answers(self, dialect: Dialect) -> Mapping[str, bytes]:  # noqa: ARG002
        """Answers of the real site by file name: `answers/*.json` beside the test."""
        folder = Path(inspect.getfile(type(self))).with_name("answers")
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*.json"))}

    def read(self, trial: Trial, body: bytes) -> Sequence[Observation]:
        """The listings of a stored answer. Raises MarketplaceError."""
        return trial.search(Reply(200, {"Content-Type": "application/json"}, body))

    def test_it_knows_its_name_site_and_whether_it_is_on_loopback(self, trial: Trial) -> None:
        marketplace = trial.open()
        assert marketplace.name == "acme"
        assert isinstance(marketplace.site, str)
        assert marketplace.is_loopback

    def test_its_type_says_what_it_searches_and_needs(self, trial: Trial) -> None:
        assert all(describe(trial.dialect.type_name))

    def test_an_empty_list_is_an_empty_page(self, trial: Trial) -> None:
        assert trial.search(trial.answers()) == ()

    def test_no_empty_list_hides_an_error_wherever_it_is_told(self, trial: Trial) -> None:
        if trial.dialect.config_says_what_is_good:
            pytest.skip("the config says what a good answer is; then that alone counts")
        empty = trial.dialect.answer([])
        assert len(self.read(trial, json.dumps(empty).encode())) == 0
        believed = [
            (keys, trouble)
            for keys in _iter_objects(empty)
            for trouble in TROUBLES
            if self._is_believed(trial, _with_trouble(empty, keys, trouble))
        ]
        assert believed == []

    def _is_believed(self, trial: Trial, body: bytes) -> bool:
        try:
            return len(self.read(trial, body)) == 0
        except MarketplaceError:
            return False

    def test_listings_carry_the_site_and_rise_in_rank(self, trial: Trial) -> None:
        found = trial.search(trial.answers(*map(trial.item, ("11", "12", "13"))))
        assert [item.rank for item in found] == [1, 2, 3]
        site = trial.opened[0].site
        assert all(item.site == site or (item.site and not site) for item in found)
        assert all(item.url.startswith("https://") for item in found)

    @pytest.mark.parametrize(
        "body",
        [b"", b'{"success": tru\xff\x00', b"\x00" * 50, b"[" * 100_000, b"null", b"[]", b"{}"],
    )
    def test_garbage_is_an_unexpected_answer(self, trial: Trial, body: bytes) -> None:
        with pytest.raises(ProtocolError, match=r"^acme: "):
            trial.search(Reply(200, {"Content-Type": "application/json"}, body))

    def test_a_web_page_is_blocked(self, trial: Trial) -> None:
        with pytest.raises(Blocked, match=r"^acme: "):
            trial.search(WEB_PAGE)
        with pytest.raises(Blocked):
            trial.search(Reply(302, {"Location": "https://login.example/"}))

    def test_a_refusal_inside_http_200_is_an_error(self, trial: Trial) -> None:
        with pytest.raises(MarketplaceError, match=UNEXPLAINED):
            trial.search(as_json(trial.dialect.refusal))

    def test_a_401_says_what_to_check(self, trial: Trial) -> None:
        with pytest.raises(AuthError, match=r"secret.*clock.* 60 s behind"):
            trial.search(Reply(401, {"Date": "Tue, 14 Nov 2023 22:14:20 GMT"}))

    def test_a_403_is_a_matter_of_permissions(self, trial: Trial) -> None:
        with pytest.raises(PermissionDenied):
            trial.search(as_json({}, 403))

    def test_a_429_is_waited_for_as_long_as_the_site_asks(self, trial: Trial) -> None:
        reply = Reply(429, {"Retry-After": "9"})
        found = trial.search(reply, trial.answers(trial.item("1")))
        assert len(found) == 1
        assert trial.sleep.calls == [9.0]
        assert trial.pace.holds == [timedelta(seconds=9)]

    def test_a_429_that_stays_is_throttled(self, trial: Trial) -> None:
        with pytest.raises(Throttled):
            trial.search(Reply(429))
        assert trial.searches == 4
        assert len(trial.pace.holds) == 3

    def test_three_500s_are_survived_and_counted(self, trial: Trial) -> None:
        trial.server.replies = [Reply(500), Reply(502), Reply(503), trial.answers()]
        page = trial.open().search(QUERY)
        assert trial.searches == 4
        assert page.requests == trial.pace.waits == 4 + trial.preparations
        assert len(trial.sleep.calls) == 3

    def test_a_site_that_stays_down_is_transient(self, trial: Trial) -> None:
        with pytest.raises(Transient, match=r"^acme: "):
            trial.search(Reply(500))
        assert trial.searches == 4

    def test_a_cut_off_answer_is_tried_again_and_never_read(self, trial: Trial) -> None:
        whole = trial.answers(trial.item("1"), trial.item("2"))
        with pytest.raises(Transient):
            trial.search(Reply(200, whole.headers, whole.body, cut=True))
        assert len(trial.search(Reply(200, whole.headers, whole.body, cut=True), whole)) == 2

    @pytest.mark.parametrize("slow", [Reply(silent=True), Reply(body=b"{" * 9000, drip=True)])
    def test_a_slow_answer_ends_at_the_deadline(self, trial: Trial, slow: Reply) -> None:
        with pytest.raises(Transient, match="time limit"):
            trial.search(slow, limits=QUICK)

    def test_an_answer_beyond_all_size_is_refused(self, trial: Trial) -> None:
        with pytest.raises(ProtocolError, match="over"):
            trial.search(Reply(body=b" " * 300_000), limits=QUICK)

    def test_duplicate_ids_are_one_listing(self, trial: Trial) -> None:
        item = trial.item
        items = item("1", title="first"), item("1", title="again"), item("2", title="T恤")
        found = trial.search(trial.answers(*items))
        assert [one.item_id for one in found] == ["1", "2"]
        assert [one.rank for one in found] == [1, 2]
        if trial.dialect.gives("title"):
            assert [one.title for one in found] == ["first", "T恤"]

    def test_the_longest_id_is_exact_as_number_and_as_text(self, trial: Trial) -> None:
        number, text = trial.dialect.ids
        found = trial.search(trial.answers(trial.item(number), trial.item(text)))
        assert [one.item_id for one in found] == [str(number), str(text)]

    def test_prices_of_all_sorts_are_taken_or_left_out(self, trial: Trial) -> None:
        if not trial.dialect.gives("price"):
            pytest.skip("the site gives no prices")
        prices: list[object] = [None, "", "面议", -1, "¥12.50 - ¥30.00", 29.9, True, {"x": 1}]
        item = trial.item
        found = trial.search(
            trial.answers(*(item(str(n), price=price) for n, price in enumerate(prices, 1)))
        )
        assert len(found) == len(prices)
        known = [(one.price.minimum, one.price.maximum) for one in found if one.price]
        assert known == [(Decimal("12.50"), Decimal("30.00")), (Decimal("29.9"), Decimal("29.9"))]

    def test_titles_are_fit_for_the_store_and_kept_in_length(self, trial: Trial) -> None:
        if not trial.dialect.gives("title"):
            pytest.skip("the site gives no titles")
        titles: list[object] = ["👕" * 20, "长" * 10_000, "a\x00b\ud800c", None, 12]
        item = trial.item
        found = trial.search(
            trial.answers(*(item(str(n), title=title) for n, title in enumerate(titles, 1)))
        )
        assert [one.title for one in found] == ["👕" * 20, "长" * 10_000, "a b c", "", "12"]

    @pytest.mark.parametrize(
        ("picture", "reason"),
        [
            (None, "no picture"),
            ("", "no picture"),
            ("file:///etc/passwd", "file:"),
            (5, "not text"),
        ],
    )
    def test_a_picture_that_cant_be_used_says_why(
        self, trial: Trial, picture: object, reason: str
    ) -> None:
        (one,) = trial.search(trial.answers(trial.item("1", picture=picture)))
        assert one.picture_url is None
        assert reason in (one.picture_problem or "")

    def test_pictures_on_loopback_keep_http_and_port(self, trial: Trial) -> None:
        item = trial.item
        found = trial.search(
            trial.answers(
                item("1", picture="http://127.0.0.1:9/a.jpg"),
                item("2", picture="http://cbu01.alicdn.com/a.jpg"),
            )
        )
        assert [one.picture_url for one in found] == [
            "http://127.0.0.1:9/a.jpg",
            "https://cbu01.alicdn.com/a.jpg",
        ]

    def test_a_relative_picture_counts_from_the_answer(self, trial: Trial) -> None:
        if not trial.dialect.has_relative_pictures:
            pytest.skip("the site gives whole addresses")
        (one,) = trial.search(trial.answers(trial.item("3", picture="/pictures/a.jpg")))
        assert one.picture_url == trial.server.url("/pictures/a.jpg")

    @pytest.mark.parametrize("score", [None, "x", True, {}])
    def test_a_providers_score_is_a_number_or_none(self, trial: Trial, score: object) -> None:
        if not trial.dialect.gives("similarity"):
            pytest.skip("the site gives no scores")
        (one,) = trial.search(trial.answers(trial.item("1", similarity=score)))
        assert one.provider_score is None

    def test_a_used_up_quota_is_told_without_a_call(self, trial: Trial) -> None:
        trial.pace.refusal = QuotaExhausted("all calls are used up")
        with pytest.raises(QuotaExhausted):
            trial.search(trial.answers())
        assert trial.server.requests == []

    def test_a_stop_is_passed_on(self, trial: Trial) -> None:
        trial.sleep.stop = Stopping("told to stop")
        with pytest.raises(Stopping):
            trial.search(Reply(503))
        trial.pace.refusal = Stopping("told to stop")
        with pytest.raises(Stopping):
            trial.search(trial.answers())

    @pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 413, 429, 500])
    def test_no_error_or_log_holds_the_secret(
        self, trial: Trial, caplog: pytest.LogCaptureFixture, status: int
    ) -> None:
        caplog.set_level("DEBUG")
        echo = {"success": False, "message": f"wrong secret {SECRET}"}
        with pytest.raises(MarketplaceError) as caught:
            trial.search(as_json(echo, status))
        assert SECRET not in str(caught.value) + caplog.text + json.dumps(
            str(caught.value.__cause__)
        )

    def test_several_threads_may_search_at_once(self, trial: Trial) -> None:
        trial.server.replies = [trial.answers(trial.item("1"))]
        marketplace = trial.open()
        barrier = threading.Barrier(4)

        def search(_: int) -> int:
            barrier.wait(5)
            return marketplace.search(QUERY).requests

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(search, range(4))) == 4 + trial.preparations

    @pytest.mark.parametrize("kind", CLASSES)
    def test_each_class_of_failure_is_told_apart(
        self, trial: Trial, kind: type[MarketplaceError]
    ) -> None:
        for reply in [*BY_STATUS[kind], *trial.dialect.failures.get(kind, ())]:
            with pytest.raises(kind, match=r"^acme: ") as caught:
                trial.search(reply)
            assert SECRET not in str(caught.value)

    def test_a_search_goes_on_to_its_last_page(self, trial: Trial) -> None:
        if trial.dialect.in_pages is None:
            pytest.skip("the site gives one page")
        replies, wanted = trial.dialect.in_pages()
        trial.server.replies = list(replies)
        marketplace = trial.open()
        query: Query | None = QUERY
        found: list[Observation] = []
        while query is not None:
            page = marketplace.search(query)
            found += page.observations
            query = replace(query, cursor=page.next_cursor) if page.next_cursor else None
        assert [item.item_id for item in found] == wanted
        assert [item.rank for item in found] == list(range(1, len(found) + 1))
        assert trial.searches == len(replies)

    @pytest.mark.parametrize("cursor", ["", "x", "99:99:99:99:99", "-1", "1" * 400])
    def test_a_cursor_of_another_kind_starts_anew(self, trial: Trial, cursor: str) -> None:
        trial.server.replies = [trial.answers(trial.item("1"))]
        page = trial.open().search(replace(QUERY, cursor=cursor))
        assert [item.rank for item in page.observations] == [1]

    def test_stored_answers_are_read_as_valid_listings(self, trial: Trial) -> None:
        answers = self.stored_answers(trial.dialect)
        assert answers, "there is no stored answer: keep some of the site's as answers/*.json"
        found = [item for body in answers.values() for item in self.read(trial, body)]
        assert found
        for item in found:
            check_observation(item, allow_loopback=True)
            check_canonical(item)
