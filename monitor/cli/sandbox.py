"""`monitor sandbox`: a folder of pictures as a rehearsal marketplace."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from monitor.cli.scan import stop_on_signals


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
@click.option("--rate", type=click.IntRange(1), default=5, show_default=True, help="Searches/s.")
@click.option("--max-items", type=click.IntRange(1), default=60, show_default=True)
@click.option(
    "--fail",
    "faults",
    multiple=True,
    metavar="KIND[=TIMES]",
    help="Fail on purpose: 500, 429, 401, 413, garbage, html, refused, shape, empty, slow, cut, "
    "picture-404, picture-cut, picture-html. May be given again.",
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
    """Serve a folder as a marketplace on loopback, in the dialect of type guide_1688.

    Prints the lines for your config, then serves until it is stopped. It checks signature, size,
    format and pace as the real one says it does, and ranks by a picture search of its own.
    """
    from monitor.sandbox.faults import parse_fault
    from monitor.sandbox.server import Rules, Sandbox

    orders = [parse_fault(text) for text in faults]
    rules = Rules(app_key=app_key, app_secret=app_secret, rate=rate, max_items=max_items)
    stop = threading.Event()
    with stop_on_signals(stop), Sandbox(images, rules, port=port) as server:
        for fault, times in orders:
            server.faults.order(fault, times)
        click.echo(config_lines(server.url, rules.app_key, rules.app_secret, rules.rate))
        click.echo(f"# {len(server.shelf.goods())} listings from {images}; Ctrl-C stops", err=True)
        stop.wait()
        served = ", ".join(f"{count} {name}" for name, count in sorted(server.counts.items()))
        click.echo(f"# served: {served or 'nothing'}", err=True)


def config_lines(url: str, app_key: str, app_secret: str, rate: int) -> str:
    """The marketplace's table for a config file."""
    return (
        "[marketplaces.sandbox]\n"
        'type = "guide_1688"\n'
        f'base_url = "{url}"\n'
        f'app_key = "{app_key}"\n'
        f'app_secret = "{app_secret}"\n'
        f'rate = "{rate}/s"'
    )
