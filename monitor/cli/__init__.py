"""The command line. A command body parses, calls and prints; its module is imported when called.

Exit codes: 0 done, 1 failed, 2 your input or config, 3 the outside world.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from pathlib import Path

import click

from monitor import __version__
from monitor.cli.context import Invocation
from monitor.cli.hints import explain
from monitor.errors import MonitorError, Stopping

# command -> (module below monitor.cli, name in it, one line for `monitor --help`). Kept here so
# that the help is printed without importing the commands.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("demo", "demo", "Rehearse the whole job on loopback."),
    "run": ("run", "run", "Run the daemon."),
    "scan": ("scan", "scan", "Scan now, deliver the alerts, print a summary."),
    "status": ("status", "status", "Say whether all is well; exit 0 healthy, 1 not."),
    "check-config": ("check_config", "check_config", "Print every problem of a config."),
    "compare": ("compare", "compare", "Compare picture files."),
    "assets": ("assets", "assets", "List, show and import assets."),
    "watches": ("watches", "watches", "List watches."),
    "matches": ("matches", "matches", "List, show, explain and decide matches."),
    "listings": ("listings", "listings", "List and show listings."),
    "sellers": ("sellers", "sellers", "List and show sellers."),
    "alerts": ("alerts", "alerts", "List alerts and send them again."),
    "silence": ("silence", "silence", "Hold alerts back until a time."),
    "channels": ("channels", "channels", "Test channels."),
    "marketplaces": ("marketplaces", "marketplaces", "Test marketplaces."),
    "sql": ("sql", "sql", "Query the history, read-only."),
    "report": ("report", "report", "Write a self-contained HTML report."),
    "export": ("export", "export", "Write matches, listings or history as CSV or JSON Lines."),
    "db": ("db", "db", "Upgrade, check, back up and restore the database."),
    "sandbox": ("sandbox", "sandbox", "Serve a folder of pictures as rehearsal marketplaces."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(f"monitor.cli.{module}"), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"monitor.cli.{module}.{name} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The config file (or set MONITOR_CONFIG).",
)
@click.option("--verbose", "-v", is_flag=True, help="Log more, to stderr.")
@click.version_option(__version__, prog_name="monitor")
@click.pass_context
def cli(ctx: click.Context, config_path: Path | None, *, verbose: bool) -> None:
    """Watch marketplaces for copies of your pictures, and be told once and without fail."""
    _set_up_logging(verbose=verbose)
    ctx.obj = Invocation(config_path=config_path, environ=dict(os.environ))


class _Stderr:
    """stderr as it is now: a progress bar puts itself in its place, to keep below the log."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def _set_up_logging(*, verbose: bool) -> None:
    """Logs go to stderr: stdout is for results, and systemd keeps stderr."""
    logging.basicConfig(
        level=logging.WARNING,
        stream=_Stderr(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("monitor").setLevel(logging.DEBUG if verbose else logging.INFO)


def main() -> None:
    """Entry point: errors become one line on stderr and the exit code of their class."""
    try:
        code = cli.main(prog_name="monitor", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Stopping:
        click.echo("stopped; what was begun is given back and done by the next run", err=True)
        sys.exit(1)
    except MonitorError as error:
        click.echo(f"Error: {explain(error)}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader went away (`| head`): Python would complain once more while closing stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
