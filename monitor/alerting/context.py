"""What routing and delivering need from the outside, handed in whole."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from monitor.channels import Channel
from monitor.storage import PictureFiles, Store


@dataclass(frozen=True, slots=True)
class Destination:
    """A channel and how long it gathers alerts before they go out as one message."""

    channel: Channel
    group: timedelta


@dataclass(frozen=True, slots=True)
class Routes:
    """Where alerts go: a watch's matches to its channels, operator alerts to `ops`."""

    ops: tuple[str, ...]
    watches: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, watch: str | None, *, is_operator: bool) -> tuple[str, ...]:
        """The channels of an alert; what a watch that is gone has found still goes to `ops`."""
        if is_operator or watch is None:
            return self.ops
        return self.watches.get(watch, self.ops)


@dataclass(frozen=True, slots=True)
class AlertContext:
    """Everything a delivery touches. `owner` names this process in leases.

    `temporary` is a folder for files that are needed while a message is sent, by default the
    system's.
    """

    store: Store
    files: PictureFiles
    destinations: Mapping[str, Destination]
    routes: Routes
    owner: str
    clock: Callable[[], datetime]
    random: random.Random
    new_alert_id: Callable[[], str]
    temporary: Path | None = None
