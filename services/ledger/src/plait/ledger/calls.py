"""Tool calls: which an answer makes, and which results a request brings. Pure.

Only what is new in a request is looked at: what stands behind its last assistant message. The history before it was
new once, in an earlier request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from plait.common.events import Data, RequestData, ResponseData

_MOST: Final = 1000
"""Calls of one answer, or results in one request, that are looked at."""
_LONGEST: Final = 255


class Lines(Struct, frozen=True):
    """Lines that an edit adds and removes."""

    added: int
    removed: int


class Call(Struct, frozen=True):
    """A tool call in an answer."""

    key: UUID
    tool: str
    lines: Lines | None
    """None: the tool edits nothing, or does not tell."""


class Result(Struct, frozen=True):
    """The result of a call, in a request."""

    key: UUID
    failed: bool


class _Block(Struct):
    type: Any = None
    id: Any = None
    name: Any = None
    input: Raw = Raw()
    partial_json: Any = None
    tool_use_id: Any = None
    is_error: Any = None


class _Message(Struct):
    role: Any = None
    content: Raw = Raw()


class _Body(Struct):
    messages: list[Raw] = []


_bodies: Final = msgspec.json.Decoder(_Body)
_messages: Final = msgspec.json.Decoder(_Message)
_blocks: Final = msgspec.json.Decoder(list[_Block])


def calls(answer: ResponseData) -> list[Call]:
    """The calls that an answer makes, each id once. One that was cut off before its input was whole is none."""
    if not isinstance(answer.body, Raw) or b'"tool_use"' not in bytes(answer.body):
        return []
    found = {
        block.id: Call(call_key(answer, block.id), block.name[:_LONGEST].replace("\0", ""), _lines(block))
        for block in _read_blocks(_message(answer.body).content)
        if block.type == "tool_use" and isinstance(block.id, str) and isinstance(block.name, str)
        if block.partial_json is None
    }
    return list(found.values())[:_MOST]


def results(request: RequestData) -> list[Result]:
    """The results that a request brings as news, each id once."""
    if not isinstance(request.body, Raw) or b'"tool_result"' not in bytes(request.body):
        return []
    found = {
        block.tool_use_id: Result(call_key(request, block.tool_use_id), block.is_error is True)
        for message in _news(request.body)
        for block in _read_blocks(message.content)
        if block.type == "tool_result" and isinstance(block.tool_use_id, str)
    }
    return list(found.values())[:_MOST]


def call_key(exchange: Data, call_id: str) -> UUID:
    """The name of a call within its domain and thread: ids are the provider's, but nobody vouches for them."""
    text = "\0".join((exchange.domain, exchange.thread, call_id))
    return UUID(bytes=hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest())


def _news(body: Raw) -> Iterator[_Message]:
    try:
        messages = _bodies.decode(body).messages
    except (msgspec.DecodeError, RecursionError):
        return
    for raw in reversed(messages):
        message = _message(raw)
        if message.role == "assistant":
            return
        yield message


def _message(raw: Raw) -> _Message:
    try:
        return _messages.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return _Message()


def _read_blocks(content: Raw) -> list[_Block]:
    try:
        return _blocks.decode(content) if content else []
    except (msgspec.DecodeError, RecursionError):
        return []


def _lines(block: _Block) -> Lines | None:
    count = _EDITS.get(block.name)
    if count is None or not block.input:
        return None
    try:
        given = msgspec.json.decode(block.input)
    except (msgspec.DecodeError, RecursionError):
        return None
    return count(given) if isinstance(given, dict) else None


def _edit(given: Mapping[str, Any]) -> Lines:
    """The lines that differ: what both texts begin and end with stays."""
    old, new = _split(given.get("old_string")), _split(given.get("new_string"))
    shorter = min(len(old), len(new))
    before = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    rest = shorter - before
    after = next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)
    return Lines(len(new) - before - after, len(old) - before - after)


def _multi_edit(given: Mapping[str, Any]) -> Lines:
    edits = given.get("edits")
    each = [_edit(one) for one in edits if isinstance(one, dict)] if isinstance(edits, list) else []
    return Lines(sum(one.added for one in each), sum(one.removed for one in each))


def _write(given: Mapping[str, Any]) -> Lines:
    """What stood in the file before is not told."""
    return Lines(len(_split(given.get("content"))), 0)


def _notebook_edit(given: Mapping[str, Any]) -> Lines:
    """What stood in the cell before is not told."""
    return Lines(0 if given.get("edit_mode") == "delete" else len(_split(given.get("new_source"))), 0)


def _split(text: Any) -> list[str]:
    return text.splitlines() if isinstance(text, str) else []


_EDITS: Final[Mapping[str, Callable[[Mapping[str, Any]], Lines]]] = {
    "Edit": _edit,
    "MultiEdit": _multi_edit,
    "Write": _write,
    "NotebookEdit": _notebook_edit,
}
