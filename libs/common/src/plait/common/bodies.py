"""Takes bodies apart into content-addressed parts, and puts them together again so that the exact JSON comes back.

Storage form of a message: `cache_control` dropped from its content blocks, string content as one text block, sorted
keys. What that changed is noted in the remainder, beside every other field of the body. An answer's content is kept as
the assistant message that clients resend with the next turn, so that both are one blob.

To put an exchange's bodies together a reader needs

- for `put_request_together`: `exchange_requests.remainder` and `.whole`; the blobs of `chains` from
  `exchange_requests.chain` up to the first, in the order of `depth`; the blobs of `.system` and `.tools`; the settings
  of `.frame`, if it has one;
- for `put_answer_together`: `exchange_responses.remainder` and `.whole`; the blob of `.content`;

each blob as `plait.common.blobs.unshelve(blobs.encoding, blobs.data)` gives it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from plait.common.blobs import Blob, Link, chain, json_blob
from plait.common.lenient import Read, read_json
from plait.common.packing import pack, unpack

DEEPEST: Final = 200
"""Levels of lists and objects in a body that is taken apart or given back as a value, so that whoever handles it stays
far from the interpreter's limit; a deeper one is kept whole, and given back as text."""
_SHORT = 8192
"""Bytes in which brackets are counted sooner than levels."""
_CACHE = "cache_control"
_Notes = list[list[Any]]
"""Where a `cache_control` stood and what it was: `[index, …, value]`."""


class RequestParts(Struct, frozen=True):
    """A request's body in parts. `whole`: it is no messages request, the remainder is the body itself, packed."""

    beside_frame: bytes
    """The remainder where a frame holds the other fields (`plait.common.frames`)."""
    whole: bool = False
    messages: Sequence[Blob] = ()
    links: Sequence[Link] = ()
    system: Blob | None = None
    tools: Blob | None = None
    rest: Mapping[str, Any] = {}
    """The body's other fields."""

    @property
    def remainder(self) -> bytes:
        """What remains to be kept where no frame is."""
        if self.whole:
            return self.beside_frame
        notes = msgspec.json.decode(unpack(self.beside_frame), type=_Remainder)
        return _packed(msgspec.structs.replace(notes, rest=dict(self.rest)))

    @property
    def head(self) -> bytes | None:
        """The chain hash that stands for all messages."""
        return self.links[-1].hash if self.links else None

    @property
    def blobs(self) -> list[Blob]:
        """All of them, messages in order first."""
        return [*self.messages, *(blob for blob in (self.system, self.tools) if blob)]


class AnswerParts(Struct, frozen=True):
    """An answer's body in parts. `whole`: it is no message, the remainder is the body itself, packed."""

    remainder: bytes
    whole: bool = False
    content: Blob | None = None


class _Remainder(Struct, omit_defaults=True):
    """What is left of a body without its parts, and what was changed in them."""

    rest: dict[str, Any] = {}
    cache: _Notes = []
    """In messages: `[message, block, value]`, inside a tool result `[message, block, inner block, value]`."""
    forms: list[int] = []
    """Messages whose content was text where a block list is usual, or the other way round (`_usually_text`)."""
    system_cache: _Notes = []
    tools_cache: _Notes = []


def take_apart_request(body: bytes, read: Read | None = None) -> RequestParts:
    """The parts of a request's decoded body, b"" for none. Never raises: what it cannot take apart it keeps whole.

    That is what is no JSON, has lone surrogates, or is deeper than the decoder goes. `read`: the body, if it was read.
    """
    value, exact = read or read_json(body)
    if exact and isinstance(value, dict) and _messages_of(value) and not _is_deep(body, value):
        return _request_parts(value)
    return RequestParts(pack(body), whole=True)


def take_apart_answer(body: bytes, read: Read | None = None) -> AnswerParts:
    """The parts of an answer's body (of an event stream: the folded message). Never raises."""
    value, exact = read or read_json(body)
    if exact and isinstance(value, dict) and _is_answer(value) and not _is_deep(body, value):
        return _answer_parts(value)
    return AnswerParts(pack(body), whole=True)


def put_request_together(
    remainder: bytes,
    whole: bool,
    messages: Sequence[bytes],
    system: bytes | None,
    tools: bytes | None,
    settings: Mapping[str, Any] | None = None,
) -> Any:
    """The JSON value that was sent; None for an empty body; the text of a body that is no JSON, or too deep.

    `settings`: the other fields, where a frame holds them.

    Strings of a body kept whole may hold lone surrogates: encode them as ASCII JSON.

    Raises:
        ValueError, msgspec.DecodeError: a part is damaged.
    """
    if whole:
        return _whole_value(unpack(remainder))
    notes = msgspec.json.decode(unpack(remainder), type=_Remainder)
    body = {**(settings or {}), **notes.rest}
    body["messages"] = _messages([msgspec.json.decode(blob) for blob in messages], notes)
    if system is not None:
        body["system"] = _with_cache(msgspec.json.decode(system), notes.system_cache)
    if tools is not None:
        body["tools"] = _with_cache(msgspec.json.decode(tools), notes.tools_cache)
    return body


def rest_of_request(remainder: bytes, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A request's fields beside its messages, system prompt and tools, if it is not kept whole.

    Raises:
        ValueError, msgspec.DecodeError: a part is damaged.
    """
    return {**(settings or {}), **msgspec.json.decode(unpack(remainder), type=_Remainder).rest}


def last_mark(remainder: bytes) -> int | None:
    """The last message that has a `cache_control`; -1 if only system prompt or tools have one, None if nothing has.

    Of a request that is not kept whole; one that stands beside the messages is not looked at.

    Raises:
        ValueError, msgspec.DecodeError: a part is damaged.
    """
    notes = msgspec.json.decode(unpack(remainder), type=_Remainder)
    elsewhere = -1 if notes.system_cache or notes.tools_cache else None
    return max((note[0] for note in notes.cache), default=elsewhere)


def put_answer_together(remainder: bytes, whole: bool, content: bytes | None) -> Any:
    """The JSON value of the answer, as `put_request_together` gives a request's."""
    if whole or content is None:
        return _whole_value(unpack(remainder))
    notes = msgspec.json.decode(unpack(remainder), type=_Remainder)
    return {**notes.rest, **_messages([msgspec.json.decode(content)], notes)[0]}


def request_bytes(
    remainder: bytes,
    whole: bool,
    messages: Sequence[bytes],
    system: bytes | None,
    tools: bytes | None,
    settings: Mapping[str, Any] | None = None,
) -> bytes:
    """The JSON text of the request, members in any order; of a body kept whole its very bytes, b"" for none.

    Raises:
        ValueError, msgspec.DecodeError: a part is damaged.
    """
    if whole:
        return unpack(remainder)
    return msgspec.json.encode(put_request_together(remainder, whole, messages, system, tools, settings))


def answer_bytes(remainder: bytes, whole: bool, content: bytes | None) -> bytes:
    """The JSON text of the answer, as `request_bytes` gives a request's."""
    if whole or content is None:
        return unpack(remainder)
    return msgspec.json.encode(put_answer_together(remainder, whole, content))


def _messages_of(body: dict[str, Any]) -> list[Any]:
    found = body.get("messages")
    return found if isinstance(found, list) else []


def _is_answer(body: dict[str, Any]) -> bool:
    return body.get("role") == "assistant" and isinstance(body.get("content"), list)


def _request_parts(body: dict[str, Any]) -> RequestParts:
    notes = _Remainder(rest={k: v for k, v in body.items() if k != "messages"}, cache=[], forms=[])
    messages = [json_blob(_stored_message(m, n, notes)) for n, m in enumerate(body["messages"])]
    system = _blob_of(notes, "system", notes.system_cache, (str, list))
    tools = _blob_of(notes, "tools", notes.tools_cache, (list,))
    links = chain(blob.hash for blob in messages)
    beside_frame = _packed(msgspec.structs.replace(notes, rest={}))
    return RequestParts(beside_frame, False, messages, links, system, tools, notes.rest)


def _answer_parts(body: dict[str, Any]) -> AnswerParts:
    notes = _Remainder(rest={k: v for k, v in body.items() if k not in ("role", "content")})
    message = _stored_message({"role": body["role"], "content": body["content"]}, 0, notes)
    return AnswerParts(_packed(notes), False, json_blob(message))


def _packed(notes: _Remainder) -> bytes:
    return pack(msgspec.json.encode(notes))


def _blob_of(notes: _Remainder, name: str, cache: _Notes, types: tuple[type, ...]) -> Blob | None:
    """Take a field out of the rest, if it has the shape that is worth a blob."""
    if not isinstance(notes.rest.get(name), types):
        return None
    value = notes.rest.pop(name)
    return json_blob(_without_cache(value, [], cache) if isinstance(value, list) else value)


def _stored_message(message: Any, index: int, notes: _Remainder) -> Any:
    """The message in storage form; anything that does not look like one stays as it is."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        stored = {**message, "content": [{"type": "text", "text": content}]}
    elif isinstance(content, list):
        stored = {**message, "content": _without_cache(content, [index], notes.cache)}
    else:
        return message
    moved = bool(notes.cache) and notes.cache[-1][0] == index
    if _usually_text(stored, moved) != isinstance(content, str):
        notes.forms.append(index)
    return stored


def _usually_text(stored: Any, moved: bool) -> bool:
    """Whether clients send this message as a string: one plain text of theirs, unless it carries `cache_control`.

    Only a guess that keeps the list of exceptions short; whatever it says, the exceptions make the form exact.
    """
    content = stored.get("content") if isinstance(stored, dict) else None
    plain = isinstance(content, list) and len(content) == 1 and _is_plain_text(content[0])
    return plain and not moved and stored.get("role") != "assistant"


def _is_plain_text(block: Any) -> bool:
    return isinstance(block, dict) and block.keys() == {"type", "text"} and block["type"] == "text"


def _without_cache(blocks: list[Any], path: list[int], notes: _Notes) -> list[Any]:
    """The blocks without their `cache_control`, nor that of blocks inside them (tool results: one level)."""
    return [_block_without_cache(block, [*path, n], notes) for n, block in enumerate(blocks)]


def _block_without_cache(block: Any, path: list[int], notes: _Notes) -> Any:
    if not isinstance(block, dict):
        return block
    inner = block.get("content")
    if isinstance(inner, list) and len(path) <= 2:
        block = {**block, "content": _without_cache(inner, path, notes)}
    if _CACHE in block:
        notes.append([*path, block[_CACHE]])
        block = {k: v for k, v in block.items() if k != _CACHE}
    return block


def _messages(stored: list[Any], notes: _Remainder) -> list[Any]:
    """Undo `_stored_message` for all messages of a body."""
    moved = {note[0] for note in notes.cache}
    unusual = set(notes.forms)
    for n, message in enumerate(stored):
        if _usually_text(message, n in moved) != (n in unusual):
            message["content"] = message["content"][0]["text"]
    for *path, value in notes.cache:
        _restore(stored[path[0]]["content"], path[1:], value)
    return stored


def _with_cache(blocks: Any, notes: _Notes) -> Any:
    for *path, value in notes:
        _restore(blocks, path, value)
    return blocks


def _restore(blocks: Any, path: list[int], value: Any) -> None:
    """Put a `cache_control` back on the block at the end of the path; a block's inner list is its `content`."""
    for position in path[:-1]:
        blocks = blocks[position]["content"]
    blocks[path[-1]][_CACHE] = value


def _whole_value(data: bytes) -> Any:
    """The JSON value of a body kept whole, else its text (also of one that is too deep), None if there was none.

    The strict decoder refuses some JSON that clients can write (lone surrogates, numbers out of range), so the
    standard library's is asked too, with what is no JSON (NaN, infinities) refused.
    """
    if not data:
        return None
    try:
        value = json.loads(data, parse_constant=_refuse, parse_float=_finite)
        if not _too_deep(value):
            return value
    except (ValueError, RecursionError):
        pass  # it is text then
    return data.decode("utf-8", "replace")


def _is_deep(body: bytes, value: Any) -> bool:
    """Whether a body has too many levels; a short one with few brackets is not looked through."""
    few = len(body) < _SHORT and body.count(b"{") + body.count(b"[") <= DEEPEST
    return not few and _too_deep(value)


def _too_deep(value: Any) -> bool:
    """Whether it has more than `DEEPEST` levels: looked through level by level, with no stack of its own."""
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [one for one in level if isinstance(one, (dict, list))]
        if not level:
            return False
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return True


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} does not fit a number")
    return number
