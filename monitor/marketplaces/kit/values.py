"""Values as sites write them -> our nouns. Nothing here raises on any JSON value."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from monitor.model import Price, Seller

# What `load_json` returns: numbers are exact, and there is no NaN or Infinity.
Json: TypeAlias = bool | int | Decimal | str | list["Json"] | dict[str, "Json"] | None

MAX_TITLE = 10_000
MAX_ID = 64
MAX_SELLER_NAME = 200
MAX_NUMBER_TEXT = 100
# Above these a number is a mistake or an attack; both fit every database's columns.
MAX_PRICE = Decimal(10) ** 12
MAX_COUNT = 10**15
_PRICE_STEP = Decimal("0.0001")

_CURRENCIES = {
    "¥": "CNY",
    "元": "CNY",
    "RMB": "CNY",
    "CNY": "CNY",
    "CN¥": "CNY",
    "US$": "USD",
    "$": "USD",
    "USD": "USD",
    "€": "EUR",
    "EUR": "EUR",
}
_SYMBOL = "|".join(re.escape(symbol) for symbol in sorted(_CURRENCIES, key=len, reverse=True))
# ASCII digits only: `\d` would take every script's. Commas must stand at thousands.
_NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
_PRICE = re.compile(
    rf"(?P<before>{_SYMBOL})?\s*(?P<low>{_NUMBER})\s*(?:{_SYMBOL})?"
    rf"(?:\s*(?:-|~|–|—|至|to)\s*(?:{_SYMBOL})?\s*(?P<high>{_NUMBER})\s*)?"
    rf"(?P<after>{_SYMBOL})?\s*(?:起|\+)?",
    re.IGNORECASE,
)
_COUNT = re.compile(rf"({_NUMBER})\s*([万亿千kKwW]?)\s*\+?\s*(?:件|笔|个|人)?\s*\+?")
_COUNT_UNITS = {"": 1, "千": 1000, "k": 1000, "万": 10_000, "w": 10_000, "亿": 100_000_000}


def load_json(body: bytes) -> Json:
    """Parse JSON with exact numbers: integers as int, others as Decimal, NaN as null.

    Raises ValueError for anything else, however deep it nests.
    """
    try:
        value: Json = json.loads(body, parse_float=_exact, parse_constant=lambda _: None)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def load_plain_json(body: bytes) -> object:
    """Parse JSON with numbers as Python's own, for whoever computes with them; NaN as null.

    Raises ValueError like `load_json`.
    """
    try:
        value: object = json.loads(body, parse_constant=lambda _: None)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def clean_text(value: object, limit: int) -> str:
    """Text in one line of at most `limit` characters, fit for both databases; "" for no text.

    NUL and other control characters and lone surrogates become spaces, spaces are folded.
    """
    text = value if isinstance(value, str) else ""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**MAX_ID:
        text = str(value)
    visible = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    return " ".join(visible.split())[:limit].rstrip()


def clean_title(value: object) -> str:
    """A listing's title, "" where there is none."""
    return clean_text(value, MAX_TITLE)


def parse_id(value: object) -> str | None:
    """An id as text, exact to the last digit; None for nothing, 0 or what can't be one."""
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < MAX_ID:
        value = int(value) if value == value.to_integral_value() else None
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = clean_text(value, MAX_ID + 1)
    if text in ("", "0") or text.startswith("-") or len(text) > MAX_ID or " " in text:
        return None
    return text


def parse_price(value: object, currency: str = "CNY") -> Price | None:
    """A price from a number or from text such as `12.5-30.0` or `¥12.50 - ¥30.00`.

    `currency` holds where the text names none. None for what is not a price: null, negative,
    not finite, above 10^12, or text that can't be read for sure.
    """
    text = clean_text(_plain(value), MAX_NUMBER_TEXT + 1)
    found = _PRICE.fullmatch(unicodedata.normalize("NFKC", text))
    if found is None or len(text) > MAX_NUMBER_TEXT:
        return None
    low = _amount(found["low"])
    high = _amount(found["high"] or found["low"])
    if low is None or high is None:
        return None
    symbol = (found["before"] or found["after"] or "").upper()
    return Price(min(low, high), max(low, high), _CURRENCIES.get(symbol, currency), text)


def parse_currency(value: object, default: str) -> str:
    """A currency's code from the first three characters; `default` where they are no letters."""
    code = clean_text(value, 3).upper()
    return code if len(code) == 3 and code.isascii() and code.isalpha() else default


def parse_seller(raw_id: object, raw_name: object) -> Seller | None:
    """A seller by id, by name or by both; None where neither is given."""
    seller_id, name = parse_id(raw_id), clean_text(raw_name, MAX_SELLER_NAME) or None
    return Seller(seller_id, name) if seller_id or name else None


def parse_count(value: object) -> int | None:
    """A count from a number or from text such as `700+`, `10,000+` or `1.2万+`; else None."""
    text = clean_text(_plain(value), MAX_NUMBER_TEXT + 1)
    found = _COUNT.fullmatch(unicodedata.normalize("NFKC", text))
    if found is None or len(text) > MAX_NUMBER_TEXT:
        return None
    count = Decimal(found[1].replace(",", "")) * _COUNT_UNITS[found[2].lower()]
    return int(count) if count <= MAX_COUNT else None


def parse_score(value: object) -> float | None:
    """A provider's score from a number or text; None where it is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        score = float(value)
    except (ValueError, OverflowError):
        return None
    return score if math.isfinite(score) else None


def parse_flag(value: object) -> bool | None:
    """A boolean that may be written as text or number, such as `"true"` or 1; else None."""
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    return bool(value) if isinstance(value, int) and value in (0, 1) else None


def _exact(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond all bounds
        return None


def _plain(value: object) -> object:
    """A number written without exponent, so that it is read like text; None if it is absurd."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or not 0 <= number <= MAX_COUNT or number.adjusted() < -MAX_ID:
        return None
    return f"{number:f}"


def _amount(text: str) -> Decimal | None:
    """A price of at most four decimals; None above `MAX_PRICE`."""
    amount = Decimal(text.replace(",", ""))
    if amount > MAX_PRICE:
        return None
    _, digits, exponent = amount.as_tuple()
    has_more = isinstance(exponent, int) and exponent < -4 and len(digits) > 0
    return amount.quantize(_PRICE_STEP) if has_more else amount
