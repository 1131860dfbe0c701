"""The same listing is the same row, whichever adapter has found it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from monitor.marketplaces.sites.onebound import parse_answer as parse_onebound
from monitor.marketplaces.testing import check_canonical
from monitor.model import Observation
from tests.contracts.dialects import load_answers, load_dialects

DIALECTS = load_dialects()


def _check_canonical(found: Sequence[Observation]) -> int:
    """How many listings are of a known site: each as its own address names it."""
    return sum(map(check_canonical, found))


@pytest.mark.parametrize("type_name", sorted(DIALECTS))
def test_every_stored_answer_gives_canonical_listings(type_name: str) -> None:
    answers = load_answers(type_name).values()
    assert sum(_check_canonical(DIALECTS[type_name].read(body)) for body in answers) > 0


@pytest.mark.parametrize("type_name", sorted(DIALECTS))
def test_the_same_id_is_the_same_listing(type_name: str) -> None:
    """Every dialect's item says where it is in its own way; 1688 is the site of most."""
    value = DIALECTS[type_name].answer([DIALECTS[type_name].item("700000000001")])
    (item,) = DIALECTS[type_name].read(_dump(value))
    _check_canonical([item])
    assert item.item_id == "700000000001"
    if item.site == "1688":
        assert item.url == "https://detail.1688.com/offer/700000000001.html"


@pytest.mark.parametrize(
    ("site", "address", "url"),
    [
        ("1688", "//m.1688.com/offer/77.html?spm=a", "https://detail.1688.com/offer/77.html"),
        ("1688", "https://dj.1688.com/ci_bb?a=1", "https://detail.1688.com/offer/77.html"),
        (
            "taobao",
            "https://detail.tmall.com/item.htm?id=77&spm=a",
            "https://item.taobao.com/item.htm?id=77",
        ),
        ("taobao", "", "https://item.taobao.com/item.htm?id=77"),
        (
            "aliexpress",
            "//www.aliexpress.us/item/77.html?pdp_npi=4",
            "https://www.aliexpress.com/item/77.html",
        ),
        (
            "alibaba",
            "//www.alibaba.com/product-detail/Fox-mug_77.html?spm=a",
            "https://www.alibaba.com/product-detail/Fox-mug_77.html",
        ),
        ("alibaba", "", "https://www.alibaba.com/product-detail/77.html"),
    ],
)
@pytest.mark.parametrize("item_id", [77, "77", None])
def test_a_resellers_ways_to_write_an_address_are_one(
    site: str, address: str, url: str, item_id: object
) -> None:
    if item_id is None and (not address or "dj.1688" in address):
        pytest.skip("neither the id nor an address that holds it")
    item = {"num_iid": item_id, "title": "a", "detail_url": address, "pic_url": ""}
    body = _dump({"items": {"item": [item]}, "error_code": "0000"})
    (found,) = parse_onebound(body, "https://x.example/", site, allow_loopback=False).observations
    assert (found.site, found.item_id, found.url) == (site, "77", url)
    assert _check_canonical([found]) == 1


@pytest.mark.parametrize("type_name", ["guide_1688", "tmapi_1688"])
@pytest.mark.parametrize(
    "address",
    [
        *("m.1688.com/offer/77.html", "https://detail.1688.com/offer/77.html?fromkv=x", None, 5),
        *("https://dj.1688.com/ci_bb?a=1", "//detail.m.1688.com/page/index.html?offerId=77"),
        "https://item.taobao.com/item.htm?id=9",
    ],
)
def test_an_offers_address_is_made_of_its_id(type_name: str, address: object) -> None:
    item = DIALECTS[type_name].item("abb-77")
    assert isinstance(item, dict)
    item |= {"detailUrl": address, "product_url": address}
    (found,) = DIALECTS[type_name].read(_dump(DIALECTS[type_name].answer([item])))
    assert (found.site, found.item_id) == ("1688", "77")
    assert found.url == "https://detail.1688.com/offer/77.html"


def _dump(value: object) -> bytes:
    return json.dumps(value).encode()
