"""The access log: a line per exchange and per refusal, without content, at a cost that thousands a second can bear.

Lines are collected in memory and written in one piece ten times a second, by a thread: a reader of our stderr that is
slow, or stands still, holds up no relaying. What a kill takes with it is the last tenth of a second of lines; the
record of an exchange is the spool's business.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from plait.common.ids import id_text
from plait.common.logs import write_rendered

_PAUSE_SECONDS: Final = 0.1
_MOST_WAITING: Final = 50_000
_MOST_REFUSALS: Final = 20
"""In one write: anybody can be refused as often as they like, and must not fill the disk with it."""
_CLOSE_SECONDS: Final = 2
_log = structlog.get_logger(__name__)
_encoder = msgspec.json.Encoder()


class Line(Struct, frozen=True, gc=False):
    """What the log tells of one exchange. Milliseconds count from the request's head."""

    ended_at: float
    """Unix seconds."""
    exchange: bytes
    """The exchange id's 16 bytes."""
    domain: str
    key_name: str | None
    """Which of the domain's client keys was used."""
    method: str
    path: str
    """Without its query, which may hold secrets."""
    status: int | None
    """None: the client left before an answer began."""
    ending: str
    bytes_in: int
    """Of the request's body."""
    bytes_out: int
    """Of the answer's body as it was sent, content encoding still on."""
    first_byte_ms: float | None
    """To the first byte of the answer's body; None: it has none."""
    duration_ms: float


class RefusalLine(Struct, frozen=True, gc=False):
    """What the log tells of an answer in Claude's place."""

    at: float
    """Unix seconds."""
    exchange: bytes
    """The 16 bytes of the id that the answer carries."""
    status: int
    reason: str
    """Under which it is counted."""
    domain: str | None
    """As the request's Host asks for it, let in or not; None, like method and path: the head could not be read."""
    method: str | None
    path: str | None
    """Without its query."""


class _RenderedRefusal(Struct):
    """The same in the shape of every other log line."""

    time: datetime
    level: str
    event: str
    service: str
    exchange_id: str
    domain: str | None
    method: str | None
    path: str | None
    status: int
    reason: str


class _Rendered(Struct):
    """A line in the shape of every other log line."""

    time: datetime
    level: str
    event: str
    service: str
    exchange_id: str
    domain: str
    key: str | None
    method: str
    path: str
    status: int | None
    ending: str
    bytes_in: int
    bytes_out: int
    first_byte_ms: float | None
    duration_ms: float


class AccessLog:
    """Takes lines and writes them soon. To be made inside the running loop."""

    def __init__(self, *, on: bool = True) -> None:
        """`on`: whether anything is written; nothing is below the level `info` either."""
        self._on = on and logging.getLogger().isEnabledFor(logging.INFO)
        self._loop = asyncio.get_running_loop()
        self._lines: list[Line | RefusalLine] = []
        self._lost = 0
        self._refusals = 0
        """Since the last write."""
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None

    def note(self, line: Line) -> None:
        """An exchange ended. Lines beyond what a stuck stderr may cost in memory are counted instead."""
        if self._on:
            self._add(line)

    def refused(self, line: RefusalLine) -> None:
        """The gateway refused. Beyond a bound they are counted instead."""
        if not self._on:
            return
        self._refusals += 1
        if self._refusals <= _MOST_REFUSALS:
            self._add(line)

    def _add(self, line: Line | RefusalLine) -> None:
        if len(self._lines) >= _MOST_WAITING:
            self._lost += 1
            return
        self._lines.append(line)
        if self._timer is None:
            self._timer = self._loop.call_later(_PAUSE_SECONDS, self._write_soon)

    async def close(self) -> None:
        """Write what waits; lines that a stuck stderr does not take within some seconds are given up."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=_CLOSE_SECONDS)
        if self._lines and (self._writing is None or self._writing.done()):
            write_rendered(self._rendered())

    def _write_soon(self) -> None:
        if self._writing is not None and not self._writing.done():
            self._timer = self._loop.call_later(_PAUSE_SECONDS, self._write_soon)
            return
        self._timer = None
        self._writing = self._loop.run_in_executor(None, write_rendered, self._rendered())
        if self._lost:
            lost, self._lost = self._lost, 0
            _log.warning("access log lines were lost, because stderr was not read", lines=lost)
        if self._refusals > _MOST_REFUSALS:
            _log.warning("more was refused than is logged one by one", refusals=self._refusals - _MOST_REFUSALS)
        self._refusals = 0

    def _rendered(self) -> str:
        lines, self._lines = self._lines, []
        return _encoder.encode_lines([_render(line) for line in lines]).decode()


def _render(line: Line | RefusalLine) -> _Rendered | _RenderedRefusal:
    return _render_refusal(line) if isinstance(line, RefusalLine) else _render_exchange(line)


def _render_refusal(line: RefusalLine) -> _RenderedRefusal:
    return _RenderedRefusal(
        datetime.fromtimestamp(line.at, UTC),
        "info",
        "refusal",
        "gateway",
        id_text(line.exchange),
        line.domain,
        line.method,
        line.path,
        line.status,
        line.reason,
    )


def _render_exchange(line: Line) -> _Rendered:
    return _Rendered(
        datetime.fromtimestamp(line.ended_at, UTC),
        "info",
        "exchange",
        "gateway",
        id_text(line.exchange),
        line.domain,
        line.key_name,
        line.method,
        line.path,
        line.status,
        line.ending,
        line.bytes_in,
        line.bytes_out,
        line.first_byte_ms,
        line.duration_ms,
    )
