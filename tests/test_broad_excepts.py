"""Who catches what nobody expected stores the outcome; the places are few, and all are here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import monitor

HOUSE = Path(monitor.__file__).parent

# The three borders: a daemon step, one listing, one delivery.
BORDERS = {
    "daemon/clock.py: Clock.ring": "a daemon step; it is paused, the others go on",
    "daemon/steps.py: _attempt": "a daemon step; its scan, canary or watch keeps what came",
    "scanning/look/fetch.py: try_listing": "one listing; its picture counts as failed",
    "alerting/send.py: send": "one delivery; it counts as failed",
}
# Each other one, and why it has to be.
ARGUED = {
    "alerting/drawings.py: _draw_all": "a picture that can't be drawn must not keep its message",
    "alerting/rendering/template_set.py: Book.render": (
        "a user's template may raise anything; the built-in text goes out, with a line"
    ),
    "scanning/pictures.py: refresh_all": "one stored picture must not keep the others from theirs",
    "storage/catalogue/files.py: _write_whole": "removes the unfinished file and raises it again",
    "storage/db/engine.py: Store.migrating": "rolls back and raises it again",
    "storage/db/engine.py: Store._transaction": "rolls back and raises it again",
}
_BROAD = {"Exception", "BaseException"}


def broad_excepts(text: str, file: str) -> Iterator[str]:
    """`file: function` of each `except` for whatever may come."""
    yield from _below(ast.parse(text), f"{file}:", "")


def _below(node: ast.AST, file: str, inside: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        name = inside
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            name = f"{inside}.{child.name}" if inside else child.name
        if isinstance(child, ast.ExceptHandler) and _is_broad(child.type):
            yield f"{file} {inside or 'at the top'}"
        yield from _below(child, file, name)


def _is_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = {part.id for part in ast.walk(caught) if isinstance(part, ast.Name)}
    return not names.isdisjoint(_BROAD)


def test_every_broad_except_is_a_border_or_argued_for() -> None:
    found = [
        place
        for path in sorted(HOUSE.rglob("*.py"))
        for place in broad_excepts(path.read_text("utf-8"), path.relative_to(HOUSE).as_posix())
    ]
    assert sorted(found) == sorted({**BORDERS, **ARGUED})


@pytest.mark.parametrize(
    ("caught", "is_found"),
    [
        ("except:", True),
        ("except Exception:", True),
        ("except (OSError, BaseException) as error:", True),
        ("except* Exception:", True),
        ("except (OSError, ValueError):", False),
    ],
)
def test_a_new_one_is_found_in_every_form(caught: str, is_found: bool) -> None:
    text = f"class A:\n def b(self):\n  try:\n   pass\n  {caught}\n   pass"
    assert list(broad_excepts(text, "x.py")) == ["x.py: A.b"] * is_found
