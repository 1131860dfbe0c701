"""What the sandbox asks of its callers, and what it keeps about them: pace and tokens."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rules:
    """Credentials and limits; `rate` is searches and uploads in any one second, per dialect.

    `access_token` never expires, as the static tokens of 1688; `refresh_token` and client
    credentials are exchanged for tokens that live `token_seconds` (None: as long as the real
    site's). `clock_ahead_seconds` is how far the sandbox's clock is ahead of this machine's.
    """

    app_key: str = "sandbox"
    app_secret: str = "sandbox-secret"  # noqa: S105
    access_token: str = "sandbox-token"  # noqa: S105
    refresh_token: str = "sandbox-refresh"  # noqa: S105
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-client-secret"  # noqa: S105
    rate: int = 5
    max_items: int = 60
    slow_seconds: float = 60.0
    token_seconds: int | None = None
    clock_ahead_seconds: float = 0.0


@dataclass(slots=True)
class Pacer:
    """A strict counter: no more than `rate` calls in any sliding second."""

    rate: int
    clock: Callable[[], float]
    _calls: deque[float] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def allows(self) -> bool:
        with self._lock:
            now = self.clock()
            while self._calls and now - self._calls[0] >= 1.0:
                self._calls.popleft()
            if len(self._calls) >= self.rate:
                return False
            self._calls.append(now)
            return True


class Tokens:
    """Tokens handed out for a time, each with the scope that was asked for."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._issued: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def issue(self, seconds: float, scope: str = "") -> str:
        """A new token; earlier ones stay good until they expire."""
        token = f"issued-{secrets.token_hex(16)}"
        with self._lock:
            self._issued[token] = (self._clock() + seconds, scope)
        return token

    def find_scope(self, token: str) -> str | None:
        """The scope of a token that is good now; None for any other."""
        with self._lock:
            expires, scope = self._issued.get(token, (0.0, ""))
            return scope if self._clock() < expires else None

    def revoke(self) -> None:
        """Make all of them worthless, as a site may do any time."""
        with self._lock:
            self._issued.clear()
