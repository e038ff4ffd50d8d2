"""The connection behind `fetch_url`: to the checked address, under the name that was asked for."""

from __future__ import annotations

import asyncio
import codecs
import re
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from urllib.parse import urljoin

import httpx2

from ..errors import ToolFailed
from ..threads import in_thread
from .fetch_rules import FetchRules, Page
from .page_text import page_text
from .web_address import WebAddress, read_web_address

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TYPES = re.compile(
    r"text/[\w.+-]+|application/(?:[\w.-]+\+)?(?:json|xml)|application/(?:x-)?(?:ndjson|yaml|javascript)"
)
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_CHARSETS = re.compile(
    r"utf-(8|16|16-le|16-be)|ascii|iso8859-\d+|cp125\d|koi8-[ru]|shift_jis|euc_(jp|kr)|gb(2312|k|18030)|big5"
)
_UNPACK_STEP = 65_536
_HEADERS = {"User-Agent": "graphwright-fetch", "Accept": "text/*, application/json", "Accept-Encoding": "gzip"}


async def fetch_page(url: str, rules: FetchRules) -> Page:
    """Follow an address to a page and return its text; ToolFailed says why there is none."""
    try:
        async with asyncio.timeout(rules.seconds):
            return await _followed(url, rules)
    except TimeoutError:
        raise ToolFailed(f"The page did not come within {rules.seconds:g} seconds and was given up.") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ToolFailed(f"The page could not be fetched: {str(error) or type(error).__name__}.") from None


async def _followed(url: str, rules: FetchRules) -> Page:
    for _ in range(rules.redirects + 1):
        here = read_web_address(url, rules.ports)
        rules.check_host(here)
        async with _opened(here, await _checked_address(here, rules), rules) as response:
            if response.status_code not in _REDIRECTS or "Location" not in response.headers:
                return await _page(here, response, rules)
            url = _next(here, response.headers["Location"])
    raise ToolFailed(f"The page was redirected more than {rules.redirects} times; the last hop was to {here.host!r}.")


def _next(here: WebAddress, location: str) -> str:
    try:
        onwards = urljoin(here.url, location)
    except ValueError:
        raise ToolFailed(f"{here.host!r} redirects to an address that cannot be read.") from None
    if here.scheme == "https" and onwards.startswith("http://"):
        raise ToolFailed(f"{here.host!r} redirects from https to http, which is not followed.")
    return onwards


async def _checked_address(here: WebAddress, rules: FetchRules) -> str:
    """Resolve a host once. One answer that is not public spoils all: it is how a name is rebound."""
    try:
        found = [here.host] if _is_numeric(here.host) else await rules.resolve(here.host, here.port)
    except (OSError, UnicodeError):
        found = ()
    if not found:
        raise ToolFailed(f"There is no host {here.host!r}.")
    for address in found:
        if problem := rules.why_not(address):
            raise ToolFailed(f"{here.host!r} is not fetched from: {problem}. Only public addresses are.")
    return found[0]


def _is_numeric(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@asynccontextmanager
async def _opened(here: WebAddress, address: str, rules: FetchRules) -> AsyncIterator[httpx2.Response]:
    """Ask for a page at a numeric address; name, certificate and `Host` are those of the page's own host."""
    tls = True if rules.tls is None else rules.tls
    transport = httpx2.AsyncHTTPTransport(verify=tls, trust_env=False)
    async with httpx2.AsyncClient(transport=transport, trust_env=False, timeout=rules.seconds) as client:
        request = client.build_request(
            "GET",
            httpx2.URL(here.url).copy_with(host=address, port=here.port),
            headers={**_HEADERS, "Host": here.host_header},
            extensions={"sni_hostname": here.host, "timeout": httpx2.Timeout(rules.seconds).as_dict()},
        )
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            yield response
        finally:
            await response.aclose()


async def _page(here: WebAddress, response: httpx2.Response, rules: FetchRules) -> Page:
    if not response.is_success:
        raise ToolFailed(f"{here.host!r} answered {response.status_code} {response.reason_phrase[:60]}.")
    kind, _, parameters = response.headers.get("Content-Type", "").partition(";")
    kind = kind.strip().lower()
    if not _TYPES.fullmatch(kind):
        raise ToolFailed(f"The page is of type {kind[:60] or 'unknown'!r}; only text, HTML, JSON and XML are read.")
    body = await _body(response, rules.max_bytes)
    text = body.decode(_charset(parameters), errors="replace")
    if kind in _HTML:
        text = await in_thread(lambda: page_text(text, here.url))
    return Page(here.url, kind, text)


async def _body(response: httpx2.Response, most: int) -> bytes:
    """Read and unpack a body step by step: neither what is sent nor what comes out of it exceeds the limit."""
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in ("identity", "", "gzip", "x-gzip"):
        raise ToolFailed(f"The page is packed as {packing[:40]!r}, which was not asked for.")
    unpack = zlib.decompressobj(wbits=31) if "gzip" in packing else None
    sent, body = 0, bytearray()
    async for chunk in response.aiter_raw(_UNPACK_STEP):
        sent += len(chunk)
        body += chunk if unpack is None else _unpacked(unpack, chunk, most + 1 - len(body))
        if sent > most or len(body) > most:
            raise ToolFailed(f"The page is larger than {most:,} bytes and was not read to its end.")
    return bytes(body)


def _unpacked(unpack: zlib._Decompress, chunk: bytes, room: int) -> bytes:
    try:
        return unpack.decompress(chunk, max(1, room))
    except zlib.error:
        raise ToolFailed("The page is packed wrongly and cannot be read.") from None


def _charset(parameters: str) -> str:
    found = re.search(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", parameters, re.IGNORECASE)
    try:
        name = codecs.lookup(found.group(1)).name if found else "utf-8"
    except LookupError:
        return "utf-8"
    return name if _CHARSETS.fullmatch(name) else "utf-8"
