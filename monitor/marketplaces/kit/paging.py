"""Where a search stands between its pages: a cursor of plain numbers."""

from __future__ import annotations

import re

_CURSOR = re.compile(r"[0-9]{1,9}(?::[0-9]{1,9})*")


def write_cursor(*numbers: int) -> str:
    """Numbers as a cursor, such as `2:40`."""
    return ":".join(map(str, numbers))


def read_cursor(cursor: str | None, *start: int) -> tuple[int, ...]:
    """The numbers of a cursor; `start` where there is none or it is one of another kind.

    A cursor that an earlier version or other options wrote starts the search anew.
    """
    numbers = read_numbers(cursor)
    return numbers if len(numbers) == len(start) else start


def read_page(cursor: str | None, max_pages: int) -> tuple[int, int]:
    """(page, from 1; how many listings came before it) of a cursor of these two numbers.

    The first page, before which there are none, where the cursor is of another kind or goes beyond
    `max_pages`.
    """
    page, seen = read_cursor(cursor, 1, 0)
    return (page, seen) if 1 < page <= max_pages else (1, 0)


def read_numbers(cursor: str | None) -> tuple[int, ...]:
    """The numbers of a cursor, however many; () where there is none or it is of another kind."""
    if cursor is None or not _CURSOR.fullmatch(cursor):
        return ()
    return tuple(map(int, cursor.split(":")))


def has_more(*, page: int, got: int, page_size: int, total: int | None, max_pages: int) -> bool:
    """Whether there is a page after `page` (from 1), which held `got` items of `page_size` asked.

    An empty page ends a search, whatever `total` claims: it is an estimate on most sites. Where
    there is no total, a page that isn't full is the last one.
    """
    if got == 0 or page >= max_pages:
        return False
    return got >= page_size if total is None else page * page_size < total
