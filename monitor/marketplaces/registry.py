"""The types of marketplaces a config may name: the built-in ones and installed plug-ins."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from pydantic import BaseModel

from monitor.errors import InputError
from monitor.marketplaces.base import Adapter, Marketplace, Outside

# Plug-ins of others register an `Adapter` under this group; the entry's name is the config's type.
PLUG_INS: Final = "infringement_monitor.marketplaces"

# Type -> its module in `sites`, which is loaded only when the type is used.
BUILT_IN: Final[Mapping[str, str]] = {
    "alibaba_1688": "alibaba_1688.adapter",
    "guide_1688": "guide_1688",
    "tmapi_1688": "tmapi_1688",
    "onebound": "onebound",
    "ebay": "ebay.adapter",
    "aliexpress": "iop.aliexpress",
    "taobao_global": "iop.taobao_global",
    "tineye": "tineye",
    "google_vision": "google_vision",
    "serpapi_lens": "serpapi_lens",
    "yandex": "yandex",
    "folder": "folder.adapter",
    "http_json": "http_json.adapter",
}


def known_types() -> list[str]:
    """The types a config may name, sorted: the built-in ones and installed plug-ins."""
    return sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=PLUG_INS))})


def options_model(type_name: str) -> type[BaseModel]:
    """The model that validates a marketplace's own keys. Raises InputError for an unknown type."""
    model: type[BaseModel] = _load(type_name).options
    return model


def describe(type_name: str) -> tuple[str, str]:
    """(summary, needs) of a type. Raises InputError for an unknown one."""
    adapter = _load(type_name)
    return adapter.summary, adapter.needs


def account_key(type_name: str, name: str, options: BaseModel) -> str:
    """What all marketplaces of one account share: the key of their pace and their memory.

    A digest where the account has a key of its own, so that the key itself is stored nowhere.
    """
    account = _load(type_name).account(options)
    if account is None:
        return name
    return f"{type_name}:{hashlib.sha256(account.encode()).hexdigest()[:16]}"


def create(type_name: str, name: str, options: BaseModel, outside: Outside) -> Marketplace:
    """The marketplace `name` of a type, with `options` of its model.

    Raises InputError for an unknown type or options of another one.
    """
    adapter = _load(type_name)
    if not isinstance(options, adapter.options):
        raise InputError(f"marketplace {name}: these options are not those of type {type_name!r}")
    marketplace: Marketplace = adapter.build(name, options, outside)
    return marketplace


def _find_entry(type_name: str) -> EntryPoint | None:
    """A type's entry; a plug-in can't take the name of a built-in type.

    Installed packages are searched for no built-in type: that takes 20 ms.
    """
    if module := BUILT_IN.get(type_name):
        value = f"monitor.marketplaces.sites.{module}:ADAPTER"
        return EntryPoint(type_name, value, PLUG_INS)
    return next(iter(entry_points(group=PLUG_INS, name=type_name)), None)


def _load(type_name: str) -> Adapter[Any]:
    entry = _find_entry(type_name)
    if entry is None:
        raise InputError(
            f"there is no marketplace type {type_name!r}; known are: {', '.join(known_types())}"
        )
    try:
        adapter: object = entry.load()
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"the plug-in {entry.value} of marketplace type {type_name!r} can't be loaded: {error}"
        ) from error
    if not isinstance(adapter, Adapter):
        raise InputError(f"the plug-in {entry.value} of type {type_name!r} is not an Adapter")
    return adapter
