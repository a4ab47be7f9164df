"""Heads and bodies read back as they were written, wherever the network cuts them."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.fakes.http1 import BrokenMessage, body_pieces, encode_head, read_head

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f\x85\xa0"), max_size=40)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=8)


def fed(raw: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(raw)
    reader.feed_eof()
    return reader


async def read_all(raw: bytes, *, until_close: bool = False) -> bytes:
    reader = fed(raw)
    head = await read_head(reader)
    return b"".join([piece async for piece in body_pieces(reader, head, until_close=until_close)])


@given(HEADERS)
def test_a_head_comes_back_in_order_and_spelling(headers: list[tuple[str, str]]) -> None:
    async def back() -> None:
        head = await read_head(fed(encode_head("GET / HTTP/1.1", headers)))
        assert (head.start, head.headers) == ("GET / HTTP/1.1", headers)

    asyncio.run(back())


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=10))
def test_chunks_come_back_as_one_body(chunks: list[bytes]) -> None:
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    raw = encode_head("HTTP/1.1 200 OK", [("Transfer-Encoding", "chunked")]) + framed + b"0\r\nx-trailer: 1\r\n\r\n"
    assert asyncio.run(read_all(raw)) == b"".join(chunks)


async def test_an_answer_may_end_with_its_connection() -> None:
    raw = encode_head("HTTP/1.1 200 OK", []) + b"all of it"
    assert await read_all(raw, until_close=True) == b"all of it"
    assert await read_all(raw) == b""


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"GET / HTTP/1.1\r\nhost: a\r\n", "no whole head"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", "without a colon: 'no colon'"),
        (b"GET / HTTP/1.1\r\ncontent-length: many\r\n\r\n", "content-length is 'many'"),
        (b"GET / HTTP/1.1\r\ncontent-length: 5\r\n\r\nabc", "closed 2 bytes before the end"),
        (b"GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "a chunk's size is b'zz'"),
        (b"GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "longer than its size"),
        (b"GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n", "closed inside chunk framing"),
    ],
)
async def test_broken_messages_are_named(raw: bytes, words: str) -> None:
    with pytest.raises(BrokenMessage, match=words):
        await read_all(raw)
