"""A batch -> the messages that tell it, each within what its channel takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.alerting.context import ChannelOptions
from monitor.alerting.render import render
from monitor.channels import Capacity
from monitor.model import Message
from monitor.storage import PictureFiles
from monitor.storage.deliveries import DueDelivery


@dataclass(frozen=True, slots=True)
class Part:
    """One message, and the deliveries that are done once it is accepted."""

    message: Message
    delivery_ids: tuple[int, ...]


def render_parts(
    batch: Sequence[DueDelivery],
    options: ChannelOptions,
    capacity: Capacity,
    files: PictureFiles,
    drawings: Mapping[int, Path],
    templates: Path | None,
) -> tuple[Part, ...]:
    """As few messages as the channel's capacity allows, in the order of the batch."""
    message = render(batch, files, drawings)
    if len(batch) == 1 or capacity.fits(f"{message.title}\n{message.body}"):
        return (Part(message, tuple(item.id for item in batch)),)
    middle = len(batch) // 2
    return tuple(
        part
        for half in (batch[:middle], batch[middle:])
        for part in render_parts(half, options, capacity, files, drawings, templates)
    )
