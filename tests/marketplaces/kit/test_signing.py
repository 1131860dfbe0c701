from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.marketplaces.kit.signing import sign_aop, sign_guide, sign_iop, sign_top

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PARAMETERS = st.dictionaries(TEXT, TEXT)


def test_the_guides_signature_equals_the_known_vector() -> None:
    expected = "90D5DCEAA172E2F6AD22C1FBDD78A148"
    assert sign_guide("testsecret", "12345678", 1700000000000) == expected


def test_the_guides_signature_is_a_top_signature_over_two_parameters() -> None:
    parameters = {"timestamp": "1700000000000", "app_key": "12345678"}
    assert sign_top("testsecret", parameters) == sign_guide("testsecret", "12345678", 1700000000000)


def test_a_secret_of_any_characters_can_sign() -> None:
    assert len(sign_guide("密钥", "12345678", 1700000000000)) == 32
    assert len(sign_aop("密钥", "param2/1/system/currentTime/1", {})) == 40
    assert len(sign_iop("密钥", {})) == 64


@pytest.mark.parametrize(
    ("path", "parameters", "secret", "expected"),
    [
        (
            "param2/1/system/currentTime/1000000",
            {"b": "2", "a": "1"},
            "test123",
            "33E54F4F7B989E3E0E912D3FBD2F1A03CA7CCE88",
        ),
        (
            "param2/1/com.alibaba.fenxiao.crossborder/product.search.imageQuery/1234567",
            {
                "access_token": "TESTTOKEN",
                "_aop_timestamp": "1700000000000",
                "offerQueryParam": '{"imageId":"123","beginPage":1,"pageSize":20,"country":"en"}',
            },
            "testsecret",
            "4C72965A4F8B983B01032F649D3100098FBA95F9",
        ),
        (
            "param2/1/com.alibaba.linkplus/alibaba.cross.similar.offer.search/1234567",
            {
                "access_token": "TESTTOKEN",
                "_aop_timestamp": "1700000000000",
                "picUrl": "https://example.com/测试.jpg",
                "page": "1",
            },
            "testsecret",
            "939AB83C66BAD9E62E82EF4D2396F14BB6661A1D",
        ),
    ],
)
def test_the_aop_signature_equals_the_known_vectors(
    path: str, parameters: dict[str, str], secret: str, expected: str
) -> None:
    assert sign_aop(secret, path, parameters) == expected


def test_the_aop_signature_sorts_joined_texts_and_not_names() -> None:
    """By name the order would be `pagez`, `pageSize20`."""
    right = hmac.new(b"secret", b"pathpageSize20pagez", "sha1").hexdigest().upper()
    assert sign_aop("secret", "path", {"page": "z", "pageSize": "20"}) == right


def test_the_aop_signature_orders_by_bytes() -> None:
    """Upper case, then `_`, then lower case, then what is beyond ASCII, astral signs last."""
    parameters = {"😀": "5", "\uff21": "4", "a": "3", "_a": "2", "Z": "1"}
    text = "pathZ1_a2a3\uff214😀5".encode()
    right = hmac.new(b"secret", text, "sha1").hexdigest().upper()
    assert sign_aop("secret", "path", parameters) == right


@pytest.mark.parametrize(
    ("secret", "parameters", "expected"),
    [
        (
            "helloworld",
            {
                "app_key": "12345678",
                "fields": "num_iid,title,nick,price,num",
                "format": "json",
                "method": "taobao.item.seller.get",
                "num_iid": "11223344",
                "session": "test",
                "sign_method": "md5",
                "timestamp": "2016-01-01 12:00:00",
                "v": "2.0",
            },
            "66987CB115214E59E6EC978214934FB8",
        ),
        ("secret", {"b": "2", "a": "1"}, "EF16F26C937CF52AE6F85DF2FD08B24A"),
    ],
)
def test_the_top_signature_equals_the_known_vectors(
    secret: str, parameters: dict[str, str], expected: str
) -> None:
    assert sign_top(secret, parameters) == expected


@pytest.mark.parametrize(
    ("secret", "path", "parameters", "expected"),
    [
        (
            "helloworld",
            "/order/get",
            {
                "app_key": "123456",
                "access_token": "test",
                "timestamp": "1517820392000",
                "sign_method": "sha256",
                "order_id": "1234",
            },
            "4190D32361CFB9581350222F345CB77F3B19F0E31D162316848A2C1FFD5FAB4A",
        ),
        (
            "testsecret",
            "",
            {
                "app_key": "12345678",
                "method": "aliexpress.ds.image.searchV2",
                "param0": '{"search_type":"same"}',
                "session": "TESTTOKEN",
                "sign_method": "sha256",
                "timestamp": "1700000000000",
            },
            "596999DADD5E1A31DD0E2D2A59898CFBE814AAEFDA16D3452BBD51DF352C17DF",
        ),
        (
            "testsecret",
            "/traffic/item/imgsearch",
            {
                "access_token": "TESTTOKEN",
                "app_key": "12345678",
                "pic_url": "https://example.com/a.jpg",
                "sign_method": "sha256",
                "timestamp": "1700000000000",
            },
            "0A6D0DE22A50ED8456FA441218CCA9B5EF0A57481DDA3541D446E671DC273091",
        ),
    ],
)
def test_the_iop_signature_equals_the_known_vectors(
    secret: str, path: str, parameters: dict[str, str], expected: str
) -> None:
    assert sign_iop(secret, parameters, path=path) == expected


def test_top_and_iop_sort_names_and_not_joined_texts() -> None:
    parameters = {"page": "z", "pageSize": "20"}
    text = b"pagezpageSize20"
    assert sign_iop("secret", parameters) == (
        hmac.new(b"secret", text, "sha256").hexdigest().upper()
    )
    top = hashlib.md5(b"secret" + text + b"secret", usedforsecurity=False).hexdigest().upper()
    assert sign_top("secret", parameters) == top


@given(parameters=PARAMETERS, secret=TEXT, signature=TEXT)
def test_a_signature_never_signs_itself_and_needs_no_order(
    parameters: dict[str, str], secret: str, signature: str
) -> None:
    backwards = dict(reversed(parameters.items()))
    for name in ("_aop_signature", "sign"):
        backwards.pop(name, None)
        parameters.pop(name, None)
    aop = {**backwards, "_aop_signature": signature}
    assert sign_aop(secret, "path", aop) == sign_aop(secret, "path", parameters)
    signed = {**backwards, "sign": signature}
    assert sign_top(secret, signed) == sign_top(secret, parameters)
    assert sign_iop(secret, signed, path="/a") == sign_iop(secret, parameters, path="/a")
