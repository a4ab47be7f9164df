"""Takes secrets out of bodies on their way to the spool, step by step, so that nobody waits for it but who has to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog
from msgspec.structs import replace

from plait.gateway.redaction import Pieces, Redactor, steps
from plait.gateway.spool.ends import capture_lost
from plait.gateway.spool.frames import LongFrame
from plait.gateway.spool.records import End, Head, Headers, LongRequest, Piece, Record, Request, from_frame, to_frame
from plait.gateway.spool.writer import SpoolWriter

_ENCODING: Final = b"content-encoding"
_LARGE: Final = 1 << 20
"""Bytes from which on a body is not copied on the loop."""
_FEW: Final = 100
"""Steps of a body, as many."""
_PART: Final = 64 * 1024
_log = structlog.get_logger(__name__)


class RedactingSpool:
    """Redacts each record, then has it written; what of an answer may go on in its next piece is held back for that.

    The records of an exchange stay in their order. All exchanges share the work: in a turn of the loop one of them
    gets one step. Bodies are kept decoded, and their headers without the encoding; what cannot be decoded is not kept.
    """

    def __init__(self, writer: SpoolWriter, redactor: Redactor) -> None:
        """To be made inside the running loop, as the only one that appends to `writer`."""
        self._writer = writer
        self._redactor = redactor
        self._answers: dict[bytes, Pieces] = {}
        self._waiting: dict[bytes, deque[Record]] = {}
        self._work: dict[bytes, asyncio.Task[None]] = {}
        self._lost: dict[bytes, type[Record]] = {}
        """Exchanges of which a record was not written, with the kind of the first."""
        self._one_step = asyncio.Lock()

    def record(self, exchange: bytes, record: Record | LongFrame) -> bool:
        """Have a record redacted and written; False when an earlier one of its exchange was dropped."""
        if isinstance(record, LongFrame):
            record = from_frame(record.joined())
        if exchange in self._lost and not isinstance(record, End):
            return False
        self._waiting.setdefault(exchange, deque()).append(record)
        if exchange not in self._work:
            self._work[exchange] = asyncio.ensure_future(self._write(exchange))
        return True

    async def recorded(self, exchange: bytes) -> None:
        """Returns when all that was recorded of this exchange is in the spool."""
        if exchange in self._work:
            await asyncio.shield(self._work[exchange])

    async def on_disk(self) -> None:
        """As the writer has it."""
        await self._writer.on_disk()

    async def settle(self, within: float) -> None:
        """Returns when all that was recorded is in the spool, or so many seconds later."""
        if self._work:
            await asyncio.wait(self._work.values(), timeout=within)

    async def _write(self, exchange: bytes) -> None:
        waiting = self._waiting[exchange]
        while waiting:
            record = waiting.popleft()
            try:
                records = await self._redacted(exchange, record)
            except Exception:  # whatever is wrong with one body, the relay goes on, and nothing of it is written
                _log.exception("a body could not be redacted")
                self._lost.setdefault(exchange, type(record))
                records = [replace(record, answer=None)] if isinstance(record, End) else []
            for each in records:
                await self._append(exchange, each)
        del self._waiting[exchange], self._work[exchange]

    async def _append(self, exchange: bytes, record: Record) -> None:
        """Write it, unless it would be an end without a request, or a part behind one that is missing."""
        if isinstance(record, Request) and len(record.body) > _LARGE:
            if not self._writer.append(await asyncio.to_thread(_long, exchange, record)):
                self._lost[exchange] = Request
            return
        first, frame = self._lost.get(exchange), to_frame(exchange, record)
        if isinstance(record, End):
            self._lost.pop(exchange, None)
            if first is not Request:
                self._writer.append(frame if first is None else capture_lost(frame))
        elif first is None and not self._writer.append(frame):
            self._lost[exchange] = type(record)

    async def _redacted(self, exchange: bytes, record: Record) -> list[Record]:
        if isinstance(record, Request):
            body = await self._whole(record.body, record.headers)
            return [replace(record, headers=_decoded(record.headers), body=body)]
        if isinstance(record, Head):
            self._answers[exchange] = Pieces(self._redactor, _encoding(record.headers))
            return [replace(record, headers=_decoded(record.headers))]
        if isinstance(record, Piece):
            answer = self._answers.get(exchange)
            data = b"".join(await self._fed(answer, record.data)) if answer is not None else b""
            return [replace(record, data=data)] if data else []
        return await self._end(exchange, record)

    async def _end(self, exchange: bytes, end: End) -> list[Record]:
        held = self._answers.pop(exchange, None)
        data = await self._step(held.rest) if held is not None else b""
        if (answer := end.answer) is not None:
            whole = await self._whole(answer.data, answer.headers)
            end = replace(end, answer=replace(answer, headers=_decoded(answer.headers), data=whole))
        return [Piece(end.at_ms or 0, data), end] if data else [end]

    async def _whole(self, body: bytes, headers: Headers) -> bytes:
        pieces = Pieces(self._redactor, _encoding(headers))
        parts = [*await self._fed(pieces, body), await self._step(pieces.rest)]
        return b"".join(parts) if len(parts) <= _FEW else await asyncio.to_thread(b"".join, parts)

    async def _fed(self, pieces: Pieces, data: bytes) -> list[bytes]:
        """What may be recorded now. Unpacking lets the loop run beside it; patterns do not."""
        decoded = await asyncio.to_thread(pieces.decoded, data) if pieces.is_encoded else data
        return [await self._step(pieces.take, part) for part in steps(decoded)]

    async def _step(self, work: Callable[..., bytes], *given: bytes) -> bytes:
        """One step of somebody's, when it is their turn; then the loop looks after everybody else."""
        async with self._one_step:
            found = work(*given)
            await asyncio.sleep(0)
        return found


def _long(exchange: bytes, request: Request) -> LongFrame:
    """The record of a request with a large body, made beside the loop."""
    made, body = LongRequest(exchange, replace(request, body=b""), len(request.body)), request.body
    for at in range(0, len(body), _PART):
        made.add(body[at : at + _PART])
    frame = made.record()
    assert isinstance(frame, LongFrame)
    return frame


def _encoding(headers: Headers) -> str:
    return ", ".join(value.decode("latin-1") for name, value in headers if name.lower() == _ENCODING)


def _decoded(headers: Headers) -> Headers:
    return [field for field in headers if field[0].lower() != _ENCODING]
