"""Listings, as marketplaces show them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """`minimum` to `maximum` in `currency` (ISO 4217); `text` is what the site wrote."""

    minimum: Decimal
    maximum: Decimal
    currency: str
    text: str

    def __str__(self) -> str:
        """`CNY 12.50`, or `CNY 12.50 - 30.00`."""
        if self.minimum == self.maximum:
            return f"{self.currency} {self.minimum:.2f}"
        return f"{self.currency} {self.minimum:.2f} - {self.maximum:.2f}"


@dataclass(frozen=True, slots=True)
class Seller:
    """Who offers a listing, as far as the site says; at least one of both is given."""

    seller_id: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Observation:
    """A listing as one answer of a marketplace gave it. (site, item_id) is the listing's identity.

    `url` is canonical, `picture_url` full-size and absolute, or None where the site gave none that
    can be used; `picture_problem` then says why. `rank` counts from 1 over the whole search.
    `provider_score` is the site's own similarity, stored and never trusted.
    """

    site: str
    item_id: str
    url: str
    title: str
    picture_url: str | None
    price: Price | None = None
    seller: Seller | None = None
    sales: int | None = None
    rank: int = 0
    provider_score: float | None = None
    picture_problem: str | None = None
    picture_fallback_url: str | None = None
