"""`monitor status`: health for people and for monitoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from monitor.cli.context import load_config, open_store
from monitor.cli.show import show_json

if TYPE_CHECKING:
    from monitor.health.report import Health


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def status(ctx: click.Context, *, as_json: bool) -> int:
    """Say whether all is well; exit 0 healthy, 1 not.

    Not healthy: a watch is overdue, the last scans on a marketplace did not see everything or far
    less than usual, a marketplace is paused or has lost its canary, a quota is used up, an alert
    could not be delivered for a while or was given up, or has no channel to go to, or the daemon
    has found a disk nearly full or a watch late. What is used of each quota, and what silences
    hold, is told in any case.
    """
    from monitor.app import utc_now
    from monitor.health.report import check_health

    with open_store(ctx) as store:
        health = check_health(store, load_config(ctx), utc_now())
    if as_json:
        show_json(_as_json(health))
    else:
        for fact in health.facts:
            click.echo(fact)
        for problem in health.problems:
            click.echo(f"Problem: {problem}")
        click.echo("healthy" if health.is_healthy else "NOT healthy")
    return 0 if health.is_healthy else 1


def _as_json(health: Health) -> dict[str, object]:
    """Its findings as values, and the same as texts."""
    return {
        "healthy": health.is_healthy,
        "facts": health.facts,
        "problems": health.problems,
        "budgets": health.budgets,
        "findings": [
            {
                "kind": finding.kind,
                "subject": finding.subject,
                "problem": finding.is_problem,
                "facts": finding.facts,
                "since": finding.since,
            }
            for finding in health.findings
        ],
    }
