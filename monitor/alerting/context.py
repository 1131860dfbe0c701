"""What routing and delivering need from the outside, handed in whole."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep

from monitor.alerting.options import ChannelOptions, Route
from monitor.channels import Channel
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Store
from monitor.words import PACKAGED, Words, read_words


@dataclass(frozen=True, slots=True)
class Destination:
    """A channel and how it tells."""

    channel: Channel
    options: ChannelOptions


@dataclass(frozen=True, slots=True)
class Routes:
    """Where alerts go: operator alerts to `ops`, matches by the first of `rules` that fits, else
    to the channels of their watch.
    """

    ops: tuple[str, ...]
    watches: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rules: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertContext:
    """Everything a delivery touches. `owner` names this process in leases, each for `lease`:
    whoever works on a batch renews them meanwhile.

    `temporary` is a folder for files that are needed while a message is sent, by default the
    system's. `templates` is a folder whose templates stand in for our own, `languages` that of the
    languages' files. `sleep` takes seconds, and may raise Stopping.
    """

    store: Store
    files: PictureFiles
    destinations: Mapping[str, Destination]
    routes: Routes
    owner: str
    lease: timedelta
    clock: Callable[[], datetime]
    random: random.Random
    new_alert_id: Callable[[], str]
    temporary: Path | None = None
    templates: Path | None = None
    languages: Path = PACKAGED
    sleep: Callable[[float], None] = sleep

    def words_of(self, options: ChannelOptions) -> Words:
        """What a channel's messages are written with. Raises InputError."""
        return read_words(options.language, self.languages)
