"""`[[watch]]`, and the canary of a `[marketplaces.NAME]`: what is searched for, when and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from monitor.errors import InputError
from monitor.model import DEFAULT_ALERT_SCORE, DEFAULT_RECORD_SCORE
from monitor.options import (
    Duration,
    Folder,
    KeyPath,
    Names,
    Options,
    Percent,
    PictureFile,
    Score,
    SomeNames,
    Text,
    ZoneName,
    from_text,
)
from monitor.scanning.policy import CANARY_EVERY
from monitor.schedule.cron import Cron
from monitor.schedule.triggers import LARGEST_JITTER, Every, Trigger, parse_jitter, shortest_gap

# Gaps of a cron are looked at from a fixed day on, so that a config is not valid only at times.
_ANY_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


def _check_cron(expression: str) -> str:
    try:
        Cron(expression)
    except InputError as error:
        raise ValueError(str(error)) from None
    return expression


def _trigger(every: timedelta | None, cron: str | None, timezone: str) -> Trigger:
    return Cron(cron or "", timezone) if every is None else Every(every)


def _jitter(jitter: timedelta | float, info: ValidationInfo) -> timedelta:
    """A percentage as a duration: of the shortest time between two due times."""
    given = info.data
    if given.get("every") is None and given.get("cron") is None:
        return timedelta(0)  # nothing to put off, which is told
    zone = given.get("timezone", "UTC")
    gap = shortest_gap(_trigger(given.get("every"), given.get("cron"), zone), _ANY_YEAR)
    if not isinstance(jitter, timedelta):
        return gap * jitter
    if jitter > (largest := gap * LARGEST_JITTER):
        seconds = largest.total_seconds()
        raise ValueError(f"too much: at most 10 % of the interval, here {seconds:g}s")
    return jitter


Jitter = Annotated[timedelta, BeforeValidator(_jitter), from_text(parse_jitter, "5%", timedelta)]


class WatchRules(Options):
    """What one watch asks for, and when; exactly one of `every` and `cron` is given.

    `jitter` is at most a tenth of the time between two due times. Scores are 0..1, `own_sellers`
    are shop names or ids. A price that moves by more than `price_change_percent` of the one last
    told is told, and with `tell_gone` what its searches find no more. What is unreviewed
    `remind_after` it was told is told once more.
    """

    name: Text
    images: Folder
    marketplaces: SomeNames
    every: Duration | None = None
    cron: Annotated[Text, AfterValidator(_check_cron)] | None = None
    timezone: ZoneName = "UTC"
    jitter: Jitter = timedelta(0)
    record_score: Score = DEFAULT_RECORD_SCORE
    alert_score: Score = DEFAULT_ALERT_SCORE
    channels: Names
    own_sellers: list[Text] = Field(default_factory=list)
    price_change_percent: Percent | None = None
    tell_gone: bool = False
    remind_after: Duration | None = None

    @property
    def trigger(self) -> Trigger:
        return _trigger(self.every, self.cron, self.timezone)

    @classmethod
    def contradictions(cls, given: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:
        yield from super().contradictions(given)
        every, cron = given.get("every"), given.get("cron")
        if every is None and cron is None:
            yield (), "one of every and cron is needed, neither is given"
        if every is not None and cron is not None:
            yield ("cron",), "one of every and cron is needed, both are given"
        if cron is None and given.get("timezone") is not None:
            yield ("timezone",), "a time zone goes with cron only"
        record = given.get("record_score", DEFAULT_RECORD_SCORE)
        alert = given.get("alert_score", DEFAULT_ALERT_SCORE)
        if isinstance(record, (int, float)) and isinstance(alert, (int, float)) and record > alert:
            yield (
                ("record_score" if "record_score" in given else "alert_score",),
                f"record_score ({record:g}) must not be above alert_score ({alert:g}): "
                "what is told must be recorded",
            )


@dataclass(frozen=True, slots=True)
class Canary:
    """A picture file that is known to be on a marketplace, perhaps as the listing `item_id`."""

    picture: Path
    item_id: str | None = None
    every: timedelta = CANARY_EVERY

    @property
    def key(self) -> str:
        """The same for as long as the same is looked for."""
        return f"{self.picture} {self.item_id or ''}"


class CanaryOptions(Options):
    """`canary` is a picture file that must be found on the marketplace, every `canary_every`."""

    canary: PictureFile | None = None
    canary_item: Text | None = None
    canary_every: Duration = CANARY_EVERY

    def find_canary(self) -> Canary | None:
        """What must be found there; None if nothing is named."""
        return Canary(self.canary, self.canary_item, self.canary_every) if self.canary else None

    @classmethod
    def contradictions(cls, given: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:
        yield from super().contradictions(given)
        for key in ("canary_item", "canary_every"):
            if key in given and given.get("canary") is None:
                yield (key,), "this goes with canary only, which is not given"
