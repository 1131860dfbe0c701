"""What adapters are made from, the built-in ones and plug-ins: these names stay.

The modules behind them may go elsewhere. docs/adding-a-marketplace.md says what each is for.
"""

from __future__ import annotations

from monitor.errors import (
    AuthError,
    BadImage,
    Blocked,
    FetchFailed,
    FetchRefused,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.base import Adapter, Marketplace, Memory, Outside, Page, Query, Standing
from monitor.marketplaces.kit.account import Account, naming
from monitor.marketplaces.kit.answers import SMALL_SKEW_SECONDS, Judge, PictureTooLarge
from monitor.marketplaces.kit.client import PoliteClient, Tally
from monitor.marketplaces.kit.identity import (
    KNOWN_SITES,
    SiteListing,
    find_item_id,
    find_listing,
    find_listing_on,
    find_offer,
    find_page,
    find_traced_offer,
    is_known_host,
    listing_url,
    shorten_id,
)
from monitor.marketplaces.kit.listings import (
    Parsed,
    check_empty,
    collect,
    dig,
    find_json,
    first_given,
    listed,
    observe_listing,
    read_json,
)
from monitor.marketplaces.kit.options import (
    Address,
    HeaderSecret,
    Key,
    MaxPages,
    Options,
    PictureUrl,
    Secret,
    join,
    picture_address,
    require_picture_address,
)
from monitor.marketplaces.kit.paging import (
    has_more,
    read_cursor,
    read_numbers,
    read_page,
    write_cursor,
)
from monitor.marketplaces.kit.picture_ids import PictureIds
from monitor.marketplaces.kit.picture_links import picture_link
from monitor.marketplaces.kit.refusals import ErrorKind, hide, meaning_of, quotable, refusal
from monitor.marketplaces.kit.rpc_status import status_error
from monitor.marketplaces.kit.signing import (
    AOP_SIGNATURE,
    IOP_SIGNATURE,
    sign_aop,
    sign_guide,
    sign_iop,
    sign_top,
)
from monitor.marketplaces.kit.tokens import RENEWAL_MARGIN, Refresh, Token, Tokens, no_refresh
from monitor.marketplaces.kit.uploads import MAX_UPLOAD_BYTES, SMALLEST_UPLOAD_BYTES, iter_uploads
from monitor.marketplaces.kit.values import (
    Json,
    clean_text,
    clean_title,
    load_json,
    load_plain_json,
    parse_count,
    parse_currency,
    parse_flag,
    parse_id,
    parse_price,
    parse_score,
    parse_seller,
)
from monitor.marketplaces.kit.web_pages import Host, Hosts, collect_pages, observe_page
from monitor.model import FileVersion, Observation, Price, Seller
from monitor.net.downloads import Fetched
from monitor.net.urls import absolute_url, is_on
from monitor.net.wire import Answer, Call

# What an adapter is, and what it is given and gives.
__all__ = ["Account", "Adapter", "Marketplace", "Memory", "Outside", "Page", "Query", "Standing"]
__all__ += ["Fetched", "FileVersion", "Observation", "Price", "Seller", "SiteListing"]
# The keys of its table in the config.
__all__ += ["Address", "HeaderSecret", "Host", "Hosts", "Key", "MaxPages", "Options", "PictureUrl"]
__all__ += ["Secret"]
# A search: calls, pictures to send, pages, tokens, signatures.
__all__ += ["Answer", "Call", "Judge", "PictureIds", "PoliteClient", "Tally", "iter_uploads"]
__all__ += ["MAX_UPLOAD_BYTES", "SMALLEST_UPLOAD_BYTES", "join", "picture_address"]
__all__ += ["has_more", "read_cursor", "read_numbers", "read_page", "require_picture_address"]
__all__ += ["RENEWAL_MARGIN", "Refresh", "Token", "Tokens", "no_refresh", "write_cursor"]
__all__ += ["AOP_SIGNATURE", "IOP_SIGNATURE", "sign_aop", "sign_guide", "sign_iop", "sign_top"]
# What an answer holds.
__all__ += ["Json", "check_empty", "collect", "dig", "find_json", "first_given", "listed"]
__all__ += ["Parsed", "load_json", "load_plain_json", "naming", "observe_listing", "read_json"]
__all__ += ["clean_text", "clean_title", "parse_count", "parse_currency", "parse_flag", "parse_id"]
__all__ += ["parse_price", "parse_score", "parse_seller"]
# Whose listing it is, and where its picture is.
__all__ += ["KNOWN_SITES", "absolute_url", "collect_pages", "find_item_id", "find_listing"]
__all__ += ["find_listing_on", "find_offer", "find_page", "find_traced_offer", "is_known_host"]
__all__ += ["is_on", "listing_url", "observe_page", "picture_link", "shorten_id"]
# What went wrong.
__all__ += ["AuthError", "BadImage", "Blocked", "FetchFailed", "FetchRefused", "MarketplaceError"]
__all__ += ["PermissionDenied", "PictureTooLarge", "ProtocolError", "QuotaExhausted", "Throttled"]
__all__ += ["SMALL_SKEW_SECONDS", "ErrorKind", "Transient", "hide", "meaning_of", "quotable"]
__all__ += ["refusal", "status_error"]
