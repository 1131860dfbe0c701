"""Lengths of time as people write them: 30s, 15m, 6h, 2d."""

from __future__ import annotations

import re
from datetime import timedelta

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_LONGEST = timedelta(days=366)


def parse_duration(text: str, *, least: timedelta = timedelta(seconds=1)) -> timedelta:
    """`30s`, `15m`, `6h` or `2d`; from `least` to 366 days. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if match is None:
        raise ValueError("not a duration: write a whole number and s, m, h or d, such as 30s or 6h")
    duration = timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    if duration < least:
        raise ValueError(f"too short: at least {least.total_seconds():g}s")
    if duration > _LONGEST:
        raise ValueError("too long: at most 366d")
    return duration


def format_duration(duration: timedelta) -> str:
    """A whole number of seconds in the largest unit that fits: 6h, 90m, 45s."""
    seconds = round(duration.total_seconds())
    letter = next((letter for letter, size in _SECONDS.items() if seconds % size == 0), "s")
    return f"{seconds // _SECONDS[letter]}{letter}"
