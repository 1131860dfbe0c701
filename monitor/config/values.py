"""Texts of the config as values: rates, database URLs. Each raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from monitor.config.secrets import expand_home

_SECONDS = {"s": 1, "m": 60, "h": 3_600}
_DRIVERS = {
    "postgresql+psycopg": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}


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
