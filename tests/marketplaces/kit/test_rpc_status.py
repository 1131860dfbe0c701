from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import (
    AuthError,
    BadImage,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.kit.answers import PictureTooLarge
from monitor.marketplaces.kit.rpc_status import status_error
from monitor.marketplaces.kit.values import Json


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"code": 16, "message": "who is it?"}, AuthError),
        ({"code": 7, "message": "bad image quota token"}, PermissionDenied),
        ({"code": 14, "message": "bad image quota token"}, Transient),
        ({"code": 13}, Transient),
        ({"code": 4}, Transient),
        ({"code": 5, "message": "image not found"}, ProtocolError),
        ({"code": 12, "message": "image method"}, ProtocolError),
        ({"code": 8, "message": "Quota exceeded: per minute"}, Throttled),
        ({"code": 8, "message": "Quota exceeded: per day"}, QuotaExhausted),
        ({"code": 8}, Throttled),
        ({"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "monthly limit"}, QuotaExhausted),
        ({"code": 3, "message": "Bad image data."}, BadImage),
        ({"code": 3, "message": "API key expired."}, AuthError),
        ({"code": 3, "details": [{"reason": "API_KEY_INVALID"}]}, AuthError),
        ({"code": 3, "message": "Request payload size exceeds the limit: 1"}, PictureTooLarge),
        ({"code": 3, "message": "Received message larger than max"}, PictureTooLarge),
        ({"code": 3, "message": "Unknown name 'image'"}, ProtocolError),
        ({"code": 9, "message": "Billing is off"}, PermissionDenied),
        ({"code": 2, "message": "?"}, ProtocolError),
        ({"code": 0}, ProtocolError),
        ({"code": 99}, ProtocolError),
        ({"code": True}, ProtocolError),
        ("rate limit", Throttled),
        (None, ProtocolError),
    ],
)
def test_a_code_has_its_error_and_words_decide_where_it_is_vague(
    said: Json, kind: type[MarketplaceError]
) -> None:
    assert type(status_error(said)) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AuthError), (403, PermissionDenied), (404, ProtocolError), (429, Throttled)],
)
def test_without_a_code_the_http_status_counts(status: int, kind: type[MarketplaceError]) -> None:
    assert type(status_error({"message": "?"}, status)) is kind


def test_the_message_repeats_code_and_words_without_tokens() -> None:
    error = status_error({"code": 16, "message": f"key {'k' * 39} is unknown"})
    assert str(error) == "the site says: UNAUTHENTICATED key *** is unknown"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("code", "message", "status", "details")


@given(json_values | st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, json_values)))
def test_any_value_is_some_error(said: Json) -> None:
    assert isinstance(status_error(said), MarketplaceError)
