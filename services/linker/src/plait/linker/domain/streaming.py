"""The calls of an answer while it comes in: a sub-agent may begin before the answer that starts it has ended.

Only what brings requests of its own is read (`offers.AWAITED_TOOLS`); all other events are passed over undecoded.
"""

from __future__ import annotations

from typing import Any, Final

from plait.common.folding import Block, SseReader
from plait.common.lenient import json_value, mended
from plait.linker.domain.answer import MOST_CALLS, calls_in
from plait.linker.domain.canonical import answer_blocks
from plait.linker.domain.facts import Call
from plait.linker.domain.offers import AWAITED_TOOLS

MOST_HELD: Final = 1024 * 1024
"""Bytes of a stream that are kept until a call is whole; of one that needs more its end tells."""
_MARK: Final = b"tool_use"


class CallsSoFar:
    """The awaited calls of one stream that have come whole, in their order. Feed it the stream's bytes as they come."""

    def __init__(self) -> None:
        self._reader = SseReader()
        self._open: dict[int, Block] = {}
        self._whole: dict[int, Call] = {}
        self.held = 0
        """Bytes, about, that are kept because something is not whole yet."""

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that are whole."""
        return tuple(self._whole[index] for index in sorted(self._whole))

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the stream, content encoding undone."""
        self.held += len(piece)
        for data in self._reader.feed(piece):
            if self._open or _MARK in data:
                self._take(json_value(data))
            if not self._open:
                self.held = 0

    def _take(self, event: Any) -> None:
        index = event.get("index") if isinstance(event, dict) else None
        if not isinstance(index, int):
            return
        start, delta = event.get("content_block"), event.get("delta")
        match event.get("type"):
            case "content_block_start" if _is_awaited(start) and len(self._whole) < MOST_CALLS:
                self._open[index] = Block(start)
            case "content_block_delta" if index in self._open and isinstance(delta, dict):
                self._open[index].add(delta)
            case "content_block_stop" if index in self._open:
                self._stop(index)

    def _stop(self, index: int) -> None:
        block = self._open.pop(index)
        block.stop()
        for call in calls_in(answer_blocks([mended(block.value())])):
            self._whole[index] = call


def _is_awaited(start: object) -> bool:
    return isinstance(start, dict) and start.get("type") == "tool_use" and str(start.get("name")) in AWAITED_TOOLS
