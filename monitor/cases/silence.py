"""A person's silences: what they may ask for, and what is refused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple
from datetime import datetime

from monitor.errors import InputError, NotFound, Unknown
from monitor.storage.db.engine import Connection
from monitor.storage.telling import silence_matchers, silences
from monitor.storage.telling.silences import Matcher


def complete(conn: Connection, matcher: Matcher, marketplaces: Collection[str]) -> Matcher:
    """The matcher with the site of its listing or seller, if one site alone has it.

    `marketplaces` are the config's. Raises NotFound for what nobody knows, and where several sites
    have it: a slip of the pen would silence nothing.
    """
    try:
        return silence_matchers.complete(conn, matcher, marketplaces)
    except Unknown as error:
        if error.noun not in ("listing", "seller"):
            raise
        raise NotFound(f"{error} yet; to silence it before it is found, say --site too") from error


def add(
    conn: Connection,
    matcher: Matcher,
    *,
    starts_at: datetime,
    expires_at: datetime,
    author: str,
    reason: str,
    now: datetime,
) -> int:
    """Add a silence, and hold what is due if it has begun; its id.

    Raises InputError where it asks for nothing, never holds, or gives no reason.
    """
    if all(value is None for value in astuple(matcher)):
        raise InputError("a silence of everything is refused: say what it is for")
    if expires_at <= max(now, starts_at):
        raise InputError("a silence ends after it begins, and in the future")
    if not reason.strip():
        raise InputError("a silence needs a reason, for whoever wonders later")
    return silences.add(
        conn,
        matcher,
        starts_at=starts_at,
        expires_at=expires_at,
        author=author,
        reason=reason.strip(),
        now=now,
    )


def remove(conn: Connection, silence_id: int, now: datetime) -> int:
    """End a silence early; how many deliveries are due because of it.

    Raises NotFound, or InputError for one that is over.
    """
    due = silences.remove(conn, silence_id, now)
    if due is None:
        raise InputError(f"silence {silence_id} is over already; see `monitor silence list --all`")
    return due
