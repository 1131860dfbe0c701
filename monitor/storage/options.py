"""`[database]` and `[storage]`: where everything is remembered."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from monitor.options import Options, Origin, Secret, StatePath

_DRIVERS = {
    "postgresql+psycopg": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}


def _resolve_url(url: str, info: ValidationInfo) -> str:
    """A URL that the store opens; no message shows the URL, which may hold a password."""
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
    if isinstance(info.context, Origin):
        path = str(info.context.resolve(path, info.context.state))
    if "?" in path:
        raise ValueError("an SQLite URL takes a file without a question mark, and no options")
    return f"sqlite:///{path}"


def _name(scheme: str) -> str:
    """A scheme is shown only if it looks like one: the whole text may be a misplaced password."""
    return scheme if re.fullmatch(r"[a-z][a-z0-9+]{0,29}", scheme) else "such"


class DatabaseOptions(Options):
    """`url` may hold a password; a relative SQLite file counts from $STATE_DIRECTORY."""

    url: Annotated[str, AfterValidator(_resolve_url), Secret()] = Field(
        default="sqlite:///monitor.db", validate_default=True, repr=False
    )


class StorageOptions(Options):
    """`pictures` is the folder for picture files, by sha256."""

    pictures: StatePath = Field(default=Path("pictures"), validate_default=True)
