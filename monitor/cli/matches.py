"""`monitor matches list|show|explain|decide`."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.context import load_config, open_store, reading
from monitor.cli.show import show_fields, show_json, show_rows
from monitor.model import Verdict

if TYPE_CHECKING:
    from monitor.storage.matches.matches import MatchRow

COLUMNS = (
    "id",
    "score",
    "asset",
    "site",
    "title",
    "price",
    "verdict",
    "first_seen_at",
    "lately",
    "url",
)
VERDICTS = click.Choice([verdict.value for verdict in Verdict])


@click.group()
def matches() -> None:
    """List, show, explain and decide matches: listings that use a picture of an asset."""


@matches.command("list")
@click.option("--watch", help="Only this watch.")
@click.option("--verdict", type=VERDICTS, help="Only matches with this verdict.")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Only matches from this score.")
@click.option("--limit", type=click.IntRange(1), help="At most so many, the best first.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_(
    ctx: click.Context,
    watch: str | None,
    verdict: str | None,
    min_score: float | None,
    limit: int | None,
    *,
    as_json: bool,
) -> None:
    """Matches, the best first."""
    from monitor.storage.matches import matches as table

    with reading(ctx) as conn:
        rows = table.list_rows(
            conn,
            watch=watch,
            verdict=Verdict(verdict) if verdict else None,
            min_score=min_score,
            limit=limit,
        )
    show_rows(rows, COLUMNS, as_json=as_json, made={"lately": lately})


@matches.command()
@click.argument("match_id", type=int)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def show(ctx: click.Context, match_id: int, *, as_json: bool) -> None:
    """One match with everything known of it."""
    from monitor.storage.matches import matches as table

    with reading(ctx) as conn:
        row = table.get(conn, match_id)
    show_fields(row, as_json=as_json)


@matches.command()
@click.argument("match_id", type=int)
@click.option("--out", type=click.Path(path_type=Path), help="Draw the comparison to this file.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def explain(ctx: click.Context, match_id: int, out: Path | None, *, as_json: bool) -> int:
    """Compare a match's stored pictures again: the same score, or what has changed since.

    Exits 0 when the score is the stored one (to a millionth), 1 when something has changed: the
    method, a picture file, or what a library makes of the same file.
    """
    from monitor.cli.explaining import explain_match, explanation_fields, explanation_lines
    from monitor.compare.files import save_drawing

    with reading(ctx) as conn:
        found = explain_match(conn, load_config(ctx).storage.pictures, match_id)
    if as_json:
        show_json(explanation_fields(found))
    else:
        click.echo("\n".join(explanation_lines(found)))
    if out is not None and found.drawing is not None:
        save_drawing(found.drawing, out)
    elif out is not None:
        click.echo(f"Error: nothing is drawn: {found.changed}", err=True)
    return int(bool(found.changed))


@matches.command()
@click.argument("match_ids", type=int, nargs=-1, required=True)
@click.argument("verdict", type=VERDICTS)
@click.option("--note", help="Why; kept with the verdict.")
@click.option("--by", default=getpass.getuser, help="Who decides; you, unless told otherwise.")
@click.pass_context
def decide(
    ctx: click.Context, match_ids: tuple[int, ...], verdict: str, note: str | None, by: str
) -> None:
    """Rule on matches. `not_ours` and `authorised` end their alerts; a rescan changes nothing."""
    from monitor.app import utc_now
    from monitor.cases.decide import decide as decide_match

    with open_store(ctx) as store, store.writing() as conn:
        for match_id in match_ids:
            decide_match(conn, match_id, Verdict(verdict), by, note, utc_now())
    click.echo(f"{len(match_ids)} decided: {verdict}")


def lately(match: MatchRow) -> str:
    """What has become of it since it was told, the newest first; empty if nothing."""
    told = (
        (match.gone_at, "no longer found"),
        (match.reappeared_at, "found again"),
        (match.price_changed_at, f"price was {match.price_before}"),
    )
    news = sorted(((at, what) for at, what in told if at is not None), reverse=True)
    return "; ".join(f"{what} ({at:%Y-%m-%d})" for at, what in news)
