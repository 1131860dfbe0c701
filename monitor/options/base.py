"""The base of all options, and where the config that they come from stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Self, TypeAlias, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

# ("watch", 0, "images"): keys, and the index in an array.
KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """What relative paths of a config count from: its `folder`, and `state` for what we store.

    Handed to the validation as its context; where there is none, paths stay as they are.
    """

    folder: Path
    state: Path
    environ: Mapping[str, str]

    def resolve(self, text: str, folder: Path | None = None) -> Path:
        """An absolute path; `~/x` lies below $HOME. Raises ValueError."""
        if not text or "\0" in text:
            raise ValueError("not a path")
        home = self.environ.get("HOME")
        if home and text.startswith("~/"):
            text = f"{home}{text[1:]}"
        return ((folder or self.folder) / text).absolute()


class IsSecret:
    """Marks a text that no message and no log may show, beside those that are SecretStr."""


class Options(BaseModel):
    """A table of the config, or the part of one that a room owns.

    Unknown keys are errors; values are taken as they are written, never converted; no message
    repeats a value, which may be a secret.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    @classmethod
    def keys_of(cls, table: Mapping[str, object]) -> dict[str, FieldInfo]:  # noqa: ARG003
        """The keys that `table` may have, as the file writes them."""
        return {item.alias or name: item for name, item in cls.model_fields.items()}

    @classmethod
    def references_in(cls, table: Mapping[str, object]) -> Iterator[tuple[str, bool]]:
        """The keys of `table` that may say where their text stands, each with whether it is secret.

        Secret ones only, unless a subclass knows more.
        """
        for key, item in cls.model_fields.items():
            if key in table and is_secret(item):
                yield key, True

    @classmethod
    def contradictions(cls, given: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:  # noqa: ARG003
        """What several keys say against each other, each with where: () is the table as a whole.

        Values are as they were given: one of a wrong type is left to its own problem.
        """
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _tell_all_at_once(
        cls, given: object, handler: ModelWrapValidatorHandler[Self], _: ValidationInfo
    ) -> Self:
        """Contradictions are told along with the problems of single keys."""
        if not isinstance(given, Mapping):
            return handler(given)
        found = [problem(path, message) for path, message in cls.contradictions(given)]
        try:
            made = handler(given)
        except ValidationError as error:
            if not found:
                raise
            raise told_anew(error, found) from None
        if found:
            raise ValidationError.from_exception_data(cls.__name__, found, hide_input=True)
        return made


def problem(path: KeyPath, message: str, kind: str = "contradiction") -> InitErrorDetails:
    """One problem of a validation, with its whole message."""
    told = PydanticCustomError(kind, "{message}", {"message": message})
    return InitErrorDetails(type=told, loc=path, input=None)


def told_anew(
    error: ValidationError, more: Iterable[InitErrorDetails] = (), without: str | None = None
) -> ValidationError:
    """The same problems and more; their places without the first part `without`."""
    found = [
        problem(
            item["loc"][1:] if item["loc"][:1] == (without,) else item["loc"],
            item["msg"],
            item["type"],
        )
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return ValidationError.from_exception_data(error.title, [*found, *more], hide_input=True)


def is_secret(item: FieldInfo) -> bool:
    """Whether a key's text is a secret."""
    is_marked = any(isinstance(mark, IsSecret) for mark in item.metadata)
    return is_marked or may_hold(item.annotation, SecretStr)


def may_hold(annotation: object, *kinds: type) -> bool:
    """Whether a type, or a branch of a union, is one of `kinds`."""
    if isinstance(annotation, type):
        return issubclass(annotation, kinds)
    if get_origin(annotation) not in (Union, UnionType, Annotated):
        return False
    return any(may_hold(part, *kinds) for part in get_args(annotation))
