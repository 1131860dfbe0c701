"""How each type of marketplace is configured and how its site talks: one module a type.

Every module here named like a type has a `DIALECT`; the contract suite runs over all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from monitor.marketplaces.plug_in import Answer, Judge
from monitor.marketplaces.testing import Dialect
from monitor.model import Observation

ANSWERS = Path(__file__).parents[2] / "marketplaces" / "answers"


@dataclass(frozen=True)
class BuiltIn(Dialect):
    """The dialect of a built-in type, with its pure reading of an answer from the address `url`."""

    _: KW_ONLY
    url: str
    judge: Judge
    parse: Callable[[bytes], Sequence[Observation]]

    def read(self, body: bytes) -> Sequence[Observation]:
        """The listings of an answer, judged as after the wire. Raises MarketplaceError."""
        refusal = self.judge(Answer(self.url, 200, {}, body))
        if refusal is not None:
            raise refusal
        return self.parse(body)


def load_dialects() -> dict[str, BuiltIn]:
    """Every dialect, by the name of its type."""
    found = {}
    for module in iter_modules(__path__):
        dialect = import_module(f"{__name__}.{module.name}").DIALECT
        assert isinstance(dialect, BuiltIn)
        found[module.name] = dialect
    return found


def load_answers(type_name: str) -> dict[str, bytes]:
    """The stored answers of a type's site, by name."""
    return {path.name: path.read_bytes() for path in sorted((ANSWERS / type_name).glob("*.json"))}


def parse(text: str) -> object:
    """A JSON text as Python values, for answers written in a dialect."""
    value: object = json.loads(text)
    return value
