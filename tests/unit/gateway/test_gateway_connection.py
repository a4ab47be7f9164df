"""The connection to a server: the same answer whatever the cuts between reads, and an end only where there is one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.relay.connection import Broke, Connection

HEADS = st.lists(
    st.tuples(
        st.from_regex(rb"x-[a-z0-9]{1,8}", fullmatch=True),
        st.from_regex(rb"([!-~\x80-\xff]([ !-~\x80-\xff]{0,12}[!-~\x80-\xff])?)?", fullmatch=True),
    ),
    max_size=4,
)
BODIES = st.lists(st.binary(min_size=1, max_size=40), max_size=5)
CUTS = st.lists(st.integers(0, 400), max_size=8)


@dataclass
class Wire(asyncio.Transport):
    """A socket that is written down and never full."""

    sent: list[bytes] = field(default_factory=list)
    paused: bool = False
    closed: bool = False
    unsent: int = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


def asked(*, bodiless: bool = False) -> tuple[Connection, Wire]:
    """A connection on which a request has just gone out."""
    connection, wire = Connection(), Wire()
    connection.connection_made(wire)
    connection.send(b"GET / HTTP/1.1\r\n\r\n", b"", bodiless=bodiless)
    return connection, wire


async def answered(connection: Connection) -> bytes:
    """The whole body, once the head is there."""
    await connection.head()
    came = b""
    while piece := await connection.piece():
        came += piece
    return came


def raw_answer(fields: list[tuple[bytes, bytes]], body: list[bytes], *, chunked: bool) -> bytes:
    lines = [b"HTTP/1.1 200 OK", *(b"%b: %b" % pair for pair in fields)]
    if chunked:
        lines.append(b"transfer-encoding: chunked")
        coded = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in body) + b"0\r\n\r\n"
    else:
        coded = b"".join(body)
        lines.append(b"content-length: %d" % len(coded))
    return b"\r\n".join(lines) + b"\r\n\r\n" + coded


@given(HEADS, BODIES, CUTS, st.booleans())
def test_an_answer_is_the_same_whatever_the_cuts(
    fields: list[tuple[bytes, bytes]], body: list[bytes], cuts: list[int], chunked: bool
) -> None:
    async def check() -> None:
        connection, _ = asked()
        raw = raw_answer(fields, body, chunked=chunked)
        places = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
        for begin, end in pairwise(places):
            connection.data_received(raw[begin:end])
        assert await answered(connection) == b"".join(body)
        assert connection.fields[: len(fields)] == fields
        assert connection.reusable

    asyncio.run(check())


@given(BODIES.filter(bool), st.integers(0, 1000), st.booleans())
def test_a_cut_answer_is_never_whole(body: list[bytes], at: int, chunked: bool) -> None:
    async def check() -> None:
        connection, _ = asked()
        raw = raw_answer([], body, chunked=chunked)
        connection.data_received(raw[: at % len(raw)] or b"H")
        connection.connection_lost(None)
        with pytest.raises(Broke):
            await answered(connection)
        assert not connection.reusable

    asyncio.run(check())


async def test_without_framing_the_end_of_the_connection_is_the_end() -> None:
    connection, _ = asked()
    connection.data_received(b"HTTP/1.0 200 OK\r\n\r\nhello")
    connection.connection_lost(None)
    assert await answered(connection) == b"hello"
    assert not connection.reusable


async def test_a_reset_is_no_end_even_without_framing() -> None:
    connection, _ = asked()
    connection.data_received(b"HTTP/1.0 200 OK\r\n\r\nhello")
    connection.connection_lost(ConnectionResetError())
    await connection.head()
    assert await connection.piece() == b"hello"
    with pytest.raises(Broke):
        await connection.piece()


@pytest.mark.parametrize(
    ("answer", "bodiless"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", False),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", True),
    ],
)
async def test_answers_without_a_body_end_with_their_head(answer: bytes, bodiless: bool) -> None:
    connection, _ = asked(bodiless=bodiless)
    connection.data_received(answer)
    assert await answered(connection) == b""
    assert connection.reusable


async def test_interim_answers_are_passed_over() -> None:
    connection, _ = asked()
    connection.data_received(b"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n")
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Late: 1\r\n\r\nok")
    assert await answered(connection) == b"ok"
    assert connection.fields == [(b"Content-Length", b"2"), (b"X-Late", b"1")]


async def test_bytes_that_nobody_asked_for_end_the_connection() -> None:
    behind, _ = asked()
    behind.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n")
    assert await answered(behind) == b"ok"
    assert not behind.reusable
    idle, wire = asked()
    idle.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert await answered(idle) == b"ok"
    idle.data_received(b"H")
    assert wire.closed


async def test_a_connection_that_the_server_closes_is_not_used_again() -> None:
    connection, wire = asked()
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    assert await answered(connection) == b"ok"
    assert not connection.reusable
    other, wire = asked()
    other.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    await answered(other)
    wire.unsent = 1  # the answer came before the request was sent to its end
    assert not other.reusable


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Name: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * (1 << 20),
    ],
)
async def test_what_is_no_answer_breaks_the_exchange(raw: bytes) -> None:
    connection, wire = asked()
    connection.data_received(raw)
    with pytest.raises(Broke):
        await connection.head()
    assert wire.closed


async def test_what_nobody_takes_is_not_read() -> None:
    connection, wire = asked()
    connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    for _ in range(4):
        connection.data_received(b"x" * 100_000)
    assert wire.paused
    await connection.head()
    assert len(await connection.piece()) == 400_000
    assert not wire.paused


async def test_a_large_body_is_not_copied_behind_its_head() -> None:
    connection, wire = Connection(), Wire()
    connection.connection_made(wire)
    body = b"x" * 1_000_000
    connection.send(b"head", body, bodiless=False)
    assert wire.sent == [b"head", body]
