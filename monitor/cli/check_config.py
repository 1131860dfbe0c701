"""`monitor check-config`: every problem of a config, with file, line and key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.context import Invocation
from monitor.cli.show import show_json
from monitor.errors import ConfigError

if TYPE_CHECKING:
    from monitor.config import Config


@click.command("check-config")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
@click.pass_context
def check_config(ctx: click.Context, path: Path | None, *, as_json: bool) -> int:
    """Print every problem of the config at PATH, or of --config or MONITOR_CONFIG.

    Exits 0 when there is none, 2 otherwise. Secrets are looked up, but never shown.
    """
    from monitor.config import load

    invocation: Invocation = ctx.find_root().obj
    try:
        config = load(path or invocation.config_path, invocation.environ)
    except ConfigError as error:
        _show_problems(error, as_json=as_json)
        return error.exit_code
    if as_json:
        show_json({"ok": True, "problems": [], **_counts(config)})
    else:
        click.echo(f"ok: {', '.join(_phrase(*item) for item in _counts(config).items())}")
    return 0


def _show_problems(error: ConfigError, *, as_json: bool) -> None:
    if as_json:
        show_json({"ok": False, "problems": error.problems})
        return
    for problem in error.problems:
        click.echo(str(problem))
    count = len(error.problems)
    click.echo(_phrase("problems", count), err=True)


def _counts(config: Config) -> dict[str, int]:
    return {
        "watches": len(config.watches),
        "marketplaces": len(config.marketplaces),
        "channels": len(config.channels),
    }


def _phrase(plural: str, count: int) -> str:
    if count != 1:
        return f"{count} {plural}"
    return f"1 {plural.removesuffix('es') if plural == 'watches' else plural.removesuffix('s')}"
