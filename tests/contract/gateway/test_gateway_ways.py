"""The way to Claude: verified TLS, proxies named by the environment, and no redirect followed."""

from __future__ import annotations

import asyncio
import base64
import gc
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from plait.common.errors import UserError
from plait.fakes.http1 import Head, read_head
from plait.gateway.relay.dialing import proxy_for
from plait.gateway.spool.records import Ending
from tests.bench import certificates
from tests.contract.gateway.raw_ends import RawUpstream, Script
from tests.contract.gateway.relaying import error_of, relaying

VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
BODY = b"x" * 300_000


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> certificates.Certificates:
    return certificates.make(tmp_path_factory.mktemp("tls") / "certificates")


@pytest.fixture
def tls(made: certificates.Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.certificate, made.key)
    return context


@dataclass
class Proxy:
    """A small HTTP proxy that notes what it was asked, and opens ways to wherever it is told."""

    refusal: bytes = b""
    asked: list[Head] = field(default_factory=list)
    port: int = 0
    serving: set[asyncio.Future[None]] = field(default_factory=set)

    def open(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.add(asyncio.ensure_future(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        self.asked.append(head)
        if self.refusal:
            writer.write(b"HTTP/1.1 %b\r\n\r\n" % self.refusal)
        elif head.start.startswith("CONNECT"):
            host, _, port = head.start.split()[1].rpartition(":")
            there, onward = await asyncio.open_connection(host, int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_copy(reader, onward), _copy(there, writer))
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy")
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def proxy(refusal: bytes = b"") -> AsyncIterator[Proxy]:
    running = Proxy(refusal)
    server = await asyncio.start_server(running.open, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    async with server:
        yield running
        await asyncio.gather(*running.serving)


async def test_tls_is_verified_against_the_authority_that_is_named(
    tls: ssl.SSLContext, made: certificates.Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    async with RawUpstream(tls) as upstream, relaying(upstream.url, tmp_path) as gateway:
        upstream.script = Script((b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", BODY), "keep")
        for _ in range(2):
            received = await gateway.post(BODY)
            assert (received.status, received.body, received.whole) == (200, BODY, True)
        assert [arrived.body for arrived in upstream.arrived] == [BODY] * 2


async def test_a_certificate_of_nobody_we_trust_is_a_502(tls: ssl.SSLContext, tmp_path: Path) -> None:
    async with RawUpstream(tls) as upstream, relaying(upstream.url, tmp_path) as gateway:
        received = await gateway.post()
        assert received.status == 502
        expected = ("api_error", "Claude cannot be reached: its certificate or TLS is not good.")
        assert error_of(received.body) == expected
        assert upstream.arrived == []
        assert gateway.end(received.request_id).ending is Ending.NO_ANSWER


async def test_tls_goes_through_a_proxy_that_sees_nothing_of_it(
    tls: ssl.SSLContext, made: certificates.Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    async with proxy() as way, RawUpstream(tls) as upstream:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:p%40ss@127.0.0.1:{way.port}")
        upstream.script = Script((b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", BODY), "keep")
        async with relaying(upstream.url, tmp_path) as gateway:
            for _ in range(2):
                assert (await gateway.post(BODY)).body == BODY
                gc.collect()  # nothing that served the handshake only takes the connection with it
        assert [head.start for head in way.asked] == [f"CONNECT 127.0.0.1:{upstream.port} HTTP/1.1"], "kept for both"
        assert way.asked[0].header("proxy-authorization") == "Basic " + base64.b64encode(b"user:p@ss").decode()
        assert all("proxy" not in name.lower() for arrived in upstream.arrived for name, _ in arrived.fields)


async def test_a_proxy_in_plain_text_is_asked_for_whole_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy() as way:
        monkeypatch.setenv("HTTP_PROXY", f"http://u:p@127.0.0.1:{way.port}")
        async with relaying("http://claude.test:81/base", tmp_path) as gateway:
            received = await gateway.post(target="/v1/messages?beta=true")
        assert received.body == b"proxy"
        assert way.asked[0].start == "POST http://claude.test:81/base/v1/messages?beta=true HTTP/1.1"
        assert way.asked[0].header("host") == "claude.test:81"
        assert way.asked[0].header("proxy-authorization") == "Basic " + base64.b64encode(b"u:p").decode()


async def test_hosts_in_no_proxy_are_reached_directly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy() as way, RawUpstream() as upstream:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{way.port}")
        monkeypatch.setenv("NO_PROXY", "example.test,127.0.0.1")
        async with relaying(upstream.url, tmp_path) as gateway:
            assert (await gateway.post()).status == 200
        assert (len(way.asked), len(upstream.arrived)) == (0, 1)


async def test_a_proxy_that_refuses_is_named_as_the_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy(b"407 Proxy Authentication Required") as way:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{way.port}")
        async with relaying("https://claude.test", tmp_path) as gateway:
            received = await gateway.post()
    assert received.status == 502
    assert error_of(received.body)[1] == "Claude cannot be reached: the proxy refused with status 407."


def test_only_http_proxies_are_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(UserError, match=r"HTTPS_PROXY must be an http:// address"):
        proxy_for("https://api.anthropic.com")
    assert proxy_for("http://api.anthropic.com") is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_the_clients(tmp_path: Path, status: int) -> None:
    async with RawUpstream() as upstream, relaying(upstream.url, tmp_path) as gateway:
        head = b"HTTP/1.1 %d X\r\nLocation: %b/v1/there\r\nContent-Length: 0\r\n\r\n" % (status, upstream.url.encode())
        upstream.script = Script((head,), "keep")
        received = await gateway.post()
        assert received.status == status
        assert ("location", f"{upstream.url}/v1/there") in [(name.lower(), value) for name, value in received.headers]
        assert len(upstream.arrived) == 1
