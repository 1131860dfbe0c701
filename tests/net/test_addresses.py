from __future__ import annotations

import pytest

from monitor.net.addresses import is_loopback, is_loopback_host, is_public

REFUSED = [
    *("127.0.0.1", "127.8.8.8", "0.1.2.3", "10.1.2.3", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "168.63.129.16"),
    *("192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
    *("240.0.0.1", "255.255.255.255", "::1", "::", "::ffff:8.8.8.8", "::ffff:127.0.0.1"),
    *("::ffff:0:7f00:1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::"),
    *("2001::1", "2001:db8::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1"),
    *("fe80::1%eth0", "2606:4700::1%eth0", "ff02::1", "100::1", "not an address", ""),
]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_on_the_public_internet_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "47.246.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1", "2400:3200::1"],
)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_public(address)


def test_loopback_is_recognised_in_its_own_form_only() -> None:
    assert all(is_loopback(address) for address in ("127.0.0.1", "127.9.9.9", "::1"))
    refused = ("::ffff:127.0.0.1", "::ffff:7f00:1", "10.0.0.1", "0.1.2.3", "localhost")
    assert not any(is_loopback(address) for address in refused)


def test_a_host_name_means_loopback_only_where_the_standard_says_so() -> None:
    named = ("localhost", "a.localhost", "LOCALHOST.", "127.0.0.1", "[::1]", "::1")
    assert all(is_loopback_host(host) for host in named)
    others = ("localhost.evil.example", "evillocalhost", "127.0.0.1.nip.io", "0x7f.1", "")
    assert not any(is_loopback_host(host) for host in others)
