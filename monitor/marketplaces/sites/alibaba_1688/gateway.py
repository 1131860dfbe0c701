"""Calls to 1688's open gateway (param2): signed, with a token and the gateway's time.

It knows how the gateway is spoken to, not what its interfaces mean.

The clock: each call holds this machine's time plus an offset, 0 until the gateway refuses a call
and says, in words or by its Date header, that the time is wrong. Then it is asked for its time, the
offset kept for a day for all processes of the account, and the call made once more. The gateway
limits that question, so it is asked once in ten minutes at most. It holds no time itself and can't
be refused for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TypeAlias, TypeVar
from urllib.parse import quote

from monitor.marketplaces import plug_in as m
from monitor.marketplaces.sites.alibaba_1688.gateway_answers import (
    ClockRefused,
    TokenRefused,
    judge,
    read_datetime,
    read_millis,
    read_token,
)

log = logging.getLogger(__name__)

T = TypeVar("T")
Send: TypeAlias = Callable[[Callable[[], m.Call], m.Judge, m.Tally], m.Answer]

_FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
_OFFSET_KEY = "clock offset"
_OFFSET_LIFETIME = timedelta(days=1)
_ASKED_KEY = "clock asked"
# The gateway's SDK says that the question is limited per ten minutes.
_ASK_AGAIN = timedelta(minutes=10)


class Gateway:
    """One app's calls; used from several threads at once. `send` makes and retries one request."""

    def __init__(
        self,
        name: str,
        outside: m.Outside,
        send: Send,
        *,
        base_url: str,
        app_key: str,
        app_secret: str,
        start: m.Token,
    ) -> None:
        self._name = name
        self._outside = outside
        self._send = send
        self._base_url = base_url
        self._app_key = app_key
        self._app_secret = app_secret
        self._start = start

    def call(self, api: str, fields: Mapping[str, str], tally: m.Tally) -> m.Answer:
        """The good answer of an interface (`NAMESPACE/NAME`, version 1) to form fields.

        A refused time is corrected and a refused token refreshed, each once. Raises
        MarketplaceError, Stopping.
        """
        tokens = self._tokens(tally)
        tried: set[type[m.AuthError]] = set()
        while True:
            token, offset = tokens.current(), self._offset()
            try:
                return self._send_signed(api, {**fields, "access_token": token}, offset, tally)
            except m.AuthError as error:
                if ClockRefused not in tried and _is_of_the_clock(error, offset):
                    tried.add(ClockRefused)
                    if self._correct_clock(offset, tally):
                        continue
                if TokenRefused in tried or not self._can_refresh(error):
                    raise
                tried.add(TokenRefused)
                tokens.renew(token)

    def ask_time(self, tally: m.Tally) -> float:
        """By how many seconds the gateway's clock is ahead of this machine's; 0 below five.

        Needs a right key and signature, but no token and no permission. Calls are made by the
        offset from now on. Raises MarketplaceError, Stopping.
        """
        return self._ask_offset("system/currentTime", read_datetime, tally)

    def _send_signed(
        self, api: str, fields: Mapping[str, str], offset: float | None, tally: m.Tally
    ) -> m.Answer:
        """A request with the time of each try, `offset` seconds from here; None for no time."""
        path = f"param2/1/{api}/{self._app_key}"

        def build() -> m.Call:
            form = dict(fields)
            if offset is not None:
                form["_aop_timestamp"] = str(round((self._outside.now() + offset) * 1000))
            form[m.AOP_SIGNATURE] = m.sign_aop(self._app_secret, path, form)
            return m.Call("POST", m.join(self._base_url, quote(path)), headers=_FORM, form=form)

        return self._send(build, _judge_hiding(fields.get("access_token")), tally)

    def _tokens(self, tally: m.Tally) -> m.Tokens:
        """Made for each call, so that the requests of a refresh count with it."""
        return m.Tokens(
            self._name,
            self._outside,
            secret=self._app_secret,
            start=self._start,
            refresh=partial(self._refresh, tally),
        )

    def _can_refresh(self, error: m.AuthError) -> bool:
        return isinstance(error, TokenRefused) and self._start.refresh is not None

    def _refresh(self, tally: m.Tally, old: m.Token | None) -> m.Token:
        """A new token for the refresh token, by a POST that bears no signature."""
        old = old or self._start
        form = {
            "grant_type": "refresh_token",
            "client_id": self._app_key,
            "client_secret": self._app_secret,
            "refresh_token": old.refresh or "",
        }
        call = m.Call("POST", self._token_url, headers=_FORM, form=form)
        try:
            answer = self._send(lambda: call, _judge_hiding(old.refresh), tally)
        except m.AuthError as error:
            raise m.AuthError(
                f"{error}; the token could not be refreshed: authorise the app anew and set "
                "access_token and refresh_token in the config"
            ) from error
        token = self._read(lambda body: read_token(body, self._outside.now(), old), answer)
        log.info("%s: the access token was refreshed", self._name)
        return token

    @property
    def _token_url(self) -> str:
        return m.join(self._base_url, f"http/1/system.oauth2/getToken/{quote(self._app_key)}")

    def _correct_clock(self, used: float, tally: m.Tally) -> bool:
        """Whether there is now another offset than the one a refused call was made with."""
        if self._offset() != used:
            return True  # somebody else has asked
        if not self._outside.memory.claim(_ASKED_KEY, _ASK_AGAIN):
            return False
        try:
            offset = self._ask_offset("system/currentTimeMillis", read_millis, tally)
        except m.MarketplaceError as error:
            log.warning("%s; so the gateway's time is not known", error)
            return False
        if offset:
            side = "behind" if offset > 0 else "ahead of"
            text = "%s: this machine's clock is %.0f s %s the gateway's, whose time is used"
            log.warning(text, self._name, abs(offset), side)
        return abs(offset - used) >= m.SMALL_SKEW_SECONDS

    def _ask_offset(self, api: str, read: Callable[[bytes], int], tally: m.Tally) -> float:
        """The offset by an answer that is the gateway's time in milliseconds; it is kept."""
        answer = self._send_signed(api, {}, None, tally)
        offset = self._read(read, answer) / 1000 - self._outside.now()
        if abs(offset) < m.SMALL_SKEW_SECONDS:  # or the answer's way
            offset = 0.0
        self._outside.memory.keep(_OFFSET_KEY, f"{offset:.3f}", _OFFSET_LIFETIME)
        return offset

    def _offset(self) -> float:
        return float(self._outside.memory.find(_OFFSET_KEY) or 0)

    def _read(self, read: Callable[[bytes], T], answer: m.Answer) -> T:
        with m.naming(self._name):
            return read(answer.body)


def _is_of_the_clock(error: m.AuthError, offset: float) -> bool:
    """Whether the words say so, or the answer's Date is not the time the call was made with."""
    if isinstance(error, ClockRefused):
        return True
    return error.skew is not None and abs(error.skew + offset) >= m.SMALL_SKEW_SECONDS


def _judge_hiding(secret: str | None) -> m.Judge:
    """Judges answers; a token that came by a refresh is in no list of the client's secrets."""

    def judge_and_hide(answer: m.Answer) -> m.MarketplaceError | None:
        found = judge(answer)
        if found is not None and secret:
            found.args = (m.hide(str(found), (secret,)),)
        return found

    return judge_and_hide
