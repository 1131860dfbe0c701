"""`monitor run`: the daemon."""

from __future__ import annotations

import os
import sys

import click

from monitor.cli.context import Invocation, load_config


@click.command()
@click.pass_context
def run(ctx: click.Context) -> None:
    """Run the daemon until SIGTERM or SIGINT; SIGHUP loads the config anew.

    A config with problems is refused at a reload and the old one stays.
    """
    from monitor.daemon import run as serving

    invocation: Invocation = ctx.find_root().obj
    clean = serving.run(lambda: load_config(ctx), invocation.environ.get("NOTIFY_SOCKET"))
    if not clean:
        # A thread hangs in a call that nothing can end; waiting for it would break the promise
        # to stop within 10 s. Its rows are leased and taken over by the next start.
        sys.stderr.flush()
        os._exit(0)
