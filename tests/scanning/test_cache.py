"""What a process keeps between scans."""

from __future__ import annotations

import pytest

from monitor.scanning.cache import Cache


def test_the_values_used_last_are_kept_up_to_a_size() -> None:
    cache: Cache[str, int] = Cache(10)
    for number, key in enumerate("abc"):
        cache.put(key, number, size=4)
    assert [cache.get(key) for key in "abc"] == [None, 1, 2]
    assert cache.get("b") == 1
    cache.put("d", 3, size=4)
    assert [cache.get(key) for key in "bcd"] == [1, None, 3]
    cache.put("b", 11, size=2)
    cache.put("e", 5, size=4)
    assert [cache.get(key) for key in "bde"] == [11, 3, 5]


@pytest.mark.parametrize("size", [10, 11, 1_000])
def test_the_newest_is_kept_whatever_its_size(size: int) -> None:
    cache: Cache[str, int] = Cache(10)
    cache.put("a", 1)
    cache.put("b", 2, size=size)
    assert [cache.get(key) for key in "ab"] == [None, 2]
    cache.put("b", 3)
    cache.put("c", 4)
    assert [cache.get(key) for key in "bc"] == [3, 4]
    cache.drop("b")
    cache.drop("b")
    cache.put("d", 5, size=9)
    assert [cache.get(key) for key in "bcd"] == [None, 4, 5]
