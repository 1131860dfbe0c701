"""A shop that changes from day to day, and what is told of it."""

from __future__ import annotations

from decimal import Decimal

from monitor.model import Observation, Price, ScanOutcome, Seller
from monitor.storage.telling.alerts import AlertRow
from tests.scanning.shop import Bench

# Listings that match nothing: without them one that is missing would halve the yield.
FILLERS = 6


def ask(bench: Bench, **rules: object) -> None:
    """Change what the watch asks for."""
    bench.rules = bench.rules.model_copy(update=rules)


def price(amount: str, highest: str | None = None, currency: str = "CNY") -> Price:
    return Price(Decimal(amount), Decimal(highest or amount), currency, amount)


def mug(bench: Bench, item_id: str, cost: Price | None = None, seller: str = "s1") -> Observation:
    """A listing that uses the reference picture of seed 1."""
    return bench.offer(item_id, 1, price=cost, seller=Seller(seller, seller.upper()))


def page(bench: Bench, *offers: Observation) -> list[Observation]:
    return [*offers, *(bench.offer(f"f{n}", 1, picture_url=None) for n in range(FILLERS))]


def show(bench: Bench, *offers: Observation, hours: float = 24) -> list[ScanOutcome]:
    """A cycle, so many hours after the last, in which every search finds these and the fillers."""
    bench.shop.pages = [page(bench, *offers)]
    bench.plan(hours)
    return bench.look()


def fail(bench: Bench, error: Exception, hours: float = 24) -> list[ScanOutcome]:
    """A cycle whose searches fail."""
    bench.shop.pages = [error]
    bench.plan(hours)
    return bench.look()


def told(bench: Bench) -> list[tuple[str, str]]:
    """(event, item id) of every alert of a match, the oldest first."""
    items = {match.id: match.item_id for match in bench.matches()}
    rows = [row for row in bench.alerts() if row.match_id is not None]
    rows.sort(key=lambda row: (row.created_at, items[row.match_id or 0]))
    return [(row.event, items[row.match_id or 0]) for row in rows]


def alert_of(bench: Bench, event: str) -> AlertRow:
    """The one alert of this event."""
    (row,) = [row for row in bench.alerts() if row.event == event]
    return row


def gone(bench: Bench) -> list[str]:
    """The item ids of the matches that are marked."""
    rows = bench.rows("SELECT item_id FROM match_history WHERE gone_at IS NOT NULL")
    return sorted(str(item_id) for (item_id,) in rows)
