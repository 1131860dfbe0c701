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

from monitor.marketplaces import plug_in as m

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
CODES: Mapping[str, m.ErrorKind] = {
    **dict.fromkeys(("AppCallLimit", "ApiCallLimit", "7"), m.Throttled),
    **dict.fromkeys(("InsufficientPermission", "InvalidApiPath"), m.PermissionDenied),
    **dict.fromkeys(("11", "12", "13", "21", "22"), m.PermissionDenied),
    **dict.fromkeys(("IllegalAccessToken", "IllegalRefreshToken"), m.AuthError),
    **dict.fromkeys(("IncompleteSignature", *map(str, range(24, 32))), m.AuthError),
    **dict.fromkeys(("ServiceUnavailable", "ServiceTimeout", "10"), m.Transient),
    # of our request, though they may name the field of the picture
    **dict.fromkeys(("MissingParameter", "40"), m.ProtocolError),
}
# Names of interfaces hold the word "image", and say nothing of the picture.
_INTERFACES = re.compile(r"\baliexpress(?:\.\w+)+|/(?:upload/image|traffic/item/imgsearch)\b")
_MAX_TOKEN = 2000


class IopOptions(m.Options):
    """What every account on the gateway needs."""

    base_url: m.Address
    app_key: m.Key
    app_secret: m.Secret
    access_token: m.Secret
    # without it an access token that runs out has to be set anew by hand
    refresh_token: m.Secret | None = None


@dataclass(frozen=True, slots=True)
class UnsignedCall:
    """One call. `path` is what is signed before the fields, "" for `/sync`.

    `token_field` is the name under which the access token goes. `files` are not signed.
    """

    url: str
    fields: Mapping[str, str]
    token_field: str
    path: str = ""
    files: Mapping[str, tuple[str, bytes, str]] = field(default_factory=dict)


class IopAccount(m.Account):
    """An account on the gateway. `rest_url` is where its paths begin, as for the token's."""

    def __init__(
        self, name: str, options: IopOptions, outside: m.Outside, *, rest_url: str
    ) -> None:
        self._app_key = options.app_key
        self._app_secret = options.app_secret.get_secret_value()
        refresh = options.refresh_token.get_secret_value() if options.refresh_token else None
        self._start = m.Token(options.access_token.get_secret_value(), refresh)
        self._rest_url = rest_url
        secrets = (self._app_secret, self._app_key, self._start.access, refresh or "")
        super().__init__(name, options.base_url, outside, secrets)

    def _ask(self, request: UnsignedCall, judge: m.Judge, tally: m.Tally) -> m.Answer:
        """The good answer to a call; a token that is refused is renewed, and the call made again.

        Raises MarketplaceError, Stopping.
        """
        tokens = self._tokens(tally)
        token = tokens.current()
        watch = _Watch(judge)
        try:
            return self._send(partial(self._sign, request, token), watch, tally)
        except m.AuthError:
            if not watch.refused_token:
                raise
        renewed = tokens.renew(token)
        return self._send(partial(self._sign, request, renewed), judge, tally)

    def _sign(self, request: UnsignedCall, token: str | None) -> m.Call:
        """A POST signed with the time of now."""
        fields = {
            **request.fields,
            "app_key": self._app_key,
            "sign_method": "sha256",
            "timestamp": str(int(self._outside.now() * 1000)),
        }
        if token is not None:
            fields[request.token_field] = token
        fields[m.IOP_SIGNATURE] = m.sign_iop(self._app_secret, fields, path=request.path)
        return m.Call("POST", request.url, form=fields, files=request.files)

    def _tokens(self, tally: m.Tally) -> m.Tokens:
        """The account's token; what its refresh asks counts in `tally`."""
        refresh: m.Refresh = m.no_refresh(self.name)
        if self._start.refresh is not None:
            refresh = partial(self._refresh, tally=tally)
        return m.Tokens(
            self.name, self._outside, secret=self._app_secret, start=self._start, refresh=refresh
        )

    def _refresh(self, old: m.Token | None, *, tally: m.Tally) -> m.Token:
        given = (old or self._start).refresh or ""
        url = m.join(self._rest_url, REFRESH_PATH)
        request = UnsignedCall(url, {"refresh_token": given}, token_field="", path=REFRESH_PATH)
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
        return m.Token(token.access, token.refresh or given, token.expires_at)


class _Watch:
    """A judge that remembers whether it was the access token that was refused."""

    def __init__(self, judge: m.Judge) -> None:
        self._judge = judge
        self.refused_token = False

    def __call__(self, answer: m.Answer) -> m.MarketplaceError | None:
        failure = self._judge(answer)
        is_refused = isinstance(failure, m.AuthError)
        self.refused_token = is_refused and _is_about_token(answer.body, str(failure))
        return failure


def judge(answer: m.Answer) -> m.MarketplaceError | None:
    """The refusal in an answer's body, if it is one."""
    return find_refusal(m.find_json(answer.body))


def find_refusal(value: m.Json) -> m.MarketplaceError | None:
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
    is_bad = is_bad or m.parse_flag(value.get("success")) is False
    is_bad = is_bad or m.clean_text(value.get("type"), 10).upper() in ("ISV", "ISP", "SYSTEM")
    return refuse(value) if is_bad else None


def is_good(code: m.Json) -> bool:
    """Whether a code of an answer says that all is well; no code says nothing against it."""
    return m.clean_text(code, 100) in _GOOD_CODES


_WORD_KEYS = ("message", "msg", "sub_code", "sub_msg", "rsp_msg", "biz_error_msg", "messages")


def refuse(said: Mapping[str, m.Json], code: str | None = None) -> m.MarketplaceError:
    """The error for what an answer says; its own `code` counts where none is given."""
    words = " ".join(filter(None, (m.clean_text(said.get(key), 200) for key in _WORD_KEYS)))
    known = m.clean_text(said.get("code"), 100) if code is None else code
    return m.refusal(_INTERFACES.sub("the interface", words), code=known, codes=CODES)


def parse_token(body: bytes, now: float) -> tuple[m.Token, float | None]:
    """The token of a refresh, and when the refresh token itself ends (epoch seconds, if told).

    The end is `expire_time` (epoch milliseconds), or `expires_in` (seconds) from `now`. One that
    is over within minutes is not believed: the token is used until it is refused. Raises
    ProtocolError where there is no token.
    """
    value = m.read_json(body, what="the answer to the token refresh")
    access, refresh = (_token_in(m.dig(value, key)) for key in ("access_token", "refresh_token"))
    if access is None:
        raise m.ProtocolError("the answer to the token refresh holds no access_token")
    at, seconds = (m.parse_count(m.dig(value, key)) for key in ("expire_time", "expires_in"))
    ends = (at / 1000 if at else 0.0, now + seconds if seconds else 0.0)
    expires_at = next((end for end in ends if end > now + m.RENEWAL_MARGIN.total_seconds()), None)
    consent = m.parse_count(m.dig(value, "refresh_token_valid_time"))
    return m.Token(access, refresh, expires_at), _plausible(consent)


def _plausible(milliseconds: int | None) -> float | None:
    """Epoch seconds of a date that a calendar has."""
    seconds = (milliseconds or 0) / 1000
    return seconds if 0 < seconds < 4e9 else None


def _token_in(value: m.Json) -> str | None:
    is_token = isinstance(value, str) and re.fullmatch(r"[\x21-\x7e]+", value) is not None
    return value if is_token and isinstance(value, str) and len(value) <= _MAX_TOKEN else None


def _is_about_token(body: bytes, words: str) -> bool:
    if _TOKEN_WORDS.search(words):
        return True
    value = m.find_json(body)
    nested = m.dig(value, "error_response")
    said = nested if isinstance(nested, dict) else value
    return m.clean_text(m.dig(said, "code"), 100) in _TOKEN_CODES
