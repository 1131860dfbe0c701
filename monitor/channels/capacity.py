"""What one message to a channel may hold."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model import MessageFormat


@dataclass(frozen=True, slots=True)
class Capacity:
    """`max_size` is in bytes of UTF-8 or in characters, of title and body together.

    `is_compact` asks for few lines, as in a chat. `pace_per_minute` is what the service takes.
    """

    max_size: int
    in_bytes: bool
    takes_pictures: bool
    format: MessageFormat
    is_compact: bool = False
    pace_per_minute: int | None = None

    def size(self, text: str) -> int:
        """How much of `max_size` a text takes."""
        return len(text.encode()) if self.in_bytes else len(text)

    def fits(self, text: str) -> bool:
        return self.size(text) <= self.max_size
