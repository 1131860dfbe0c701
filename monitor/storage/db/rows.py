"""A row -> a noun: columns labelled as the noun's fields are named need no mapping by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Noun = TypeVar("Noun", bound="DataclassInstance")


def to_noun(noun: type[Noun], row: sa.Row[tuple[object, ...]], **made: object) -> Noun:
    """A dataclass of the columns that are named as its fields; `made` stands in for columns that
    hold a field otherwise than the noun does, such as a price in three columns.

    Columns that no field is named after are passed over. Raises TypeError where a field without a
    default has neither.
    """
    columns = row._mapping
    values = {name: columns[name] for name in _names(noun) if name in columns}
    make: Callable[..., Noun] = noun
    return make(**(values | made))


@cache
def _names(noun: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(noun))
