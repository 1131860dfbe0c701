"""Which command or option helps with an error: only the command line knows its own."""

from __future__ import annotations

from typing import Final

from monitor.errors import Ambiguous, MonitorError, SchemaMismatch, Unknown

# A noun, as errors have it -> what lists all of its kind.
_LISTED_BY: Final = {
    "alert": "alerts list",
    "asset": "assets list",
    "cluster": "matches list",
    "listing": "listings list",
    "marketplace": "marketplaces list",
    "match": "matches list",
    "seller": "sellers list",
    "silence": "silence list --all",
    "site": "sellers list",
    "watch": "watches list",
}
# ... -> how one of several is named.
_TOLD_APART_BY: Final = {
    "asset": "say which with --watch",
    "listing": "say --site",
    "seller": "say which by id, or with --site",
}


def explain(error: MonitorError) -> str:
    """The error in words, and what to do where a command or an option helps."""
    if isinstance(error, Unknown) and error.noun in _LISTED_BY:
        return f"{error}; `monitor {_LISTED_BY[error.noun]}` shows all"
    if isinstance(error, Ambiguous) and error.noun in _TOLD_APART_BY:
        return f"{error}: {_TOLD_APART_BY[error.noun]}"
    if isinstance(error, SchemaMismatch) and error.is_outdated:
        return f"{error} with `monitor db upgrade`"
    return str(error)
