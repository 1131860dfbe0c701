from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.marketplaces.kit.values import (
    MAX_PRICE,
    MAX_TITLE,
    clean_title,
    load_json,
    parse_count,
    parse_currency,
    parse_flag,
    parse_id,
    parse_price,
    parse_score,
    parse_seller,
)
from monitor.model import Seller

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
number_like = st.text("0123456789.,-~¥$+万亿 元起eE", max_size=30)


@pytest.mark.parametrize(
    ("value", "low", "high", "currency"),
    [
        (Decimal("29.90"), "29.90", "29.90", "CNY"),
        (5, "5", "5", "CNY"),
        (0, "0", "0", "CNY"),
        (29.9, "29.9", "29.9", "CNY"),
        (Decimal("1E+3"), "1000", "1000", "CNY"),
        ("12.50", "12.50", "12.50", "CNY"),
        ("12.5-30.0", "12.5", "30.0", "CNY"),
        ("30.0-12.5", "12.5", "30.0", "CNY"),
        ("¥12.50 - ¥30.00", "12.50", "30.00", "CNY"),
        ("￥12.50～￥30.00", "12.50", "30.00", "CNY"),
        ("12元至30元", "12", "30", "CNY"),
        ("1,299.00起", "1299.00", "1299.00", "CNY"),
        ("US$ 3.20", "3.20", "3.20", "USD"),
        ("0.123456", "0.1235", "0.1235", "CNY"),
    ],
)
def test_a_price_is_read_exactly(value: object, low: str, high: str, currency: str) -> None:
    price = parse_price(value)
    assert price is not None
    assert (price.minimum, price.maximum) == (Decimal(low), Decimal(high))
    assert price.currency == currency


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, "", "面议", "free", -1, "-1", Decimal("NaN"), float("inf"), 10**13),
        *("1e5", "12,50", "12.5-30-40", "9" * 200, Decimal("1E+999999"), Decimal("1E-999999")),
        *([], {}, {"price": 1}),
    ],
)
def test_what_is_no_price_for_sure_is_none(value: object) -> None:
    assert parse_price(value) is None


@given(json_values | number_like)
def test_no_value_makes_a_parser_crash(value: object) -> None:
    price = parse_price(value)
    assert price is None or 0 <= price.minimum <= price.maximum <= MAX_PRICE
    count = parse_count(value)
    assert count is None or count >= 0
    parse_id(value), parse_score(value), parse_flag(value), clean_title(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((172, 172), ("172", 172), ("700+", 700), ("10,000+", 10_000), ("1.2万+", 12_000)),
        *(("3亿", 300_000_000), ("2k", 2000), ("50件", 50), ("５０", 50), ("0", 0)),
        *((None, None), ("many", None), (-3, None), ("1.2.3", None), (True, None)),
    ],
)
def test_a_count_is_read_as_sites_write_it(value: object, expected: int | None) -> None:
    assert parse_count(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("624873245698", "624873245698"),
        (1164408192156408878, "1164408192156408878"),
        (Decimal("6.24873245698E+11"), "624873245698"),
        (" 12 ", "12"),
        *((None, None), ("", None), (0, None), ("0", None), (True, None), (-5, None)),
        *((Decimal("1.5"), None), (Decimal("1E+9999"), None), ("1 2", None), ("9" * 65, None)),
        *((10**100, None), ([], None)),
    ],
)
def test_an_id_is_exact_text_or_none(value: object, expected: str | None) -> None:
    assert parse_id(value) == expected


def test_a_19_digit_id_survives_json() -> None:
    value = load_json(b'{"itemId": 9223372036854775807, "price": 29.90}')
    assert value == {"itemId": 9223372036854775807, "price": Decimal("29.90")}
    assert isinstance(value, dict)
    assert parse_id(value["itemId"]) == "9223372036854775807"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\xfa", b"[" * 200_000, b"1" * 5000])
def test_what_is_no_json_raises_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        load_json(body)


def test_numbers_beyond_all_bounds_become_null() -> None:
    assert load_json(b"[NaN, Infinity, 1e99999999999999999999]") == [None, None, None]


def test_a_title_loses_what_databases_refuse() -> None:
    assert clean_title("a\x00b \ud800c\n\td 👕") == "a b c d 👕"


def test_a_title_keeps_10000_characters_and_no_more() -> None:
    assert clean_title("长" * 10_000) == "长" * 10_000
    assert len(clean_title("长" * 10_001)) == MAX_TITLE


@given(st.text())
def test_a_clean_title_is_storable_and_stays_as_it_is(text: str) -> None:
    title = clean_title(text)
    title.encode()
    assert "\x00" not in title
    assert clean_title(title) == title


@pytest.mark.parametrize(
    ("value", "expected"),
    [(Decimal("0.92"), 0.92), ("0.967", 0.967), (1, 1.0), ("nan", None), (10**400, None)],
)
def test_a_score_is_a_finite_number_or_none(value: object, expected: float | None) -> None:
    assert parse_score(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), ("true", True), ("False", False), (0, False), (None, None), ("yes", None)],
)
def test_a_flag_may_be_text(value: object, expected: bool | None) -> None:
    assert parse_flag(value) is expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        *(("USD", "USD"), (" usd ", "USD"), ("Euro", "EUR")),
        *(
            ("US$", "GBP"),
            ("€", "GBP"),
            ("人民币", "GBP"),
            ("", "GBP"),
            (None, "GBP"),
            (123, "GBP"),
        ),
    ],
)
def test_a_currency_is_a_code_of_three_letters_or_the_default(value: object, code: str) -> None:
    assert parse_currency(value, "GBP") == code


@pytest.mark.parametrize(
    ("raw_id", "raw_name", "seller"),
    [
        (7, " 店  1", Seller("7", "店 1")),
        ("b2b-7", "", Seller("b2b-7", None)),
        (0, "x" * 300, Seller(None, "x" * 200)),
        ("two words", None, None),
        (None, [], None),
    ],
)
def test_a_seller_has_an_id_or_a_name(
    raw_id: object, raw_name: object, seller: Seller | None
) -> None:
    assert parse_seller(raw_id, raw_name) == seller
