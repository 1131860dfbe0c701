"""What every room's options have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from monitor.options import (
    Delay,
    Duration,
    Folder,
    KeyPath,
    Names,
    Options,
    Origin,
    Score,
    Secret,
    SomeNames,
    StatePath,
    Text,
    all_of,
)


class Oven(Options):
    """A table as a room might have it."""

    name: Text
    heat: Score = 0.5
    least: Score = 0.1
    every: Duration = timedelta(hours=1)
    wait: Delay = timedelta(0)
    shelves: Names = []  # noqa: RUF012
    key: SecretStr | None = None
    url: Annotated[str, Secret()] = ""
    folder: Folder | None = None
    store: StatePath | None = None
    tags: Annotated[frozenset[str], all_of(Text, frozenset)] = frozenset()

    @classmethod
    def contradictions(cls, given: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:
        yield from super().contradictions(given)
        least, heat = given.get("least"), given.get("heat")
        if isinstance(least, float) and isinstance(heat, float) and least > heat:
            yield ("least",), "it is above heat"


class Kitchen(Options):
    """A table that holds others."""

    oven: dict[str, Oven]


def problems(model: type[Options], table: object) -> list[tuple[KeyPath, str]]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(table)
    return [(item["loc"], item["msg"]) for item in caught.value.errors(include_url=False)]


def test_contradictions_are_told_along_with_the_problems_of_single_keys() -> None:
    table = {"name": "", "heat": 0.2, "least": 0.3, "extra": 1}
    found = problems(Kitchen, {"oven": {"big": table}})
    assert {path for path, _ in found} == {
        ("oven", "big", "name"),
        ("oven", "big", "least"),
        ("oven", "big", "extra"),
    }
    assert (("oven", "big", "least"), "it is above heat") in found


def test_a_contradiction_alone_is_a_problem_too() -> None:
    assert problems(Oven, {"name": "x", "heat": 0.2, "least": 0.3}) == [
        (("least",), "it is above heat")
    ]


def test_our_own_code_is_held_to_the_same() -> None:
    with pytest.raises(ValidationError, match="above heat"):
        Oven(name="x", heat=0.2, least=0.3)


def test_options_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Oven(name="x").name = "y"


@pytest.mark.parametrize("value", [3_600, 1.5, True, "1 h", "0s", None])
def test_a_duration_is_a_text_with_its_unit(value: object) -> None:
    ((path, _),) = problems(Oven, {"name": "x", "every": value})
    assert path == ("every",)


def test_our_own_code_gives_durations_as_such() -> None:
    assert Oven(name="x", every=timedelta(0)).every == timedelta(0)
    assert Oven.model_validate({"name": "x", "every": "90m"}).every == timedelta(minutes=90)
    assert Oven.model_validate({"name": "x", "wait": "0s"}).wait == timedelta(0)


def test_names_are_listed_once() -> None:
    found = problems(Oven, {"name": "x", "shelves": ["a", "b", "a", "a"]})
    assert found == [
        (("shelves", 2), '"a" is listed twice'),
        (("shelves", 3), '"a" is listed twice'),
    ]


def test_a_list_becomes_the_collection_that_the_room_wants() -> None:
    assert Oven.model_validate({"name": "x", "tags": ["a", "b"]}).tags == {"a", "b"}
    assert Oven(name="x", tags=frozenset("ab")).tags == {"a", "b"}
    for tags, path in (([], ("tags",)), (["a", "a"], ("tags", 1)), ("a", ("tags",))):
        ((found, _),) = problems(Oven, {"name": "x", "tags": tags})
        assert found == path


def test_a_condition_names_something() -> None:
    class Route(Options):
        sites: SomeNames

    ((path, message),) = problems(Route, {"sites": []})
    assert path == ("sites",)
    assert message.startswith("List should have at least 1 item")


def test_secrets_are_known_by_their_type_or_their_mark() -> None:
    table: dict[str, object] = {"name": "x", "key": "k", "url": "u", "heat": 1.0}
    assert set(Oven.references_in(table)) == {("key", True), ("url", True)}
    assert set(Oven.references_in({"key": "k"})) == {("key", True)}


@given(st.text(min_size=8), st.sampled_from(["name", "heat", "every", "key", "url", "shelves"]))
def test_no_problem_repeats_what_was_written(value: str, key: str) -> None:
    text = f"S3cret{value}"
    table = {"name": "x", key: [text], "extra": text}
    assert all("S3cret" not in message for _, message in problems(Oven, table))
    with pytest.raises(ValidationError) as caught:
        Oven.model_validate(table)
    assert "S3cret" not in str(caught.value)


def origin(folder: Path, **environ: str) -> Origin:
    return Origin(folder, folder / "state", environ)


def test_paths_of_a_file_count_from_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    table = {"name": "x", "folder": "ours", "store": "pictures"}
    found = Oven.model_validate(table, context=origin(tmp_path))
    assert found.folder == tmp_path / "ours"
    assert found.store == tmp_path / "state" / "pictures"
    home = Oven.model_validate(
        {"name": "x", "folder": "~/ours"}, context=origin(tmp_path / "x", HOME=str(tmp_path))
    )
    assert home.folder == tmp_path / "ours"


def test_paths_of_our_own_code_are_taken_as_they_are(tmp_path: Path) -> None:
    assert Oven(name="x", folder=tmp_path / "to come").folder == tmp_path / "to come"
    assert Oven(name="x", store=Path("pictures")).store == Path("pictures")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nowhere", "there is no folder"),
        ("file", "is not a folder"),
        ("a\0b", "the folder can't be read: not a path"),
        ("", "at least 1 character"),
        (5, "valid string"),
    ],
)
def test_a_folder_that_can_not_be_used_is_told(tmp_path: Path, text: object, message: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValidationError, match=message):
        Oven.model_validate({"name": "x", "folder": text}, context=origin(tmp_path))
