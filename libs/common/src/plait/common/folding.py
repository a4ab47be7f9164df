"""Folds Anthropic's server-sent events into the message that they build. Pure: bytes in, values out.

The rules are linking.md's ("Outcome"): message_start's message with the blocks by index; message_delta's `delta`,
`usage` and other keys merged over it, but no null over a figure; a tool input that did not finish is kept as text in
`partial_json` beside an empty `input`. Events may be cut anywhere; one that was never finished counts for nothing.
Unknown events are passed over, unknown deltas are kept: text is joined, lists are extended, everything else replaces.
Where a character was cut into two events, as halves of a surrogate pair, joining makes it whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from plait.common.lenient import mended, unmended

_LINE_END: Final = b"\n"


class SseReader:
    """Cuts a byte stream into events, whatever the pieces it comes in."""

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The `data` of each event that ends in this piece; events without data are none."""
        # A line may come in thousands of pieces: they are joined once, when its end is there.
        if _LINE_END not in piece:
            self._line.append(piece)
            return
        first, *others = piece.split(_LINE_END)
        self._line.append(first)
        lines = [b"".join(self._line), *others]
        self._line = [lines.pop()]
        for line in lines:
            yield from self._end_line(line.removesuffix(b"\r"))

    def _end_line(self, line: bytes) -> Iterator[bytes]:
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif not line:
            data, self._data = b"\n".join(self._data), []
            if data:
                yield data


@dataclass(frozen=True)
class StreamError:
    """What an `error` event said."""

    type: str
    message: str


class Block:
    """One content block while its deltas come in; parts are joined once, at the end."""

    def __init__(self, start: dict[str, Any]) -> None:
        """`start`: the block as it began; it may be changed."""
        self._value = start
        self._parts: dict[str, list[str]] = {}
        self._input: list[str] | None = None

    def add(self, delta: dict[str, Any]) -> None:
        """Take a delta."""
        kind = delta.get("type")
        if kind == "input_json_delta":
            self._input = self._input or []
            self._input.append(str(delta.get("partial_json", "")))
        elif kind == "citations_delta":
            self._value["citations"] = [*(self._value.get("citations") or []), delta.get("citation")]
        else:
            self._keep(delta)

    def _keep(self, delta: dict[str, Any]) -> None:
        for key, value in delta.items():
            before = self._value.get(key)
            if key == "type":
                continue
            if isinstance(value, str) and (before is None or isinstance(before, str)):
                self._parts.setdefault(key, []).append(value)
            elif isinstance(value, list) and isinstance(before, list):
                self._value[key] = before + value
            else:
                self._value[key] = value

    def stop(self) -> None:
        """The block is whole, and so is its tool input."""
        if self._input is None:
            return
        text = "".join(self._input)
        found = _decoded(text) if text else {}
        if found is None and text != "null":
            return
        self._value["input"] = found
        self._input = None

    def value(self) -> dict[str, Any]:
        """The block as far as it is known."""
        found = dict(self._value)
        for key, parts in self._parts.items():
            found[key] = (found.get(key) or "") + "".join(parts)
        if self._input is not None:
            found |= {"input": {}, "partial_json": "".join(self._input)}
        return found


class Fold:
    """A message while its events come in. Feed it bytes as they arrive and read the rest whenever you like."""

    def __init__(self) -> None:
        self._reader = SseReader()
        self._message: dict[str, Any] | None = None
        self._blocks: dict[int, Block] = {}
        self._has_halves = False
        self.stopped = False
        """message_stop came: the message is whole, and what follows is not part of it."""
        self.has_content = False
        """A content delta came."""
        self.error: StreamError | None = None

    @property
    def started(self) -> bool:
        """message_start came."""
        return self._message is not None

    @property
    def message(self) -> dict[str, Any] | None:
        """The message as far as it is known, None before message_start."""
        if self._message is None:
            return None
        content = [self._blocks[index].value() for index in sorted(self._blocks)]
        message: dict[str, Any] = self._message | {"content": content}
        return (mended(message) or message) if self._has_halves else message

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the stream, content encoding undone."""
        for data in self._reader.feed(piece):
            event, strict = _object(data)
            if event is not None and not self.stopped:
                self._has_halves = self._has_halves or not strict
                self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        match event.get("type"):
            case "message_start":
                self._start(event)
            case "error":
                self._fail(event)
            case "content_block_start" | "content_block_delta" | "content_block_stop" if self.started:
                self._take_block(event)
            case "message_delta" if self._message is not None:
                self._finish(self._message, event)
            case "message_stop":
                self.stopped = self.started

    def _start(self, event: dict[str, Any]) -> None:
        message = event.get("message")
        if isinstance(message, dict):
            self._message = message
            content = message.get("content")
            given = content if isinstance(content, list) else []
            self._blocks = {n: Block(block) for n, block in enumerate(given) if isinstance(block, dict)}

    def _take_block(self, event: dict[str, Any]) -> None:
        index = event.get("index")
        if not isinstance(index, int):
            return
        start, delta = event.get("content_block"), event.get("delta")
        if event["type"] == "content_block_start" and isinstance(start, dict):
            self._blocks[index] = Block(start)
        elif index in self._blocks and isinstance(delta, dict):
            self.has_content = True
            self._blocks[index].add(delta)
        elif index in self._blocks:
            self._blocks[index].stop()

    def _finish(self, message: dict[str, Any], event: dict[str, Any]) -> None:
        delta, usage = event.get("delta"), event.get("usage")
        message |= delta if isinstance(delta, dict) else {}
        if isinstance(usage, dict):
            before = message.get("usage")
            known = {key: value for key, value in usage.items() if value is not None}
            message["usage"] = usage | (before if isinstance(before, dict) else {}) | known
        message |= {key: value for key, value in event.items() if key not in ("type", "delta", "usage")}

    def _fail(self, event: dict[str, Any]) -> None:
        error = event.get("error")
        found = error if isinstance(error, dict) else {}
        self.error = StreamError(str(found.get("type", "error")), str(found.get("message", "")))


def fold(stream: bytes) -> Fold:
    """Fold a whole stream."""
    folded = Fold()
    folded.feed(stream)
    return folded


def _object(data: bytes) -> tuple[dict[str, Any] | None, bool]:
    """The object that an event's data is, and whether its strings are whole."""
    try:
        value, strict = msgspec.json.decode(data), True
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        value, strict = unmended(data), False
    return (value if isinstance(value, dict) else None), strict


def _decoded(text: str) -> Any | None:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return unmended(text)
