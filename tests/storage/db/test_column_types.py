"""Instants lose nothing on their way into a database and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from monitor.storage.db.column_types import Instant

SQLITE = sqlite.dialect()
LONG_AGO = datetime(2, 1, 1, tzinfo=UTC)
INSTANTS = st.builds(
    lambda age, hours: (LONG_AGO + age).astimezone(timezone(timedelta(hours=hours))),
    st.timedeltas(timedelta(0), timedelta(days=3_650_000)),
    st.integers(-12, 14),
)


@given(INSTANTS)
def test_an_instant_comes_back_from_sqlite_as_the_same_in_utc(instant: datetime) -> None:
    text = Instant().process_bind_param(instant, SQLITE)
    found = Instant().process_result_value(text, SQLITE)
    assert found == instant
    assert found.tzinfo is UTC


@given(INSTANTS, INSTANTS)
def test_the_text_of_a_later_instant_sorts_later(one: datetime, other: datetime) -> None:
    first, second = (str(Instant().process_bind_param(each, SQLITE)) for each in (one, other))
    assert len(first) == len(second) == len("2026-01-01 00:00:00.000000")
    assert (first < second) == (one < other)


@pytest.mark.parametrize("text", ["2026-01-01 00:00:00+02:00", "yesterday"])
def test_what_is_no_utc_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text[:4]):
        Instant().process_result_value(text, SQLITE)
