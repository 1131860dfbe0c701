"""What the bots of WeCom, DingTalk, Feishu and Lark answer: HTTP 200, and inside a yes or a no.

Apprise takes the HTTP status for success, so a message that was refused counts as sent. Here it is
sent only where the answer says so with a code of 0; whatever can't be understood is "not sent",
since a message twice is better than none.

A code is permanent only where its meaning is sure and no message would be taken. Some are about
the text of this one message, as may be any that is not listed; a few say that later is better.
The codes come from
- WeCom: its list of global codes, https://developer.work.weixin.qq.com/document/path/90313, and
  the page of group bots, .../document/path/91770; 40058 for a text that is too long, and 93000 for
  a wrong key, stand so in answers that users of other programs have published;
- DingTalk: its page of custom bots, https://open.dingtalk.com/document/robots/custom-robot-access;
  300005 (and not 300001) for an unknown token, 130101 and 410100 for "too fast", 460101 for "too
  long" from published answers;
- Feishu and Lark: the page of custom bots,
  https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot; 11232 for "too fast" from
  published answers. 9499 is both "bad request" and "too fast", so it is temporary.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """A bot's no: its code, its own words (not to be shown unredacted), what they mean."""

    code: int | None
    words: str
    meaning: str = ""
    permanent: bool = False
    about_message: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """How a service answers: the names of its code and of its words, and what its codes mean.

    `permanent` codes are about the channel, `unwanted` ones about the message; one that is not
    listed may be.
    """

    codes: tuple[str, ...]
    words: tuple[str, ...]
    permanent: Mapping[int, str]
    unwanted: Mapping[int, str]
    temporary: Mapping[int, str]

    def refusal(self, body: bytes) -> Refusal | None:
        """Why the message was not taken; None where the answer says that it was."""
        try:
            answer = json.loads(body)
        except ValueError:
            return Refusal(None, "", "the answer is not JSON")
        if not isinstance(answer, dict):
            return Refusal(None, "", "the answer has no code")
        found = [_number(answer[name]) for name in self.codes if name in answer]
        if not found:
            return Refusal(None, "", "the answer has no code")
        code = next((code for code in found if code != 0), 0)
        if code == 0:
            return None
        words = next((str(answer[name]) for name in self.words if answer.get(name)), "")
        if code is None:
            return Refusal(None, words, "the answer's code is not a number")
        known = {**self.temporary, **self.unwanted, **self.permanent}
        is_permanent = code in self.permanent
        about_message = not is_permanent and code not in self.temporary
        return Refusal(code, words, known.get(code, ""), is_permanent, about_message)


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    try:
        return int(str(value))
    except ValueError:
        return None


_TOO_FAST = "too many messages in a short time"

WECOM = Answers(
    codes=("errcode",),
    words=("errmsg",),
    permanent={
        60020: "this machine's address is not on the list of allowed ones",
        93000: "the bot's key is wrong, or the bot was removed from its group",
        93004: "the bot was switched off",
        93008: "the bot is not in the group",
    },
    unwanted={
        40008: "the kind of message is not allowed",
        40058: "a field is wrong, or the text is too long",
        44004: "the text is empty",
        45002: "the text is too long",
    },
    temporary={
        -1: "the service is busy",
        45009: _TOO_FAST,
        45033: "too many calls at the same time",
    },
)

DINGTALK = Answers(
    codes=("errcode",),
    words=("errmsg",),
    permanent={
        300001: "the bot's token does not exist",
        300005: "the bot's token does not exist",
        310000: "refused by the bot's security settings: keyword, signature or address",
        400013: "the group was dissolved",
        400101: "the bot's token does not exist",
        400102: "the bot was switched off",
        400106: "the bot does not exist",
    },
    unwanted={
        40035: "a field is missing or wrong",
        43004: "the content type is wrong",
        400105: "the kind of message is not allowed",
        430101: "a link in the text is refused",
        430102: "the text is refused",
        430103: "a picture is refused",
        430104: "the text is refused",
        460101: "the message is too large",
    },
    temporary={
        -1: "the service is busy",
        130101: _TOO_FAST,
        410100: _TOO_FAST,
    },
)

FEISHU = Answers(
    codes=("code", "StatusCode"),
    words=("msg", "StatusMessage"),
    permanent={
        19001: "the bot's token is wrong, or the bot was removed",
        19021: "the signature does not fit: wrong secret, or this machine's clock is off",
        19022: "this machine's address is not on the bot's list of allowed ones",
        19024: "the text has none of the bot's keywords",
    },
    unwanted={},
    temporary={
        9499: "a bad request, or too many messages",
        11232: _TOO_FAST,
    },
)
