"""What routing and delivering need from the outside, handed in whole."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep

from monitor.channels import Channel
from monitor.model import Route
from monitor.schedule.wall_clock import Digest, QuietHours
from monitor.storage import PictureFiles, Store
from monitor.words import PACKAGED, Words, read_words


@dataclass(frozen=True, slots=True)
class ChannelOptions:
    """How a channel tells what it has to.

    `group` is how long alerts are gathered, from the first one's creation; `interval` the least
    time between two messages; `in_full` how many matches of one message are told with all fields
    and pictures. `pace_per_minute` is how many messages the receiver takes.
    """

    group: timedelta = timedelta(seconds=30)
    interval: timedelta = timedelta(0)
    in_full: int = 10
    digest: Digest | None = None
    quiet: QuietHours | None = None
    language: str = "en"
    pictures: bool = True
    pace_per_minute: int | None = None


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
