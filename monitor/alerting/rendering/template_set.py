"""Our templates, and those of the user's folder that stand in for them.

Every value a template shows is escaped for its format. A template of the user's that fails is
left aside for the message in hand: no alert is lost for its looks.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from monitor.alerting.rendering.escaping import Ready, escape_for, one_line
from monitor.errors import MonitorError
from monitor.model import MessageFormat

log = logging.getLogger(__name__)

BUILT_IN: Final = Path(__file__).with_name("templates")
# A template of the user's may extend or include ours under this name: `ours/match.html`.
PREFIX: Final = "ours"

_SUFFIXES: Final = {
    MessageFormat.TEXT: "txt",
    MessageFormat.MARKDOWN: "md",
    MessageFormat.HTML: "html",
}


class BrokenTemplateError(MonitorError):
    """A template of the user's can't be used, `name` without the folder."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"template {name}: {problem}")
        self.name = name
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Book:
    """The templates of one format. `left_aside` are the user's that failed, with the reason.

    `words` is what templates know by that name.
    """

    form: MessageFormat
    folder: Path | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    left_aside: Mapping[str, str] = field(default_factory=dict)

    def render(self, kind: str, **variables: object) -> str:
        """The template `kind` filled in. Raises BrokenTemplateError for one of the user's."""
        name, folder = self.name(kind), self._users_folder(kind)
        variables["words"] = self.words
        if folder is None:
            return _ours(self.form).get_template(name).render(variables)
        try:
            return _users(self.form, folder).get_template(name).render(variables)
        except Exception as error:
            # Border: what a template does is its author's, and an alert has to go out.
            raise BrokenTemplateError(name, _reason(error)) from error

    def name(self, kind: str) -> str:
        return f"{kind}.{_SUFFIXES[self.form]}"

    def is_users(self, kind: str) -> bool:
        """Whether the user's folder has this template and it has not failed."""
        return self._users_folder(kind) is not None

    def _users_folder(self, kind: str) -> Path | None:
        name = self.name(kind)
        if self.folder is None or name in self.left_aside:
            return None
        return self.folder if (self.folder / name).exists() else None

    def without(self, broken: BrokenTemplateError) -> Book:
        """The same, with ours in place of a broken one. Logged once for each reason."""
        _log_once(self.folder, broken.name, broken.problem)
        return replace(self, left_aside={**self.left_aside, broken.name: broken.problem})


@lru_cache(maxsize=64)
def _log_once(folder: Path | None, name: str, problem: str) -> None:
    log.warning("template %s in %s is not used: %s", name, folder, problem)


def _reason(error: Exception) -> str:
    line = getattr(error, "lineno", None)
    where = f"line {line}: " if isinstance(line, int) else ""
    return one_line(f"{where}{str(error) or type(error).__name__}", 160)


@lru_cache(maxsize=8)
def _ours(form: MessageFormat) -> Environment:
    return _environment(form, FileSystemLoader(BUILT_IN))


@lru_cache(maxsize=32)
def _users(form: MessageFormat, folder: Path) -> Environment:
    """Reads a file again when it has changed."""
    ours = FileSystemLoader(BUILT_IN)
    return _environment(
        form, ChoiceLoader([FileSystemLoader(folder), PrefixLoader({PREFIX: ours})])
    )


def _environment(form: MessageFormat, loader: FileSystemLoader | ChoiceLoader) -> Environment:
    """Jinja's own escaping knows HTML only; for Markdown each value is escaped as it is put in."""

    def finalize(value: object) -> object:
        return value if form is MessageFormat.HTML else Ready(escape_for(form, value))

    return Environment(
        autoescape=form is MessageFormat.HTML,  # noqa: S701
        finalize=finalize,
        loader=loader,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
