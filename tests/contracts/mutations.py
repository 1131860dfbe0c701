"""Answers that went wrong on the way, or on purpose."""

from __future__ import annotations

import copy
import random
from typing import Any

_DEEP: list[object] = []
for _ in range(60):
    _DEEP = [_DEEP, {"a": 1}]

_STRANGE: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1, 2**63, 2**70, -(2**64), 10**300, 0.1, 1e308, -0.0),
    *("", " ", "0", "-1", "x", "null", "true", "12.5-30.0", "¥1", "1e999", "NaN", "\x00", "\ud800"),
    *("长" * 20_000, "9" * 5000, "//", "http://", "https://[", "javascript:alert(1)", "\\\\a"),
    *("https://127.0.0.1/a", "https://evil1688.com/offer/1.html", "1" * 64, "a b", "../../x"),
    *([], {}, [None], [[]], [{}], {"": {}}, {"a": [1]}, [1, "a", None, {}], _DEEP),
)


# A dict and one of its keys, or a list and one of its indices.
Place = tuple[dict[str, object], str] | tuple[list[object], int]


def mutate(value: object, rng: random.Random) -> object:
    """The value with one to three things in it missing, null, of another type, huge or nested."""
    changed = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = _list_places(changed)
        if not places or rng.random() < 0.02:
            return rng.choice(_STRANGE)
        holder, key = rng.choice(places)
        _mutate_at(holder, key, rng)
    return changed


def _mutate_at(holder: Any, key: Any, rng: random.Random) -> None:
    kind = rng.random()
    if kind < 0.2:
        del holder[key]
    elif kind < 0.3 and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    elif kind < 0.4:
        holder[key] = [copy.deepcopy(holder[key])]
    else:
        # a copy: a later mutation may go into it
        holder[key] = copy.deepcopy(rng.choice(_STRANGE))


def _list_places(value: object) -> list[Place]:
    """Every place in a value, at most 20 levels deep."""
    places: list[Place] = []
    todo: list[tuple[object, int]] = [(value, 0)]
    while todo:
        holder, depth = todo.pop()
        if depth > 20:
            continue
        if isinstance(holder, dict):
            places += [(holder, key) for key in holder]
            todo += [(item, depth + 1) for item in holder.values()]
        elif isinstance(holder, list):
            places += [(holder, index) for index in range(len(holder))]
            todo += [(item, depth + 1) for item in holder]
    return places
