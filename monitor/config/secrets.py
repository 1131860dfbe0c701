"""Values that stand elsewhere: { env = "NAME" }, { file = "PATH" } or { credential = "NAME" }."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from monitor.options import Origin

KINDS = ("env", "file", "credential")
_LARGEST_SECRET_BYTES = 64 * 1024
_FORMS = '{ env = "NAME" }, { file = "PATH" } or { credential = "NAME" }'


class Unresolved(Exception):
    """The secret is not there; the message says which variable or file, and what to do."""


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where secrets come from; relative files count from the config file's folder."""

    origin: Origin

    def resolve(self, reference: Mapping[str, object]) -> str:
        """The secret, without the newline at its end. Raises Unresolved."""
        if len(reference) != 1 or not set(reference) <= set(KINDS):
            raise Unresolved(f"a secret is a string, or one of {_FORMS}")
        ((kind, name),) = reference.items()
        if not isinstance(name, str) or not name or "\0" in name:
            raise Unresolved(f"{kind} needs a name in quotes")
        if kind == "env":
            return self._from_environment(name)
        if kind == "file":
            return _read(self.origin.resolve(name))
        return self._from_credential(name)

    def _from_environment(self, name: str) -> str:
        value = self.origin.environ.get(name)
        if value is None:
            raise Unresolved(f"the environment variable {name} is not set")
        value = value.rstrip("\r\n")
        if not value:
            raise Unresolved(f"the environment variable {name} is empty")
        return value

    def _from_credential(self, name: str) -> str:
        if "/" in name or name in (".", ".."):
            raise Unresolved(f"credential takes a name, not a path: {name}")
        folder = self.origin.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise Unresolved(
                f"credential {name}: CREDENTIALS_DIRECTORY is not set; systemd sets it for a "
                f"service whose unit says LoadCredential={name}:PATH"
            )
        return _read(Path(folder) / name)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_SECRET_BYTES + 1)
    except OSError as error:
        raise Unresolved(f"the secret file {path} can't be read: {error.strerror}") from None
    if len(data) > _LARGEST_SECRET_BYTES:
        raise Unresolved(f"the secret file {path} is too large to be a secret")
    try:
        value = data.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise Unresolved(f"the secret file {path} is not UTF-8 text") from None
    if not value:
        raise Unresolved(f"the secret file {path} is empty")
    return value
