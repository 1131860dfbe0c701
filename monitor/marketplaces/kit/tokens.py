"""Access tokens that run out: kept in the database, sealed, and refreshed by one process at a time.

Many sites give a new refresh token with each refresh and forget the old one, so the newest must
outlive a restart and two processes must not refresh at once.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken

from monitor.errors import AuthError, Transient
from monitor.marketplaces.base import Outside

# Refreshed so long before its end, so that no call begins with a token that ends under way.
RENEWAL_MARGIN = timedelta(minutes=5)
# How long a process may take to refresh before another one may try: it waits for its turn like any
# call, a quarter of an hour at ten calls an hour, and two refreshes at once may cost the account
# its token. One that was killed meanwhile keeps the others off for so long.
_CLAIM = timedelta(minutes=20)
# How long another process waits for it before it gives its scan up.
_PATIENCE = timedelta(minutes=2)
_POLL_SECONDS = 1.0
_CLAIM_KEY = "token refresh"


@dataclass(frozen=True, slots=True)
class Token:
    """`expires_at` is seconds since the epoch, None for a token that doesn't run out."""

    access: str
    refresh: str | None = None
    expires_at: float | None = None


# The token to follow another one (None where there was none). Raises MarketplaceError, Stopping.
Refresh = Callable[[Token | None], Token]


class Tokens:
    """The token of an account. `start` is what the config gives, None where it gives none.

    `secret` (the account's own) seals what is kept. A token that can't be unsealed, or that comes
    from another `start`, is not looked at: the config has changed.
    """

    def __init__(
        self, name: str, outside: Outside, *, secret: str, start: Token | None, refresh: Refresh
    ) -> None:
        self._name = name
        self._outside = outside
        self._start = start
        self._refresh = refresh
        self._seal = Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()))
        origin = "" if start is None else f"{start.access}\n{start.refresh or ''}"
        self._key = f"token {hashlib.sha256(origin.encode()).hexdigest()[:16]}"

    def current(self) -> str:
        """An access token that is good for five minutes, refreshed if need be.

        Raises MarketplaceError or Stopping.
        """
        token = self._find()
        if token is None or self._ends_soon(token):
            token = self._replace(token)
        return token.access

    def renew(self, refused: str) -> str:
        """The token after one that the site refused; refreshed unless somebody already has.

        Raises AuthError where there is nothing to refresh with, MarketplaceError or Stopping.
        """
        token = self._find()
        if token is not None and token.access == refused:
            token = self._replace(token)
        return self.current() if token is None else token.access

    def _ends_soon(self, token: Token) -> bool:
        if token.expires_at is None:
            return False
        return token.expires_at - self._outside.now() < RENEWAL_MARGIN.total_seconds()

    def _replace(self, old: Token | None) -> Token:
        """The token after `old`, from the site or from the process that got it first."""
        memory = self._outside.memory
        waited = 0.0
        while not memory.claim(_CLAIM_KEY, _CLAIM):
            if waited > _PATIENCE.total_seconds():
                raise Transient(f"{self._name}: another process is refreshing the token")
            self._outside.sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
            found = self._find()
            if found is not None and found != old:
                return found
        try:
            found = self._find()
            if found is not None and found != old and not self._ends_soon(found):
                return found
            token = self._refresh(old)
            self._keep(token)
            return token
        finally:
            memory.forget(_CLAIM_KEY)

    def _find(self) -> Token | None:
        sealed = self._outside.memory.find(self._key)
        if sealed is None:
            return self._start
        try:
            access, refresh, expires_at = json.loads(self._seal.decrypt(sealed.encode()))
        except (InvalidToken, ValueError, TypeError):
            return self._start
        return Token(access, refresh, expires_at)

    def _keep(self, token: Token) -> None:
        value = json.dumps([token.access, token.refresh, token.expires_at])
        self._outside.memory.keep(self._key, self._seal.encrypt(value.encode()).decode())


def no_refresh(name: str) -> Refresh:
    """For an account whose config gives nothing to refresh with."""

    def refuse(_: Token | None) -> Token:
        raise AuthError(
            f"{name}: the access token was refused or has run out, and there is no refresh_token: "
            "get a new token from the site and set it in the config"
        )

    return refuse
