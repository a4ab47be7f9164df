"""An upstream that sends no good HTTP: its client gets a refusal or a cut, never a second answer or a field of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.contract.gateway.raw_ends import RawClient, RawUpstream, Script
from tests.contract.gateway.relaying import error_of, relaying

ASKED = b"GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n"
ANSWERS = {
    "a length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
    "a length in words": b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}",
    "a carriage return in a value": b"HTTP/1.1 200 OK\r\nX-A: 1\rX-Injected: 1\r\nContent-Length: 0\r\n\r\n",
    "a line feed in a value": b"HTTP/1.1 200 OK\r\nX-A: 1\nX-Injected: 1\r\nContent-Length: 0\r\n\r\n",
    "a NUL in a value": b"HTTP/1.1 200 OK\r\nX-A: 1\x00X-Injected: 1\r\nContent-Length: 0\r\n\r\n",
    "a blank in a name": b"HTTP/1.1 200 OK\r\nX A: 1\r\nContent-Length: 0\r\n\r\n",
    "no status": b"HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"X-A: %b\r\n" % (b"x" * 4000) * 600,
}


async def test_a_head_that_is_no_http_is_refused_and_injects_nothing(tmp_path: Path) -> None:
    async with RawUpstream() as upstream, relaying(upstream.url, tmp_path / "spool") as gateway:
        for case, raw in ANSWERS.items():
            upstream.script = Script((raw,))
            async with RawClient(gateway.port) as client:
                seen = await client.ask([ASKED], "GET")
            assert "x-injected" not in {name.lower() for name, _ in seen.fields}, case
            assert seen.status == 502, case
            kind, message = error_of(seen.body)
            assert kind == "api_error", case
            assert "cut the answer" not in message, case


@pytest.mark.parametrize("coding", [b"gzip", b"identity", b"chunked, gzip"])
async def test_an_answer_whose_last_coding_is_not_chunked_ends_with_its_connection(
    tmp_path: Path, coding: bytes
) -> None:
    """RFC 9112, 6.3: nothing else can tell its end."""
    async with RawUpstream() as upstream, relaying(upstream.url, tmp_path / "spool") as gateway:
        upstream.script = Script((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: %b\r\n\r\nabc" % coding,))
        async with RawClient(gateway.port) as client:
            seen = await client.ask([ASKED], "GET")
    assert (seen.status, seen.body, seen.whole) == (200, b"abc", True)


@pytest.mark.parametrize("lines", [b"gzip\r\nTransfer-Encoding: chunked", b"gzip, chunked"], ids=["two", "one"])
async def test_chunks_end_an_answer_however_its_codings_are_listed(tmp_path: Path, lines: bytes) -> None:
    """One that breaks off is then no whole one: two fields are one list (RFC 9110, 5.3)."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: %b\r\n\r\n2\r\nok\r\n" % lines
    async with RawUpstream() as upstream, relaying(upstream.url, tmp_path / "spool") as gateway:
        for end, whole in ((b"", False), (b"0\r\n\r\n", True)):
            upstream.script = Script((head + end,))
            async with RawClient(gateway.port) as client:
                seen = await client.ask([ASKED], "GET")
            assert (seen.body, seen.whole) == (b"ok", whole)


@pytest.mark.parametrize("size", [1, 60_000])
async def test_hints_without_end_are_no_answer(tmp_path: Path, size: int) -> None:
    async def hinting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            while True:
                writer.write(b"HTTP/1.1 103 Early Hints\r\nX-A: %b\r\n\r\n" % (b"x" * size))
                await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(hinting, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, relaying(url, tmp_path / "spool", claude_api_timeout=3) as gateway:
        received = await gateway.get("/v1/models")
    assert received.status in (502, 504)


CHUNKS = {
    "a size in words": b"2\r\nok\r\ntwo\r\nno\r\n0\r\n\r\n",
    "a size below nought": b"2\r\nok\r\n-2\r\nno\r\n0\r\n\r\n",
    "a size over 64 bits": b"2\r\nok\r\n10000000000000002\r\nno\r\n0\r\n\r\n",
    "data that is longer than its size": b"2\r\nok\r\n2\r\nno!\r\n0\r\n\r\n",
}


async def test_chunks_that_go_wrong_cut_the_answer_where_they_do(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with RawUpstream() as upstream, relaying(upstream.url, tmp_path / "spool") as gateway:
        for case, body in CHUNKS.items():
            upstream.script = Script((head, body))
            async with RawClient(gateway.port) as client:
                seen = await client.ask([ASKED], "GET")
            assert (seen.status, seen.whole) == (200, False), case
            assert seen.body.startswith(b"ok"), case


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 2\r\n\r\nok", b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"]
)
@pytest.mark.parametrize("apart", [True, False], ids=["a moment later", "in one piece"])
async def test_an_answer_that_nobody_asked_for_is_given_to_nobody(tmp_path: Path, framing: bytes, apart: bool) -> None:
    """Response queue poisoning: the upstream sends a second answer behind the first, on a connection that it keeps."""
    good, evil = b"HTTP/1.1 200 OK\r\n" + framing, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    async with RawUpstream() as upstream, relaying(upstream.url, tmp_path / "spool") as gateway:
        upstream.script = Script((good, evil) if apart else (good + evil,), "keep")
        async with RawClient(gateway.port) as client:
            for _ in range(5):
                seen = await asyncio.wait_for(client.ask([ASKED], "GET"), 60)
                assert (seen.status, seen.body, seen.whole) == (200, b"ok", True)
