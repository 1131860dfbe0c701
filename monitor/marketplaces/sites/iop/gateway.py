"""The open gateway of AliExpress and Taobao's global platform (IOP): calls, token, refusals.

Calls to `/sync` name a method, calls below `/rest` a path, which is signed too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from monitor.errors import (
    AuthError,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    Throttled,
    Transient,
)
from monitor.marketplaces.base import Outside
from monitor.marketplaces.kit.account import Account
from monitor.marketplaces.kit.answers import Judge
from monitor.marketplaces.kit.client import Tally
from monitor.marketplaces.kit.listings import find_json
from monitor.marketplaces.kit.options import Address, Key, Secret, join
from monitor.marketplaces.kit.options import Options as SharedOptions
from monitor.marketplaces.kit.refusals import Kind, refusal
from monitor.marketplaces.kit.signing import SIGN, sign_iop
from monitor.marketplaces.kit.tokens import EARLY, Refresh, Token, Tokens, no_refresh
from monitor.marketplaces.kit.values import Json, clean_text, load_json, parse_count, parse_flag
from monitor.net.wire import Answer, Call

log = logging.getLogger(__name__)

REFRESH_PATH = "/auth/token/refresh"
# No limit is published for pictures as base64 (unverified): a file of this size is a form of about
# 400 kB. A smaller one follows where this is refused.
MAX_BASE64_BYTES = 300_000
# How a good answer may say so: as text or number, on several levels.
_GOOD_CODES = frozenset(("", "0", "00", "200"))
_TOKEN_CODES = frozenset(("IllegalAccessToken", "27"))
_TOKEN_WORDS = re.compile(r"access.?token", re.IGNORECASE)
# The gateway's names, and the numbers of Taobao's older gateway, which answers for some methods.
CODES: Mapping[str, Kind] = {
    **dict.fromkeys(("AppCallLimit", "ApiCallLimit", "7"), Throttled),
    **dict.fromkeys(("InsufficientPermission", "InvalidApiPath"), PermissionDenied),
    **dict.fromkeys(("11", "12", "13", "21", "22"), PermissionDenied),
    **dict.fromkeys(("IllegalAccessToken", "IllegalRefreshToken"), AuthError),
    **dict.fromkeys(("IncompleteSignature", *map(str, range(24, 32))), AuthError),
    **dict.fromkeys(("ServiceUnavailable", "ServiceTimeout", "10"), Transient),
    # of our request, though they may name the field of the picture
    **dict.fromkeys(("MissingParameter", "40"), ProtocolError),
}
# Names of interfaces hold the word "image", and say nothing of the picture.
_INTERFACES = re.compile(r"\baliexpress(?:\.\w+)+|/(?:upload/image|traffic/item/imgsearch)\b")
_MAX_TOKEN = 2000


class IopOptions(SharedOptions):
    """What every account on the gateway needs."""

    base_url: Address
    app_key: Key
    app_secret: Secret
    access_token: Secret
    # without it an access token that runs out has to be set anew by hand
    refresh_token: Secret | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One call before it is signed. `path` is what is signed before the fields, "" for `/sync`.

    `token_field` is the name under which the access token goes. `files` are not signed.
    """

    url: str
    fields: Mapping[str, str]
    token_field: str
    path: str = ""
    files: Mapping[str, tuple[str, bytes, str]] = field(default_factory=dict)


class IopAccount(Account):
    """An account on the gateway. `rest_url` is where its paths begin, as for the token's."""

    def __init__(self, name: str, options: IopOptions, outside: Outside, *, rest_url: str) -> None:
        self._app_key = options.app_key
        self._app_secret = options.app_secret.get_secret_value()
        refresh = options.refresh_token.get_secret_value() if options.refresh_token else None
        self._start = Token(options.access_token.get_secret_value(), refresh)
        self._rest_url = rest_url
        secrets = (self._app_secret, self._app_key, self._start.access, refresh or "")
        super().__init__(name, options.base_url, outside, secrets)

    def _ask(self, request: Request, judge: Judge, tally: Tally) -> Answer:
        """The good answer to a call; a token that is refused is renewed, and the call made again.

        Raises MarketplaceError, Stopping.
        """
        tokens = self._tokens(tally)
        token = tokens.current()
        watch = _Watch(judge)
        try:
            return self._send(partial(self._sign, request, token), watch, tally)
        except AuthError:
            if not watch.refused_token:
                raise
        renewed = tokens.renew(token)
        return self._send(partial(self._sign, request, renewed), judge, tally)

    def _sign(self, request: Request, token: str | None) -> Call:
        """A POST signed with the time of now."""
        fields = {
            **request.fields,
            "app_key": self._app_key,
            "sign_method": "sha256",
            "timestamp": str(int(self._outside.now() * 1000)),
        }
        if token is not None:
            fields[request.token_field] = token
        fields[SIGN] = sign_iop(self._app_secret, fields, path=request.path)
        return Call("POST", request.url, form=fields, files=request.files)

    def _tokens(self, tally: Tally) -> Tokens:
        """The account's token; what its refresh asks counts in `tally`."""
        refresh: Refresh = no_refresh(self.name)
        if self._start.refresh is not None:
            refresh = partial(self._refresh, tally=tally)
        return Tokens(
            self.name, self._outside, secret=self._app_secret, start=self._start, refresh=refresh
        )

    def _refresh(self, old: Token | None, *, tally: Tally) -> Token:
        given = (old or self._start).refresh or ""
        url = join(self._rest_url, REFRESH_PATH)
        request = Request(url, {"refresh_token": given}, token_field="", path=REFRESH_PATH)
        answer = self._send(partial(self._sign, request, None), judge, tally)
        with self._reading():
            token, consent_until = parse_token(answer.body, self._outside.now())
        if consent_until is not None and consent_until <= (token.expires_at or 0.0):
            until = datetime.fromtimestamp(consent_until, UTC)
            log.warning(
                "%s: the refresh token ends at %s, before the next refresh: "
                "give the app a new consent and set its tokens in the config",
                self.name,
                f"{until:%Y-%m-%d %H:%M} UTC",
            )
        return Token(token.access, token.refresh or given, token.expires_at)


class _Watch:
    """A judge that remembers whether it was the access token that was refused."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.refused_token = False

    def __call__(self, answer: Answer) -> MarketplaceError | None:
        failure = self._judge(answer)
        is_refused = isinstance(failure, AuthError)
        self.refused_token = is_refused and _is_about_token(answer.body, str(failure))
        return failure


def judge(answer: Answer) -> MarketplaceError | None:
    """The refusal in an answer's body, if it is one."""
    return find_refusal(find_json(answer.body))


def find_refusal(value: Json) -> MarketplaceError | None:
    """The error that an answer tells of, inside HTTP 200 too; None for no error.

    Two shapes: `error_response` with `code`, `msg`, `sub_msg`; or the same at the top with a `type`
    (ISV, ISP, SYSTEM) and `message`.
    """
    if not isinstance(value, dict):
        return None
    nested = value.get("error_response")
    if isinstance(nested, dict):
        return refuse(nested)
    is_bad = not is_good(value.get("code"))
    is_bad = is_bad or parse_flag(value.get("success")) is False
    is_bad = is_bad or clean_text(value.get("type"), 10).upper() in ("ISV", "ISP", "SYSTEM")
    return refuse(value) if is_bad else None


def is_good(code: Json) -> bool:
    """Whether a code of an answer says that all is well; no code says nothing against it."""
    return clean_text(code, 100) in _GOOD_CODES


_WORD_KEYS = ("message", "msg", "sub_code", "sub_msg", "rsp_msg", "biz_error_msg", "messages")


def refuse(said: Mapping[str, Json], code: str | None = None) -> MarketplaceError:
    """The error for what an answer says; its own `code` counts where none is given."""
    words = " ".join(filter(None, (clean_text(said.get(key), 200) for key in _WORD_KEYS)))
    known = clean_text(said.get("code"), 100) if code is None else code
    return refusal(_INTERFACES.sub("the interface", words), code=known, codes=CODES)


def parse_token(body: bytes, now: float) -> tuple[Token, float | None]:
    """The token of a refresh, and when the refresh token itself ends (epoch seconds, if told).

    The end is `expire_time` (epoch milliseconds), or `expires_in` (seconds) from `now`. One that
    is over within minutes is not believed: the token is used until it is refused. Raises
    ProtocolError where there is no token.
    """
    try:
        value = load_json(body)
    except ValueError as error:
        raise ProtocolError("the answer to the token refresh is not JSON") from error
    if not isinstance(value, dict):
        raise ProtocolError("the answer to the token refresh holds no token")
    access, refresh = (_token_in(value.get(key)) for key in ("access_token", "refresh_token"))
    if access is None:
        raise ProtocolError("the answer to the token refresh holds no access_token")
    at, seconds = parse_count(value.get("expire_time")), parse_count(value.get("expires_in"))
    ends = (at / 1000 if at else 0.0, now + seconds if seconds else 0.0)
    expires_at = next((end for end in ends if end > now + EARLY.total_seconds()), None)
    consent = parse_count(value.get("refresh_token_valid_time"))
    return Token(access, refresh, expires_at), _plausible(consent)


def _plausible(milliseconds: int | None) -> float | None:
    """Epoch seconds of a date that a calendar has."""
    seconds = (milliseconds or 0) / 1000
    return seconds if 0 < seconds < 4e9 else None


def _token_in(value: Json) -> str | None:
    is_token = isinstance(value, str) and re.fullmatch(r"[\x21-\x7e]+", value) is not None
    return value if is_token and isinstance(value, str) and len(value) <= _MAX_TOKEN else None


def _is_about_token(body: bytes, words: str) -> bool:
    if _TOKEN_WORDS.search(words):
        return True
    try:
        value = load_json(body)
    except ValueError:
        return False
    nested = value.get("error_response") if isinstance(value, dict) else None
    said = nested if isinstance(nested, dict) else value
    return isinstance(said, dict) and clean_text(said.get("code"), 100) in _TOKEN_CODES
