"""Storage holds rows: no thresholds, no English for people, no hint which command helps.

What may stand in it, and why, is said here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from monitor import storage

_ROOM: Final = Path(storage.__file__).parent

# Numbers that say how a database is talked to, not what the program is to do.
_TECHNICAL: Final = {
    "db/engine.py:PATIENCE": "a writer that waits for longer than any transaction takes is stuck",
    "db/engine.py:_BETWEEN_TRIES_SECONDS": "how often SQLite's lock is asked for",
    "db/engine.py:_BUSY_MILLISECONDS": "how long SQLite waits by itself; a stop is seen in between",
    "db/engine.py:_MIGRATION_LOCK": "the name of a lock, the same in every version",
    "db/engine.py:_PG_KEEPALIVE": "a server that vanished without a word is given up in a minute",
    "db/engine.py:_PG_CONNECT_SECONDS": "a server that doesn't answer is not there",
    "db/text.py:_LONGEST_KEY": "PostgreSQL's index entries hold no more",
    "db/upsert.py:PART": "parameters of one statement, below every database's limit",
    "db/upsert.py:_CATALOGUE_LOCK": "the name of a lock",
    "schema/backup.py:_PAGES": "pages of a backup between two looks at the clock",
    "schema/sql.py:_STEPS": "how often SQLite asks whether a statement has run for too long",
    "searches/paces.py:_TRIES": "a conditional update that others keep from succeeding",
    "telling/silences.py:_LOCK": "the name of a lock",
}
# These map what libraries and the system say to our errors, and may name in words what failed; the
# options say what is wrong with a config.
_BORDERS: Final = ("db/", "schema/", "catalogue/files.py", "options.py")
# Three words in a row make a sentence; SQL is written in capitals or in the rooms above.
_SENTENCE: Final = re.compile(r"[A-Za-z]+[,;]? [a-z]+[,;]? [a-z]+")
_HINT: Final = re.compile(r"`?\bmonitor [a-z]+|(?<![\w-])--[a-z]+")


def _find_numbers(source: str) -> Iterator[str]:
    """Names that are given a number or a duration in a module or class, and such defaults."""
    tree = ast.parse(source)
    for body in (
        node.body for node in ast.walk(tree) if isinstance(node, (ast.Module, ast.ClassDef))
    ):
        for node in body:
            if isinstance(node, ast.Assign):
                targets = node.targets
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                targets = [node.target]
            else:
                continue
            assert node.value is not None
            if _is_number(node.value):
                yield from (ast.unparse(target) for target in targets)
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        defaults = [*function.args.defaults, *filter(None, function.args.kw_defaults)]
        yield from (f"{function.name}()" for value in defaults if _is_number(value))
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Compare)):
        sides = [call.left, *call.comparators]
        yield from ("a comparison" for side in sides if _is_duration(side))


def _is_number(node: ast.expr) -> bool:
    """Whether it is a number above 1 or a duration, or holds one."""
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return any(_is_number(item) for item in node.elts)
    if isinstance(node, ast.Dict):
        return any(_is_number(item) for item in node.values)
    if isinstance(node, ast.BinOp):
        return _is_number(node.left) or _is_number(node.right)
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float) and node.value not in (0, 1)
    return _is_duration(node)


def _is_duration(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("timedelta"):
        return False
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    return any(isinstance(value, ast.Constant) and value.value != 0 for value in given)


def _find_texts(source: str) -> Iterator[tuple[int, str]]:
    """Every text of a module with its line, but docstrings and what is logged."""
    tree = ast.parse(source)
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log."):
            skipped |= {id(child) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped or not isinstance(node, (ast.Constant, ast.JoinedStr)):
            continue
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(child) for child in ast.walk(node)}
            yield (
                node.lineno,
                "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "x"
                    for part in node.values
                ),
            )
        elif isinstance(node.value, str):
            yield node.lineno, node.value


def _modules() -> Iterator[tuple[str, str]]:
    for path in sorted(_ROOM.rglob("*.py")):
        yield path.relative_to(_ROOM).as_posix(), path.read_text(encoding="utf-8")


def test_no_threshold_stands_in_storage() -> None:
    found = {f"{name}:{number}" for name, source in _modules() for number in _find_numbers(source)}
    assert found == set(_TECHNICAL)


def test_storage_speaks_to_nobody() -> None:
    found = [
        f"{name}:{line}: {text}"
        for name, source in _modules()
        if not name.startswith(_BORDERS)
        for line, text in _find_texts(source)
        if _SENTENCE.search(text)
    ]
    assert found == []


def test_storage_knows_no_command() -> None:
    found = [
        f"{name}:{line}: {text}"
        for name, source in _modules()
        for line, text in _find_texts(source)
        if _HINT.search(text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        "GONE_AFTER_SCANS = 3",
        "GONE_AFTER: Final = timedelta(days=2)",
        "RETRIES = (timedelta(minutes=5), timedelta(minutes=30))",
        "class Rules:\n    share: float = 0.5",
        "WEEK = 7 * DAY",
        "def find(conn, *, window=500): ...",
        "def find(conn, longest: timedelta = timedelta(minutes=5)): ...",
        "def is_due(row, now): return now - row.at >= timedelta(days=1)",
    ],
)
def test_a_planted_threshold_is_found(planted: str) -> None:
    assert list(_find_numbers(planted))


@pytest.mark.parametrize(
    "planted",
    [
        'raise NotFound(f"there is no match {match_id}")',
        'values["last_error"] = "stopped before it was sent"',
        'return f"{path} holds {count} matches of yours"',
    ],
)
def test_a_planted_sentence_is_found(planted: str) -> None:
    assert any(_SENTENCE.search(text) for _, text in _find_texts(planted))


@pytest.mark.parametrize(
    "planted", ['raise StoreError("run `monitor db upgrade`")', 'x = f"{name}: say --site"']
)
def test_a_planted_hint_is_found(planted: str) -> None:
    assert any(_HINT.search(text) for _, text in _find_texts(planted))
