"""Texts of the config as values: durations, rates, database URLs. Each raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from monitor.config.secrets import expand_home

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST = timedelta(days=366)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = r"([01][0-9]|2[0-3]):([0-5][0-9])"
_DRIVERS = {
    "postgresql+psycopg": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}


def parse_duration(text: str, *, least: timedelta = timedelta(seconds=1)) -> timedelta:
    """`30s`, `15m`, `6h` or `2d`; from `least` to 366 days."""
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if match is None:
        raise ValueError("not a duration: write a whole number and s, m, h or d, such as 30s or 6h")
    duration = timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    if duration < least:
        raise ValueError(f"too short: at least {least.total_seconds():g}s")
    if duration > _LONGEST:
        raise ValueError("too long: at most 366d")
    return duration


def parse_rate(text: str) -> float:
    """`5/s`, `30/m` or `1000/h` as calls per second."""
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/([smh])", text)
    if match is None or float(match[1]) == 0:
        raise ValueError("not a rate: write calls per second, minute or hour, such as 5/s or 30/m")
    return float(match[1]) / _SECONDS[match[2]]


def parse_pace(text: str) -> int:
    """`20/m`: a whole number of messages per minute, at least 1."""
    match = re.fullmatch(r"([0-9]{1,4})/m", text)
    if match is None or int(match[1]) == 0:
        raise ValueError("not a pace: write messages per minute, such as 20/m")
    return int(match[1])


@dataclass(frozen=True, slots=True)
class DigestTime:
    """`at` on the clock, every day or on one `weekday` (0 is Monday)."""

    at: time
    weekday: int | None = None


def parse_digest(text: str) -> DigestTime:
    """`daily 08:00` or `weekly mon 08:00`."""
    match = re.fullmatch(rf"(?:daily|weekly ({'|'.join(_WEEKDAYS)})) {_CLOCK}", text)
    if match is None:
        raise ValueError(
            "not a digest: write daily and a time or weekly, a day and a time, such as daily 08:00 "
            "or weekly mon 08:00"
        )
    weekday = _WEEKDAYS.index(match[1]) if match[1] else None
    return DigestTime(time(int(match[2]), int(match[3])), weekday)


@dataclass(frozen=True, slots=True)
class QuietTimes:
    """From `start` to `end` on the clock, over midnight if `end` is the earlier one."""

    start: time
    end: time

    def has(self, at: time) -> bool:
        """Whether a wall time lies within them."""
        if self.start <= self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


def parse_quiet(text: str) -> QuietTimes:
    """`22:00-07:00`; off where both are the same."""
    match = re.fullmatch(rf"{_CLOCK}-{_CLOCK}", text)
    if match is None:
        raise ValueError("not quiet hours: write two times from 00:00 to 23:59, as in 22:00-07:00")
    return QuietTimes(time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4])))


def parse_jitter(text: str) -> timedelta | float:
    """A duration, or a percentage as the part (0 to 0.1) of the time between two due times."""
    match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%", text)
    if match is None:
        try:
            return parse_duration(text, least=timedelta(0))
        except ValueError:
            raise ValueError("write a percentage or a duration, such as 5% or 10m") from None
    part = float(match[1]) / 100
    if part > 0.1:
        raise ValueError("too much: at most 10%")
    return part


def is_web_address(text: str) -> bool:
    """Whether a text is an http or https address with a host."""
    try:
        parts = urlsplit(text)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_place and parts.scheme in ("http", "https")


def resolve_path(text: str, folder: Path, environ: Mapping[str, str]) -> Path:
    """An absolute path; a relative one counts from `folder`."""
    if not text or "\0" in text:
        raise ValueError("not a path")
    return (folder / expand_home(text, environ)).absolute()


def resolve_database_url(url: str, folder: Path, environ: Mapping[str, str]) -> str:
    """A URL that the store opens; the message of a ValueError never shows the URL."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ValueError("not a URL: write sqlite:///monitor.db or postgresql+psycopg://...")
    if scheme in _DRIVERS:
        return f"{_DRIVERS[scheme]}://{rest}"
    if scheme != "sqlite":
        raise ValueError(
            f"{_name(scheme)} databases are not supported: "
            "write sqlite:///monitor.db or postgresql+psycopg://..."
        )
    path = rest.removeprefix("/")
    if not rest.startswith("/") or path in ("", ":memory:"):
        raise ValueError("an SQLite URL needs a file: write sqlite:///monitor.db")
    resolved = resolve_path(path, folder, environ)
    if "?" in str(resolved):
        raise ValueError("an SQLite URL takes a file without a question mark, and no options")
    return f"sqlite:///{resolved}"


def _name(scheme: str) -> str:
    """A scheme is shown only if it looks like one: the whole text may be a misplaced password."""
    return scheme if re.fullmatch(r"[a-z][a-z0-9+]{0,29}", scheme) else "such"
