from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.channels.answers import DINGTALK, FEISHU, WECOM, Answers

SERVICES = [WECOM, DINGTALK, FEISHU]


@pytest.mark.parametrize(
    ("answers", "body"),
    [
        (WECOM, {"errcode": 0, "errmsg": "ok"}),
        (WECOM, {"errcode": "0"}),
        (DINGTALK, {"errcode": 0, "errmsg": "ok"}),
        (FEISHU, {"code": 0, "msg": "success", "data": {}}),
        (FEISHU, {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}}),
        (FEISHU, {"Extra": None, "StatusCode": 0, "StatusMessage": "success"}),
    ],
)
def test_a_code_of_zero_is_a_yes(answers: Answers, body: dict[str, object]) -> None:
    assert answers.refusal(json.dumps(body).encode()) is None


@pytest.mark.parametrize(
    ("answers", "code", "about"),
    [
        (WECOM, 93000, "channel"),
        (WECOM, 60020, "channel"),
        (WECOM, 40058, "message"),
        (WECOM, 45009, "moment"),
        (WECOM, 45033, "moment"),
        (WECOM, -1, "moment"),
        (WECOM, 987654, "message"),
        (DINGTALK, 310000, "channel"),
        (DINGTALK, 300005, "channel"),
        (DINGTALK, 400102, "channel"),
        (DINGTALK, 430102, "message"),
        (DINGTALK, 460101, "message"),
        (DINGTALK, 130101, "moment"),
        (DINGTALK, 410100, "moment"),
        (DINGTALK, 660026, "message"),
        (DINGTALK, 987654, "message"),
    ],
)
def test_a_code_is_about_the_channel_the_message_or_the_moment(
    answers: Answers, code: int, about: str
) -> None:
    refusal = answers.refusal(json.dumps({"errcode": code, "errmsg": "words"}).encode())
    assert refusal is not None
    assert (refusal.code, refusal.words) == (code, "words")
    assert (refusal.permanent, refusal.about_message) == (about == "channel", about == "message")
    assert bool(refusal.meaning) == (code not in (660026, 987654))


@pytest.mark.parametrize(
    ("code", "permanent"),
    [(19001, True), (19021, True), (19022, True), (19024, True), (9499, False), (11232, False)],
)
def test_feishu_says_no_under_either_name(code: int, permanent: bool) -> None:
    for answer in ({"code": code, "msg": "no"}, {"StatusCode": code, "StatusMessage": "no"}):
        refusal = FEISHU.refusal(json.dumps(answer).encode())
        assert refusal is not None
        assert (refusal.code, refusal.words, refusal.permanent) == (code, "no", permanent)


def test_one_no_among_two_codes_is_a_no() -> None:
    refusal = FEISHU.refusal(b'{"code": 0, "StatusCode": 11232, "msg": "success"}')
    assert refusal is not None
    assert refusal.code == 11232


@pytest.mark.parametrize("body", [b"", b"ok", b"<html>", b"[]", b"0", b"{}", b'{"errmsg": "ok"}'])
@pytest.mark.parametrize("answers", SERVICES)
def test_an_answer_without_a_code_is_no_yes(answers: Answers, body: bytes) -> None:
    refusal = answers.refusal(body)
    assert refusal is not None
    assert not refusal.permanent


@pytest.mark.parametrize("code", [None, True, False, "", "ok", [], {}, 0.5])
def test_a_code_that_is_no_number_is_no_yes(code: object) -> None:
    refusal = WECOM.refusal(json.dumps({"errcode": code, "errmsg": "ok"}).encode())
    assert refusal is not None
    assert not refusal.permanent


@given(st.binary(), st.sampled_from(SERVICES))
def test_any_bytes_get_a_verdict(body: bytes, answers: Answers) -> None:
    refusal = answers.refusal(body)
    assert refusal is None or not refusal.permanent or refusal.code in answers.permanent
