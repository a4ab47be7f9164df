"""Answers of events: they end with their pieces, their reader, or the reader's session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.types import Message

from plait.dashboard.front import streaming
from plait.dashboard.front.streaming import LOGGED_OUT, EventStream


class Reader:
    """The other end of one answer."""

    def __init__(self, *, stalls: bool = False) -> None:
        self.sent: list[Message] = []
        self.left = asyncio.Event()
        self.over = asyncio.Event()
        self.ended = asyncio.Event()
        self._stalls = stalls

    async def read(self, *given: bytes, endless: bool = False) -> None:
        """Be sent these pieces."""

        async def pieces() -> AsyncGenerator[bytes, None]:
            try:
                for piece in given:
                    yield piece
                if endless:
                    await asyncio.Event().wait()
            finally:
                self.ended.set()

        await EventStream(pieces(), self._until_over())({"type": "http"}, self._receive, self._send)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def is_whole(self) -> bool:
        """Whether the answer was ended in good order."""
        return bool(self.sent) and self.sent[-1].get("more_body") is False

    async def _until_over(self) -> None:
        await self.over.wait()

    async def _receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.sent.append(message)
        if self._stalls and message.get("body"):
            await asyncio.Event().wait()


async def test_all_pieces_are_sent() -> None:
    reader = Reader()
    await reader.read(b"a", b"b")
    assert (reader.body, reader.is_whole) == (b"ab", True)
    head = dict(reader.sent[0]["headers"])
    assert head[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert head[b"cache-control"] == b"no-store"
    assert b"content-length" not in head


async def test_the_end_of_the_session_ends_it_and_is_told() -> None:
    reader = Reader()
    running = asyncio.create_task(reader.read(b"a", endless=True))
    await asyncio.sleep(0)
    reader.over.set()
    await asyncio.wait_for(running, 60)
    assert (reader.body, reader.is_whole) == (b"a" + LOGGED_OUT, True)
    assert reader.ended.is_set()


async def test_when_the_reader_has_left_its_pieces_end() -> None:
    reader = Reader()
    running = asyncio.create_task(reader.read(b"a", endless=True))
    await asyncio.sleep(0)
    reader.left.set()
    await asyncio.wait_for(running, 60)
    assert reader.body == b"a"
    assert reader.ended.is_set()


async def test_a_reader_that_does_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_STALLED_S", 0.01)
    reader = Reader(stalls=True)
    await asyncio.wait_for(reader.read(b"a", b"b"), 60)
    assert (reader.body, reader.is_whole) == (b"a", False)
    assert reader.ended.is_set()


async def test_a_fault_is_no_good_end() -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"a"
        raise RuntimeError("a fault")

    reader = Reader()
    with pytest.raises(RuntimeError, match="a fault"):
        await EventStream(broken(), reader._until_over())({"type": "http"}, reader._receive, reader._send)
    assert not reader.is_whole
