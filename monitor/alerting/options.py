"""`[channels.NAME]`, `[alerts]` and `[[route]]`: who is told of what, and how."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from monitor.model import AlertEvent, Relation
from monitor.net.urls import is_web_address
from monitor.options import (
    Delay,
    Duration,
    Folder,
    KeyPath,
    Names,
    Options,
    Score,
    Text,
    ZoneName,
    all_of,
    from_text,
    read_text,
)
from monitor.schedule.cron import load_zone
from monitor.schedule.wall_clock import Digest, QuietHours, parse_digest, parse_quiet
from monitor.words import list_languages

_UTC = ZoneInfo("UTC")


def _on_its_clocks(
    parse: Callable[[str, ZoneInfo], object], example: str, kind: type
) -> BeforeValidator:
    """A text about wall times, which are those of the channel's `timezone`."""

    def validate(value: object, info: ValidationInfo) -> object:
        zone = load_zone(info.data.get("timezone", "UTC"))
        return read_text(value, lambda text: parse(text, zone), example, kind)

    return BeforeValidator(validate)


def _check_language(text: str) -> str:
    languages = list_languages()
    if text not in languages:
        raise ValueError("input should be " + " or ".join(map(repr, languages)))
    return text


Language = Annotated[
    str, AfterValidator(_check_language), Field(json_schema_extra={"enum": [*list_languages()]})
]


def _parse_pace(text: str) -> int:
    """`20/m`: a whole number of messages per minute, at least 1."""
    match = re.fullmatch(r"([0-9]{1,4})/m", text)
    if match is None or int(match[1]) == 0:
        raise ValueError("not a pace: write messages per minute, such as 20/m")
    return int(match[1])


class ChannelOptions(Options):
    """How a channel tells what it has to.

    `group` is how long alerts are gathered, from the first one's creation; `interval` the least
    time between two messages; `in_full` how many matches of one message are told with all fields
    and pictures. Beside a digest, `group` is what operator alerts gather for. `pace` is how many
    messages a minute the receiver takes.
    """

    group: Delay = timedelta(seconds=30)
    interval: Delay = timedelta(0)
    in_full: Annotated[int, Field(ge=0, le=50)] = 10
    timezone: ZoneName = "UTC"
    digest: Annotated[Digest, _on_its_clocks(parse_digest, "daily 08:00", Digest)] | None = None
    quiet: Annotated[QuietHours, _on_its_clocks(parse_quiet, "22:00-07:00", QuietHours)] | None = (
        None
    )
    language: Language = "en"
    pictures: bool = True
    pace: Annotated[int, from_text(_parse_pace, "20/m")] | None = None

    @classmethod
    def contradictions(cls, given: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:
        yield from super().contradictions(given)
        digest, quiet = given.get("digest"), given.get("quiet")
        if digest is not None:
            for key in ("group", "interval"):
                if key in given:
                    yield (key,), "a digest has its own times: give one or the other"
        elif quiet is None and given.get("timezone") is not None:
            yield ("timezone",), "a time zone goes with digest and quiet only"
        if isinstance(digest, str) and isinstance(quiet, str) and _is_never(digest, quiet):
            end = quiet.rpartition("-")[2]
            yield ("digest",), f"it lies in the quiet hours: write {end}, when they end"


def _is_never(digest: str, quiet: str) -> bool:
    """Whether a digest would be held back each time."""
    try:
        return parse_quiet(quiet, _UTC).has(parse_digest(digest, _UTC).at)
    except ValueError:
        return False  # told with its key


def _check_ping(url: SecretStr) -> SecretStr:
    """The message doesn't repeat it: who knows it can ping in our place."""
    if not is_web_address(url.get_secret_value()):
        raise ValueError("must be a web address, such as https://hc-ping.com/your-uuid")
    return url


class AlertOptions(Options):
    """`ops` names the channels of operator alerts; `templates` is a folder.

    `ping_url` is visited at most every `ping_every` while all is well; with `ping_fail` the address
    below it that ends in `/fail` is, once, when it is not.
    """

    ops: Names = Field(default_factory=list)
    templates: Folder | None = None
    ping_url: Annotated[SecretStr, AfterValidator(_check_ping)] | None = None
    ping_every: Duration = timedelta(minutes=5)
    ping_fail: bool = True


# What routes may ask for: operator alerts go their own way.
ROUTED_EVENTS = tuple(event.value for event in AlertEvent if not event.is_operator)


def _event(name: str) -> AlertEvent:
    if name not in ROUTED_EVENTS:
        raise ValueError(f"no event that is routed; those are {', '.join(ROUTED_EVENTS)}")
    return AlertEvent(name)


_Relation = Annotated[Literal["same", "partial", "variant"], AfterValidator(Relation)]
_Event = Annotated[str, AfterValidator(_event)]
_SomeNames = Annotated[frozenset[str], all_of(Text, frozenset)]


class Route(Options):
    """Whom alerts that fit are told to: the channels, an empty list nobody.

    An alert fits what names one of its own in every condition; an empty one, or a score that is
    None, asks for nothing. Scores are 0..1, both ends included. What has no match has neither
    marketplace nor score, so it fits no condition on them. With `also` the channels are told
    besides those that a later route or the watch names.
    """

    watches: _SomeNames = frozenset()
    marketplaces: _SomeNames = frozenset()
    sites: _SomeNames = frozenset()
    tags: _SomeNames = frozenset()
    relations: Annotated[frozenset[Relation], all_of(_Relation, frozenset)] = frozenset()
    min_score: Score | None = None
    max_score: Score | None = None
    events: Annotated[frozenset[AlertEvent], all_of(_Event, frozenset)] = frozenset()
    channels: Annotated[tuple[str, ...], all_of(Text, tuple, least=0)]
    also: bool = False

    @classmethod
    def contradictions(cls, given: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:
        yield from super().contradictions(given)
        least, most = given.get("min_score"), given.get("max_score")
        if isinstance(least, (int, float)) and isinstance(most, (int, float)) and least > most:
            yield (
                ("min_score",),
                f"min_score ({least:g}) is above max_score ({most:g}), so no match fits",
            )
        if given.get("also") is True and given.get("channels") == []:
            yield ("also",), "a route without channels that goes on does nothing"
