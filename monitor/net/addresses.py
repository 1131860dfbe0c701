"""Which network addresses pictures may come from.

Our own list: `ipaddress.is_global` takes 192.0.0.8, 2002:7f00:1:: and 224.0.0.1 for public on some
Python versions. Ranges: IANA special-purpose address registries (RFC 6890 and its successors).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_REFUSED_V4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and a cloud's metadata service
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's host agent, on a public address
        "169.254.0.0/16",  # link-local, and most clouds' metadata services
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# All public IPv6 addresses are in 2000::/3: mapped, NAT64, unique local, link-local, multicast
# and loopback addresses are outside of it.
_PUBLIC_V6 = ip_network("2000::/3")
_REFUSED_V6 = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # protocol assignments, with Teredo and ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: holds an IPv4 address
        "3fff::/20",  # documentation
    )
)


def is_public(text: str) -> bool:
    """Whether an address is on the public internet; False for what is no address."""
    address = _parse(text)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    if isinstance(address, IPv6Address):
        refused = any(address in network for network in _REFUSED_V6)
        return address.scope_id is None and address in _PUBLIC_V6 and not refused
    return False


def is_loopback(text: str) -> bool:
    """Whether an address is on this machine's loopback: 127.0.0.0/8 or ::1, in no other guise."""
    address = _parse(text)
    return address is not None and address.is_loopback and "::ffff:" not in text.lower()


def is_loopback_host(host: str) -> bool:
    """Whether a URL's host means loopback by itself, without asking a name server (RFC 6761)."""
    name = host.lower().rstrip(".").removeprefix("[").removesuffix("]")
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
