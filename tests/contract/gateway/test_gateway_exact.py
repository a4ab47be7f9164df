"""Bytes that libraries like to mend: bare question marks, values that are no UTF-8, fields that come twice."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from plait.gateway.relay.connection import Connection
from plait.gateway.relay.dialing import Dialer
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import Request, from_frame
from plait.gateway.spool.segments import START
from tests.contract.gateway.raw_ends import RawClient, RawUpstream, Script
from tests.contract.gateway.relaying import Gateway, raw_call, relaying


def requests(gateway: Gateway) -> list[Request]:
    """All that the spool holds, in their order."""
    reader = SpoolReader(gateway.spool, START, settled=True)
    records = [from_frame(frame) for frame in iter(reader.next, None)]
    reader.close()
    return [record for record in records if isinstance(record, Request)]


@pytest.mark.parametrize(
    "target",
    ["/v1/messages?", "/v1/messages??", "/v1//a/../b;c=1/%2f%2F/./?x=%00&&=", "/v1/files/a%3Fb?c?d", "/v1/?beta"],
)
async def test_a_target_goes_on_byte_for_byte(tmp_path: Path, target: str) -> None:
    async with RawUpstream() as upstream, relaying(upstream.url + "/base/", tmp_path) as gateway:
        for extra in (b"", b"X-Plait-Odd: 1\r\n"):  # down the lane where there is one, and past it
            head = b"GET %b HTTP/1.1\r\nHost: h\r\n%bConnection: close\r\n\r\n" % (target.encode(), extra)
            await raw_call(gateway.port, head)
        assert [arrived.start for arrived in upstream.arrived] == [f"GET /base{target} HTTP/1.1"] * 2


async def test_field_values_go_on_byte_for_byte_in_their_order(tmp_path: Path) -> None:
    values = [b"\xff\xfe latin-1 \xe9", b"utf-8 \xc3\xa9", b"", b'a, b ;  c="\xf6"', b"second"]
    lines = b"".join(b"X-One: %b\r\n" % value for value in values)
    async with RawUpstream() as upstream, relaying(upstream.url, tmp_path) as gateway:
        for extra in (b"", b"X-Plait-Odd: 1\r\n"):
            await raw_call(
                gateway.port, b"GET /v1/x HTTP/1.1\r\nHost: h\r\n%b%bConnection: close\r\n\r\n" % (extra, lines)
            )
        for arrived in upstream.arrived:
            came = [value for name, value in arrived.fields if name.lower() == "x-one"]
            assert came == [value.decode("latin-1") for value in values]
        assert len(upstream.arrived) == 2


async def test_answer_fields_come_back_byte_for_byte_in_their_order(tmp_path: Path) -> None:
    """Names may change their case: HTTP says that it means nothing, and the ASGI way writes them small."""
    fields = [b"x-one: \xff\xfe", b"set-cookie: a=1; path=/", b"x-one: utf-8 \xc3\xa9", b"set-cookie: b=2", b"x-empty:"]
    async with RawUpstream() as upstream, relaying(upstream.url, tmp_path) as gateway:
        upstream.script = Script(
            (b"HTTP/1.1 200 OK\r\n%b\r\nContent-Length: 0\r\n\r\n" % b"\r\n".join(fields),), "keep"
        )
        for extra in (b"", b"X-Plait-Odd: 1\r\n"):
            head, _ = await raw_call(
                gateway.port, b"GET /v1/x HTTP/1.1\r\nHost: h\r\n%bConnection: close\r\n\r\n" % extra
            )
            lines = [line.rstrip() for line in head.split(b"\r\n")[1:]]
            assert [line for line in lines if line.lower().startswith((b"x-one", b"set-cookie", b"x-empty"))] == fields


async def test_our_own_fields_are_not_sent_on_and_name_the_tag(tmp_path: Path) -> None:
    async with RawUpstream() as upstream, relaying(upstream.url, tmp_path) as gateway:
        ours = b"X-Plait-Tag: green\r\nx-plait-new: 1\r\n"
        for path in (b"/v1/x", b"/t/blue/v1/x"):
            await raw_call(gateway.port, b"GET %b HTTP/1.1\r\nHost: h\r\n%bConnection: close\r\n\r\n" % (path, ours))
        names = {name.lower() for arrived in upstream.arrived for name, _ in arrived.fields}
        assert not any(name.startswith("x-plait") for name in names)
        recorded = requests(gateway)
    assert [request.tag for request in recorded] == ["green", "blue"], "the path's tag goes first"
    assert all((b"x-plait-new", b"1") in request.headers for request in recorded), "they are recorded"


async def test_a_traceparent_passes_and_is_recorded(tmp_path: Path) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with RawUpstream() as upstream, relaying(upstream.url, tmp_path) as gateway:
        head = f"GET /v1/x HTTP/1.1\r\nHost: h\r\ntraceparent: {trace}\r\nConnection: close\r\n\r\n".encode()
        await raw_call(gateway.port, head)
        assert ("traceparent", trace) in [(name.lower(), value) for name, value in upstream.arrived[0].fields]
        assert trace.encode() in gateway.raw_spool()


async def test_small_pieces_leave_at_once() -> None:
    async with RawUpstream() as upstream:
        connection = await Dialer(upstream.url).dial(Connection())
        assert connection._transport is not None
        sock = connection._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        b"\r\nhello world",
        b"Content-Length: 11\r\n\r\nhello world",
    ],
    ids=["chunks", "until the connection ends", "length"],
)
async def test_a_client_that_knows_no_chunks_gets_none(tmp_path: Path, answer: bytes) -> None:
    """HTTP/1.0: what has no length ends with its connection (RFC 9112, 6.1)."""
    async with RawUpstream() as upstream, relaying(upstream.url, tmp_path) as gateway:
        upstream.script = Script((b"HTTP/1.1 200 OK\r\n" + answer,))
        for asked in (b"GET /v1/models HTTP/1.0\r\n", b"GET /v1/models HTTP/1.0\r\nConnection: keep-alive\r\n"):
            head, body = await raw_call(gateway.port, asked + b"Host: h\r\n\r\n")
            assert body == b"hello world"
            assert b"transfer-encoding" not in head.lower()
            assert b"connection: close" in head.lower()


@pytest.mark.parametrize(
    "status", [b"200 OK", b"200 Fine by me", b"529 Site Overloaded", b"404 ", b"299 caf\xe9 (odd)"]
)
async def test_the_words_behind_a_status_are_upstreams(tmp_path: Path, status: bytes) -> None:
    async with RawUpstream() as upstream, relaying(upstream.url, tmp_path) as gateway:
        hints = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
        upstream.script = Script((hints + b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok",))
        for extra in (b"", b"Connection: close\r\n"):  # down the lane where there is one, and past it
            async with RawClient(gateway.port) as client:
                seen = await client.ask([b"GET /v1/models HTTP/1.1\r\nHost: h\r\n" + extra + b"\r\n"], "GET")
            assert seen.reason.encode("latin-1") == status[4:]
