"""Text from outside, as both databases can keep it."""

from __future__ import annotations

from typing import overload

_REPLACEMENT = "\ufffd"


@overload
def clean(text: str) -> str: ...
@overload
def clean(text: None) -> None: ...
def clean(text: str | None) -> str | None:
    """Replace what can't be stored: PostgreSQL refuses NUL, neither takes lone surrogates."""
    if text is None:
        return None
    whole = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return whole.replace("\x00", _REPLACEMENT)
