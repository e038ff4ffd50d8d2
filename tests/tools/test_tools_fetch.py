"""`fetch_url` against real servers on loopback, most of them hostile."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from graphwright.tools import Resources, ToolContext, ToolFailed, check_tools
from graphwright.tools.builtin import FetchRules, fetch_url
from graphwright.tools.builtin.addresses import why_not_public
from graphwright.tools.builtin.fetch_rules import Page

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A server that reads one request and lets `answer` do the rest."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(await reader.readuntil(b"\r\n\r\n"), writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def saying(body: bytes, *headers: str, status: str = "200 OK", kind: str = "text/plain") -> Answer:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()

    return answer


def rules(port: int, names: dict[str, Sequence[str]] | None = None, **given: Any) -> FetchRules:
    """Names lead to loopback, which counts as public here; everything else is judged as usual."""
    known = names or {"page.example": ["127.0.0.1"]}

    async def resolve(host: str, port: int) -> Sequence[str]:
        return known.get(host, [host])

    def why_not(address: str) -> str:
        return "" if address == "127.0.0.1" else why_not_public(address)

    given = {"ports": frozenset({80, 443, port}), "seconds": 10.0, **given}
    return FetchRules(resolve=resolve, why_not=why_not, **given)


async def fetched(url: str, given: FetchRules) -> Page:
    resources = Resources()
    resources.provide(FetchRules, lambda: given)
    page = await fetch_url.invoke(fetch_url.validate({"url": url}), ToolContext(call_id="c", resources=resources))
    assert isinstance(page, Page)
    return page


async def test_a_page_is_fetched_under_its_own_name() -> None:
    asked = []

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(request.decode())
        await saying("grüß dich".encode("latin-1"), kind="text/plain; charset=iso-8859-1")(request, writer)

    async with serving(answer) as port:
        page = await fetched(f"http://page.example:{port}/a?b=c#d", rules(port))

    assert page == Page(f"http://page.example:{port}/a?b=c", "text/plain", "grüß dich")
    assert asked[0].startswith("GET /a?b=c HTTP/1.1\r\n")
    assert f"Host: page.example:{port}\r\n" in asked[0]


async def test_html_becomes_the_text_that_a_reader_sees() -> None:
    html = b"<title>Hi</title><script>evil()</script><p>One <a href='/two'>two</a><p>three<style>x</style>&amp;"

    async with serving(saying(html, kind="text/html")) as port:
        page = await fetched(f"http://page.example:{port}/", rules(port))

    assert page.text == f"Hi\nOne two (http://page.example:{port}/two)\nthree&"


async def test_loopback_is_not_fetched_from_by_default() -> None:
    async with serving(saying(b"secret")) as port:
        for url in (f"http://127.0.0.1:{port}/", f"http://[::ffff:127.0.0.1]:{port}/", f"http://localhost:{port}/"):
            with pytest.raises(ToolFailed, match="Only public addresses are"):
                await fetched(url, FetchRules(ports=frozenset({port})))


async def test_one_private_answer_of_several_spoils_a_name() -> None:
    async with serving(saying(b"secret")) as port:
        given = rules(port, {"rebound.example": ["127.0.0.1", "10.0.0.7"]})

        with pytest.raises(ToolFailed, match=r"10\.0\.0\.7 is a private network"):
            await fetched(f"http://rebound.example:{port}/", given)


async def test_a_name_is_resolved_once_and_the_connection_goes_to_the_checked_answer() -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.7"]])

    async def rebinding(host: str, port: int) -> Sequence[str]:
        return next(answers)

    async with serving(saying(b"fine")) as port:
        given = FetchRules(resolve=rebinding, why_not=lambda address: "", ports=frozenset({port}))
        page = await fetched(f"http://rebound.example:{port}/", given)

    assert page.text == "fine"
    assert next(answers) == ["10.0.0.7"]


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://10.0.0.7/", "private network"),
        ("http://169.254.169.254/latest/meta-data/", "metadata"),
        ("http://[::1]/", "this machine"),
        ("//192.168.0.1/", "private network"),
        ("http://0x7f000001/", "four decimal numbers"),
        ("http://page.example:22/", "Port 22"),
        ("http://u:p@page.example/", "user name"),
        ("file:///etc/passwd", "Only http and https"),
        ("gopher://page.example/", "Only http and https"),
        ("http://[::1", "cannot be read"),
    ],
)
async def test_a_redirect_passes_the_same_checks(location: str, said: str) -> None:
    async with serving(saying(b"", f"Location: {location}", status="302 Found")) as port:
        with pytest.raises(ToolFailed, match=said):
            await fetched(f"http://page.example:{port}/", rules(port))


async def test_a_redirect_is_followed_and_the_page_says_where_it_was_found() -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        here = saying(b"there") if b"GET /there" in request else saying(b"", "Location: /there", status="301 Moved")
        await here(request, writer)

    async with serving(answer) as port:
        page = await fetched(f"http://page.example:{port}/", rules(port))

    assert page.text == "there"
    assert page.url.endswith("/there")


async def test_redirects_in_a_circle_end() -> None:
    async with serving(saying(b"", "Location: /", status="307 Again")) as port:
        with pytest.raises(ToolFailed, match="more than 5 times"):
            await fetched(f"http://page.example:{port}/", rules(port))


async def test_only_hosts_of_the_list_are_fetched_from_also_after_a_redirect() -> None:
    names = {name: ["127.0.0.1"] for name in ("page.example", "sub.page.example", "other.example", "evilpage.example")}

    async with serving(saying(b"", "Location: http://other.example/", status="302 Found")) as port:
        given = rules(port, names, hosts=("*.page.example",))
        with pytest.raises(ToolFailed, match=r"'other\.example' is not among the hosts"):
            await fetched(f"http://sub.page.example:{port}/", given)
        for host in ("page.example", "evilpage.example"):
            with pytest.raises(ToolFailed, match="not among the hosts"):
                await fetched(f"http://{host}:{port}/", given)
        with pytest.raises(ToolFailed, match="not among the hosts"):
            await fetched(f"http://page.example:{port}/", rules(port, hosts=()))


async def test_an_ipv6_address_and_a_path_in_any_script_are_asked_for_as_they_should_be() -> None:
    asked = []

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(request.decode())
        await saying(b"six")(request, writer)

    async with serving(answer, host="::1") as port:
        given = FetchRules(ports=frozenset({port}), why_not=lambda address: "")
        page = await fetched(f"http://[::1]:{port}/größe?q=a%20b&ü", given)

    assert page.text == "six"
    assert asked[0].startswith("GET /gr%C3%B6%C3%9Fe?q=a%20b&%C3%BC HTTP/1.1\r\n")
    assert f"Host: [::1]:{port}\r\n" in asked[0]


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(saying(b"proxied")) as proxy, serving(saying(b"direct")) as port:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        page = await fetched(f"http://page.example:{port}/", rules(port))

    assert page.text == "direct"


async def test_a_body_that_drips_is_given_up() -> None:
    async def drip(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(drip) as port:
        with pytest.raises(ToolFailed, match=r"did not come within 0\.3 seconds"):
            await fetched(f"http://page.example:{port}/", rules(port, seconds=0.3))


async def test_headers_that_drip_and_a_server_that_says_nothing_are_given_up() -> None:
    async def drip(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: y\r\n" if b"/drip" in request else b"")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(drip) as port:
        for path in ("drip", "silent"):
            with pytest.raises(ToolFailed, match="did not come within"):
                await fetched(f"http://page.example:{port}/{path}", rules(port, seconds=0.2))


async def test_a_body_without_end_is_cut_off() -> None:
    async def endless(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with serving(endless) as port:
        with pytest.raises(ToolFailed, match="larger than 100,000 bytes"):
            await fetched(f"http://page.example:{port}/", rules(port, max_bytes=100_000))


async def test_a_small_body_that_unpacks_to_a_huge_one_is_cut_off() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)

    async with serving(saying(bomb, "Content-Encoding: gzip")) as port:
        with pytest.raises(ToolFailed, match="larger than 100,000 bytes"):
            await fetched(f"http://page.example:{port}/", rules(port, max_bytes=100_000))


async def test_a_packed_body_is_unpacked_and_a_broken_or_unknown_packing_refused() -> None:
    async with serving(saying(gzip.compress(b"hello"), "Content-Encoding: gzip")) as port:
        assert (await fetched(f"http://page.example:{port}/", rules(port))).text == "hello"
    async with serving(saying(b"not gzip", "Content-Encoding: gzip")) as port:
        with pytest.raises(ToolFailed, match="packed wrongly"):
            await fetched(f"http://page.example:{port}/", rules(port))
    async with serving(saying(b"??", "Content-Encoding: br")) as port:
        with pytest.raises(ToolFailed, match="'br', which was not asked for"):
            await fetched(f"http://page.example:{port}/", rules(port))


async def test_huge_headers_end_the_fetch() -> None:
    async def huge(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-Filler: " + b"x" * 10_000 + b"\r\n")
            await writer.drain()

    async with serving(huge) as port:
        with pytest.raises(ToolFailed, match="could not be fetched"):
            await fetched(f"http://page.example:{port}/", rules(port))


@pytest.mark.parametrize(
    "kind", ["application/octet-stream", "image/png", "application/pdf", "", "text", "text/plain/x"]
)
async def test_what_is_not_text_is_not_read(kind: str) -> None:
    async with serving(saying(b"\x89PNG", kind=kind)) as port:
        with pytest.raises(ToolFailed, match="only text, HTML, JSON and XML"):
            await fetched(f"http://page.example:{port}/", rules(port))


@pytest.mark.parametrize("charset", ["hex", "zip", "unicode_escape", "idna", "punycode", "nonsense", "utf-7"])
async def test_a_charset_that_is_none_is_read_as_utf_8(charset: str) -> None:
    async with serving(saying(b"caf\xc3\xa9 \xff", kind=f'text/plain; charset="{charset}"')) as port:
        assert (await fetched(f"http://page.example:{port}/", rules(port))).text == "café \ufffd"


async def test_an_error_of_the_server_and_a_broken_answer_are_told() -> None:
    async def rubbish(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    async with serving(saying(b"", status="404 Not Found")) as port:
        with pytest.raises(ToolFailed, match=r"'page\.example' answered 404 Not Found"):
            await fetched(f"http://page.example:{port}/", rules(port))
    async with serving(rubbish) as port:
        with pytest.raises(ToolFailed, match="could not be fetched"):
            await fetched(f"http://page.example:{port}/", rules(port))
    with pytest.raises(ToolFailed, match="could not be fetched"):
        await fetched("http://page.example:1/", rules(1))


async def test_a_host_that_does_not_exist_is_named() -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    with pytest.raises(ToolFailed, match=r"There is no host 'missing\.example'"):
        await fetched("http://missing.example/", FetchRules(resolve=nowhere))


async def test_a_certificate_must_be_that_of_the_name_that_was_asked_for(tmp_path: Path) -> None:
    server, client = certified(tmp_path, "page.example")
    names = {name: ["127.0.0.1"] for name in ("page.example", "other.example")}

    async with serving(saying(b"private"), server) as port:
        given = rules(port, names, tls=client)
        assert (await fetched(f"https://page.example:{port}/", given)).text == "private"
        with pytest.raises(ToolFailed, match=r"(?i)certificate"):
            await fetched(f"https://other.example:{port}/", given)
        with pytest.raises(ToolFailed, match=r"(?i)certificate"):
            await fetched(f"https://page.example:{port}/", rules(port, names))


async def test_a_redirect_from_https_to_http_is_not_followed(tmp_path: Path) -> None:
    server, client = certified(tmp_path, "page.example")

    async with serving(saying(b"", "Location: http://page.example/", status="302 Found"), server) as port:
        with pytest.raises(ToolFailed, match="from https to http"):
            await fetched(f"https://page.example:{port}/", rules(port, tls=client))


def test_it_is_declared_as_what_it_is() -> None:
    labels = fetch_url.labels

    assert (labels.effect, labels.trusted, labels.critical) == ("egress", False, ("url",))
    assert check_tools([fetch_url]) == []


def test_an_address_that_can_carry_data_away_is_shown_to_a_person() -> None:
    asks = fetch_url.labels.approval_for

    assert asks({"url": "https://example.org/page"}) is None
    assert asks({"url": "https://example.org/page?token=abc"}) is not None
    assert asks({"url": "https://example.org/" + "a" * 300}) is not None


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side with a certificate for one name, and a client's side that believes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
