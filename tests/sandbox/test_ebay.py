"""eBay's Browse API as the sandbox speaks it: tokens, paging, refusals. Over real HTTP."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from monitor.sandbox import Sandbox
from monitor.sandbox.server import Rules
from tests.sandbox.callers import Caller, EbayCaller, fetch, picture_bytes, stock


@pytest.fixture
def caller(sandbox: Sandbox) -> EbayCaller:
    return EbayCaller(sandbox)


def refusal(answer: httpx.Response) -> tuple[int, int]:
    """(status, errorId) of a refusal, which says nothing else."""
    said = answer.json()
    assert set(said) == {"errors"}
    (error,) = said["errors"]
    assert {"errorId", "domain", "category", "message", "longMessage"} <= set(error)
    return answer.status_code, error["errorId"]


def test_a_search_finds_the_picture(caller: EbayCaller) -> None:
    answer = caller.search(picture_bytes(1))
    assert answer.status_code == 200
    said = answer.json()
    assert (said["total"], said["limit"], said["offset"]) == (3, 50, 0)
    assert not {"next", "prev"} & set(said)
    item = said["itemSummaries"][0]
    assert item["title"] == "good 1"
    assert item["itemId"] == f"v1|{item['legacyItemId']}|0"
    assert len(item["legacyItemId"]) == 12
    assert item["itemWebUrl"].startswith(f"https://www.ebay.com/itm/{item['legacyItemId']}")
    assert float(item["price"]["value"]) > 0
    assert item["price"]["currency"] == "USD"
    assert item["seller"]["username"].startswith("sandbox-seller-")
    assert fetch(item["image"]["imageUrl"]).content == picture_bytes(1)


def test_its_ids_are_not_those_of_1688(caller: EbayCaller, sandbox: Sandbox) -> None:
    ours = {item["legacyItemId"] for item in caller.search().json()["itemSummaries"]}
    theirs = {item["itemId"] for item in Caller(sandbox).items()}
    assert (len(ours), len(theirs), ours & theirs) == (3, 3, set())


@pytest.mark.parametrize(
    ("marketplace", "currency", "host"),
    [("EBAY_GB", "GBP", "www.ebay.co.uk"), ("EBAY_DE", "EUR", "www.ebay.de")],
)
def test_a_marketplace_has_its_currency_and_the_same_ids(
    caller: EbayCaller, marketplace: str, currency: str, host: str
) -> None:
    url = f"{caller.sandbox.urls['ebay']}/buy/browse/v1/item_summary/search_by_image"
    item = caller.post(url, marketplace=marketplace).json()["itemSummaries"][0]
    assert item["price"]["currency"] == currency
    assert item["itemWebUrl"].startswith(f"https://{host}/itm/")
    assert item["listingMarketplaceId"] == marketplace
    assert item["itemId"] == caller.search().json()["itemSummaries"][0]["itemId"]
    assert refusal(caller.post(url, marketplace="EBAY_MOON"))[0] == 400


@pytest.mark.parametrize(("limit", "sizes"), [(20, [20, 20, 3]), (43, [43]), (200, [43])])
def test_next_leads_to_the_end_without_doubles(
    tmp_path: Path, limit: int, sizes: list[int]
) -> None:
    with Sandbox(stock(tmp_path / "shop", 45), Rules(rate=1_000, max_items=43)) as sandbox:
        caller = EbayCaller(sandbox)
        pages = [caller.search(limit=limit).json()]
        while following := pages[-1].get("next"):
            pages.append(caller.post(following).json())
        beyond = caller.search(limit=limit, offset=limit * 10).json()
    assert [len(page["itemSummaries"]) for page in pages] == sizes
    assert len({item["itemId"] for page in pages for item in page["itemSummaries"]}) == 43
    assert ["prev" in page for page in pages] == [False, True, True][: len(pages)]
    assert "itemSummaries" not in beyond
    assert "next" not in beyond


@pytest.mark.parametrize(
    ("limit", "offset", "wrong"),
    [
        (0, 0, "limit"),
        (201, 0, "limit"),
        ("x", 0, "limit"),
        (50, -1, "offset"),
        (50, 10_000, "offset"),
        (20, 30, "offset"),
    ],
)
def test_wrong_paging_is_refused(
    caller: EbayCaller, limit: int | str, offset: int, wrong: str
) -> None:
    answer = caller.search(limit=limit, offset=offset)
    assert refusal(answer)[0] == 400
    assert answer.json()["errors"][0]["parameters"][0]["name"] == wrong


@pytest.mark.parametrize(
    ("picture", "status"),
    [
        (b"", 400),
        (b"no picture", 400),
        (picture_bytes(kind="WEBP"), 400),
        (picture_bytes() + bytes(5_000_000), 413),
    ],
)
def test_a_picture_that_is_none_is_refused(caller: EbayCaller, picture: bytes, status: int) -> None:
    assert refusal(caller.search(picture))[0] == status


@pytest.mark.parametrize(
    "body", [{}, [], 7, {"image": None}, {"image": "data:image/jpeg;base64,/9j/"}, {"image": "é"}]
)
def test_a_body_without_a_picture_is_refused(caller: EbayCaller, body: object) -> None:
    url = f"{caller.sandbox.urls['ebay']}/buy/browse/v1/item_summary/search_by_image"
    assert refusal(caller.post(url, body=body))[0] == 400


def test_client_credentials_are_exchanged_for_a_token(caller: EbayCaller) -> None:
    answer = caller.exchange()
    assert answer.status_code == 200
    said = answer.json()
    assert set(said) == {"access_token", "expires_in", "token_type"}
    assert said["expires_in"] == 7_200


@pytest.mark.parametrize(
    ("client", "secret", "form", "status", "error"),
    [
        ("stranger", "sandbox-client-secret", {}, 401, "invalid_client"),
        ("sandbox-client", "wrong", {}, 401, "invalid_client"),
        (
            "sandbox-client",
            "sandbox-client-secret",
            {"grant_type": "password"},
            400,
            "unsupported_grant_type",
        ),
        (
            "sandbox-client",
            "sandbox-client-secret",
            {"scope": "https://example.com/scope"},
            400,
            "invalid_scope",
        ),
    ],
)
def test_a_wrong_exchange_is_refused(
    caller: EbayCaller, client: str, secret: str, form: dict[str, str], status: int, error: str
) -> None:
    caller.client, caller.secret = client, secret
    answer = caller.exchange(**form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize("header", ["", "Basic", "Basic %%%", "Bearer c2FuZGJveA==", "Basic 6Q=="])
def test_an_exchange_without_basic_credentials_is_refused(sandbox: Sandbox, header: str) -> None:
    url = f"{sandbox.urls['ebay']}/identity/v1/oauth2/token"
    with httpx.Client(trust_env=False) as client:
        answer = client.post(url, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_token_that_is_none_is_refused(caller: EbayCaller) -> None:
    for caller.token in ("wrong", "sandbox-token"):
        assert refusal(caller.search()) == (401, 1001)
    url = f"{caller.sandbox.urls['ebay']}/buy/browse/v1/item_summary/search_by_image"
    with httpx.Client(trust_env=False) as client:
        assert refusal(client.post(url, json={"image": ""})) == (401, 1001)


def test_a_token_without_the_scope_may_not_search(caller: EbayCaller) -> None:
    caller.token = caller.exchange(scope="").json()["access_token"]
    assert refusal(caller.search()) == (403, 1100)


def test_a_token_ends_with_its_time_or_when_it_is_revoked(
    caller: EbayCaller, sandbox: Sandbox
) -> None:
    assert caller.search().status_code == 200
    sandbox.revoke_tokens()
    assert refusal(caller.search()) == (401, 1001)
    sandbox.rules = Rules(token_seconds=0)
    caller.token = None
    assert refusal(caller.search()) == (401, 1001)


def test_listings_json_sets_this_dialects_fields_in_an_object(
    caller: EbayCaller, sandbox: Sandbox
) -> None:
    path = sandbox.shelf.path / "listings.json"
    path.write_text(json.dumps({"good_0.jpg": {"title": "guide only", "ebay": {"price": None}}}))
    item = caller.search().json()["itemSummaries"][0]
    assert (item["title"], item["price"]) == ("good 0", None)
    path.write_text("[")
    assert refusal(caller.search()) == (500, 12000)
