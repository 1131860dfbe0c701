"""`monitor alerts list|retry`."""

from __future__ import annotations

from dataclasses import replace

import click

from monitor.cli.context import load_config, open_store, reading
from monitor.cli.show import show_rows
from monitor.errors import InputError
from monitor.model import DeliveryState

COLUMNS = (
    "alert_id",
    "event",
    "match_id",
    "channel",
    "state",
    "held_by",
    "silence_id",
    "attempts",
    "created_at",
    "next_try_at",
    "waits_for",
    "sent_at",
    "left_out",
    "last_error",
)


@click.group()
def alerts() -> None:
    """List alerts and send them again."""


@alerts.command("list")
@click.option("--state", type=click.Choice([state.value for state in DeliveryState]))
@click.option("--channel", help="Only this channel.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_(
    ctx: click.Context, state: str | None, channel: str | None, limit: int, *, as_json: bool
) -> None:
    """Alerts with their delivery to each channel, the newest first.

    What is not sent yet shows when it goes out at the earliest, and whether it waits until then for
    its group, interval, digest, quiet hours or next retry.
    """
    from monitor.app import utc_now
    from monitor.health.channels import explain_waits
    from monitor.storage.telling import alerts as table
    from monitor.words import read_words

    config = load_config(ctx)
    with reading(ctx) as conn:
        rows = table.list_rows(conn, state=state, channel=channel, limit=limit)
        rows = explain_waits(conn, config, rows, utc_now())
    words = read_words()
    rows = [replace(row, text=words.tell(row.told) or None) for row in rows]
    show_rows(rows, COLUMNS, as_json=as_json)


@alerts.command()
@click.argument("alert_ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every delivery that failed or was given up.")
@click.option("--channel", help="Only on this channel.")
@click.pass_context
def retry(
    ctx: click.Context, alert_ids: tuple[str, ...], channel: str | None, *, every: bool
) -> None:
    """Make failed or given-up deliveries due now; the daemon or the next scan sends them."""
    from monitor.app import utc_now
    from monitor.storage.telling import deliveries

    if bool(alert_ids) == every:
        raise InputError("name the alerts to send again, or say --all")
    wanted: list[str | None] = [None] if every else list(alert_ids)
    with open_store(ctx) as store, store.writing() as conn:
        count = sum(deliveries.retry(conn, alert_id, channel, utc_now()) for alert_id in wanted)
    click.echo(f"{count} deliveries are due now")
