"""A list of items in an answer -> observations. Pure; the rules are the same for every site."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

from monitor.errors import ProtocolError
from monitor.marketplaces.values import Json, load_json
from monitor.model import Observation

log = logging.getLogger(__name__)

# (item, rank) -> what it says, or None where it can't be told from other listings.
Observe: TypeAlias = Callable[[dict[str, Json], int], Observation | None]


def read_json(body: bytes) -> Json:
    """The value of an answer's body. Raises ProtocolError where it is not JSON."""
    try:
        return load_json(body)
    except ValueError as error:
        raise ProtocolError("the answer is not JSON") from error


def dig(value: Json, *keys: str) -> Json:
    """The value under nested keys, None where one of them is missing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


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


def check_first_page(items: Json, total: int | None, *, place: str) -> None:
    """Raises ProtocolError where a search's first page lists nothing, but `total` is above 0.

    A site that hides what it has found would else read as one that has found nothing.
    """
    if items == [] and total:
        raise ProtocolError(f"the answer claims {total} results, but lists none in {place}")
