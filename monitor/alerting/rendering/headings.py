"""In which order a batch is told, under which headings, and what its title says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.alerting.rendering.escaping import own_name
from monitor.alerting.rendering.views import sentence
from monitor.alerting.rendering.wording import EVENT_ORDER, Told, Words
from monitor.model import AlertEvent
from monitor.storage.matches.matches import MatchRow
from monitor.storage.telling.deliveries import DueDelivery

_MAX_NAME = 120
_LAST = len(EVENT_ORDER)


@dataclass(frozen=True, slots=True)
class Item:
    """A delivery in its place; `section` stands over the items that share it."""

    delivery: DueDelivery
    section: str
    in_full: bool


def arrange(batch: Sequence[DueDelivery], in_full: int, words: Words) -> list[Item]:
    """Operator alerts, then matches by what happened, the best first, then what is held.

    The first `in_full` matches are told with everything.
    """
    items: list[Item] = []
    left = in_full
    for delivery in sorted(batch, key=_place):
        is_full = delivery.match is not None and left > 0
        left -= int(is_full)
        items.append(Item(delivery, _section(delivery, words), is_full))
    return items


def _place(delivery: DueDelivery) -> tuple[int, int, float]:
    if delivery.match is None:
        return (-1 if delivery.event.is_operator else _LAST + 1), 0, 0.0
    event, baseline = delivery.event.value, delivery.baseline_cycle_id
    rank = EVENT_ORDER.index(event) if event in EVENT_ORDER else _LAST
    return rank, baseline or 0, -delivery.match.score


def _section(delivery: DueDelivery, words: Words) -> str:
    if delivery.match is None:
        return words.operator_section if delivery.event.is_operator else words.held_section
    if delivery.baseline_cycle_id is not None:
        return words.baseline.format(watch=_watch(delivery))
    return _told(delivery.event, words).section


def _told(event: AlertEvent, words: Words) -> Told:
    name = words.event_name(event.value)
    plain = Told(name, sentence(name), "{asset}, {site}" + words.colon + name, words.several)
    return words.told.get(event.value, plain)


def headline(batch: Sequence[DueDelivery], words: Words) -> str:
    """The title of a batch, with the number of what it tells."""
    found = [item.match for item in batch if item.match is not None]
    notices = len(batch) - len(found)
    if not found:
        return _notices(batch, words)
    if notices:
        return words.mixed.format(
            matches=words.count(len(found), words.some_matches),
            notices=words.count(notices, words.some_notices),
        )
    return _matches(batch, found, words)


def _notices(batch: Sequence[DueDelivery], words: Words) -> str:
    if len(batch) > 1:
        return words.notices.format(n=len(batch))
    return words.notice.format(name=words.event_name(batch[0].event.value))


def _matches(batch: Sequence[DueDelivery], found: Sequence[MatchRow], words: Words) -> str:
    if is_baseline(batch):
        first = words.baseline.format(watch=_watch(batch[0]))
        return first + words.colon + words.count(len(found), words.some_matches)
    if len({item.event for item in batch}) > 1:
        return words.several.format(n=len(found))
    told = _told(batch[0].event, words)
    if len(found) > 1:
        return told.many.format(n=len(found))
    return told.one.format(
        asset=own_name(found[0].asset, 60),
        site=own_name(found[0].site, 20),
        score=f"{found[0].score:.2f}",
    )


def is_baseline(batch: Sequence[DueDelivery]) -> bool:
    """Whether all of it was found by the first scan of one watch."""
    cycles = {item.baseline_cycle_id if item.match is not None else None for item in batch}
    return len(cycles) == 1 and None not in cycles


def introduction(batch: Sequence[DueDelivery], words: Words) -> str:
    """What the first part begins with; empty where the title says all."""
    if not is_baseline(batch):
        return ""
    return words.count(len(batch), words.baseline_done, watch=_watch(batch[0]))


def _watch(delivery: DueDelivery) -> str:
    return own_name(delivery.watch or "?", _MAX_NAME)
