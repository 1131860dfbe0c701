"""What a person names to be silenced is looked up: a slip of the pen would silence nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import sqlalchemy as sa

from monitor.errors import Ambiguous, Unknown
from monitor.storage.catalogue import watches
from monitor.storage.db.engine import Connection
from monitor.storage.tables import assets, listings, pictures, scans, sellers
from monitor.storage.tables import watches as watch_table
from monitor.storage.telling.silences import Matcher


def complete(conn: Connection, matcher: Matcher, marketplaces: Collection[str]) -> Matcher:
    """The matcher with the site of its listing or seller, if one site alone has it.

    `marketplaces` are the config's. A listing or seller whose site is given may be one that is not
    known yet. Raises Unknown for anything else that isn't, Ambiguous where several sites have it.
    """
    if matcher.watch is not None:
        watches.get_id(conn, matcher.watch)
    if matcher.asset is not None:
        _check_asset(conn, matcher.asset, matcher.watch)
    if matcher.marketplace is not None and matcher.marketplace not in marketplaces:
        searched = scans.c.marketplace == matcher.marketplace
        _check(conn, scans.c.id, searched, "marketplace", matcher.marketplace)
    if matcher.cluster_id is not None:
        near = pictures.c.cluster_id == matcher.cluster_id
        _check(conn, pictures.c.sha256, near, "cluster", matcher.cluster_id)
    if matcher.site is None:
        return replace(matcher, site=_find_site(conn, matcher))
    _check(conn, listings.c.id, listings.c.site == matcher.site, "site", matcher.site)
    return matcher


def _check_asset(conn: Connection, asset: str, watch: str | None) -> None:
    named = [assets.c.name == asset, assets.c.watch_id == watch_table.c.id]
    if watch is not None:
        named.append(watch_table.c.name == watch)
    _check(conn, assets.c.id, sa.and_(*named), "asset", asset)


def _check(
    conn: Connection,
    column: sa.Column[object],
    known: sa.ColumnElement[bool],
    noun: str,
    name: str | int,
) -> None:
    if conn.execute(sa.select(column).where(known).limit(1)).first() is None:
        raise Unknown(noun, name)


def _find_site(conn: Connection, matcher: Matcher) -> str | None:
    """The one site of the listing, or of the seller, that is asked for."""
    if matcher.item_id is not None:
        known = listings.c.item_id == matcher.item_id
        return _only_site(conn, listings.c.site, known, "listing", matcher.item_id)
    if matcher.seller is not None:
        known = sa.or_(sellers.c.seller_id == matcher.seller, sellers.c.name == matcher.seller)
        return _only_site(conn, sellers.c.site, known, "seller", matcher.seller)
    return None


def _only_site(
    conn: Connection, column: sa.Column[str], known: sa.ColumnElement[bool], noun: str, name: str
) -> str:
    sites = conn.execute(sa.select(column).where(known).distinct().order_by(column)).scalars().all()
    if not sites:
        raise Unknown(noun, name)
    if len(sites) > 1:
        raise Ambiguous(noun, name, len(sites), sites)
    return sites[0]
