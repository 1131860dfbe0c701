"""The kinds of values that keys of several rooms have."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import PydanticKnownError

from monitor.errors import InputError
from monitor.options.base import IsSecret, Origin, problem
from monitor.schedule.cron import load_zone
from monitor.schedule.durations import parse_duration

T = TypeVar("T")
CollectionT = TypeVar("CollectionT", bound=Collection[object])


def read_text(value: object, parse: Callable[[str], object], example: str, *kinds: type) -> object:
    """Texts only: a bare number would be seconds to one reader and minutes to the next.

    What is one of `kinds` already is taken as it is: no file can hold one, only code gives it.
    """
    if isinstance(value, kinds):
        return value
    if not isinstance(value, str):
        raise ValueError(f'write a text in quotes, such as "{example}"')  # noqa: TRY004
    return parse(value)


def from_text(parse: Callable[[str], object], example: str, *kinds: type) -> BeforeValidator:
    """As `read_text`, for an annotation."""
    return BeforeValidator(lambda value: read_text(value, parse, example, *kinds))


def _each_once(names: list[T]) -> list[T]:
    twice = [index for index, name in enumerate(names) if name in names[:index]]
    if twice:
        found = [problem((index,), f'"{names[index]}" is listed twice') for index in twice]
        raise ValidationError.from_exception_data("names", found, hide_input=True)
    return names


def all_of(
    item: object, make: Callable[[list[T]], CollectionT], *, least: int = 1
) -> PlainValidator:
    """A list in the file, of at least so many different items, as another collection.

    By default a condition that names nothing is refused: one would read it as "any", the next as
    "none".
    """
    adapter: TypeAdapter[list[T]] = TypeAdapter(
        Annotated[  # type: ignore[arg-type]
            list[item],  # type: ignore[valid-type]
            Field(strict=True, min_length=least),
            AfterValidator(_each_once),
        ]
    )

    def validate(value: object) -> CollectionT:
        if isinstance(value, (tuple, set, frozenset)):
            return make(list(value))  # by our own code: no file can hold one
        return make(adapter.validate_python(value))

    return PlainValidator(validate)


def _check_zone(name: str) -> str:
    try:
        load_zone(name)
    except InputError as error:
        raise ValueError(str(error)) from None
    return name


def _read_path(value: object) -> str | Path:
    if isinstance(value, Path):
        return value  # by our own code
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")
    if not value:
        raise PydanticKnownError("string_too_short", {"min_length": 1})
    return value


def _state_path(value: object, info: ValidationInfo) -> Path:
    path = _read_path(value)
    if isinstance(info.context, Origin):
        return info.context.resolve(str(path), info.context.state)
    return Path(path)


def _existing(
    value: object, info: ValidationInfo, find_fault: Callable[[Path], str | None], what: str
) -> Path:
    """A path that can be used now, if it comes from a file; code may name one that is to come."""
    path = _read_path(value)
    if not isinstance(info.context, Origin):
        return Path(path)
    try:
        resolved = info.context.resolve(str(path))
        fault = find_fault(resolved)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ValueError(f"the {what} can't be read: {reason}") from None
    if fault:
        raise ValueError(fault)
    return resolved


def _fault_of_folder(path: Path) -> str | None:
    if not path.exists():
        return f"there is no folder {path}"
    if not path.is_dir():
        return f"{path} is not a folder"
    next(path.iterdir(), None)
    return None


def _fault_of_picture(path: Path) -> str | None:
    return None if path.is_file() else f"there is no picture file {path}"


Text = Annotated[str, Field(min_length=1)]
# Marks a text that is a secret, where it can't be a SecretStr.
Secret: TypeAlias = IsSecret
Names = Annotated[list[Text], AfterValidator(_each_once)]
SomeNames = Annotated[list[Text], Field(min_length=1), AfterValidator(_each_once)]
Percent = Annotated[float, Field(gt=0, le=1_000, allow_inf_nan=False)]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Duration = Annotated[timedelta, from_text(parse_duration, "6h", timedelta)]
# A duration that may be none at all.
Delay = Annotated[
    timedelta, from_text(partial(parse_duration, least=timedelta(0)), "30s", timedelta)
]
ZoneName = Annotated[Text, AfterValidator(_check_zone)]
# A folder that is there; relative ones count from the config's.
Folder = Annotated[
    Path, BeforeValidator(partial(_existing, find_fault=_fault_of_folder, what="folder"))
]
PictureFile = Annotated[
    Path, BeforeValidator(partial(_existing, find_fault=_fault_of_picture, what="picture"))
]
# What we store: relative ones count from $STATE_DIRECTORY where there is one.
StatePath = Annotated[Path, BeforeValidator(_state_path)]
