"""`monitor marketplaces test [NAME]`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from monitor.cli.context import load_config
from monitor.cli.scan import stop_on_signals
from monitor.cli.show import show_json
from monitor.errors import InputError, MarketplaceError, OutsideError

if TYPE_CHECKING:
    from monitor.app import App


@click.group()
def marketplaces() -> None:
    """Test marketplaces."""


@marketplaces.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def test(ctx: click.Context, name: str | None, *, as_json: bool) -> int:
    """Check credentials with one search, and say what the site answered.

    It searches by a drawn picture, not by one of yours, and counts against the quota.
    """
    from monitor.app import open_app

    config = load_config(ctx)
    if name is not None and name not in config.marketplaces:
        known = ", ".join(config.marketplaces)
        raise InputError(f"there is no marketplace {name!r}; the config has: {known}")
    stop = threading.Event()
    with stop_on_signals(stop), open_app(config, stop) as app:
        results = [_try(app, item) for item in ([name] if name else list(config.marketplaces))]
    if as_json:
        show_json(results)
    else:
        for result in results:
            click.echo(f"{result['marketplace']}: {result['answer']}")
    return 0 if all(result["ok"] for result in results) else OutsideError.exit_code


def _try(app: App, name: str) -> dict[str, object]:
    from monitor.marketplaces.base import Query
    from monitor.sandbox.drawing import draw_product

    try:
        page = app.scans.sources[name].marketplace.search(Query(draw_product(28)))
    except MarketplaceError as error:
        return {"marketplace": name, "ok": False, "answer": f"{type(error).__name__}: {error}"}
    pictures = sum(item.picture_url is not None for item in page.observations)
    answer = (
        f"ok, {len(page.observations)} listings, {pictures} with a usable picture, "
        f"{page.requests} requests"
    )
    return {"marketplace": name, "ok": True, "answer": answer}
