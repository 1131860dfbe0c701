"""`monitor marketplaces list|test`."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.context import Invocation, load_config
from monitor.cli.scan import stop_on_signals
from monitor.cli.show import show_json, show_table
from monitor.errors import InputError, MarketplaceError, OutsideError, PictureError

if TYPE_CHECKING:
    from monitor.app import App
    from monitor.config import Config
    from monitor.marketplaces.base import Marketplace, Page, Query

# Enough to see whether the answer makes sense.
_SHOWN = 3


@click.group()
def marketplaces() -> None:
    """List the types of marketplaces, test those in the config."""


@marketplaces.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def list_types(ctx: click.Context, *, as_json: bool) -> None:
    """Every type, what it searches, what one needs for it, and where the config uses it.

    Needs no config. docs/marketplaces/TYPE.md tells how to get an account.
    """
    from monitor.marketplaces.registry import describe, known_types

    invocation: Invocation = ctx.find_root().obj
    has_config = invocation.config_path is not None or "MONITOR_CONFIG" in invocation.environ
    used: dict[str, list[str]] = {}
    for item in load_config(ctx).marketplaces.values() if has_config else ():
        used.setdefault(item.type, []).append(item.name)
    rows = []
    for type_name in known_types():
        searches, needs = describe(type_name)
        rows.append(
            {
                "type": type_name,
                "searches": searches,
                "needs": needs,
                "configured": used.get(type_name, []),
            }
        )
    if as_json:
        show_json(rows)
        return
    cells = [
        [str(row["type"]), str(row["searches"]), str(row["needs"]), ", ".join(row["configured"])]
        for row in rows
    ]
    show_table(["type", "searches", "needs", "in your config"], cells)


@marketplaces.command()
@click.argument("name", required=False)
@click.option(
    "--picture",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Search by this file; without it by a drawn picture.",
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def test(ctx: click.Context, name: str | None, picture: Path | None, *, as_json: bool) -> int:
    """Check credentials, make one search, and say what the site answered.

    It searches by a drawn picture unless you name one, so nothing of yours goes out. A site that
    loads pictures from an address of yours needs a file in the folder of a watch. The calls count
    against the quota.
    """
    from monitor.app import open_app

    config = load_config(ctx)
    if name is not None and name not in config.marketplaces:
        known = ", ".join(config.marketplaces)
        raise InputError(f"there is no marketplace {name!r}; the config has: {known}")
    query = _query(config, picture)
    stop = threading.Event()
    with stop_on_signals(stop), open_app(config, stop) as app:
        names = [name] if name else list(config.marketplaces)
        results = [_try(app, item, query) for item in names]
    if as_json:
        show_json(results)
    else:
        for result in results:
            _show(result)
    return 0 if all(result["ok"] for result in results) else OutsideError.exit_code


def _query(config: Config, file: Path | None) -> Query:
    """A search by the file, named by its place in a watch's folder where it is in one."""
    from monitor.marketplaces.base import Query
    from monitor.matching import decode
    from monitor.sandbox.drawing import draw_product

    if file is None:
        return Query(draw_product(28))
    data = file.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        image = decode(data).image
    except PictureError as error:
        raise InputError(f"{file}: {error}") from error
    full = file.resolve()
    for watch in config.watches:
        folder = watch.images.resolve()
        if full.is_relative_to(folder):
            return Query(image, sha256=sha256, path=full.relative_to(folder).as_posix())
    return Query(image, sha256=sha256)


def _try(app: App, name: str, query: Query) -> dict[str, object]:
    """What came of a probe and a search; a failed probe is a failed test."""
    marketplace = app.scans.sources[name].marketplace
    result: dict[str, object] = {
        "marketplace": name,
        "type": app.config.marketplaces[name].type,
        "ok": False,
        "standing": None,
        "calls_left": None,
        "budget": None,
        "listings": [],
    }
    try:
        result |= _probe(marketplace)
        page = marketplace.search(query)
        result |= {"ok": True, "answer": _answer(page), "listings": _listings(page)}
    except MarketplaceError as error:
        result |= {"answer": f"{type(error).__name__}: {error}"}
    return result | {"budget": _budget(app, name)}


def _budget(app: App, name: str) -> str | None:
    """What is used of the marketplace's quotas, these calls included."""
    from monitor.health.budgets import list_budgets
    from monitor.health.findings import Finding, describe

    with app.store.reading() as conn:
        budgets = list_budgets(conn, app.config, app.scans.clock())
    return next(
        (describe(Finding.of(name, use)) for use in budgets if use.marketplace == name), None
    )


def _probe(marketplace: Marketplace) -> dict[str, object]:
    from monitor.marketplaces.base import Probing

    if not isinstance(marketplace, Probing):
        return {}
    standing = marketplace.probe()
    return {"standing": standing.text, "calls_left": standing.calls_left}


def _answer(page: Page) -> str:
    pictures = sum(item.picture_url is not None for item in page.observations)
    total = "" if page.total is None else f" of {page.total}"
    more = ", more pages follow" if page.next_cursor else ""
    return (
        f"ok, {len(page.observations)} listings{total}, {pictures} with a usable picture, "
        f"{page.requests} requests{more}"
    )


def _listings(page: Page) -> list[dict[str, object]]:
    return [
        {
            "site": item.site,
            "item_id": item.item_id,
            "title": item.title,
            "price": str(item.price) if item.price else None,
            "seller": item.seller.name or item.seller.seller_id if item.seller else None,
            "url": item.url,
            "picture_url": item.picture_url,
            "picture_problem": item.picture_problem,
        }
        for item in page.observations[:_SHOWN]
    ]


def _show(result: dict[str, object]) -> None:
    click.echo(f"{result['marketplace']}: {result['answer']}")
    if result["standing"]:
        click.echo(f"  account: {result['standing']}")
    if result["calls_left"] is not None:
        click.echo(f"  calls left: {result['calls_left']}")
    if result["budget"]:
        click.echo(f"  {result['budget']}")
    listings = result["listings"]
    for item in listings if isinstance(listings, list) else []:
        price = f", {item['price']}" if item["price"] else ""
        click.echo(f"  {item['site']} {item['item_id']}: {item['title'][:60]}{price}")
        click.echo(f"    {item['url']}")
        click.echo(f"    picture: {item['picture_url'] or item['picture_problem']}")
