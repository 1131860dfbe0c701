from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import (
    AuthError,
    BadImage,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.kit.answers import PictureTooLarge
from monitor.marketplaces.kit.refusals import ErrorKind, hide, meaning_of, quotable, refusal


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        # calls of a second are waited for, those of a day are gone, whatever both are called
        (Throttled, "Quota exceeded: 5 requests per second"),
        (Throttled, "每秒调用次数超过限制"),
        (Throttled, "QPS limit"),
        (Throttled, "concurrent requests limit"),
        (Throttled, "App Call Limited"),
        (QuotaExhausted, "daily call limit exceeded"),
        (QuotaExhausted, "You have reached your monthly limit"),
        (QuotaExhausted, "今日调用次数已达上限"),
        (QuotaExhausted, "调用次数超过每日限制"),
        (QuotaExhausted, "套餐已过期"),
        (QuotaExhausted, "SLA bill has no usage left"),
        # too many image searches are no large image, and no reason to send smaller ones
        (Throttled, "image search API call exceeds limit"),
        (Throttled, "图片搜索调用次数超过限制"),
        (PictureTooLarge, "picture size exceeds 5MB"),
        (PictureTooLarge, "image exceeds maximum size"),
        (PictureTooLarge, "file size exceeds the limit"),
        (PictureTooLarge, "File too large"),
        (PictureTooLarge, "图片超过限制"),
        (PictureTooLarge, "图片大小超过限制"),
        # the account's trouble, not the picture's
        (PermissionDenied, "image search service not activated"),
        (PermissionDenied, "The app has not subscribed to the image search"),
        (PermissionDenied, "未开通图片搜索服务"),
        (PermissionDenied, "Access Denied"),
        (PermissionDenied, "AppWhiteIpLimit"),
        (PermissionDenied, "AppKey is not allowed(acl)"),
        (AuthError, "key已过期"),
        (AuthError, "invalid access token"),
        (Transient, "image service busy, try again later"),
        (Transient, "图片搜索服务繁忙,请稍后再试"),
        (Transient, "Internal Server Error"),
        # the picture's trouble, not the account's
        (BadImage, "Invalid image, please try again with another one"),
        (BadImage, "image download timeout"),
        (BadImage, "photo too small"),
        (BadImage, "can't load https://brand.example/token/front"),
        # our request's
        (ProtocolError, "The input parameter image_base64 is missing"),
        (ProtocolError, "缺少必要参数"),
        (ProtocolError, "nobody knows why"),
        (ProtocolError, "unknown, see https://docs.example/quota/image?token=1"),
    ],
)
def test_words_mean_what_they_say(kind: ErrorKind, words: str) -> None:
    assert meaning_of(words) is kind
    assert type(refusal(words)) is kind


def test_an_address_in_a_refusal_is_repeated_by_its_host_alone() -> None:
    said = "can't load https://brand.example/secret/mug.jpg?key=geheim (twice)"
    assert quotable(said) == "can't load https://brand.example/… (twice)"


def test_a_secret_that_was_cut_in_the_middle_is_hidden_too() -> None:
    secret = "streng-geheim-und-lang"
    for end in range(8, len(secret) + 1):
        assert hide(f"wrong key {secret[:end]}", (secret,)) == "wrong key ***"
    assert hide("wrong key streng", (secret,)) == "wrong key streng"


@given(st.text(), st.lists(st.text(max_size=12), max_size=3))
def test_no_secret_is_left_in_a_message(text: str, secrets: list[str]) -> None:
    shown = hide(text, secrets)
    assert not any(secret in shown for secret in secrets if len(secret) >= 4 and "*" not in secret)


def test_a_ban_is_kept_but_for_no_longer_than_a_day() -> None:
    for seconds, wait in ((7, timedelta(seconds=8)), (999_999, timedelta(days=1))):
        error = refusal(f"App Call Limited. This ban will last for {seconds} more seconds")
        assert isinstance(error, Throttled)
        assert error.retry_after == wait
