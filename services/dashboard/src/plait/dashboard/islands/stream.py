"""An answer as it came: its pieces on a line of time, and its text in the order and at the pace of its arrival."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from markupsafe import Markup

from plait.common.events import Piece
from plait.common.folding import SseReader
from plait.dashboard.islands.texts import clip, one_line
from plait.dashboard.islands.words import bytes_of, span

MOST_ROWS: Final = 2_000
"""Pieces that the table shows."""
_MOST_TEXT: Final = 200_000
"""Characters of an answer that are replayed."""
_COLUMNS: Final = 240
_HEIGHT: Final = 60
_TEXTS: Final = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_KINDS: Final = {"text": "prose", "thinking": "thinking"}


@dataclass(frozen=True)
class Arrival:
    """One piece."""

    index: int
    at: float
    """Milliseconds since the request arrived."""
    gap: float
    """Since the piece before; of the first, since the request."""
    size: int
    """Bytes."""
    events: list[str]
    """Types of the events that ended in it."""
    kind: str
    """prose, thinking, call, other: what most of it was."""


@dataclass
class Written:
    """One block of the answer, in the runs that it came in."""

    kind: str
    """prose, thinking or call."""
    name: str
    """Of a call the tool, else what it is."""
    runs: list[tuple[float, str]] = field(default_factory=list)
    """When, in milliseconds since the request, and what."""


@dataclass(frozen=True)
class Stream:
    """All of it."""

    arrivals: list[Arrival]
    blocks: list[Written]
    size: int
    """Bytes."""
    longest_gap: float
    """Milliseconds between two pieces."""

    @property
    def ended(self) -> float:
        """When the last piece came."""
        return self.arrivals[-1].at if self.arrivals else 0.0


def read_stream(pieces: Sequence[tuple[int, Piece]]) -> Stream:
    """The pieces of an event stream in order; what is no event is counted, and not read."""
    reader, blocks = SseReader(), _Blocks()
    arrivals: list[Arrival] = []
    for index, piece in pieces:
        events = [_decoded(data) for data in reader.feed(piece.data)]
        kinds = [blocks.take(event, piece.offset_ms) for event in events]
        before = arrivals[-1].at if arrivals else 0.0
        kind = next((k for k in kinds if k), "other")
        types = [one_line(str(event.get("type", "?")), 40) for event in events]
        arrivals.append(Arrival(index, piece.offset_ms, piece.offset_ms - before, len(piece.data), types, kind))
    gaps = [one.gap for one in arrivals[1:]]
    return Stream(arrivals, blocks.told(), sum(a.size for a in arrivals), max(gaps, default=0.0))


def timeline(stream: Stream) -> Markup:
    """Bytes by time as a drawing, coloured by what they were."""
    said = (
        f"{len(stream.arrivals)} pieces, {bytes_of(stream.size)}, from {span(stream.arrivals[0].at)} to "
        f"{span(stream.ended)} after the request; the longest pause took {span(stream.longest_gap)}."
    )
    bars = Markup("").join(_bars(stream))
    drawn = Markup('<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>')
    return drawn.format(_COLUMNS, _HEIGHT, said, bars)


def _bars(stream: Stream) -> Iterator[Markup]:
    end = stream.ended or 1.0
    columns: dict[int, dict[str, int]] = {}
    for one in stream.arrivals:
        column = columns.setdefault(min(int(one.at / end * _COLUMNS), _COLUMNS - 1), {})
        column[one.kind] = column.get(one.kind, 0) + one.size
    most = max(sum(column.values()) for column in columns.values()) or 1
    for place, column in sorted(columns.items()):
        top = float(_HEIGHT)
        for kind, size in sorted(column.items()):
            tall = max(size / most * _HEIGHT, 1.5)
            top -= tall
            bar = Markup('<rect class="{}" x="{}" y="{:.1f}" width=".8" height="{:.1f}"/>')
            yield bar.format(kind, place, max(top, 0.0), tall)


class _Blocks:
    """The blocks of an answer while its events are read."""

    def __init__(self) -> None:
        self._blocks: dict[int, Written] = {}
        self._left = _MOST_TEXT

    def take(self, event: dict[str, Any], at: float) -> str:
        """What kind of block an event belongs to; empty where to none."""
        index = event.get("index")
        if not isinstance(index, int):
            return ""
        if isinstance(start := event.get("content_block"), dict):
            self._blocks[index] = _begun(start)
        elif isinstance(delta := event.get("delta"), dict) and index in self._blocks:
            self._add(self._blocks[index], delta, at)
        return self._blocks[index].kind if index in self._blocks else ""

    def told(self) -> list[Written]:
        """Those that have a text."""
        return [block for _, block in sorted(self._blocks.items()) if block.runs]

    def _add(self, block: Written, delta: dict[str, Any], at: float) -> None:
        text = delta.get(_TEXTS.get(str(delta.get("type")), ""))
        if not isinstance(text, str) or not text or self._left <= 0:
            return
        text = clip(text[: self._left])
        self._left -= len(text)
        if block.runs and block.runs[-1][0] == at:
            block.runs[-1] = (at, block.runs[-1][1] + text)
        else:
            block.runs.append((at, text))


def _begun(start: dict[str, Any]) -> Written:
    kind = str(start.get("type", ""))
    if kind in _KINDS:
        return Written(_KINDS[kind], {"text": "Text", "thinking": "Thinking"}[kind])
    return Written("call", one_line(str(start.get("name", kind or "block"))))


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        event = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {"type": "not JSON"}
    return event if isinstance(event, dict) else {"type": "no object"}
