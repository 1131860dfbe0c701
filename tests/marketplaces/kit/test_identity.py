"""Which listing a page shows, whatever form its address has."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.errors import NotFound
from monitor.marketplaces.kit.identity import (
    SiteListing,
    find_item_id,
    find_listing,
    find_listing_on,
    find_offer,
    find_page,
    is_known_host,
    listing_url,
)
from monitor.marketplaces.kit.values import MAX_ID

HOSTS = ("shop.example", "de.shop.example", "bücher.example", "alibaba.com")
LONG = "https://shop.example/goods/" + "a" * 60

FORMS = {
    ("1688", "624873245698"): [
        "detail.1688.com/offer/624873245698.html",
        "https://detail.1688.com/offer/624873245698.html?spm=a.b&fromkv=x#top",
        "//m.1688.com/offer/624873245698.html",
        "http://detailp4p.1688.com/offerdetail/624873245698.html",
        "https://detail.m.1688.com/page/index.html?spm=1&offerId=624873245698",
        "https://detail.m.1688.com/page/index.html?offer_id=624873245698",
        "https://s.1688.com/x?traceInfo=object_id%40624873245698%5Eobject_type%40offer",
    ],
    ("aliexpress", "1005006123456789"): [
        "https://www.aliexpress.com/item/1005006123456789.html",
        "//www.aliexpress.com/item/a-fine-mug/1005006123456789.html?pdp_npi=4%40dis#nav-review",
        "https://de.aliexpress.com/item/1005006123456789.html?gatewayAdapt=glo2deu&skuId=1",
        "https://m.aliexpress.com/s/item/1005006123456789.html",
        "https://aliexpress.ru/item/1005006123456789.html?sku_id=12",
        "https://www.aliexpress.com/i/1005006123456789.html",
    ],
    ("ebay", "123456789012"): [
        "https://www.ebay.com/itm/123456789012",
        "http://www.ebay.co.uk/itm/a-fine-mug/123456789012?hash=item1&amdata=enc&_skw=mug",
        "https://www.ebay.de/itm/123456789012?_trkparms=x#viTabs_0",
        "https://www.ebay.com.au/itm/123456789012/",
        "https://m.befr.ebay.be/itm/123456789012",
        "https://www.ebay.com/p/28040?iid=123456789012",
        "https://cgi.ebay.com/ws/eBayISAPI.dll?ViewItem&item=123456789012",
    ],
    ("taobao", "520813250866"): [
        "//item.taobao.com/item.htm?id=520813250866&ns=1&abbucket=0",
        "https://detail.tmall.com/item.htm?abbucket=2&id=520813250866&skuId=4",
        "https://chaoshi.detail.tmall.com/item.htm?id=520813250866",
        "https://detail.tmall.hk/hk/item.htm?id=520813250866",
        "https://h5.m.taobao.com/awp/core/detail.htm?id=520813250866",
        "https://main.m.taobao.com/detail/index.html?id=520813250866",
        "https://world.taobao.com/item/520813250866.htm",
        "http://a.m.taobao.com/i520813250866.htm",
    ],
    ("alibaba", "1600123456789"): [
        "https://www.alibaba.com/product-detail/1600123456789.html",
        "//www.alibaba.com/product-detail/A-Fine-Mug_1600123456789.html?spm=a2700.x",
        "https://german.alibaba.com/product-detail/fine_mug_2_1600123456789.html",
    ],
}
CANONICAL = {
    "1688": "https://detail.1688.com/offer/624873245698.html",
    "aliexpress": "https://www.aliexpress.com/item/1005006123456789.html",
    "ebay": "https://www.ebay.com/itm/123456789012",
    "taobao": "https://item.taobao.com/item.htm?id=520813250866",
    "alibaba": "https://www.alibaba.com/product-detail/1600123456789.html",
}
CASES = [(*identity, raw) for identity, forms in FORMS.items() for raw in forms]


@pytest.mark.parametrize(("site", "item_id", "raw"), CASES)
def test_every_form_of_an_address_gives_one_identity(site: str, item_id: str, raw: str) -> None:
    found = find_listing(raw)
    assert found is not None
    assert (found.site, found.item_id) == (site, item_id)
    assert site == "alibaba" or found.url == CANONICAL[site]
    assert find_listing(found.url) == found


@pytest.mark.parametrize(("site", "url"), CANONICAL.items())
def test_the_page_of_an_id_leads_back_to_it(site: str, url: str) -> None:
    found = find_listing(url)
    assert found is not None
    assert listing_url(site, found.item_id) == url


def test_a_product_page_on_alibaba_keeps_its_name_without_the_tracking() -> None:
    found = find_listing("//www.alibaba.com/product-detail/Mug_1600123456789.html?spm=a2700.x#top")
    assert found is not None
    assert found.url == "https://www.alibaba.com/product-detail/Mug_1600123456789.html"


def test_an_id_can_break_no_address() -> None:
    assert listing_url("ebay", "1/../2?x") == "https://www.ebay.com/itm/1%2F..%2F2%3Fx"


def test_an_unknown_site_has_no_page_form() -> None:
    with pytest.raises(NotFound, match=r"'shop\.example'; known are: 1688, aliexpress, ebay"):
        listing_url("shop.example", "1")


@pytest.mark.parametrize(
    "raw",
    [
        *("https://evil1688.com/offer/1.html", "https://1688.com.evil.example/offer/1.html"),
        *("https://evilebay.com/itm/123", "https://www.ebay.com.evil.example/itm/123"),
        *("https://evil.example/?u=detail.1688.com/offer/1.html", "https://ebay.example/itm/123"),
        "https://myaliexpress.com/item/1.html",
        "https://user:pw@www.ebay.com/itm/123",
    ],
)
def test_a_host_that_only_looks_like_a_sites_is_none(raw: str) -> None:
    assert find_listing(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        "https://dj.1688.com/ci_bb?a=1&offerId=77",
        "https://s.click.aliexpress.com/e/_Dk3",
        "https://rover.ebay.com/rover/1/711-53200/1?mpre=https%3A%2F%2Fwww.ebay.com%2Fitm%2F77",
        "https://click.simba.taobao.com/item.htm?id=77",
        "https://www.ebay.com/sch/i.html?_nkw=mug&item=77",
        "https://www.ebay.com/itm/not-a-number",
        "https://www.aliexpress.com/store/1100.html",
        "https://shop1.taobao.com/shop/view_shop.htm?id=77",
        "https://2.taobao.com/item.htm?id=77",
        "https://item.taobao.com/item.htm?id=7x7",
        "https://www.ebay.com/itm/123456789012345678901",
        "https://detail.1688.com/",
        "https://www.alibaba.com/showroom/mug_1.html",
    ],
)
def test_a_page_of_a_site_that_shows_no_listing_has_no_identity(raw: str) -> None:
    assert find_listing(raw) is None


def test_other_hosts_pages_are_listings_only_where_they_are_named() -> None:
    raw = "http://shop.example/goods/7?b=2&utm_source=x&a=1&spm=y&SKUID=3&pdp_ext_f=z#reviews"
    url = "https://shop.example/goods/7?a=1&b=2"
    assert find_page(raw, ["shop.example"]) == SiteListing("shop.example", "/goods/7?a=1&b=2", url)
    assert find_page(raw, ["other.example"]) is None
    assert find_page(raw, []) is None
    assert find_listing(raw) is None


@pytest.mark.parametrize("named", ["shop.example", " Shop.Example. ", ".shop.example"])
def test_a_host_is_named_in_any_case_with_or_without_dots(named: str) -> None:
    page = find_page("https://shop.example/a", [named])
    assert page == SiteListing("shop.example", "/a", "https://shop.example/a")


@pytest.mark.parametrize(
    ("raw", "site", "item_id"),
    [
        ("https://www.shop.example/a", "shop.example", "/a"),
        ("https://m.shop.example/a", "shop.example", "m.shop.example/a"),
        ("https://shop.example:8443/a", "shop.example", "shop.example:8443/a"),
        ("https://x.de.shop.example/a", "de.shop.example", "x.de.shop.example/a"),
        ("https://xn--bcher-kva.example/%e5%95%86", "bücher.example", "/%E5%95%86"),
        ("https://shop.example?", "shop.example", "/"),
    ],
)
def test_a_page_is_known_by_what_follows_its_host(raw: str, site: str, item_id: str) -> None:
    page = find_page(raw, HOSTS)
    assert page is not None
    assert (page.site, page.item_id) == (site, item_id)


def test_a_listing_of_a_known_site_keeps_its_identity_on_a_named_host() -> None:
    raw = "https://www.alibaba.com/product-detail/Mug_1600123456789.html"
    assert find_page(raw, HOSTS) == find_listing(raw)
    other = find_page("https://www.alibaba.com/showroom/mug.html", HOSTS)
    assert other is not None
    assert other.site == "alibaba.com"
    assert find_page("https://dj.1688.com/ci_bb?a=1", ["1688.com"]) is None


@pytest.mark.parametrize("host", ["1688.com", "detail.1688.com", "www.ebay.co.uk", "alibaba.com"])
def test_the_hosts_of_known_sites_are_known(host: str) -> None:
    assert is_known_host(host)


@pytest.mark.parametrize("host", ["shop.example", "evil1688.com", "1688.com.example", "com", ""])
def test_other_hosts_are_not_known(host: str) -> None:
    assert not is_known_host(host)


@pytest.mark.parametrize("raw", ["https://evilshop.example/a", "https://shop.example.evil.test/a"])
def test_a_host_that_only_looks_like_a_named_one_is_none(raw: str) -> None:
    assert find_page(raw, ["shop.example"]) is None


def test_a_long_key_is_cut_and_stays_its_own() -> None:
    one, other = find_page(f"{LONG}/1?x=1", HOSTS), find_page(f"{LONG}/2?x=1", HOSTS)
    assert one is not None
    assert other is not None
    assert len(one.item_id) == len(other.item_id) == MAX_ID
    assert one.item_id != other.item_id
    assert one.item_id.startswith("/goods/aaaaaaaaaaaaaaaaaaaaaaaa#")
    assert one.url == f"{LONG}/1?x=1"


@pytest.mark.parametrize(
    ("site", "value", "item_id"),
    [
        ("1688", "abb-77", "77"),
        ("1688", "abb-", "abb-"),
        ("1688", 700000000001, "700000000001"),
        ("ebay", "v1|123456789012|0", "123456789012"),
        ("ebay", "v1|123456789012|57", "123456789012"),
        ("ebay", "123456789012", "123456789012"),
        ("taobao", "520813250866", "520813250866"),
        ("ebay", None, None),
        ("1688", True, None),
    ],
)
def test_an_id_is_read_as_answers_write_it(site: str, value: object, item_id: str | None) -> None:
    assert find_item_id(site, value) == item_id


def test_a_listing_is_known_by_its_id_before_any_address() -> None:
    one, other = "https://www.ebay.com/itm/11", "https://www.ebay.de/itm/mug/22?hash=item1"
    assert find_listing_on("ebay", "v1|33|0", one) == SiteListing(
        "ebay", "33", "https://www.ebay.com/itm/33"
    )
    assert find_listing_on("ebay", None, other, one) == SiteListing(
        "ebay", "22", "https://www.ebay.com/itm/22"
    )


def test_an_address_on_another_site_says_nothing_of_a_listing() -> None:
    elsewhere, here = "https://www.ebay.com/itm/11", "https://detail.1688.com/offer/7.html"
    assert find_listing_on("1688", None, elsewhere) is None
    assert find_listing_on("1688", 0, 5, elsewhere, here) == find_listing(here)
    with pytest.raises(NotFound, match=r"shop\.example"):
        find_listing_on("shop.example", "1")


@pytest.mark.parametrize(
    "raw",
    [
        "detail.1688.com/offer/624873245698.html",
        "https://detail.1688.com/offer/624873245698.html?spm=a.b&fromkv=x#top",
        "//m.1688.com/offer/624873245698.html",
        "https://detailp4p.1688.com/offerdetail/624873245698.html",
        "https://detail.m.1688.com/page/index.html?offerId=624873245698&spm=1",
        "https://detail.m.1688.com/page/index.html?offer_id=624873245698",
        "https://s.1688.com/x?traceInfo=object_id%40624873245698%5Eobject_type%40offer",
    ],
)
def test_every_form_of_an_offers_address_gives_one_identity(raw: str) -> None:
    url = "https://detail.1688.com/offer/624873245698.html"
    assert find_offer(None, raw, allow_loopback=False) == SiteListing("1688", "624873245698", url)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        5,
        "",
        "https://dj.1688.com/ci_bb?a=1",
        "https://evil1688.com/offer/1.html",
        "file:///1",
    ],
)
def test_an_address_without_an_offer_id_gives_no_identity(raw: object) -> None:
    assert find_offer(None, raw, allow_loopback=False) is None


@pytest.mark.parametrize(
    ("raw_id", "address", "allow_loopback", "url"),
    [
        # an ad's link, a reseller's prefix
        (77, "https://dj.1688.com/ci_bb?a=1", False, "https://detail.1688.com/offer/77.html"),
        ("abb-77", None, False, "https://detail.1688.com/offer/77.html"),
        # only a rehearsal's own page is kept
        ("77", "http://127.0.0.1:8000/goods/77", True, "http://127.0.0.1:8000/goods/77"),
        ("77", "http://127.0.0.1:8000/goods/77", False, "https://detail.1688.com/offer/77.html"),
        ("77", "http://shop.example/goods/77", True, "https://detail.1688.com/offer/77.html"),
    ],
)
def test_an_offers_own_id_says_its_page(
    raw_id: object, address: object, allow_loopback: bool, url: str
) -> None:
    found = find_offer(raw_id, address, allow_loopback=allow_loopback)
    assert found == SiteListing("1688", "77", url)


_pieces = st.sampled_from(
    [
        *("http://", "https://", "//", "/", "?", "#", "&", "=", "%", "%e5", "..", "@", ":", "."),
        *("detail.1688.com", "dj.1688.com", "www.ebay.de", "www.aliexpress.us", "shop.example"),
        *("item.taobao.com", "www.alibaba.com", "bücher.example", "evil1688.com", "[::1]", "m."),
        *("/offer/", "/itm/", "/item/", "item.htm", "/product-detail/x_", ".html", "/p/", "id="),
        *("iid=", "offerId=", "spm=1", "12345", "a" * 70, "\ud800", "\x00", "商", "\\", " ", "+"),
    ]
)
_text = st.lists(_pieces | st.characters(), max_size=9).map("".join)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(_json)
@example("https://shop.example/" + "%e5" * 40)
@example("https://detail.1688.com/offer/1.html?offerId=2")
@example("https://item.taobao.com/item/3.htm?id=4")
def test_any_value_has_one_identity_that_stays_or_none(raw: object) -> None:
    for find in (find_listing, lambda value: find_page(value, HOSTS)):
        found = find(raw)
        if found is None:
            continue
        assert find(found.url) == found
        assert 0 < len(found.item_id) <= MAX_ID
        assert found.url.startswith("https://")
        assert found.url.isascii()
        assert found.item_id.isascii()


@given(_json, st.lists(st.text(), max_size=3))
def test_no_named_host_makes_it_raise(raw: object, hosts: list[str]) -> None:
    page = find_page(raw, hosts)
    assert page is None or page.url


@given(_json, st.sampled_from([*CANONICAL, "shop.example"]))
def test_no_id_makes_it_raise(value: object, site: str) -> None:
    item_id = find_item_id(site, value)
    assert item_id is None or 0 < len(item_id) <= MAX_ID


@given(_json, _json, st.booleans())
def test_an_offer_has_one_identity_that_stays_or_none(
    raw_id: object, address: object, local: bool
) -> None:
    found = find_offer(raw_id, address, allow_loopback=local)
    if found is not None:
        assert find_offer(found.item_id, found.url, allow_loopback=local) == found
