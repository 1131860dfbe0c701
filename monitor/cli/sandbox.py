"""`monitor sandbox`: a folder of pictures as rehearsal marketplaces."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.scan import stop_on_signals

if TYPE_CHECKING:
    from monitor.sandbox import Sandbox


@click.command()
@click.option(
    "--images",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder whose pictures are the listings; it is read again when it changes.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8688, show_default=True)
@click.option("--app-key", default="sandbox", show_default=True)
@click.option("--app-secret", default="sandbox-secret", show_default=True)
@click.option(
    "--rate",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Searches and uploads a second, for each marketplace.",
)
@click.option("--max-items", type=click.IntRange(1), default=60, show_default=True)
@click.option(
    "--fail",
    "faults",
    multiple=True,
    metavar="[WHERE:]KIND[=TIMES]",
    help="Fail on purpose: 500, 429, quota, 401, permission, 413, garbage, html, refused, shape, "
    "empty, slow, cut, picture-404, picture-cut, picture-html. WHERE is a marketplace type, or "
    "one of its calls: ebay/search. May be given again.",
)
def sandbox(
    images: Path,
    port: int,
    app_key: str,
    app_secret: str,
    rate: int,
    max_items: int,
    faults: tuple[str, ...],
) -> None:
    """Serve a folder as marketplaces on loopback, all on one port.

    They speak the dialects of types guide_1688, alibaba_1688 and ebay. Prints the lines for your
    config, the guide's first, then serves until it is stopped. Signatures, tokens, sizes, formats
    and pace are checked as the real ones say they do, and a picture search of its own ranks.
    """
    from monitor.sandbox.dialects import PLACES
    from monitor.sandbox.faults import parse_fault
    from monitor.sandbox.server import Rules, Sandbox

    orders = [parse_fault(text, PLACES) for text in faults]
    rules = Rules(app_key=app_key, app_secret=app_secret, rate=rate, max_items=max_items)
    stop = threading.Event()
    with stop_on_signals(stop), Sandbox(images, rules, port=port) as server:
        for order in orders:
            server.faults.order(*order)
        click.echo(config_lines(server))
        click.echo(f"# {len(server.shelf.goods())} listings from {images}; Ctrl-C stops", err=True)
        stop.wait()
        served = ", ".join(f"{count} {name}" for name, count in sorted(server.counts.items()))
        click.echo(f"# served: {served or 'nothing'}", err=True)


def config_lines(server: Sandbox) -> str:
    """The marketplaces' tables for a config file, a blank line between them."""
    tables = []
    for dialect in server.dialects:
        keys = {
            "type": dialect.name,
            "base_url": server.urls[dialect.name],
            **dialect.options(),
            "rate": f"{server.rules.rate}/s",
        }
        # JSON's strings and lists of strings are TOML too
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items()]
        tables.append("\n".join([f"[marketplaces.{dialect.table}]", *lines]))
    return "\n\n".join(tables)
