"""In which order a batch is told, under which headings, and what its title says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monitor.alerting.rendering.escaping import own_name
from monitor.model import AlertEvent
from monitor.storage.matches.matches import MatchRow
from monitor.storage.telling.deliveries import DueDelivery
from monitor.words import Words

_MAX_NAME = 120
_ORDER: Final = tuple(event for event in AlertEvent if event.is_match)
_LAST = len(_ORDER)


def arrange(batch: Sequence[DueDelivery]) -> list[DueDelivery]:
    """Operator alerts, then matches by what happened, the best first, then what is held."""
    return sorted(batch, key=_place)


def _place(delivery: DueDelivery) -> tuple[int, int, float]:
    if delivery.match is None:
        return (-1 if delivery.event.is_operator else _LAST + 1), 0, 0.0
    rank = _ORDER.index(delivery.event)
    return rank, delivery.baseline_cycle_id or 0, -delivery.match.score


def section_of(delivery: DueDelivery, words: Words) -> str:
    """What stands over the alerts that share it."""
    if delivery.match is None:
        is_operator = delivery.event.is_operator
        return words.say(f"message.{'operator_section' if is_operator else 'held_section'}")
    if delivery.baseline_cycle_id is not None:
        return words.say("message.baseline", watch=_watch(delivery))
    return words.say(f"events.{delivery.event}.section")


def headline(batch: Sequence[DueDelivery], words: Words) -> str:
    """The title of a batch, with the number of what it tells."""
    found = [item.match for item in batch if item.match is not None]
    notices = len(batch) - len(found)
    if not found:
        return _notices(batch, words)
    if notices:
        return words.say(
            "message.mixed",
            matches=words.say("message.some_matches", n=len(found)),
            notices=words.say("message.some_notices", n=notices),
        )
    return _matches(batch, found, words)


def _notices(batch: Sequence[DueDelivery], words: Words) -> str:
    if len(batch) > 1:
        return words.say("message.notices", n=len(batch))
    return words.say("message.notice", name=words.say(f"events.{batch[0].event}.name"))


def _matches(batch: Sequence[DueDelivery], found: Sequence[MatchRow], words: Words) -> str:
    if is_baseline(batch):
        first = words.say("message.baseline", watch=_watch(batch[0]))
        count = words.say("message.some_matches", n=len(found))
        return first + words.say("message.colon") + count
    if len({item.event for item in batch}) > 1:
        return words.say("message.several", n=len(found))
    event = batch[0].event
    if len(found) > 1:
        return words.say(f"events.{event}.many", n=len(found))
    return words.say(
        f"events.{event}.one",
        asset=own_name(found[0].asset, 60),
        site=own_name(found[0].site, 20),
        score=found[0].score,
    )


def is_baseline(batch: Sequence[DueDelivery]) -> bool:
    """Whether all of it was found by the first scan of one watch."""
    cycles = {item.baseline_cycle_id if item.match is not None else None for item in batch}
    return len(cycles) == 1 and None not in cycles


def introduction(batch: Sequence[DueDelivery], words: Words) -> str:
    """What the first part begins with; empty where the title says all."""
    if not is_baseline(batch):
        return ""
    return words.say("message.baseline_done", n=len(batch), watch=_watch(batch[0]))


def _watch(delivery: DueDelivery) -> str:
    return own_name(delivery.watch or "?", _MAX_NAME)
