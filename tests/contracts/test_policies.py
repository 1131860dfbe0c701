"""A threshold stands in its room's policy.py, with its reason, and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import monitor

MONITOR = Path(monitor.__file__).parent
ROOMS = ("accounts", "alerting", "daemon", "health", "scanning")
# What fits a message is a matter of its format, and stands beside it.
FORMATS = "alerting/rendering/"
# What holds where the config says nothing stands beside its key.
DEFAULTS = "options.py"
# No thresholds: (file, name) -> what they are instead.
ALLOWED = {
    ("alerting/drawings.py", "_QUALITY"): "how a drawing is compressed",
    ("alerting/spacing.py", "_MINUTE"): "the unit of `pace_per_minute`",
    ("daemon/systemd.py", "_TIMEOUT_SECONDS"): "of a local socket",
}


def find_constants(source: str) -> Iterator[str]:
    """The names that are bound to a number or a duration at the top of a module or a class."""
    for scope in ast.walk(ast.parse(source)):
        if not isinstance(scope, ast.Module | ast.ClassDef):
            continue
        for statement in scope.body:
            if isinstance(statement, ast.Assign | ast.AnnAssign) and _is_threshold(statement.value):
                targets = (
                    statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                )
                yield from (ast.unparse(target) for target in targets)


def _is_threshold(value: ast.expr | None) -> bool:
    """Whether it has a number other than 0 in it, such as `timedelta(days=1)` has."""
    return value is not None and any(
        isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value
        for node in ast.walk(value)
    )


def _scattered(room: str) -> set[tuple[str, str]]:
    return {
        (path.relative_to(MONITOR).as_posix(), name)
        for path in (MONITOR / room).rglob("*.py")
        if path != MONITOR / room / "policy.py" and path.name != DEFAULTS
        for name in find_constants(path.read_text())
        if not path.relative_to(MONITOR).as_posix().startswith(FORMATS)
    }


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_of_a_room_has_a_threshold_of_its_own(room: str) -> None:
    assert _scattered(room) - ALLOWED.keys() == set()


@pytest.mark.parametrize("room", ROOMS)
def test_every_threshold_is_used_and_none_is_defined_twice(room: str) -> None:
    names = list(find_constants((MONITOR / room / "policy.py").read_text()))
    assert len(names) == len(set(names))
    used = {
        alias.name
        for path in MONITOR.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == f"monitor.{room}.policy"
        for alias in node.names
    }
    assert set(names) - used == set()


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("PATIENCE = timedelta(minutes=10)", ["PATIENCE"]),
        ("MOST: Final = 10_000", ["MOST"]),
        ("RETRIES = (timedelta(minutes=5), 0.5)", ["RETRIES"]),
        ("A = B = -1", ["A", "B"]),
        ("class C:\n    every: timedelta = timedelta(days=1)", ["every"]),
        ("log = logging.getLogger(__name__)", []),
        ("class C:\n    seen: int = 0\n    is_final: bool = True", []),
        ("def f() -> int:\n    most = 3\n    return most", []),
    ],
)
def test_what_counts_as_a_threshold(line: str, names: list[str]) -> None:
    assert list(find_constants(line)) == names
