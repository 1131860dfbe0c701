"""Text from outside, as both databases can keep it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import overload

_REPLACEMENT = "\ufffd"
# An index entry of PostgreSQL holds 2,704 bytes.
_LONGEST_KEY = 2_000


@overload
def clean(text: str) -> str: ...
@overload
def clean(text: None) -> None: ...
def clean(text: str | None) -> str | None:
    """Replace what can't be stored: PostgreSQL refuses NUL, neither takes lone surrogates."""
    if text is None:
        return None
    # by way of UTF-16, where the two halves of a character find each other
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\x00", _REPLACEMENT)


def clean_values(values: Mapping[str, object]) -> dict[str, object] | None:
    """The same of what is stored as JSON; None for nothing."""
    cleaned = {
        name: clean(value) if isinstance(value, str) else value for name, value in values.items()
    }
    return cleaned or None


def bounded(key: str) -> str:
    """The key itself, or its beginning and its hash where it is too long for an index."""
    data = key.encode()
    if len(data) <= _LONGEST_KEY:
        return key
    return f"{key[:100]}...sha256:{hashlib.sha256(data).hexdigest()}"
