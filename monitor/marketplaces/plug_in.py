"""What plug-ins may import: these names stay, wherever the modules behind them go."""

from __future__ import annotations

from monitor.errors import (
    AuthError,
    BadImage,
    Blocked,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.base import Adapter, Marketplace, Outside, Page, Query, Standing
from monitor.marketplaces.kit.account import Account
from monitor.marketplaces.kit.answers import PictureTooLarge
from monitor.marketplaces.kit.client import PoliteClient, Tally
from monitor.marketplaces.kit.identity import SiteListing, find_listing, find_page, listing_url
from monitor.marketplaces.kit.kept_ids import KeptIds
from monitor.marketplaces.kit.listings import collect, dig, observe_listing, read_json
from monitor.marketplaces.kit.options import (
    Address,
    Key,
    MaxPages,
    Options,
    PictureUrl,
    Secret,
    join,
    picture_address,
)
from monitor.marketplaces.kit.paging import has_more, read_cursor, write_cursor
from monitor.marketplaces.kit.picture_links import picture_link
from monitor.marketplaces.kit.preparing import iter_uploads
from monitor.marketplaces.kit.refusals import refusal
from monitor.marketplaces.kit.signing import sign_aop, sign_iop, sign_top
from monitor.marketplaces.kit.tokens import Token, Tokens
from monitor.marketplaces.kit.values import (
    clean_text,
    clean_title,
    parse_count,
    parse_flag,
    parse_id,
    parse_price,
    parse_score,
)
from monitor.model import Observation, Price, Seller
from monitor.net.urls import absolute_url
from monitor.net.wire import Answer, Call

__all__ = [
    "Account",
    "Adapter",
    "Address",
    "Answer",
    "AuthError",
    "BadImage",
    "Blocked",
    "Call",
    "KeptIds",
    "Key",
    "Marketplace",
    "MarketplaceError",
    "MaxPages",
    "Observation",
    "Options",
    "Outside",
    "Page",
    "PermissionDenied",
    "PictureTooLarge",
    "PictureUrl",
    "PoliteClient",
    "Price",
    "ProtocolError",
    "Query",
    "QuotaExhausted",
    "Secret",
    "Seller",
    "SiteListing",
    "Standing",
    "Tally",
    "Throttled",
    "Token",
    "Tokens",
    "Transient",
    "absolute_url",
    "clean_text",
    "clean_title",
    "collect",
    "dig",
    "find_listing",
    "find_page",
    "has_more",
    "iter_uploads",
    "join",
    "listing_url",
    "observe_listing",
    "parse_count",
    "parse_flag",
    "parse_id",
    "parse_price",
    "parse_score",
    "picture_address",
    "picture_link",
    "read_cursor",
    "read_json",
    "refusal",
    "sign_aop",
    "sign_iop",
    "sign_top",
    "write_cursor",
]
