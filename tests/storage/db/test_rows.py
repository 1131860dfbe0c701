"""Rows become nouns by the names of their columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from monitor.storage.db.engine import Connection, Store
from monitor.storage.db.rows import to_noun


@dataclass(frozen=True)
class Good:
    name: str
    price: tuple[int, str]
    sales: int = 0


def row_of(conn: Connection, **columns: object) -> sa.Row[Any]:
    made = [sa.literal(value).label(name) for name, value in columns.items()]
    return conn.execute(sa.select().add_columns(*made)).one()


def test_columns_go_by_name_and_what_is_made_stands_in_for_them(store: Store) -> None:
    with store.reading() as conn:
        row = row_of(conn, name="mug", price=3, other=1)
    assert to_noun(Good, row, price=(row.price, "CNY")) == Good("mug", (3, "CNY"))


def test_a_field_without_a_column_is_an_error_and_no_none(store: Store) -> None:
    with store.reading() as conn:
        row = row_of(conn, name="mug")
    with pytest.raises(TypeError, match="price"):
        to_noun(Good, row)
