"""A page's address -> whose listing it is: one identity per listing, in whatever form it came.

Rules and their sources are in docs/addresses.md. Hosts are compared whole or with a leading dot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from monitor.errors import FetchRefused, NotFound
from monitor.marketplaces.kit.values import MAX_ID, parse_id
from monitor.net.addresses import is_loopback_host
from monitor.net.urls import absolute_url, is_on

# Links that lead somewhere only when they are clicked, each time with another query.
_CLICK_HOSTS = (
    *("dj.1688.com", "click.simba.taobao.com", "s.click.taobao.com", "click.mz.simba.taobao.com"),
    *("s.click.aliexpress.com", "rover.ebay.com", "pulsar.ebay.com"),
)
# eBay's sites share one space of item ids.
_EBAY_HOSTS = (
    *("ebay.com", "ebay.co.uk", "ebay.de", "ebay.fr", "ebay.it", "ebay.es", "ebay.at", "ebay.ch"),
    *("ebay.be", "ebay.nl", "ebay.ie", "ebay.pl", "ebay.ca", "ebay.com.au", "ebay.com.hk"),
    *("ebay.com.sg", "ebay.com.my", "ebay.ph", "ebay.in", "ebay.vn", "ebay.us"),
)
# Says how somebody came to a page, or which variant is preselected; never which page it is.
_TRACKING = re.compile(
    r"spm|scm|fromkv|tracelog|trace_log|skuid|pdp_.*|gatewayadapt|hash|amdata|_trkparms|_trksid"
    r"|_skw|venuetype|utm_.*|gclid|fbclid|msclkid|yclid",
    re.IGNORECASE,
)

_OFFER_PATH = re.compile(r"/(?:offer|offerdetail)/([0-9]{1,20})(?![0-9])", re.IGNORECASE)
_OFFER_KEYS = ("offerid", "offer_id")
_TRACE = re.compile(r"object_id@([0-9]{1,20})(?![0-9])")

_ID = r"([1-9][0-9]{0,19})(?![0-9])"
_ALIEXPRESS_PATH = re.compile(rf"/(?:item|i)/(?:[^/]+/)?{_ID}\.html", re.IGNORECASE)
_EBAY_PATH = re.compile(rf"/itm/(?:[^/]+/)?{_ID}(?:/|$)", re.IGNORECASE)
_API_IDS = {
    "1688": re.compile(r"abb-([0-9]+)"),
    "ebay": re.compile(rf"v1\|{_ID}\|[0-9]+"),
}
_TAOBAO_PAGE = re.compile(r"/(?:item|detail)(?:/index)?\.html?$", re.IGNORECASE)
_TAOBAO_PATH = re.compile(rf"/(?:item/|i){_ID}\.html?$", re.IGNORECASE)
_ALIBABA_PATH = re.compile(rf"/product-detail/(?:[^/]*_)?{_ID}\.html", re.IGNORECASE)

_KEPT_OF_LONG_ID = 31


@dataclass(frozen=True, slots=True)
class SiteListing:
    """A listing's identity (`site`, `item_id`) and the page where people see it."""

    site: str
    item_id: str
    url: str


@dataclass(frozen=True, slots=True)
class _Site:
    hosts: tuple[str, ...]
    find_id: Callable[[str], str | None]
    page_of: Callable[[str], str]


def find_listing(raw: object) -> SiteListing | None:
    """The listing behind a page's address on a known site; None for any other value.

    Sites are 1688, aliexpress, ebay, taobao (with Tmall, which shares its ids) and alibaba. The
    address is canonical, except that alibaba's keeps the product's name. Never raises.
    """
    url = _clean(raw)
    if url is None or is_on(url, *_CLICK_HOSTS):
        return None
    for name, site in _SITES.items():
        if not is_on(url, *site.hosts):
            continue
        item_id = site.find_id(url)
        if item_id is None:
            return None
        return SiteListing(name, item_id, url if name == "alibaba" else listing_url(name, item_id))
    return None


def find_listing_on(site: str, raw_id: object, *addresses: object) -> SiteListing | None:
    """A listing of a known site by its id, else by the first address that holds an id of that site.

    None where there is none; its page is the canonical one. Raises NotFound for an unknown site.
    """
    item_id = find_item_id(site, raw_id)
    if item_id is None:
        pages = filter(None, map(find_listing, addresses))
        item_id = next((page.item_id for page in pages if page.site == site), None)
    return None if item_id is None else SiteListing(site, item_id, listing_url(site, item_id))


def find_offer(raw_id: object, address: object, *, allow_loopback: bool) -> SiteListing | None:
    """A 1688 offer by its id, else by the id in its address; None where neither is there.

    Its page is the canonical one, so that it is the same whoever found the offer; only a
    rehearsal's own page on loopback is kept.
    """
    try:
        given = address if isinstance(address, str) else ""
        url = absolute_url(given, allow_loopback=allow_loopback)
    except FetchRefused:
        url = ""
    item_id = find_item_id("1688", raw_id) or offer_id_in(url)
    if item_id is None:
        return None
    is_rehearsal = allow_loopback and is_loopback_host(urlsplit(url).hostname or "")
    return SiteListing("1688", item_id, url if is_rehearsal else listing_url("1688", item_id))


def offer_id_in(url: str) -> str | None:
    """The offer's id that an absolute 1688 URL holds; None elsewhere and for ad links."""
    if not is_on(url, "1688.com") or is_on(url, "dj.1688.com"):
        return None
    parts = urlsplit(url)
    if found := _OFFER_PATH.search(parts.path):
        return found[1]
    for key, value in parse_qsl(parts.query):
        if key.lower() in _OFFER_KEYS and re.fullmatch(r"[0-9]{1,20}", value):
            return value
        if traced := find_traced_offer(value):
            return traced
    return None


def find_traced_offer(text: str) -> str | None:
    """The offer's id in a trace of 1688, such as `object_id@700000000001`; None without one."""
    found = _TRACE.search(text)
    return found[1] if found else None


def find_page(raw: object, hosts: Sequence[str]) -> SiteListing | None:
    """The page as a listing, where its host is one of `hosts` or below one; else None.

    A listing of a known site keeps that identity. For others the site is the host as `hosts` names
    it, without dots around it and in small letters (the longest that fits), and the id is what
    follows the host, after the sub-domain if it is another than `www`: path and query, sorted and
    without tracking. An id of more than 64 characters keeps its first 31, `#` and the first 32 hex
    digits of the sha256 of the whole. Never raises.
    """
    url = _clean(raw)
    host = None if url is None else _named_host(url, hosts)
    if url is None or host is None or is_on(url, *_CLICK_HOSTS):
        return None
    if known := find_listing(url):
        return known
    parts = urlsplit(url)
    name, ascii_name = host
    place = "" if parts.netloc in (ascii_name, f"www.{ascii_name}") else parts.netloc
    key = f"{place}{parts.path}" + (f"?{parts.query}" if parts.query else "")
    return SiteListing(name, shorten_id(key), url)


def listing_url(site: str, item_id: str) -> str:
    """The canonical page of a listing of which only the id is known.

    Raises NotFound for a site that has no such form.
    """
    if site not in _SITES:
        raise NotFound(f"no page address is known for {site!r}; known are: {', '.join(_SITES)}")
    return _SITES[site].page_of(item_id)


def is_known_host(host: str) -> bool:
    """Whether a host is that of a known site, or below one: then its listings have an identity."""
    return any(is_on(f"https://{host}/", *site.hosts) for site in _SITES.values())


def find_item_id(site: str, value: object) -> str | None:
    """An id as an answer writes it, in the form that addresses hold; None for what is none.

    `abb-ID` (a reseller's 1688) and `v1|ID|0` (eBay's interface) hold it; numbers become text.
    """
    text = parse_id(value)
    if text is None:
        return None
    pattern = _API_IDS.get(site)
    found = pattern.fullmatch(text) if pattern else None
    return found[1] if found else text


def shorten_id(text: str) -> str:
    """A text that tells a listing from others, such as a path, as an id of at most 64 characters.

    One that is too long, isn't printable or holds a space keeps its first 31 characters, with `_`
    for what no id holds, `#` and the first 32 hex digits of the sha256 of the whole.
    """
    if len(text) <= MAX_ID and text.isprintable() and " " not in text and text != "0":
        return text
    digest = sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    start = "".join(c if c.isprintable() and c != " " else "_" for c in text[:_KEPT_OF_LONG_ID])
    return f"{start}#{digest}"


def _clean(raw: object) -> str | None:
    """An https address without fragment, tracking and order of its query; None for no address."""
    if not isinstance(raw, str):
        return None
    try:
        parts = urlsplit(absolute_url(raw))
    except FetchRefused:
        return None
    # pieces as they stand: a site's own way of escaping may be another than UTF-8
    pieces = [piece for piece in parts.query.split("&") if piece and not _is_tracking(piece)]
    query = "&".join(sorted(_upper_escapes(piece) for piece in pieces))
    return urlunsplit(("https", parts.netloc, _upper_escapes(parts.path), query, ""))


def _is_tracking(piece: str) -> bool:
    return _TRACKING.fullmatch(unquote(piece.partition("=")[0])) is not None


def _upper_escapes(text: str) -> str:
    """`%e5` and `%E5` are the same (RFC 3986, 6.2.2.1)."""
    return re.sub(r"%[0-9A-Fa-f]{2}", lambda found: found[0].upper(), text)


def _named_host(url: str, hosts: Sequence[str]) -> tuple[str, str] | None:
    """The longest of `hosts` that the URL is on: as it is named, and in ASCII."""
    fitting = []
    for given in hosts:
        name = given.strip().strip(".").lower()
        try:
            ascii_name = urlsplit(absolute_url(f"https://{name}/")).netloc
        except FetchRefused:
            continue
        if is_on(url, ascii_name):
            fitting.append((name, ascii_name))
    return max(fitting, key=lambda pair: (len(pair[1]), pair), default=None)


def _in_path(pattern: re.Pattern[str]) -> Callable[[str], str | None]:
    def find_id(url: str) -> str | None:
        found = pattern.search(urlsplit(url).path)
        return found[1] if found else None

    return find_id


def _in_query(url: str, key: str) -> str | None:
    for name, value in parse_qsl(urlsplit(url).query):
        if name.lower() == key and re.fullmatch(_ID, value):
            return value
    return None


def _page(form: str) -> Callable[[str], str]:
    return lambda item_id: form.format(quote(item_id, safe=""))


def _ebay_id(url: str) -> str | None:
    """`/itm/ID`, a catalogue page that shows one listing, or the pages of old."""
    if item_id := _in_path(_EBAY_PATH)(url):
        return item_id
    path = urlsplit(url).path.lower()
    if path.startswith("/p/"):
        return _in_query(url, "iid")
    return _in_query(url, "item") if path.endswith("/ebayisapi.dll") else None


def _taobao_id(url: str) -> str | None:
    if is_on(url, "2.taobao.com"):  # second-hand: ids of their own
        return None
    if _TAOBAO_PAGE.search(urlsplit(url).path):
        return _in_query(url, "id")
    return _in_path(_TAOBAO_PATH)(url)


_SITES = {
    "1688": _Site(("1688.com",), offer_id_in, _page("https://detail.1688.com/offer/{}.html")),
    "aliexpress": _Site(
        ("aliexpress.com", "aliexpress.us", "aliexpress.ru"),
        _in_path(_ALIEXPRESS_PATH),
        _page("https://www.aliexpress.com/item/{}.html"),
    ),
    "ebay": _Site(_EBAY_HOSTS, _ebay_id, _page("https://www.ebay.com/itm/{}")),
    "taobao": _Site(
        ("taobao.com", "tmall.com", "tmall.hk"),
        _taobao_id,
        _page("https://item.taobao.com/item.htm?id={}"),
    ),
    "alibaba": _Site(
        ("alibaba.com",),
        _in_path(_ALIBABA_PATH),
        _page("https://www.alibaba.com/product-detail/{}.html"),
    ),
}

# The sites whose pages are recognised.
KNOWN_SITES = tuple(_SITES)
