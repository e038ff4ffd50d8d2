"""Only public addresses, only plain spellings."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright.tools import ToolFailed
from graphwright.tools.builtin.addresses import why_not_public
from graphwright.tools.builtin.web_address import read_web_address

PORTS = frozenset({80, 443})


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:a9fe:a9fe",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "2001:20::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "100::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700:4700::1111%eth0",
        "fec0::1",
        "ff02::1",
        "localhost",
        "",
        "1.2.3",
    ],
)
def test_an_address_that_is_not_public_is_named_with_its_reason(address: str) -> None:
    assert why_not_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "93.184.215.14",
        "2606:4700:4700::1111",
        "2a00:1450::1",
        "64:ff9b::8.8.8.8",
        "::ffff:8.8.8.8",
    ],
)
def test_a_public_address_is_let_through(address: str) -> None:
    assert why_not_public(address) == ""


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_inside_an_ipv6_address(inner: IPv4Address) -> None:
    alone = bool(why_not_public(str(inner)))

    for prefix in ("::ffff:0:0", "64:ff9b::"):
        carrying = IPv6Address(int(IPv6Address(prefix)) | int(inner))
        assert bool(why_not_public(str(carrying))) == alone


@given(st.ip_addresses())
def test_nothing_that_the_standard_library_calls_private_is_public(address: IPv4Address | IPv6Address) -> None:
    if address.is_private and not (
        isinstance(address, IPv6Address) and (address.ipv4_mapped or "64:ff9b" in str(address))
    ):
        assert why_not_public(str(address))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://example.org/", "Only http and https"),
        ("file:///etc/passwd", "Only http and https"),
        ("example.org", "Only http and https"),
        ("//example.org/", "Only http and https"),
        ("http://example.org:22/", "Port 22"),
        ("http://example.org:0/", "Port 0"),
        ("http://example.org:99999/", "cannot be read"),
        ("http://user@example.org/", "user name"),
        ("http://user:secret@example.org/", "user name"),
        ("http://8.8.8.8@127.0.0.1/", "user name"),
        ("http://example.org\\@127.0.0.1/", "backslash"),
        ("http://exa mple.org/", "space"),
        ("http://example.org/\r\nHost: other", "control"),
        ("http://2130706433/", "four decimal numbers"),
        ("http://0x7f000001/", "four decimal numbers"),
        ("http://0x7f.1/", "four decimal numbers"),
        ("http://0177.0.0.1/", "four decimal numbers"),
        ("http://127.1/", "four decimal numbers"),
        ("http://127.0.0.1.../", "no name of a host"),
        ("http://①②⑦.⓪.⓪.①:22/", "Port 22"),
        ("http://%31%32%37.0.0.1/", "four decimal numbers"),
        ("http://%6c%6fcalhost/", "no name of a host"),
        ("http:///path", "no name of a host"),
        ("http://-bad.example/", "no name of a host"),
        ("http://[::1", "cannot be read"),
        ("http://[fe80::1%25eth0]/", "bound to a link"),
        ("http://" + "a" * 64 + ".example/", "no name of a host"),
        ("http://example.org/" + "a" * 2000, "characters long"),
    ],
)
def test_an_address_that_could_be_read_two_ways_is_refused(url: str, said: str) -> None:
    with pytest.raises(ToolFailed, match=said):
        read_web_address(url, PORTS)


def test_wide_digits_are_not_taken_for_the_digits_that_they_look_like() -> None:
    with pytest.raises(ToolFailed, match=r"If you mean '127\.0\.0\.1', write that"):
        read_web_address("http://①②⑦.⓪.⓪.①/", PORTS)


def test_the_parts_of_an_address_are_in_their_plain_form() -> None:
    address = read_web_address("https://EXAMPLE.org.:443/a?b=c#d", PORTS)

    assert (address.scheme, address.host, address.port) == ("https", "example.org", 443)
    assert address.host_header == "example.org"
    assert address.url == "https://example.org/a?b=c"
    assert read_web_address("http://[2606:4700::1]:443/", PORTS).host_header == "[2606:4700::1]:443"


@given(st.text(max_size=60))
def test_no_text_makes_reading_an_address_fail_otherwise(text: str) -> None:
    try:
        read_web_address("http://" + text, PORTS)
    except ToolFailed:
        return


PARTS = st.sampled_from(
    ["example.org", "EXAMPLE.org.", "127.0.0.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:7f00:1]", "[2606:4700::1]",
     "bücher.example", "xn--bcher-kva.example", "ａ.example", "1。1。1。1", "@", ":", ":80", ":443", ":080", "/", "//",
     "?", "#", "\\", "%2f", "%00", "%40", "..", "a", "-", "\t", "\u200b", "\u2044", "ß.example", "[", "]", "٣"]
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(["http://", "https://", "HTTP://", "http:/", "http:"]), st.lists(PARTS, max_size=6).map("".join))
def test_an_address_that_is_taken_is_read_alike_by_the_client_that_asks_for_it(scheme: str, rest: str) -> None:
    try:
        taken = read_web_address(scheme + rest, PORTS)
    except ToolFailed:
        return
    asked = httpx2.URL(taken.url)

    assert asked.raw_host.decode().removesuffix(".") == taken.host
    assert (asked.scheme, asked.port or {"http": 80, "https": 443}[asked.scheme]) == (taken.scheme, taken.port)
    assert not asked.userinfo
    assert not asked.fragment


@pytest.mark.parametrize("host", ["ß.example", "ａ.example", "1。1。1。1", "a\u200b.example"])
def test_a_host_that_some_programs_take_for_another_is_refused(host: str) -> None:
    with pytest.raises(ToolFailed, match="another host to some programs"):
        read_web_address(f"http://{host}/", PORTS)


def test_a_host_in_any_script_is_asked_for_in_ascii() -> None:
    taken = read_web_address("https://Bücher.example./a?b=ü#c", PORTS)

    assert (taken.host, taken.url) == ("xn--bcher-kva.example", "https://xn--bcher-kva.example/a?b=ü")
