"""`monitor demo`: the whole job on loopback."""

from __future__ import annotations

import shlex
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.context import Invocation
from monitor.cli.progress import progress_bar
from monitor.cli.scan import stop_on_signals, summary_lines
from monitor.cli.show import show_json

if TYPE_CHECKING:
    from monitor.sandbox.demo import DemoResult

_STATE = "STATE_DIRECTORY"
_QUERY = "SELECT asset, score, listing_url FROM match_history"


@click.command()
@click.option(
    "--dir",
    "parent",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-runs"),
    show_default=True,
    help="Each run gets a fresh folder in it.",
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def demo(ctx: click.Context, parent: Path, *, as_json: bool) -> int:
    """Rehearse the whole job on this machine, with drawn pictures and no account.

    A rehearsal marketplace on loopback, one real scan over HTTP, matches in SQLite, one real alert
    to a receiver on loopback, and an HTML report.
    """
    from monitor.app import utc_now
    from monitor.sandbox.demo import new_folder, run_demo

    invocation: Invocation = ctx.find_root().obj
    # all goes into the run's own folder, wherever the caller keeps state
    environ = {name: value for name, value in invocation.environ.items() if name != _STATE}
    stop = threading.Event()
    with stop_on_signals(stop):
        result = run_demo(new_folder(parent.resolve(), utc_now()), environ, stop, progress_bar)
    if as_json:
        show_json(result)
    else:
        click.echo("\n".join(_lines(result)))
    return 0 if result.alerts and result.summary.matches else 1


def _lines(result: DemoResult) -> Iterator[str]:
    yield from summary_lines(result.summary)
    for alert in result.alerts:
        pictures = f"{len(alert.attachments)} pictures attached"
        yield f"The receiver got: {alert.title!r} ({pictures})"
    yield ""
    yield f"Database  {result.database}"
    yield f"Pictures  {result.folder / 'pictures'}"
    yield f"Report    {result.report}"
    yield f"Config    {result.config}"
    yield ""
    yield "What to type next:"
    monitor = f"{_program()} --config {shlex.quote(_near(result.config))}"
    yield f"  {monitor} matches list"
    yield f"  {monitor} sql '{_QUERY}'"
    yield f"  {monitor} alerts list"
    shop = shlex.quote(_near(result.folder / "shop"))
    serve = f"sandbox --images {shop} --port {result.port} --rate {result.rate}"
    yield f"  {_program()} {serve}    # in another terminal, then"
    yield f"  {monitor} scan    # nothing is new, nothing is sent"


def _program() -> str:
    """How this program was called, as it can be typed again from here."""
    path = Path(sys.argv[0])
    if path.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m monitor"
    return shlex.quote(_near(path))


def _near(path: Path) -> str:
    """The path as seen from the current folder, if it is below it."""
    resolved = path.resolve() if path.is_absolute() else path
    here = Path.cwd()
    return str(resolved.relative_to(here)) if resolved.is_relative_to(here) else str(resolved)
