"""A list of items in an answer -> observations. Pure; the rules are the same for every site."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from monitor.errors import ProtocolError
from monitor.marketplaces.kit.identity import SiteListing
from monitor.marketplaces.kit.picture_links import PictureLink
from monitor.marketplaces.kit.refusals import quotable
from monitor.marketplaces.kit.values import (
    Json,
    clean_text,
    clean_title,
    load_json,
    parse_count,
    parse_flag,
    parse_score,
)
from monitor.model import Observation, Price, Seller

log = logging.getLogger(__name__)

# (item, rank) -> what it says, or None where it can't be told from other listings.
Observe: TypeAlias = Callable[[dict[str, Json], int], Observation | None]


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer: its listings, how many items it holds (also those that came twice or have no id),
    and how many results the site claims to have."""

    observations: tuple[Observation, ...]
    items: int
    total: int | None


def read_json(body: bytes, *, good_code: int | None = None, what: str = "the answer") -> Json:
    """The value of an answer's body; `what` names the answer in messages.

    Raises ProtocolError where it is not JSON, or doesn't say `good_code` under `code` though its
    site's good answers do.
    """
    try:
        value = load_json(body)
    except ValueError as error:
        raise ProtocolError(f"{what} is not JSON") from error
    if good_code is not None and parse_count(dig(value, "code")) != good_code:
        raise ProtocolError(f"{what} doesn't say code {good_code}")
    return value


def find_json(body: bytes) -> Json:
    """The value of an answer's body, None where it is not JSON, as where it says null."""
    try:
        return load_json(body)
    except ValueError:
        return None


def dig(value: Json, *keys: str) -> Json:
    """The value under nested keys, None where one of them is missing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def listed(value: Json) -> list[Json]:
    """The items of a list, none for any other value."""
    return value if isinstance(value, list) else []


def first_given(item: dict[str, Json], *keys: str) -> Json:
    """The value of the first key that has one, None where none has."""
    return next((item[key] for key in keys if item.get(key) is not None), None)


def observe_listing(
    listing: SiteListing | None,
    picture: PictureLink,
    *,
    title: object,
    rank: int,
    price: Price | None = None,
    seller: Seller | None = None,
    sales: object = None,
    score: object = None,
) -> Observation | None:
    """What an answer says of a listing; None for a `listing` that can't be told from others.

    `title`, `sales` and `score` are taken as the site writes them; `score` is its own similarity.
    """
    if listing is None:
        return None
    return Observation(
        site=listing.site,
        item_id=listing.item_id,
        url=listing.url,
        title=clean_title(title),
        picture_url=picture.url,
        price=price,
        seller=seller,
        sales=parse_count(sales),
        rank=rank,
        provider_score=parse_score(score),
        picture_problem=picture.problem,
        picture_fallback_url=picture.fallback,
    )


def collect(
    items: Json, observe: Observe, *, place: str, offset: int = 0, may_skip: bool = False
) -> tuple[Observation, ...]:
    """The listings of an answer's list, ranked from `offset` + 1; one that comes twice counts once.

    `place` names the list in messages. One without an id is left out with a warning; `may_skip`
    says that this is usual (pages of other sites). Raises ProtocolError where there is no list, or
    where none of its items has an id: then the interface has changed.
    """
    if not isinstance(items, list):
        raise ProtocolError(f"the answer has no list {place}: the interface has changed")
    found: dict[tuple[str, str], Observation] = {}
    bad = 0
    for item in items:
        rank = offset + len(found) + 1
        observation = observe(item, rank) if isinstance(item, dict) else None
        if observation is None:
            bad += 1
        else:
            found.setdefault((observation.site, observation.item_id), observation)
    if bad and not may_skip:
        if not found:
            raise ProtocolError(f"none of the {bad} listings has an id: the interface has changed")
        log.warning("%d of %d listings have no id and were left out", bad, len(items))
    return tuple(found.values())


# Where answers name an error, whatever the site: looked at only where nothing is listed.
_ERROR_KEYS = frozenset(
    (
        *("error", "errors", "error_code", "errorCode", "errcode", "error_msg", "errorMsg"),
        *("error_message", "errorMessage", "error_response", "exception"),
        *("biz_error_code", "bizErrorCode", "biz_error_msg", "bizErrorMsg", "sub_code", "sub_msg"),
    )
)
_FLAG_KEYS = frozenset(("success", "ok", "ret"))
_NO_ERRORS = frozenset(("", "0", "00", "0000", "200", "none", "null", "ok", "success"))
_BAD_STATUS = re.compile(r"err|fail|denied|limit|invalid", re.IGNORECASE)
# Around the list there are no more levels than these.
_DEPTH = 5


def check_empty(
    value: Json, items: Json, total: int | None, *, place: str, says_good: bool = True
) -> None:
    """Raises ProtocolError where an answer (`value`) lists nothing, but isn't a plain "no results".

    It is none where `total`, what it claims to have found, is above 0; where it doesn't say of
    itself that it is good though its site's answers do (`says_good`); or where it tells of an error
    in a field that its adapter doesn't judge by. A site that hides what it has found would else
    read as one that has found nothing. `total` is for first pages: elsewhere it is an estimate.
    """
    if items != []:
        return
    if total:
        raise ProtocolError(f"the answer claims {total} results, but lists none in {place}")
    if trouble := _find_trouble(value, _DEPTH):
        raise ProtocolError(f"the answer lists nothing in {place}, but holds an error in {trouble}")
    if not says_good:
        raise ProtocolError(f"the answer lists nothing in {place} and doesn't say that it is good")


def _find_trouble(value: Json, depth: int) -> str | None:
    """The first field that tells of an error, with what it says; lists are not looked into."""
    if not isinstance(value, dict) or depth == 0:
        return None
    for key, said in value.items():
        if _is_trouble(key, said):
            return (
                f"{clean_text(key, 40)}: {quotable(clean_text(said, 200)) or type(said).__name__}"
            )
        if found := _find_trouble(said, depth - 1):
            return found
    return None


def _is_trouble(key: str, said: Json) -> bool:
    if key in _FLAG_KEYS:
        return parse_flag(said) is False
    if key == "status":
        return isinstance(said, str) and _BAD_STATUS.search(said) is not None
    if key not in _ERROR_KEYS or not said:
        return False
    return isinstance(said, list | dict) or clean_text(said, 100).lower() not in _NO_ERRORS
