"""A scripted Claude: a real HTTP/1.1 server that notes what it got and answers as it was told.

`python -m plait.fakes.claude --port 8000` runs it by hand. In a program:

    async with ScriptedClaude() as claude:
        claude.expect("/v1/messages", body, json_answer({...}))   # this call, once
        claude.rules.append(lambda call: error_answer(529, "Overloaded") if ... else None)
        ...                                                       # anything else gets a generated answer
        assert claude.calls[0].body == body
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from plait.fakes.answers import Answer
from plait.fakes.delivery import Connection, Peer, deliver
from plait.fakes.generated import answer_to
from plait.fakes.http1 import BUFFER_BYTES, BrokenMessage, Head, body_pieces, read_head
from plait.fakes.ledger import Call, Rule
from plait.fakes.recordings import load, samples_folder


@dataclass
class Expected:
    """A call that is answered in a given way; `call` is done when it has come."""

    answer: Answer
    call: asyncio.Future[Call]


class ScriptedClaude:
    """Listens on 127.0.0.1, on a free port unless told which."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.calls: list[Call] = []
        self.rules: list[Rule] = []
        """Asked in their order for calls that nobody expects; the first answer counts."""
        self._expected: dict[tuple[str, bytes], deque[Expected]] = defaultdict(deque)
        self._arrival = asyncio.Condition()
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """What `CLAUDE_API_BASE_URL` has to be."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(
            self._connection, "127.0.0.1", self.port, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def expect(self, target: str, body: bytes | None, answer: Answer) -> Expected:
        """Answer the next call with this path and these body bytes so; equal calls get theirs first in, first out."""
        expected = Expected(answer, asyncio.get_running_loop().create_future())
        self._expected[_key(target, body or b"")].append(expected)
        return expected

    async def call(self, number: int) -> Call:
        """The call with this number, from 0, as soon as it has come."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.calls) > number)
        return self.calls[number]

    def _connection(self) -> asyncio.BaseProtocol:
        peer = Peer()
        reader = asyncio.StreamReader(limit=BUFFER_BYTES)
        return Connection(peer, reader, partial(self._opened, peer))

    def _opened(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(peer, reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(peer, reader, writer):
                pass
        except (BrokenMessage, ConnectionError):
            pass  # the client left between or inside messages: the ledger shows what had come
        finally:
            writer.close()

    async def _one(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One call and its answer; whether the connection can be used again."""
        head = await read_head(reader)
        if head.header("expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = b"".join([piece async for piece in body_pieces(reader, head, until_close=False)])
        call = self._noted(head, body)
        async with self._arrival:
            self._arrival.notify_all()
        try:
            return await deliver(call, peer, writer) and (head.header("connection") or "").lower() != "close"
        finally:
            call.ended, call.client_gone = time.monotonic(), peer.gone_at
            call.over.set()

    def _noted(self, head: Head, body: bytes) -> Call:
        method, target, *_ = [*head.start.split(), "", ""]
        call = Call(method, target, head.headers, body, time.monotonic())
        self.calls.append(call)
        waiting = self._expected.get(_key(target, body))
        if waiting:
            expected = waiting.popleft()
            call.answer = expected.answer
            if not expected.call.done():
                expected.call.set_result(call)
        else:
            told = (answer for rule in self.rules if (answer := rule(call)))
            call.answer = next(told, None) or self.unscripted(call)
        return call

    def unscripted(self, call: Call) -> Answer:
        """What a call gets that nobody expects and no rule is for."""
        return answer_to(call.method, call.target, call.headers, call.body)


def _key(target: str, body: bytes) -> tuple[str, bytes]:
    return target.split("?")[0], body


async def _run(port: int, samples: Path | None) -> None:
    async with ScriptedClaude(port) as claude:
        recorded = [one for found in load(samples).values() for one in found] if samples else []
        for recording in recorded:
            claude.expect(recording.target, recording.body, recording.answer())
        print(f"scripted Claude on {claude.url}, {len(recorded)} recorded answers; Ctrl-C ends it", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Run by hand until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m plait.fakes.claude", description="A scripted Claude.")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--recorded", action="store_true", help="answer the sample calls as recorded")
    asked = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(asked.port, samples_folder() if asked.recorded else None))


if __name__ == "__main__":
    main()
