"""Where in a TOML text each key stands.

tomllib gives values without their places, and a problem without its line is a riddle. This reads
the text a second time, for keys and lines only; what it can't follow it leaves out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress

from monitor.options import KeyPath

_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_LINE_REST = re.compile(r"[^\n]*\n?")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^\s,\]}#]+(?: [0-9][^\s,\]}#]*)?")
# The longer quotes first: `""` would match the beginning of `\"\"\"`.
_STRINGS = (
    re.compile(r'"""(?:[^\\"]|\\[\s\S]|"{1,2}(?!"))*"{3,5}'),
    re.compile(r"'''(?:[^']|'{1,2}(?!'))*'{3,5}"),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


def find_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) of every key, table and array element of a valid TOML text.

    A text that is not valid gives what could be followed up to there; never raises.
    """
    finder = _Finder(text)
    with suppress(_Lost, RecursionError):
        finder.read_document()
    return finder.lines


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of a key, or of the nearest thing around it that has one; 0 if nothing has."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 0


class _Lost(Exception):
    """The text is not the TOML that we know."""


class _Finder:
    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0
        self._array_sizes: dict[KeyPath, int] = {}

    def read_document(self) -> None:
        table: KeyPath = ()
        while True:
            self._skip(_GAP)
            if self._at >= len(self._text):
                return
            if self._text[self._at] == "[":
                table = self._read_header()
            else:
                self._read_pair(table)
            self._skip(_LINE_REST)

    def _read_header(self) -> KeyPath:
        is_array = self._text.startswith("[[", self._at)
        line = self._line_here()
        self._at += 2 if is_array else 1
        path = self._note_keys((), self._read_keys(), line)
        if is_array:
            index = self._array_sizes.get(path, 0)
            self._array_sizes[path] = index + 1
            path = (*path, index)
        # `[a.b]` may come before `[a]`: the table's own header says best where it is
        self.lines[path] = line
        return path

    def _note_keys(self, table: KeyPath, keys: list[str], line: int) -> KeyPath:
        """Walk down from `table`; a key that is an array of tables means its last element."""
        path = table
        for position, key in enumerate(keys):
            path = (*path, key)
            self.lines.setdefault(path, line)
            if position < len(keys) - 1 and path in self._array_sizes:
                path = (*path, self._array_sizes[path] - 1)
        return path

    def _read_pair(self, table: KeyPath) -> None:
        line = self._line_here()
        path = self._note_keys(table, self._read_keys(), line)
        self._expect("=")
        self._skip(_SPACE)
        self._read_value(path)

    def _read_keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._skip(_SPACE)
            keys.append(self._read_key())
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _read_key(self) -> str:
        if bare := self._take(_BARE_KEY):
            return bare
        quoted = self._take(*_STRINGS[2:])
        try:
            return str(tomllib.loads(f"key = {quoted}")["key"])
        except tomllib.TOMLDecodeError:
            raise _Lost from None

    def _read_value(self, path: KeyPath) -> None:
        if self._text.startswith("[", self._at):
            self._read_array(path)
        elif self._text.startswith("{", self._at):
            self._read_inline_table(path)
        elif not self._take(*_STRINGS) and not self._take(_SCALAR):
            raise _Lost

    def _read_array(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        while True:
            self._skip(_GAP)
            if self._text.startswith("]", self._at):
                self._at += 1
                return
            self.lines[(*path, index)] = self._line_here()
            self._read_value((*path, index))
            index += 1
            self._skip(_GAP)
            if not self._text.startswith("]", self._at):
                self._expect(",")

    def _read_inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while True:
            self._skip(_GAP)
            if self._text.startswith("}", self._at):
                self._at += 1
                return
            self._read_pair(path)
            self._skip(_GAP)
            if not self._text.startswith("}", self._at):
                self._expect(",")

    # -- the text

    def _expect(self, sign: str) -> None:
        self._skip(_SPACE)
        if not self._text.startswith(sign, self._at):
            raise _Lost
        self._at += len(sign)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _take(self, *patterns: re.Pattern[str]) -> str:
        """What the first fitting pattern matches here, or nothing."""
        for pattern in patterns:
            if match := pattern.match(self._text, self._at):
                self._at = match.end()
                return match[0]
        return ""

    def _line_here(self) -> int:
        """Counted on from the last time, so that the whole text is counted once."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line
