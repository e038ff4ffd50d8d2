"""Which network addresses are public: the ones a tool may be sent to by a text that a stranger wrote.

The lists are IANA's registries of special-purpose addresses, IPv4 and IPv6; the standard library's own judgement must
agree. Addresses that carry another one inside (IPv4-mapped, NAT64) are judged by what they carry.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_SPECIAL_4 = {
    IPv4Network(network): kind
    for network, kind in {
        "0.0.0.0/8": "this network",
        "10.0.0.0/8": "a private network",
        "100.64.0.0/10": "a provider's inner network",
        "127.0.0.0/8": "this machine",
        "168.63.129.16/32": "a cloud's inner service",
        "169.254.0.0/16": "this link, where clouds keep their metadata",
        "172.16.0.0/12": "a private network",
        "192.0.0.0/24": "reserved for protocols",
        "192.0.2.0/24": "for documentation",
        "192.88.99.0/24": "a relay (6to4)",
        "192.168.0.0/16": "a private network",
        "198.18.0.0/15": "for benchmarks",
        "198.51.100.0/24": "for documentation",
        "203.0.113.0/24": "for documentation",
        "224.0.0.0/4": "a multicast group",
        "240.0.0.0/4": "reserved",
    }.items()
}
_GLOBAL_6 = IPv6Network("2000::/3")
_SPECIAL_6 = {
    IPv6Network(network): kind
    for network, kind in {
        "2001::/32": "a tunnel (Teredo)",
        "2001::/23": "reserved for protocols",
        "2001:db8::/32": "for documentation",
        "2002::/16": "a tunnel (6to4)",
        "3fff::/20": "for documentation",
    }.items()
}
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")


def why_not_public(address: str) -> str:
    """Say why an address, in its numeric form, is not a public one ("10.0.0.1 is a private network"); "" if it is."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return f"{address!r} is no address"
    kind = _kind(parsed)
    return f"{address} is {kind}" if kind else ""


def _kind(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return _first(address, _SPECIAL_4) or _doubted(address)
    if address.scope_id is not None:
        return "bound to a link"
    if address in _MAPPED or address in _NAT64:
        return _kind(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address not in _GLOBAL_6:
        return "this machine" if address.is_loopback else "not a global address"
    return _first(address, _SPECIAL_6) or _doubted(address)


def _first(address: IPv4Address | IPv6Address, special: dict[IPv4Network, str] | dict[IPv6Network, str]) -> str:
    return next((kind for network, kind in special.items() if address in network), "")


def _doubted(address: IPv4Address | IPv6Address) -> str:
    return "" if address.is_global and not address.is_multicast else "not a global address"
