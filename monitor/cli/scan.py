"""`monitor scan`: scan now, deliver the alerts, print a summary."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from monitor.cli.context import load_config
from monitor.cli.show import show_json
from monitor.errors import InputError, OutsideError

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.daemon.once import Summary


@click.command()
@click.option("--watch", "names", multiple=True, help="Only this watch; may be given again.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def scan(ctx: click.Context, names: tuple[str, ...], *, as_json: bool) -> int:
    """Scan now, deliver the alerts at once, print a summary.

    Exits 0 when every scan ended `ok` or `empty`, 3 when the outside world failed one.
    """
    from monitor.app import open_app
    from monitor.cli.progress import progress_bar
    from monitor.daemon.once import scan_now

    config = load_config(ctx)
    chosen = _choose(config, names)
    stop = threading.Event()
    with stop_on_signals(stop), open_app(config, stop) as app, progress_bar("scanning") as show:
        summary = scan_now(app, chosen, show)
    if as_json:
        show_json(summary)
    else:
        click.echo("\n".join(summary_lines(summary)))
    return 0 if summary.is_complete else OutsideError.exit_code


def _choose(config: Config, names: tuple[str, ...]) -> list[str]:
    known = [watch.name for watch in config.watches]
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"there is no watch {unknown[0]!r}; the config has: {', '.join(known)}")
    return list(names) or known


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT end the run at its next step; what was begun is given back."""
    from monitor.daemon.signals import handling

    with handling({signal.SIGTERM: stop.set, signal.SIGINT: stop.set}):
        yield


def summary_lines(summary: Summary) -> Iterator[str]:
    """What was found and what went wrong, the problems last so that they are read."""
    for watch, plan in summary.plans.items():
        yield f"Watch {watch}: {plan.references} reference pictures"
    outcomes = ", ".join(f"{count} {name}" for name, count in sorted(summary.outcomes.items()))
    yield f"Scans: {len(summary.scans)} ({outcomes or 'nothing was due'})"
    yield (
        f"Listings: {sum(row.listings_seen for row in summary.scans)} seen, "
        f"{sum(row.listings_new for row in summary.scans)} new; "
        f"pictures downloaded: {sum(row.pictures_fetched for row in summary.scans)}; "
        f"requests: {sum(row.requests for row in summary.scans)}"
    )
    yield f"New matches: {len(summary.matches)}"
    for match in summary.matches[:20]:
        yield f"  {match.score:.3f}  {match.asset}  {match.title[:60]}  {match.url}"
    if len(summary.matches) > 20:
        yield f"  ... and {len(summary.matches) - 20} more: monitor matches list"
    held = f", {summary.alerts_held} held: see monitor status" if summary.alerts_held else ""
    yield f"Alerts: {summary.alerts_sent} sent, {summary.alerts_waiting} waiting to be sent{held}"
    yield from _problem_lines(summary)


def _problem_lines(summary: Summary) -> Iterator[str]:
    for watch, plan in summary.plans.items():
        if plan.folder_problem:
            yield f"Problem: watch {watch}: {plan.folder_problem}"
        for item in plan.unreadable:
            yield f"Problem: watch {watch}: {item.path} is not watched: {item.reason}"
    errors = {row.error: row for row in summary.scans if row.error}
    for error, row in errors.items():
        count = sum(other.error == error for other in summary.scans)
        yield f"Problem: {row.marketplace}: {count} scans {row.outcome}: {error}"
    for name, count in sorted(
        Counter(r.marketplace for r in summary.scans if r.is_suspect).items()
    ):
        yield f"Problem: {name}: {count} scans saw less than half of what is usual"
