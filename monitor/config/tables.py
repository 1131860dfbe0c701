"""The shape of the config file: its tables, their keys, types and defaults.

What one value can tell by itself is checked here; what needs others is checked in checks.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from monitor.config.values import is_web_address, parse_pace, parse_rate
from monitor.model import DEFAULT_ALERT_SCORE, DEFAULT_RECORD_SCORE, AlertEvent
from monitor.schedule.durations import parse_duration
from monitor.schedule.triggers import parse_jitter
from monitor.schedule.wall_clock import Digest, QuietHours, parse_digest, parse_quiet
from monitor.words import list_languages

T = TypeVar("T")
_UTC = ZoneInfo("UTC")


def _from_text(parse: Callable[[str], T], example: str) -> BeforeValidator:
    """Texts only: a bare number would be seconds to one reader and minutes to the next."""

    def validate(value: object) -> T:
        if not isinstance(value, str):
            raise ValueError(f'write a text in quotes, such as "{example}"')  # noqa: TRY004
        return parse(value)

    return BeforeValidator(validate)


def _parse_group(text: str) -> timedelta:
    return parse_duration(text, least=timedelta(0))


def _check_proxy(value: SecretStr) -> SecretStr:
    """The message doesn't repeat it: it may hold a password."""
    if not is_web_address(value.get_secret_value()):
        raise ValueError("must be the address of a proxy, such as http://proxy.example:3128")
    return value


# What routes may ask for: operator alerts go their own way.
ROUTED_EVENTS = tuple(event.value for event in AlertEvent if not event.is_operator)


def _check_language(text: str) -> str:
    languages = list_languages()
    if text not in languages:
        raise ValueError("input should be " + " or ".join(map(repr, languages)))
    return text


def _check_event(name: str) -> str:
    if name not in ROUTED_EVENTS:
        raise ValueError(f"no event that is routed; those are {', '.join(ROUTED_EVENTS)}")
    return name


Text = Annotated[str, Field(min_length=1)]
Duration = Annotated[timedelta, _from_text(parse_duration, "6h")]
Group = Annotated[timedelta, _from_text(_parse_group, "30s")]
DigestText = Annotated[Digest, _from_text(partial(parse_digest, zone=_UTC), "daily 08:00")]
QuietText = Annotated[QuietHours, _from_text(partial(parse_quiet, zone=_UTC), "22:00-07:00")]
Pace = Annotated[int, _from_text(parse_pace, "20/m")]
Jitter = Annotated[timedelta | float, _from_text(parse_jitter, "5%")]
Rate = Annotated[float, _from_text(parse_rate, "5/s")]
Quota = Annotated[int, Field(gt=0)]
Percent = Annotated[float, Field(gt=0, le=1_000, allow_inf_nan=False)]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
# A condition that names nothing would be read as "any" by one and as "none" by the next.
Names = Annotated[list[Text], Field(min_length=1)]
Relations = Annotated[list[Literal["same", "partial", "variant"]], Field(min_length=1)]
Events = Annotated[list[Annotated[str, AfterValidator(_check_event)]], Field(min_length=1)]


Language = Annotated[
    str, AfterValidator(_check_language), Field(json_schema_extra={"enum": [*list_languages()]})
]


class Table(BaseModel):
    """Unknown keys are errors; values are taken as they are written, never converted."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, validate_default=False
    )


class DatabaseTable(Table):
    """`[database]`."""

    url: SecretStr = SecretStr("sqlite:///monitor.db")


class StorageTable(Table):
    """`[storage]`."""

    pictures: Text = "pictures"


class MarketplaceTable(Table):
    """`[marketplaces.NAME]`; the keys beside these are the options of its type."""

    model_config = ConfigDict(extra="allow")

    type: Text
    rate: Rate = 5.0
    daily_quota: Quota | None = None
    monthly_quota: Quota | None = None
    spread_quota: bool = True
    proxy: Annotated[SecretStr, AfterValidator(_check_proxy)] | None = None
    canary: Text | None = None
    canary_item: Text | None = None
    canary_every: Duration = timedelta(days=1)


class ChannelTable(Table):
    """`[channels.NAME]`."""

    url: SecretStr
    group: Group = timedelta(seconds=30)
    interval: Group = timedelta(0)
    in_full: Annotated[int, Field(ge=0, le=50)] = 10
    digest: DigestText | None = None
    quiet: QuietText | None = None
    timezone: Text | None = None
    language: Language = "en"
    pictures: bool = True
    pace: Pace | None = None


class AlertsTable(Table):
    """`[alerts]`."""

    ops: list[Text] = []
    templates: Text | None = None
    ping_url: SecretStr | None = None
    ping_every: Duration = timedelta(minutes=5)
    ping_fail: bool = True


class WatchTable(Table):
    """`[[watch]]`; exactly one of `every` and `cron`."""

    name: Text
    images: Text
    marketplaces: Annotated[list[Text], Field(min_length=1)]
    every: Duration | None = None
    cron: Text | None = None
    timezone: Text | None = None
    jitter: Jitter = timedelta(0)
    record_score: Score = DEFAULT_RECORD_SCORE
    alert_score: Score = DEFAULT_ALERT_SCORE
    channels: list[Text]
    own_sellers: list[Text] = []
    price_change_percent: Percent | None = None
    tell_gone: bool = False
    remind_after: Duration | None = None


class RouteTable(Table):
    """`[[route]]`."""

    watches: Names = []
    marketplaces: Names = []
    sites: Names = []
    tags: Names = []
    relations: Relations = []
    min_score: Score | None = None
    max_score: Score | None = None
    events: Events = []
    channels: list[Text]
    also: bool = False


class FileTable(Table):
    """The whole file."""

    database: DatabaseTable = DatabaseTable()
    storage: StorageTable = StorageTable()
    marketplaces: dict[str, MarketplaceTable] = {}
    channels: dict[str, ChannelTable] = {}
    alerts: AlertsTable = AlertsTable()
    route: list[RouteTable] = []
    watch: list[WatchTable] = []
