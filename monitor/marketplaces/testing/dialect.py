"""How a site talks: all that the contract must be told of a type of marketplace."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field

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
from monitor.marketplaces.testing.server import WEB_PAGE, Reply, Scripted

# What an adapter must keep secret; dialects use it as key, secret or token.
SECRET = "streng-geheim"
# What a refusal says that no code or word explains.
UNEXPLAINED = "nobody knows why"
# How HTTP itself says each class of failure.
BY_STATUS: Mapping[type[MarketplaceError], Sequence[Reply]] = {
    Throttled: [Reply(429)],
    QuotaExhausted: [Reply(402)],
    AuthError: [Reply(401)],
    PermissionDenied: [Reply(403)],
    BadImage: [Reply(415)],
    Transient: [Reply(503)],
    ProtocolError: [Reply(404)],
    Blocked: [WEB_PAGE],
}


def _refuse() -> object:
    return {"error": UNEXPLAINED}


@dataclass(frozen=True)
class Dialect:
    """What the contract needs to know of the type `type_name`.

    `options` are the type's own keys without `base_url`, one of them `SECRET`; `base` is the path
    that `base_url` ends in. `item` takes an id and, by keyword and each with a default, those of
    `title`, `price`, `picture` and `similarity` that the site gives; it gives one listing as it
    stands in an answer, and `answer` puts a list of them into a whole answer. `refusal` is how the
    site refuses inside HTTP 200 in words that it doesn't explain, `UNEXPLAINED` among them;
    `failures` how it says each class of failure beyond bare HTTP statuses (see `failures`).

    `prepare` sets routes for the calls that come before a search, such as for a token; what they
    are asked is not counted as a search. `ids` are two good ids of the greatest length the site
    has. `in_pages` gives the answers of a search over several pages, with their listings' ids.
    """

    type_name: str
    _: KW_ONLY
    options: Mapping[str, object]
    item: Callable[..., object]
    answer: Callable[[list[object]], object]
    refusal: object = field(default_factory=_refuse)
    failures: Mapping[type[MarketplaceError], Sequence[Reply]] = field(default_factory=dict)
    base: str = "/search"
    prepare: Callable[[Scripted], None] = lambda _: None
    ids: tuple[object, object] = (9223372036854775807, "1164408192156408878")
    in_pages: Callable[[], tuple[list[Reply], list[str]]] | None = None
    # nothing else is looked at in an answer to see whether it is good
    config_says_what_is_good: bool = False
    # the site gives addresses of pictures as absolute ones only
    has_relative_pictures: bool = True

    def gives(self, name: str) -> bool:
        """Whether the site gives a listing's `title`, `price`, `picture` or `similarity`."""
        return name in inspect.signature(self.item).parameters


def failures(
    shared: Mapping[type[MarketplaceError], Sequence[Reply]] | None = None,
    *,
    throttled: Sequence[Reply] = (),
    quota: Sequence[Reply] = (),
    auth: Sequence[Reply] = (),
    permission: Sequence[Reply] = (),
    bad_image: Sequence[Reply] = (),
    transient: Sequence[Reply] = (),
    protocol: Sequence[Reply] = (),
) -> Mapping[type[MarketplaceError], Sequence[Reply]]:
    """What a site says for each class, besides what it has in common with others (`shared`).

    The page of a challenge is the same everywhere.
    """
    said = {
        Throttled: throttled,
        QuotaExhausted: quota,
        AuthError: auth,
        PermissionDenied: permission,
        BadImage: bad_image,
        Transient: transient,
        ProtocolError: protocol,
    }
    every = {kind: [*(shared or {}).get(kind, ()), *replies] for kind, replies in said.items()}
    return {**every, Blocked: [WEB_PAGE]}
