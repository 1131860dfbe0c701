"""An answer that lists nothing is believed only where it is a plain "no results".

That no error is told beside the empty list is part of every marketplace's contract.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from monitor.errors import MarketplaceError
from monitor.marketplaces.sites.http_json.adapter import Reader
from monitor.marketplaces.sites.http_json.options import Options
from monitor.net.wire import Answer
from tests.contracts.dialects import load_dialects

DIALECTS = load_dialects()
# What a site always says of a good answer, by the keys that lead there.
SIGNS: dict[str, tuple[tuple[str, ...], ...]] = {
    "alibaba_1688": (("result", "success"),),
    "aliexpress": (
        ("aliexpress_ds_image_searchV2_response", "result", "ret"),
        ("aliexpress_ds_image_searchV2_response", "result", "code"),
    ),
    "ebay": (("total",),),
    "guide_1688": (("success",),),
    "onebound": (("error_code",),),
    "serpapi_lens": (("search_metadata",),),
    "taobao_global": (("code",),),
    "tineye": (("code",),),
    "tmapi_1688": (("code",),),
    "yandex": (("id",),),
}
CLAIMS: dict[str, tuple[str, ...]] = {
    "alibaba_1688": ("result", "result", "totalRecords"),
    "aliexpress": ("aliexpress_ds_image_searchV2_response", "result", "total_count"),
    "ebay": ("total",),
    "guide_1688": ("data", "total"),
    "http_json": ("data", "count"),
    "onebound": ("items", "total_results"),
    "taobao_global": ("result", "total_results"),
    "tineye": ("stats", "total_results"),
    "tmapi_1688": ("data", "total_count"),
}


def _at(value: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        value = value.setdefault(key, {})
    return value


def _read(type_name: str, value: object) -> int:
    return len(DIALECTS[type_name].read(json.dumps(value).encode()))


@pytest.mark.parametrize("type_name", sorted(SIGNS))
def test_an_empty_list_needs_the_sites_own_word_that_all_is_well(type_name: str) -> None:
    value: Any = copy.deepcopy(DIALECTS[type_name].answer([]))
    for keys in SIGNS[type_name]:
        del _at(value, keys[:-1])[keys[-1]]
    with pytest.raises(MarketplaceError):
        _read(type_name, value)


@pytest.mark.parametrize("type_name", sorted(CLAIMS))
def test_an_empty_first_page_of_many_results_is_an_error(type_name: str) -> None:
    *keys, last = CLAIMS[type_name]
    value: Any = copy.deepcopy(DIALECTS[type_name].answer([]))
    _at(value, tuple(keys))[last] = 90
    with pytest.raises(MarketplaceError, match=r"claims 90 results|no list"):
        _read(type_name, value)


def _reader(**answer: str) -> Reader:
    where = {"items": "rows || `[]`", "item_id": "id", "picture": "img", **answer}
    given = {"site": "1688", "base_url": "https://proxy.example/", "file_field": "f"}
    failures = {"failures": {"439": "quota"}} if "code" in answer else {}
    options = Options.model_validate({**given, **failures, "answer": where})
    return Reader(options, allow_loopback=False)


def _outcome(reader: Reader, value: object) -> str:
    body = json.dumps(value).encode()
    refusal = reader.judge(Answer("https://proxy.example/", 200, {}, body))
    if refusal is not None:
        return type(refusal).__name__
    try:
        return str(len(reader.read(body, "https://proxy.example/").observations))
    except MarketplaceError as error:
        return type(error).__name__


def test_a_described_answer_is_looked_at_too_unless_the_config_says_what_is_good() -> None:
    value = {"done": True, "rows": [], "error": "something is wrong"}
    assert _outcome(_reader(), value) == "ProtocolError"
    assert _outcome(_reader(), {"rows": [], "error": ""}) == "0"
    assert _outcome(_reader(ok="done"), value) == "0"
    assert _outcome(_reader(ok="done"), {**value, "done": False}) == "ProtocolError"


def test_a_code_in_the_table_of_failures_is_one_without_any_words() -> None:
    assert _outcome(_reader(code="code"), {"code": 439, "rows": []}) == "QuotaExhausted"
    assert _outcome(_reader(code="code"), {"code": 200, "rows": []}) == "0"
