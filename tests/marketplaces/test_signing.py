from __future__ import annotations

from monitor.marketplaces.signing import sign_guide


def test_the_guides_signature_equals_the_known_vector() -> None:
    expected = "90D5DCEAA172E2F6AD22C1FBDD78A148"
    assert sign_guide("testsecret", "12345678", 1700000000000) == expected


def test_a_secret_of_any_characters_can_sign() -> None:
    assert len(sign_guide("密钥", "12345678", 1700000000000)) == 32
