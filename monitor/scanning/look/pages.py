"""The pages of one search, as long as they bring anything new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from monitor.errors import ProtocolError, Stopping
from monitor.marketplaces.base import Page, Query
from monitor.scanning.context import ScanContext, Source


def iter_pages(context: ScanContext, source: Source, query: Query) -> Iterator[Page]:
    """Search page by page, from the query's cursor on.

    A page whose listings have all been on pages before is a site's way to have no end, such as
    giving the last page again: it is yielded without them, and ends the search, or the part of
    it: then the next part begins. An empty page ends nothing, its adapter knows whether more come.
    Raises MarketplaceError, Stopping.
    """
    known: set[tuple[str, str]] = set()
    part: str | None = None
    while True:
        if part is not None and query.cursor == part:
            known.clear()  # another part may begin with what the one before has ended with
        page = _search(context, source, query)
        ids = {(item.site, item.item_id) for item in page.observations}
        if ids and ids <= known:
            page = replace(page, observations=(), next_cursor=page.next_part)
        known |= ids
        if page.next_cursor is not None and page.next_cursor == query.cursor:
            raise ProtocolError(f"{source.marketplace.name}: the same page again and again")
        yield page
        if page.next_cursor is None:
            return
        part = page.next_part
        query = replace(query, cursor=page.next_cursor)


def _search(context: ScanContext, source: Source, query: Query) -> Page:
    if context.is_stopping():
        raise Stopping("told to stop between two pages")
    return source.marketplace.search(query)
