"""`monitor silence add|list|remove`."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime

import click

from monitor.cli.context import load_config, open_store, reading
from monitor.cli.show import show_rows
from monitor.errors import InputError

MATCHERS = ("watch", "asset", "marketplace", "site", "item_id", "seller", "cluster_id")
COLUMNS = ("id", "state", *MATCHERS, "held", "expires_at", "author", "reason")


@click.group()
def silence() -> None:
    """Hold alerts of matches back until a time. The matches are stored all the same."""


@silence.command()
@click.option("--seller", help="Its id or name, as the site has it.")
@click.option("--asset", help="Matches of this asset.")
@click.option("--marketplace", help="What this marketplace of the config finds.")
@click.option("--site", help="Listings of this site, such as 1688.")
@click.option("--listing", "item_id", help="One listing, by its item id.")
@click.option("--cluster", "cluster_id", type=int, help="Listings with near-identical pictures.")
@click.option("--watch", help="Matches of this watch.")
@click.option("--until", required=True, help='When it ends: "7d", "2026-12-31", or with a time.')
@click.option("--from", "start", help="When it begins, in the same forms; now without it.")
@click.option("--reason", required=True, help="Why; kept with it.")
@click.option("--author", default=getpass.getuser, help="Who adds it; you, unless told otherwise.")
@click.pass_context
def add(
    ctx: click.Context,
    /,
    *,
    until: str,
    start: str | None,
    reason: str,
    author: str,
    **asked: str | int | None,
) -> None:
    """Silence the matches that have everything you name: it takes at least one.

    What is due and not sent yet is held too. When the silence ends, everything it has held is sent
    that nobody has settled meanwhile. Times are UTC; a day alone means its beginning.
    """
    from monitor.app import utc_now
    from monitor.cases.silence import add as add_silence
    from monitor.cases.silence import complete
    from monitor.storage.telling import silences
    from monitor.storage.telling.silences import Matcher

    now = utc_now()
    expires_at = parse_instant(until, now)
    starts_at = now if start is None else parse_instant(start, now)
    known = load_config(ctx).marketplaces
    with open_store(ctx) as store, store.writing() as conn:
        matcher = complete(conn, Matcher(**asked), known)  # type: ignore[arg-type]
        silence_id = add_silence(
            conn,
            matcher,
            starts_at=starts_at,
            expires_at=expires_at,
            author=author,
            reason=reason,
            now=now,
        )
        (row,) = [item for item in silences.list_rows(conn, now) if item.id == silence_id]
    click.echo(
        f"silence {silence_id} holds {_describe(row)} until {expires_at:%Y-%m-%d %H:%M} UTC; "
        f"{row.held} deliveries that were not sent yet are held"
    )


@silence.command("list")
@click.option("--all", "include_over", is_flag=True, help="Also those that are over.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_(ctx: click.Context, *, include_over: bool, as_json: bool) -> None:
    """Silences, with how many deliveries each holds."""
    from monitor.app import utc_now
    from monitor.storage.telling import silences

    with reading(ctx) as conn:
        rows = silences.list_rows(conn, utc_now(), include_over=include_over)
    show_rows(rows, COLUMNS, as_json=as_json)


@silence.command()
@click.argument("silence_id", type=int)
@click.pass_context
def remove(ctx: click.Context, silence_id: int) -> None:
    """End a silence now: what it holds is due; the daemon or the next scan sends it."""
    from monitor.app import utc_now
    from monitor.cases.silence import remove as remove_silence

    with open_store(ctx) as store, store.writing() as conn:
        count = remove_silence(conn, silence_id, utc_now())
    click.echo(f"silence {silence_id} removed; {count} deliveries are due now")


def parse_instant(text: str, now: datetime) -> datetime:
    """`7d` from now, or a day, or a day with a time; UTC where no offset is given.

    Raises InputError.
    """
    from monitor.schedule.durations import parse_duration

    if text[-1:].isalpha() and text[-1:] != "Z":
        try:
            return now + parse_duration(text)
        except ValueError as error:
            raise InputError(f"{text!r}: {error}") from None
    try:
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(
            f"{text!r} is no time: write a duration such as 7d, a day such as 2026-12-31, or a day "
            "with a time such as '2026-12-31 18:00'"
        ) from None


def _describe(row: object) -> str:
    names = {"item_id": "listing", "cluster_id": "cluster"}
    asked = ((names.get(key, key), getattr(row, key)) for key in MATCHERS)
    return ", ".join(f"{name} {value}" for name, value in asked if value is not None)
