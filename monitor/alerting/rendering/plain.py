"""Alerts whose text a service has refused: in our words, with as little from outside as can be."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from monitor.alerting.rendering.blocks import Writer
from monitor.alerting.rendering.part import Part
from monitor.alerting.rendering.template_set import Book
from monitor.channels import Capacity
from monitor.model import Message
from monitor.storage.telling.deliveries import DueDelivery
from monitor.words import Words

# What numbers the parts takes at the end of a title.
_COUNTER = 10


class Plainness(Enum):
    """How much of an alert is told. Each has its id in every form."""

    FULL = 0
    LINK = 1
    ID = 2

    @property
    def plainer(self) -> Plainness | None:
        """The next form that holds less; None after the last."""
        return {Plainness.FULL: Plainness.LINK, Plainness.LINK: Plainness.ID}.get(self)


def render_plain(
    batch: Sequence[DueDelivery],
    words: Words,
    capacity: Capacity,
    plainness: Plainness,
) -> tuple[Part, ...]:
    """A line for each alert with its id, and the link of its listing or the command that shows it.

    No pictures, no names, no template of the user's. Each message is within `capacity`.
    """
    writer = Writer(Book(capacity.format), words, capacity.is_compact)
    title = words.say("message.refused_title", n=len(batch))
    room = capacity.max_size - capacity.size(title) - _COUNTER
    filled: list[tuple[list[str], list[int]]] = []
    left = 0
    for item in batch:
        line = writer.plain(item, with_link=plainness is Plainness.LINK)
        if not filled or capacity.size(line) > left:
            filled.append(([], []))
            left = room
        left -= capacity.size(line)
        filled[-1][0].append(line)
        filled[-1][1].append(item.id)
    parts = []
    for at, (lines, ids) in enumerate(filled, 1):
        numbered = title if len(filled) == 1 else f"{title} ({at}/{len(filled)})"
        body = "".join(lines).rstrip("\n")
        message = Message(numbered, body, (), capacity.format)
        left_out = dict.fromkeys(ids, _LEFT_OUT[plainness])
        parts.append(Part(message, tuple(ids), left_out))
    return tuple(parts)


_LEFT_OUT = {
    Plainness.LINK: "everything but its link: the channel has refused the rest",
    Plainness.ID: "everything but its id: the channel has refused the rest",
}
