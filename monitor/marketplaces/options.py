"""`[marketplaces.NAME]`: the type of a marketplace, and the options of that type beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo

from monitor.errors import InputError
from monitor.marketplaces.registry import account_key, options_model
from monitor.net.urls import is_web_address
from monitor.options import Options, Text, is_secret, may_hold, told_anew

# Fields that are no keys of the file: the table's own name, and the keys of its type together.
_NOT_KEYS = ("name", "options")


class NamedTable(dict[str, object]):
    """A table as the file has it, with its name: `[marketplaces.NAME]`."""

    def __init__(self, name: str, table: Mapping[str, object]) -> None:
        super().__init__(table)
        self.name = name


def with_names(tables: object) -> object:
    """Each table of a section with its name; what is no table is left as it is."""
    if not isinstance(tables, dict):
        return tables
    return {
        name: NamedTable(name, table) if isinstance(table, dict) else table
        for name, table in tables.items()
    }


def _check_type(kind: str) -> str:
    try:
        options_model(kind)
    except InputError as error:
        raise ValueError(str(error)) from None
    return kind


def _of_type(options: object, info: ValidationInfo) -> object:
    """The options of the type; without one there is nothing to say of them."""
    kind = info.data.get("type")
    if isinstance(options, BaseModel) or kind is None:
        return options if isinstance(options, BaseModel) else Options()
    return options_model(kind).model_validate(options)


def _check_proxy(value: SecretStr) -> SecretStr:
    """The message doesn't repeat it: it may hold a password."""
    if not is_web_address(value.get_secret_value()):
        raise ValueError("must be the address of a proxy, such as http://proxy.example:3128")
    return value


class MarketplaceOptions(Options):
    """A marketplace of a `type`, with the `options` of that type.

    `proxy` is the address of a forward proxy for calls; it may hold a password.
    """

    name: str
    type: Annotated[Text, AfterValidator(_check_type)]
    proxy: Annotated[SecretStr, AfterValidator(_check_proxy)] | None = None
    options: Annotated[BaseModel, BeforeValidator(_of_type)]

    @property
    def account_key(self) -> str:
        """Pace, use and memory are kept under it: marketplaces with one key share them."""
        return account_key(self.type, self.name, self.options)

    @classmethod
    def keys_of(cls, table: Mapping[str, object]) -> dict[str, FieldInfo]:
        own = super().keys_of(table)
        shared = {key: item for key, item in own.items() if key not in _NOT_KEYS}
        return {**_keys_of_type(table), **shared}

    @classmethod
    def references_in(cls, table: Mapping[str, object]) -> Iterator[tuple[str, bool]]:
        """Of the type's options any text may stand elsewhere, such as an `app_key`."""
        yield from super().references_in(table)
        for key, item in _keys_of_type(table).items():
            if key in table and may_hold(item.annotation, str, SecretStr):
                yield key, is_secret(item)

    @classmethod
    def find_account(cls, name: str, table: Mapping[str, object]) -> str | None:
        """The account key of a table, also where its other keys are wrong; None if it has none."""
        kind = table.get("type")
        try:
            model = options_model(kind) if isinstance(kind, str) else None
            if model is None:
                return None
            return account_key(str(kind), name, model.model_validate(cls._of_others(table)))
        except (InputError, ValidationError):
            return None  # told with its key

    @classmethod
    def _of_others(cls, table: Mapping[str, object]) -> dict[str, object]:
        """The keys that are the type's to know."""
        own = cls.model_fields.keys() - set(_NOT_KEYS)
        return {key: value for key, value in table.items() if key not in own}

    @model_validator(mode="wrap")
    @classmethod
    def _gather_options(cls, given: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(given, NamedTable):
            return handler(given)
        options = cls._of_others(given)
        own = {key: value for key, value in given.items() if key not in options}
        try:
            return handler({**own, "name": given.name, "options": options})
        except ValidationError as error:
            raise told_anew(error, without="options") from None


def _keys_of_type(table: Mapping[str, object]) -> dict[str, FieldInfo]:
    """The keys of a marketplace's type; none if that is unknown."""
    kind = table.get("type")
    try:
        model = options_model(kind) if isinstance(kind, str) else None
    except InputError:
        return {}
    return {item.alias or key: item for key, item in model.model_fields.items()} if model else {}
