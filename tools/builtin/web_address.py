"""Reads the address of a page strictly: what two programs could read differently is refused, not guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from ..errors import ToolFailed
from ..words import listed

LONGEST = 2_000
"""Characters of an address."""

DEFAULT_PORTS = {"http": 80, "https": 443}
_NUMBER = re.compile(r"\d+|0[xX][0-9a-fA-F]*")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


@dataclass(frozen=True)
class WebAddress:
    """Where a page is. `host` is a name in lower-case ASCII, or a numeric address without brackets."""

    scheme: str
    host: str
    port: int
    url: str
    """The whole address without its fragment, its host in ASCII."""

    @property
    def host_header(self) -> str:
        """What the `Host` header says: the port only where it is not the scheme's own."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == DEFAULT_PORTS[self.scheme] else f"{name}:{self.port}"


def read_web_address(url: str, ports: frozenset[int]) -> WebAddress:
    """Return the parts of an address; raises ToolFailed saying what is wrong with it."""
    if len(url) > LONGEST:
        raise ToolFailed(f"The address is {len(url):,} characters long; at most {LONGEST:,} are taken.")
    if any(character <= " " or character == "\x7f" or character == "\\" for character in url):
        raise ToolFailed("The address holds a space, a control character or a backslash. Percent-encode it.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ToolFailed(f"The address cannot be read: {error}.") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise ToolFailed(f"Only http and https are fetched, not {parts.scheme[:20] or 'an address without scheme'!r}.")
    if "@" in parts.netloc:
        raise ToolFailed("The address holds a user name or password. Give it without.")
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    if port not in ports:
        raise ToolFailed(f"Port {port} is not fetched from; only {listed(map(str, sorted(ports)))}.")
    found = WebAddress(parts.scheme, _host(parts), port, "")
    # The client that asks reads the address again: it is given the host as it was read here.
    return replace(found, url=parts._replace(netloc=found.host_header, fragment="").geturl())


def _host(parts: SplitResult) -> str:
    netloc = parts.netloc
    if netloc.startswith("["):
        try:
            literal = IPv6Address(netloc[1 : netloc.index("]")])
        except (AddressValueError, ValueError):
            raise ToolFailed(f"{netloc[:80]!r} is no IPv6 address.") from None
        if literal.scope_id is not None:
            raise ToolFailed(f"{netloc[:80]!r} is bound to a link, not a public host.")
        return str(literal)
    written = (parts.hostname or "").removesuffix(".")
    try:
        name = written.encode("idna").decode("ascii").lower().removesuffix(".")
        meant = written if written.isascii() else name.encode().decode("idna")
    except UnicodeError:
        raise ToolFailed(f"{written[:80]!r} is no name of a host.") from None
    if meant != written:
        raise ToolFailed(f"{written[:80]!r} is another host to some programs. If you mean {name[:80]!r}, write that.")
    if _NUMBER.fullmatch(name.rsplit(".", 1)[-1]):
        return _plain_ipv4(name)
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ToolFailed(f"{name[:80]!r} is no name of a host.")
    return name


def _plain_ipv4(name: str) -> str:
    """Other spellings (2130706433, 0x7f.1, 0177.0.0.1) mean different hosts to different programs."""
    try:
        return str(IPv4Address(name))
    except AddressValueError:
        raise ToolFailed(f"{name[:80]!r} is no host: write an IPv4 address as four decimal numbers.") from None
