"""What holds in every dialect: faults in its own words, a rate of its own, one shop for all."""

from __future__ import annotations

import base64
import json
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from monitor.cli.sandbox import config_lines
from monitor.sandbox import Fault, Sandbox
from monitor.sandbox.dialects.alibaba_searches import Crossborder
from monitor.sandbox.faults import Faults, Purpose
from monitor.sandbox.rules import Tokens
from monitor.sandbox.server import Rules
from tests.sandbox.callers import AlibabaCaller, Caller, EbayCaller, picture_bytes, stock

TYPES = ("guide_1688", "alibaba_1688", "ebay")
Search = Callable[[], httpx.Response]


def searches_of(sandbox: Sandbox) -> dict[str, Search]:
    """One good search in each dialect; eBay's has its token already."""
    ebay = EbayCaller(sandbox)
    ebay.token = ebay.exchange().json()["access_token"]
    return {
        "guide_1688": Caller(sandbox).search,
        "alibaba_1688": AlibabaCaller(sandbox).search,
        "ebay": ebay.search,
    }


def items_in(answer: httpx.Response) -> list[Any]:
    said = answer.json()
    found = said.get("itemSummaries") or said.get("data", {}).get("items")
    return found or said.get("result", {}).get("result") or []


# (status, what its body says) of each fault that a site has its own words for
WORDS: dict[Fault, dict[str, tuple[int, str]]] = {
    Fault.SERVER_ERROR: {
        "guide_1688": (500, '"internal error"'),
        "alibaba_1688": (500, '"invoke timeout"'),
        "ebay": (500, '"errorId": 12000'),
    },
    Fault.THROTTLED: {
        "guide_1688": (429, '"too many calls"'),
        "alibaba_1688": (400, '"gw.QosAppFrequencyLimit"'),
        "ebay": (429, '"errorId": 2001'),
    },
    Fault.QUOTA: {
        "guide_1688": (429, '"the daily quota is used up"'),
        "alibaba_1688": (400, '"gw.NoUsageLeftError"'),
        "ebay": (429, "The request limit has been reached"),
    },
    Fault.UNAUTHORISED: {
        "guide_1688": (401, '"wrong signature"'),
        "alibaba_1688": (401, "Request need user authenticated"),
        "ebay": (401, '"errorId": 1001'),
    },
    Fault.PERMISSION: {
        "guide_1688": (403, '"no permission for this interface"'),
        "alibaba_1688": (400, '"gw.APIACLDecline"'),
        "ebay": (403, '"errorId": 1100'),
    },
    Fault.TOO_LARGE: {
        "guide_1688": (413, '"too large"'),
        "alibaba_1688": (200, '"handle image error with url http://127.0.0.1:'),
        "ebay": (413, "too large"),
    },
    Fault.REFUSED: {
        "guide_1688": (200, '"rejected"'),
        "alibaba_1688": (200, '"rejected"'),
        "ebay": (200, '"rejected"'),
    },
    Fault.UNKNOWN_SHAPE: {
        "guide_1688": (200, '"result": []'),
        "alibaba_1688": (200, '"result": []'),
        "ebay": (200, '"items": []'),
    },
    Fault.EMPTY: {
        "guide_1688": (200, '"total": 0'),
        "alibaba_1688": (200, '"total": 0'),
        "ebay": (200, '"total": 0'),
    },
    Fault.GARBAGE: dict.fromkeys(TYPES, (200, '"success": tru')),
    Fault.HTML: dict.fromkeys(TYPES, (200, "slide to verify")),
}


def test_every_fault_of_a_search_is_tried() -> None:
    of_searches = {fault for fault in Fault if not fault.is_picture}
    assert of_searches == set(WORDS) | {Fault.SLOW, Fault.CUT_OFF}


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("fault", WORDS)
def test_a_fault_is_said_in_the_sites_own_words(sandbox: Sandbox, fault: Fault, name: str) -> None:
    search = searches_of(sandbox)[name]
    sandbox.faults.order(fault, 1)
    failed, whole = search(), search()
    status, said = WORDS[fault][name]
    assert failed.status_code == status
    assert said in failed.text
    assert ("Retry-After" in failed.headers) is (
        fault is Fault.THROTTLED and name != "alibaba_1688"
    )
    assert len(items_in(whole)) == 3
    assert "good 0" not in failed.text


@pytest.mark.parametrize("name", TYPES)
def test_a_slow_answer_is_whole_and_a_cut_one_breaks(sandbox: Sandbox, name: str) -> None:
    search = searches_of(sandbox)[name]
    sandbox.faults.order(Fault.SLOW, 1)
    began = time.monotonic()
    assert len(items_in(search())) == 3
    assert time.monotonic() - began >= 0.2
    sandbox.faults.order(Fault.CUT_OFF, 1)
    with pytest.raises(httpx.RemoteProtocolError):
        search()
    assert len(items_in(search())) == 3


@pytest.mark.parametrize("name", TYPES)
def test_a_fault_may_be_ordered_for_one_dialect(sandbox: Sandbox, name: str) -> None:
    sandbox.faults.order(Fault.HTML, None, name)
    walls = {
        other: search().headers["content-type"] == "text/html"
        for other, search in searches_of(sandbox).items()
    }
    assert walls == {other: other == name for other in TYPES}


def test_a_fault_may_be_ordered_for_one_call(sandbox: Sandbox) -> None:
    caller = AlibabaCaller(sandbox)
    image_id = caller.upload().json()["result"]["result"]
    sandbox.faults.order(Fault.PERMISSION, None, "alibaba_1688/linkplus")
    sandbox.faults.order(Fault.SERVER_ERROR, None, "alibaba_1688/imageQuery")
    assert caller.search().json()["error_code"] == "gw.APIACLDecline"
    assert caller.upload().status_code == 200
    assert caller.query(image_id).status_code == 500


@pytest.mark.parametrize(
    ("fault", "call", "said"),
    [
        (Fault.TOO_LARGE, "upload", '"result": "0"'),
        (Fault.TOO_LARGE, "imageQuery", '"success": "false"'),
        (Fault.REFUSED, "upload", '"success": "false"'),
        (Fault.REFUSED, "imageQuery", '"success": "false"'),
        (Fault.EMPTY, "imageQuery", '"data": []'),
    ],
)
def test_the_two_calls_of_the_upload_route_have_their_own_words(
    sandbox: Sandbox, fault: Fault, call: str, said: str
) -> None:
    caller = AlibabaCaller(sandbox)
    image_id = caller.upload().json()["result"]["result"]
    sandbox.faults.order(fault, 1, f"alibaba_1688/{call}")
    answer = caller.upload() if call == "upload" else caller.query(image_id)
    assert answer.status_code == 200
    assert said in answer.text


def test_an_empty_answer_waits_for_the_search(sandbox: Sandbox) -> None:
    caller = AlibabaCaller(sandbox)
    sandbox.faults.order(Fault.EMPTY, 1)
    image_id = caller.upload().json()["result"]["result"]
    assert caller.query(image_id).json()["result"]["result"]["data"] == []
    assert len(caller.query(image_id).json()["result"]["result"]["data"]) == 3


def test_tokens_and_time_fail_only_by_name(sandbox: Sandbox) -> None:
    alibaba, ebay = AlibabaCaller(sandbox), EbayCaller(sandbox)
    sandbox.faults.order(Fault.SERVER_ERROR)
    sandbox.faults.order(Fault.SERVER_ERROR, None, "ebay")
    assert ebay.exchange().status_code == 200
    assert alibaba.call("system/currentTime").status_code == 200
    sandbox.faults.clear()
    sandbox.faults.order(Fault.SERVER_ERROR, 1, "ebay/token")
    sandbox.faults.order(Fault.UNAUTHORISED, 1, "ebay/token")
    sandbox.faults.order(Fault.THROTTLED, 1, "alibaba_1688/currentTime")
    assert ebay.exchange().status_code == 500
    assert ebay.exchange().json()["error"] == "invalid_client"
    assert ebay.exchange().status_code == 200
    assert alibaba.call("system/currentTime").json()["error_code"] == "gw.QosAppFrequencyLimit"


def test_pictures_and_searches_never_take_each_others_faults() -> None:
    faults = Faults()
    faults.order(Fault.PICTURE_MISSING)
    assert faults.take(Purpose.SEARCH, "ebay/search") is None
    assert faults.take(Purpose.PICTURE, "pictures") is Fault.PICTURE_MISSING
    faults.clear()
    faults.order(Fault.HTML)
    assert faults.take(Purpose.PICTURE, "pictures") is None
    assert faults.take(Purpose.SEARCH, "ebay/search") is Fault.HTML


@pytest.mark.parametrize("name", TYPES)
def test_each_dialect_counts_its_own_rate(tmp_path: Path, name: str) -> None:
    with Sandbox(stock(tmp_path / "shop", 1), Rules(rate=2), monotonic=lambda: 0.0) as sandbox:
        searches = searches_of(sandbox)
        answers = [searches[name]() for _ in range(3)]
        others = [search() for other, search in searches.items() if other != name]
        stats = sandbox.stats()
    status, said = WORDS[Fault.THROTTLED][name]
    assert [len(items_in(answer)) for answer in answers[:2]] == [1, 1]
    assert (answers[2].status_code, said in answers[2].text) == (status, True)
    assert [answer.status_code for answer in others] == [200, 200]
    assert (stats["searches"], stats["throttled"]) == (5, 1)


def test_calls_that_fail_and_uploads_count_against_the_rate(tmp_path: Path) -> None:
    with Sandbox(stock(tmp_path / "shop", 1), Rules(rate=2), monotonic=lambda: 0.0) as sandbox:
        caller = AlibabaCaller(sandbox, token="wrong")
        statuses = [caller.call("system/currentTime").status_code for _ in range(3)]
        statuses += [caller.upload().status_code, caller.search().status_code]
        caller.token = "sandbox-token"
        last = caller.search()
        stats = sandbox.stats()
    assert statuses == [200, 200, 200, 401, 401]
    assert last.json()["error_code"] == "gw.QosAppFrequencyLimit"
    assert stats["alibaba_1688/upload"] == 1
    assert stats["alibaba_1688/linkplus"] == stats["searches"] == 2


def test_all_dialects_show_the_same_goods_in_the_same_order(sandbox: Sandbox) -> None:
    shown = {
        name: [item.get("title") or item["subject"] for item in items_in(search())]
        for name, search in searches_of(sandbox).items()
    }
    assert shown["guide_1688"] == shown["alibaba_1688"] == shown["ebay"]
    assert shown["ebay"][0] == "good 0"


def test_what_is_no_call_is_not_found(sandbox: Sandbox) -> None:
    with httpx.Client(trust_env=False, base_url=sandbox.shop.origin) as client:
        for answer in (client.post("/"), client.post("/router/other"), client.get("/")):
            assert answer.status_code == 404
        assert client.put("/").status_code == 501


def test_the_printed_lines_are_a_config_of_three_marketplaces(tmp_path: Path) -> None:
    rules = Rules(app_secret='a "quoted" \\ 密钥', rate=7)
    with Sandbox(stock(tmp_path / "shop", 1), rules) as sandbox:
        text = config_lines(sandbox)
        origin = sandbox.shop.origin
    keys = {"app_key": "sandbox", "app_secret": rules.app_secret}
    assert tomllib.loads(text)["marketplaces"] == {
        "sandbox": {
            "type": "guide_1688",
            "base_url": f"{origin}/router/imageSearch",
            **keys,
            "rate": "7/s",
        },
        "sandbox-alibaba": {
            "type": "alibaba_1688",
            "base_url": f"{origin}/openapi",
            **keys,
            "access_token": "sandbox-token",
            "mode": "auto",
            "rate": "7/s",
        },
        "sandbox-ebay": {
            "type": "ebay",
            "base_url": origin,
            "client_id": "sandbox-client",
            "client_secret": "sandbox-client-secret",
            "marketplace_ids": ["EBAY_US"],
            "rate": "7/s",
        },
    }
    assert text.index("[marketplaces.sandbox]") == 0


def test_tokens_keep_their_scope_until_they_expire() -> None:
    now = [0.0]
    tokens = Tokens(lambda: now[0])
    token = tokens.issue(10, "read")
    assert tokens.find_scope(token) == "read"
    now[0] = 9.9
    assert tokens.find_scope(token) == "read"
    now[0] = 10.0
    assert tokens.find_scope(token) is None
    assert tokens.find_scope("other") is None


def test_only_the_newest_uploads_are_remembered(sandbox: Sandbox) -> None:
    route = Crossborder(sandbox.shop, memory=2)
    first, second = _upload(route, 0), _upload(route, 1)
    assert _upload(route, 0) == first  # as good as new
    third = _upload(route, 2)
    assert [_finds(route, image_id) for image_id in (first, second, third)] == [True, False, True]


def _upload(route: Crossborder, seed: int) -> str:
    param = {"imageBase64": base64.b64encode(picture_bytes(seed)).decode()}
    answer = route.upload({"uploadImageParam": json.dumps(param)})
    image_id: str = json.loads(answer.body)["result"]["result"]
    return image_id


def _finds(route: Crossborder, image_id: str) -> bool:
    param = {"imageId": image_id, "beginPage": 1, "pageSize": 1, "country": "en"}
    answer = route.search({"offerQueryParam": json.dumps(param)})
    return bool(json.loads(answer.body)["result"]["success"] == "true")
