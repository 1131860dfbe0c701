from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from email import message_from_bytes
from email.message import Message
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from pydantic import ValidationError

from monitor.errors import (
    AuthError,
    BadImage,
    MarketplaceError,
    ProtocolError,
    QuotaExhausted,
)
from monitor.marketplaces.base import Page, Probing, Query
from monitor.marketplaces.kit.values import Json
from monitor.marketplaces.registry import account_key
from monitor.marketplaces.sites.serpapi_lens import (
    UPLOAD_LIFETIME,
    Options,
    SerpapiLens,
    parse_answer,
    parse_lens_price,
)
from monitor.marketplaces.testing import (
    PATIENT,
    RecordedMemory,
    RecordedPace,
    RecordedSleep,
    Reply,
    Request,
    Scripted,
    as_json,
    make_outside,
)
from monitor.model import Observation
from tests.contracts.dialects import load_answers

KEY = "0123456789abcdef-geheim-0123456789abcdef"
STORED = load_answers("serpapi_lens")
EXACT = json.loads(STORED["exact_matches.json"])
IMAGE_ID = "xokJFnic22FmYZ6SbJZmYmCaamhsbpZsmZxsmZpsbgEAYzoHYg"
UPLOADED = {"message": "Image uploaded successfully.", "image_id": IMAGE_ID}
QUERY = Query(Image.new("RGB", (900, 900), "teal"), sha256="ab" * 32)


@dataclass
class Account:
    server: Scripted
    options: dict[str, object] = field(default_factory=dict)
    memory: RecordedMemory = field(default_factory=RecordedMemory)
    pace: RecordedPace = field(default_factory=RecordedPace)

    def open(self) -> SerpapiLens:
        given = {"base_url": self.server.url(""), "api_key": KEY, **self.options}
        outside = make_outside(self.pace, RecordedSleep(), self.memory, limits=PATIENT)
        return SerpapiLens("lens", Options.model_validate(given), outside)

    def search(self, query: Query = QUERY, **options: object) -> Page:
        self.options |= options
        site = self.open()
        try:
            return site.search(query)
        finally:
            site.close()

    def asked(self, path: str) -> list[Request]:
        return [one for one in self.server.requests if urlsplit(one.path).path == path]


@pytest.fixture
def account() -> Iterator[Account]:
    with Scripted(as_json(EXACT)) as server:
        server.routes["/image"] = as_json(UPLOADED)
        yield Account(server)


def form(request: Request) -> dict[str, bytes]:
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


def params(request: Request) -> dict[str, str]:
    return {key: value for key, (value,) in parse_qs(urlsplit(request.path).query).items()}


def read(answer: object, search: str = "exact_matches") -> tuple[Observation, ...]:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return parse_answer(
        body,
        search=search,  # type: ignore[arg-type]
        country=None,
        hosts=("shop.example",),
        allow_loopback=False,
    )


def test_a_search_is_an_upload_and_a_question_with_its_id(account: Account) -> None:
    page = account.search()
    assert (page.requests, account.pace.waits, page.next_cursor) == (2, 2, None)
    upload, question = account.server.requests
    assert (upload.method, upload.path) == ("POST", "/image")
    sent = form(upload)
    assert sorted(sent) == ["api_key", "image"]
    assert sent["api_key"] == KEY.encode()
    image = Image.open(io.BytesIO(sent["image"]))
    assert (image.format, image.size) == ("JPEG", (900, 900))
    assert (question.method, urlsplit(question.path).path) == ("GET", "/search.json")
    assert params(question) == {
        "engine": "google_lens",
        "type": "exact_matches",
        "image_id": IMAGE_ID,
        "api_key": KEY,
    }


def test_options_go_into_the_question(account: Account) -> None:
    account.server.replies = [as_json(json.loads(STORED["visual_matches.json"]))]
    account.search(search="products", country="de", language="pt-BR", no_cache=True)
    asked = params(account.asked("/search.json")[0])
    assert asked["type"] == "products"
    assert (asked["country"], asked["hl"], asked["no_cache"]) == ("de", "pt-BR", "true")


def test_an_upload_stays_under_500_kb(account: Account) -> None:
    noise = Image.effect_noise((2400, 2400), 200).convert("RGB")
    account.search(Query(noise))
    assert len(form(account.asked("/image")[0])["image"]) < 500_000
    assert len(account.asked("/image")[0].body) < 500_000


def test_an_upload_is_remembered_until_the_site_forgets_it(account: Account) -> None:
    account.search()
    assert account.search().requests == 1
    account.memory.now += UPLOAD_LIFETIME.total_seconds() + 1
    assert account.search().requests == 2
    assert len(account.asked("/image")) == 2
    assert timedelta(minutes=10) > UPLOAD_LIFETIME


@pytest.mark.parametrize(
    "forgotten",
    [
        as_json({"error": "Invalid `image_id`."}, 400),
        as_json({"error": "The image expired."}, 400),
        as_json({"error": "Not found."}, 404),
    ],
)
def test_an_upload_that_is_gone_too_early_is_made_again_once(
    account: Account, forgotten: Reply
) -> None:
    account.search()
    account.server.replies = [forgotten, as_json(EXACT)]
    assert account.search().requests == 3
    account.server.replies = [forgotten]
    with pytest.raises((BadImage, ProtocolError)):
        account.search()
    assert len(account.asked("/image")) == 3


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (as_json({"error": "Invalid image format. Supported format: jpg"}, 400), BadImage),
        (as_json({"error": "Invalid image format. Supported format: jpg"}), BadImage),
        (as_json({"error": "Invalid API key."}, 401), AuthError),
        (as_json({"error": "Your account has run out of searches."}, 429), QuotaExhausted),
        (as_json({"error": "nobody knows why"}, 400), ProtocolError),
        (as_json({"message": "Image uploaded successfully."}), ProtocolError),
        (as_json({"image_id": "a b"}), ProtocolError),
        (as_json({"image_id": {}}), ProtocolError),
        (Reply(200, {}, b"no json"), ProtocolError),
    ],
)
def test_an_upload_that_fails_has_its_error(
    account: Account, reply: Reply, kind: type[MarketplaceError]
) -> None:
    account.server.routes["/image"] = reply
    with pytest.raises(kind, match=r"^lens: "):
        account.search()
    assert account.asked("/search.json") == []


def test_an_upload_too_large_is_sent_smaller(account: Account) -> None:
    replies = [as_json({"error": "The file size exceeds 500 KB."}, 400), as_json(UPLOADED)]
    account.server.routes["/image"] = lambda _: replies.pop(0)
    account.search(Query(Image.effect_noise((1200, 1200), 90).convert("RGB")))
    sizes = [len(form(one)["image"]) for one in account.asked("/image")]
    assert sizes[1] <= sizes[0] / 2


def test_exact_matches_have_thumbnails_for_pictures() -> None:
    auction, goods = read(EXACT)
    assert (auction.site, auction.item_id, auction.rank) == ("ebay", "123456789012", 1)
    assert auction.picture_url == "https://encrypted-tbn0.gstatic.com/images?q=tbn:ANd9GcTest1"
    assert auction.picture_fallback_url is None
    assert auction.price is not None
    assert (auction.price.minimum, auction.price.currency) == (Decimal("260.0"), "USD")
    assert auction.price.text == "$260*"
    assert (goods.site, goods.title, goods.rank) == ("shop.example", "Mug & saucer", 2)
    assert goods.picture_url is None
    assert goods.picture_problem == "picture refused: addresses with data: are not followed"


@pytest.mark.parametrize("search", ["visual_matches", "products", "all"])
def test_visual_matches_have_pictures_in_full_size(search: str) -> None:
    first, second = read(STORED["visual_matches.json"], search)
    assert (first.site, first.item_id) == ("aliexpress", "1005001234567890")
    assert first.picture_url == "https://ae01.alicdn.com/kf/Stest.jpg"
    assert first.picture_fallback_url is not None
    assert first.picture_fallback_url.startswith("https://encrypted-tbn1.gstatic.com/")
    assert first.price is not None
    assert (first.price.minimum, first.price.currency) == (Decimal("1299.0"), "EUR")
    assert second.picture_url is not None
    assert second.picture_url.startswith("https://encrypted-tbn1.gstatic.com/")


def test_no_results_are_an_empty_page(account: Account) -> None:
    account.server.replies = [as_json(json.loads(STORED["nothing.json"]))]
    assert account.search().observations == ()
    assert read({"search_metadata": {"status": "Success"}, "exact_matches": []}) == ()


@pytest.mark.parametrize(
    "answer",
    [
        {"search_metadata": {"status": "Success"}},
        {"search_metadata": {"status": "Success"}, "ai_overview": {}, "related_content": []},
        {"search_metadata": {"status": "Success"}, "visual_matches": []},
        {"search_metadata": {"status": "Success"}, "exact_matches": None},
        {"search_metadata": {"status": "Success"}, "exact_matches": [{"url": "https://a.example"}]},
        {"error": "Google Lens hasn't returned any results for this query."},
        [],
    ],
)
def test_an_answer_of_another_shape_is_never_taken_for_no_matches(answer: object) -> None:
    with pytest.raises(ProtocolError):
        read(answer)


@pytest.mark.parametrize(
    ("value", "country", "wanted"),
    [
        ({"value": "$260*", "extracted_value": 260, "currency": "$"}, None, ("260", "USD")),
        ({"value": "$260", "extracted_value": 260, "currency": "$"}, "us", ("260", "USD")),
        ({"value": "$260", "extracted_value": 260, "currency": "$"}, "ca", ("260", "CAD")),
        ({"value": "1.299 €", "extracted_value": 1299.0, "currency": "€"}, "de", ("1299.0", "EUR")),
        ({"value": "¥980", "extracted_value": 980, "currency": "¥"}, None, ("980", "JPY")),
        ({"value": "¥980", "extracted_value": 980, "currency": "¥"}, "cn", ("980", "CNY")),
        ({"value": "CHF 9", "extracted_value": 9, "currency": "CHF"}, None, ("9", "CHF")),
        ({"value": "$260*", "currency": "$"}, None, ("260", "USD")),
        ({"value": "90 kr", "extracted_value": 90, "currency": "kr"}, "se", ("90", "SEK")),
        ({"value": "90 kr", "extracted_value": 90, "currency": "kr"}, None, None),
        ({"value": "90", "extracted_value": 90}, None, None),
        ({"value": "?", "extracted_value": -1, "currency": "$"}, None, None),
        ("$260", None, None),
        (None, None, None),
    ],
)
def test_a_price_needs_a_currency_that_is_known_for_sure(
    value: Json, country: str | None, wanted: tuple[str, str] | None
) -> None:
    price = parse_lens_price(value, country)
    found = price and (str(price.minimum), price.currency)
    assert found == wanted


def test_the_probe_tells_what_is_left(account: Account) -> None:
    account.server.routes["/account.json"] = as_json(
        {
            "account_email": "a@b.example",
            "api_key": KEY,
            "plan_searches_left": 4958,
            "total_searches_left": 5058,
            "this_month_usage": 42,
            "account_rate_limit_per_hour": 1000,
        }
    )
    site = account.open()
    assert isinstance(site, Probing)
    standing = site.probe()
    site.close()
    assert standing.calls_left == 5058
    assert standing.text == "5058 searches left, 42 used this month, at most 1000 an hour"
    (request,) = account.server.requests
    assert params(request) == {"api_key": KEY}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (as_json({"error": "Invalid API key."}, 401), AuthError),
        (as_json({"error": "Invalid API key."}), AuthError),
        (as_json({"account_id": "a"}), ProtocolError),
        (as_json([]), ProtocolError),
    ],
)
def test_a_probe_that_fails_is_no_standing(
    account: Account, reply: Reply, kind: type[MarketplaceError]
) -> None:
    account.server.replies = [reply]
    site = account.open()
    with pytest.raises(kind, match=r"^lens: "):
        site.probe()
    site.close()


@pytest.mark.parametrize("place", ["/image", "/search.json"])
@pytest.mark.parametrize(
    "reply",
    [
        as_json({"error": f"Invalid API key {KEY}, see https://serpapi.com/?api_key={KEY}"}, 400),
        as_json({"error": f"nobody knows {KEY}"}),
        Reply(302, {"Location": f"https://serpapi.com/login?api_key={KEY}"}),
        Reply(404),
        Reply(500),
        Reply(200, {}, b"cut" * 9, cut=True),
    ],
)
def test_neither_logs_nor_errors_hold_the_key(
    account: Account, caplog: pytest.LogCaptureFixture, place: str, reply: Reply
) -> None:
    caplog.set_level(logging.DEBUG)
    account.server.routes[place] = reply
    with pytest.raises(MarketplaceError) as caught:
        account.search()
    chain: BaseException | None = caught.value
    while chain is not None:
        assert KEY not in str(chain) + repr(chain)
        chain = chain.__cause__ or chain.__context__
    assert KEY not in caplog.text
    assert KEY not in str(account.memory.kept)


def test_the_key_stays_out_of_options_and_account() -> None:
    model = Options.model_validate({"api_key": KEY})
    assert KEY not in repr(model) + account_key("serpapi_lens", "a", model)


@pytest.mark.parametrize(
    "wrong",
    [
        {"search": "about_this_image"},
        {"country": "USA"},
        {"language": "x"},
        {"no_cache": "perhaps"},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate({"api_key": KEY, **wrong})
