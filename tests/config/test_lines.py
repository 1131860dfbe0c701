from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.lines import find_lines, line_of
from monitor.options import KeyPath

TEXT = '''\
# a comment with = and [brackets]
title = "x" # [not.a.table]
dotted . "quoted key" . 'literal' = 1
inline = { a = 1, b.c = [1, 2], "d" = {e = 2} }

[table]
multi = """
[no]
key = 1
""\\""" more"""
raw = \'\'\'
= '' [
\'\'\'
list = [
  "a", # one
  [ "b",
    "]" ],
  { c = 1 },

  1979-05-27 07:32:00,
]
[table.sub."a.b"]
x=1
[[array]]
one = 1
[array.sub]
two = 2
[[array]]
one = 1
  [[array.inner]]
  three = 3
  [[array.inner]]
  four = 4
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("dotted",), 3),
        (("dotted", "quoted key", "literal"), 3),
        (("inline", "b", "c", 1), 4),
        (("inline", "d", "e"), 4),
        (("table",), 6),
        (("table", "multi"), 7),
        (("table", "raw"), 11),
        (("table", "list"), 14),
        (("table", "list", 0), 15),
        (("table", "list", 1), 16),
        (("table", "list", 1, 1), 17),
        (("table", "list", 2, "c"), 18),
        (("table", "list", 3), 20),
        (("table", "sub", "a.b", "x"), 23),
        (("array",), 24),
        (("array", 0), 24),
        (("array", 0, "one"), 25),
        (("array", 0, "sub", "two"), 27),
        (("array", 1), 28),
        (("array", 1, "inner", 0, "three"), 31),
        (("array", 1, "inner", 1), 32),
        (("array", 1, "inner", 1, "four"), 33),
    ],
)
def test_every_kind_of_key_is_found(path: KeyPath, line: int) -> None:
    assert find_lines(TEXT)[path] == line


def test_exactly_what_the_text_holds_is_found() -> None:
    assert set(find_lines(TEXT)) == set(paths_in(tomllib.loads(TEXT)))


def test_a_missing_key_is_placed_at_the_table_around_it() -> None:
    lines = find_lines(TEXT)
    assert line_of(lines, ("array", 1, "name")) == 28
    assert line_of(lines, ("nothing", "here")) == 0


def test_a_table_that_comes_after_its_sub_table_has_its_own_line() -> None:
    assert find_lines("[a.b]\nx = 1\n[a]\ny = 2\n")[("a",)] == 3


def test_windows_line_ends_are_counted_once() -> None:
    assert find_lines('a = """\r\nx\r\n"""\r\nb = 1\r\n')[("b",)] == 4


def test_the_longest_text_takes_a_moment_only() -> None:
    text = "[[t]]\nlist = [\n" + "1,\n" * 50_000 + "]\n" + 'long = """' + '""x\n' * 50_000 + '"""\n'
    lines = find_lines(text)
    assert lines[("t", 0, "long")] == 50_004


def paths_in(value: object, path: KeyPath = ()) -> list[KeyPath]:
    found: list[KeyPath] = [path] if path else []
    if isinstance(value, Mapping):
        for key, item in value.items():
            found += paths_in(item, (*path, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += paths_in(item, (*path, index))
    return found


@given(st.text(alphabet="[]{}=\"'.,#\n\r\t \\abc01é", max_size=60))
@settings(max_examples=500)
def test_any_text_is_read_without_an_error(text: str) -> None:
    last = text.count("\n") + 1
    assert all(1 <= line <= last for line in find_lines(text).values())


@given(st.text(alphabet="[]{}=\"'.,#\n \\a1", max_size=40))
@settings(max_examples=1000)
def test_any_valid_text_is_read_whole(text: str) -> None:
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(find_lines(text)) == set(paths_in(value))


KEYS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6),
)
STRINGS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
SCALARS = st.one_of(
    STRINGS.map(lambda text: json.dumps(text, ensure_ascii=False)),
    STRINGS.filter(lambda text: "'" not in text).map(lambda text: f"'{text}'"),
    STRINGS.map(lambda text: '"""\n' + json.dumps(text, ensure_ascii=False)[1:-1] + '\n"""'),
    st.sampled_from(["true", "1", "-1.5e3", "inf", "1979-05-27 07:32:00", "07:32:00", "''''''"]),
)
GAPS = st.sampled_from(["", " ", "\n", " # ] comment\n  ", "\n\n"])


def _array(items: list[str], gap: str) -> str:
    return "[" + gap + f",{gap}".join(items) + gap + "]"


def _inline(items: dict[str, str]) -> str:
    pairs = [f"{json.dumps(key, ensure_ascii=False)} = {item}" for key, item in items.items()]
    return "{ " + ", ".join(pairs) + " }"


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(_array, st.lists(inner, max_size=3), GAPS),
        st.dictionaries(KEYS, inner.filter(lambda text: "\n" not in text), max_size=3).map(_inline),
    ),
    max_leaves=6,
)
TABLES = st.lists(
    st.tuples(st.booleans(), st.lists(KEYS, min_size=1, max_size=3), st.dictionaries(KEYS, VALUES)),
    max_size=4,
)


@given(TABLES)
@settings(max_examples=200, deadline=None)
def test_generated_toml_is_read_whole_and_each_key_is_on_its_line(
    tables: list[tuple[bool, list[str], dict[str, str]]],
) -> None:
    text = ""
    for is_array, header, pairs in tables:
        name = ".".join(json.dumps(key, ensure_ascii=False) for key in header)
        text += f"[[{name}]]\n" if is_array else f"[{name}]\n"
        for key, value in pairs.items():
            text += f"{json.dumps(key, ensure_ascii=False)} = {value}\n"
    try:
        parsed: object = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # two tables of one name, say
    lines = find_lines(text)
    assert set(lines) == set(paths_in(parsed))
    rows = text.split("\n")
    for path, line in lines.items():
        if isinstance(path[-1], str):
            assert json.dumps(path[-1], ensure_ascii=False) in rows[line - 1]
