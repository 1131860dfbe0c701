"""Alert events: what is stored of one is read back, and what isn't known is told all the same."""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal

import pytest

from monitor.model import AlertEvent
from monitor.model.events import (
    Event,
    Gone,
    PriceChanged,
    ReferenceRetired,
    Written,
    iter_events,
    read_event,
    store_event,
)
from tests.told import AT, EVENTS, event_of


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_is_stored_of_an_event_is_read_back(event: Event) -> None:
    stored = json.loads(json.dumps(store_event(event)))
    assert read_event(event.name, stored or None) == event


def test_every_name_has_an_event_and_every_event_a_sample() -> None:
    classes = set(iter_events())
    assert {kind.name for kind in classes} == set(AlertEvent)
    assert len({(kind.name, kind.kind) for kind in classes}) == len(classes)
    assert {type(event) for event in EVENTS} == classes


def test_the_forms_of_facts_are_those_that_the_view_has_always_shown() -> None:
    assert store_event(event_of(AlertEvent.PRICE_CHANGE)) == {
        "old_price": "CNY 12.00",
        "new_price": "CNY 9.00 - 11.50",
        "change_percent": "-25.0",
    }
    assert store_event(event_of(AlertEvent.RELISTED)) == {
        "relisted_from": "77",
        "relisted_from_url": "https://x.example/77",
        "last_seen_at": "2026-01-05 08:00 UTC",
    }
    assert store_event(event_of(AlertEvent.NEW_MATCH)) == {}


def test_events_of_one_name_are_told_apart_by_their_kind() -> None:
    stored = store_event(ReferenceRetired("a.png", "a", 2))
    assert stored["kind"] == "retired"
    assert read_event(AlertEvent.REFERENCE_UNSPECIFIC, stored) == ReferenceRetired("a.png", "a", 2)


def test_a_text_that_an_earlier_version_stored_stays() -> None:
    told = read_event(AlertEvent.SCAN_BLOCKED, None, "Watch acme on alibaba: scan blocked")
    assert told == Written("Watch acme on alibaba: scan blocked")


def test_a_fact_that_is_not_known_is_no_harm() -> None:
    stored = {"last_seen_at": "2026-01-05 08:00 UTC", "odd": 1}
    assert read_event(AlertEvent.GONE, stored) == Gone(AT)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("gone", {}),
        ("gone", None),
        ("gone", {"last_seen_at": "yesterday"}),
        ("gone", {"last_seen_at": 5}),
        ("gone", {"last_seen_at": "2026-01-05 08:00 UTC", "version": 2}),
        ("gone", {"last_seen_at": "2026-01-05 08:00 UTC", "kind": "odd"}),
        ("price_change", {"old_price": "CNY", "new_price": "CNY 1.00", "change_percent": "+1.0"}),
        ("price_change", {"old_price": "CNY 1.00", "new_price": "CNY 1.00", "change_percent": "x"}),
        ("quota_low", {"marketplace": "m", "period": "week", "which": "w", "used": 1, "quota": 2}),
        ("quota_low", {"marketplace": "m", "period": "day", "which": "d", "used": "1", "quota": 2}),
    ],
)
def test_facts_of_another_form_are_told_as_none(
    name: str, stored: dict[str, object] | None
) -> None:
    assert read_event(AlertEvent(name), stored) == Written("")


def test_an_events_facts_are_its_fields_and_its_kind() -> None:
    event = PriceChanged(*(getattr(EVENTS[3], field.name) for field in fields(EVENTS[3])))
    assert event.facts["change_percent"] == Decimal("-25.0")
    assert event.facts["kind"] == ""
