"""Canonical messages and their hashes: what stays the same when a client sends its history again.

Every step is linking.md's, "Message hash". Nothing a client sends raises here: wrong types become blocks of their own,
values nested deeper than `DEPTH` are cut off. (Texts hold no lone surrogates: see `sent.json_value`.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from plait.linker.domain.facts import Hash, Snippet

DEPTH: Final = 100
"""Levels of nesting that are looked at; what lies deeper counts as equal."""
_OPEN: Final = "<system-reminder>"
_CLOSE: Final = "</system-reminder>"
_THOUGHTS: Final = frozenset({"thinking", "redacted_thinking"})
_HASH_BYTES: Final = 12
_SNIPPET: Final = 24
"""Characters of a text that are kept to be compared with what may be a part of it."""
_RESULTS: Final = 8
"""Tool results inside one another that are read as such; those further inside are values like any other."""

Block = dict[str, Any]
_encoder = msgspec.json.Encoder(order="sorted")


class Message(Struct):
    """A message in canonical form. `loose` blocks have texts neither joined nor trimmed, `blocks` are final."""

    role: str
    loose: list[Block]
    blocks: list[Block] = []
    newest: int = 0
    """Where in `loose` the last of the messages begins that are one here; 0: it is one, or nobody knows."""

    def finish(self) -> None:
        """Make `blocks` from `loose`: join (assistant), trim, leave out what is empty."""
        self.blocks = list(_trimmed(_joined(self.loose) if self.role == "assistant" else self.loose))

    @property
    def last_part(self) -> Message | None:
        """The last of the messages that are one here, alone; None where it is one."""
        if not self.newest:
            return None
        part = Message(self.role, self.loose[self.newest :])
        part.finish()
        return part

    @property
    def texts(self) -> list[str]:
        """The texts of its blocks."""
        return [block["text"] for block in self.blocks if block["type"] == "text"]

    @property
    def tool_ids(self) -> list[str]:
        """Ids of its tool calls."""
        return [i for block in self.blocks if (i := tool_use_id(block))]


def tool_use_id(block: Block) -> str:
    """The id of a tool call, "" for any other block."""
    found = block.get("id") if block.get("type") == "tool_use" else None
    return found if isinstance(found, str) else ""


def canonical_messages(raw: object) -> list[Message]:
    """The canonical messages of a request's `messages`, whatever it holds."""
    sent = (_message(one) for one in raw) if isinstance(raw, list) else iter(())
    merged = _merged(message for message in sent if message)
    messages = _merged(_without_duplicates(merged))
    for message in messages:
        message.finish()
    return [message for message in messages if message.blocks or message.role != "user"]


def answer_blocks(content: object) -> list[Block]:
    """An answer's content as loose blocks."""
    return list(_loose(content))


def text_of(content: object) -> list[str]:
    """The texts of a content as sent, reminders and all."""
    if isinstance(content, str):
        return [content]
    blocks = content if isinstance(content, list) else []
    return [b["text"] for b in blocks if isinstance(b, dict) and isinstance(b.get("text"), str)]


def clean_text(text: str) -> str:
    """A text as canonical messages hold it: no reminders, LF, no outer white space."""
    return _cut(text).strip()


def encode(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, non-ASCII as is."""
    return _encoder.encode(value)


def decode(raw: bytes) -> Any:
    """What `encode` made."""
    return msgspec.json.decode(raw)


def digest(raw: bytes) -> Hash:
    """The hash of bytes."""
    return hashlib.sha256(raw).digest()[:_HASH_BYTES]


def text_hash(text: str) -> Hash:
    """The hash of a text."""
    return digest(text.encode())


def snippet(text: str, longest: int = _SNIPPET) -> Snippet:
    """What is kept of a text to tell whether another begins with it."""
    return Snippet(text[:longest], len(text), short_hash(text))


def short_hash(text: str) -> bytes:
    """Of a text: enough to tell it from the few it is ever compared with; b"" for none."""
    return text_hash(text)[:8] if text else b""


def message_hash(role: str, blocks: list[Block]) -> Hash:
    """The hash of a canonical message."""
    return digest(encode({"role": role, "content": blocks}))


def prefix_hashes(role: str, blocks: list[Block]) -> Iterator[Hash]:
    """The hashes of a message's first block, first two blocks, … and all of them; each block is encoded once."""
    running = hashlib.sha256(b'{"content":[')
    end = b'],"role":' + encode(role) + b"}"
    for number, block in enumerate(blocks):
        running.update(b"," + encode(block) if number else encode(block))
        whole = running.copy()
        whole.update(end)
        yield whole.digest()[:_HASH_BYTES]


def chained(chain: Hash, message: Hash) -> Hash:
    """The chain hash of messages: of those before and the last one's hash. No messages: b""."""
    return digest(chain + message)


def plain_value(value: Any, depth: int = DEPTH) -> Any:
    """A JSON value without `cache_control` anywhere and with whole numbers as integers (JavaScript has no others)."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        if depth == 0:
            return "…"
        return {k: plain_value(v, depth - 1) for k, v in value.items() if k != "cache_control"}
    if isinstance(value, list):
        return [plain_value(v, depth - 1) for v in value] if depth else "…"
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _message(raw: object) -> Message | None:
    """One message as sent; None for those that are left out."""
    if not isinstance(raw, dict):
        return Message("", [_opaque(raw)])
    role = raw.get("role")
    if role == "system":
        return None
    message = Message(role if isinstance(role, str) else "", list(_loose(raw.get("content"))))
    vanishes = message.role == "user" and all(b["type"] == "text" and not b["text"].strip() for b in message.loose)
    return None if vanishes else message


def _loose(content: object, results: int = _RESULTS) -> Iterator[Block]:
    if isinstance(content, str):
        content = [content]
    elif not isinstance(content, list):
        content = [] if content is None else [content]
    for block in content:
        if isinstance(block, str):
            yield {"type": "text", "text": _cut(block)}
        elif not isinstance(block, dict) or not isinstance(block.get("type"), str):
            yield _opaque(block)
        elif block["type"] not in _THOUGHTS:
            yield _loose_block(block, block["type"], results)


def _loose_block(block: Block, kind: str, results: int) -> Block:
    if kind == "text":
        text = block.get("text")
        return {"type": "text", "text": _cut(text)} if isinstance(text, str) else _opaque(block)
    if kind == "tool_result" and results:
        rest = {key: value for key, value in block.items() if key != "content"}
        return {**plain_value(rest), "content": _tool_result(block.get("content"), results - 1)}
    if kind in ("image", "document"):
        return {"type": kind, **_media(block)}
    plain: Block = plain_value(block)
    return plain


def _tool_result(content: object, results: int) -> Any:
    """A tool result's content: one text, whether it was sent as a string or as a list of texts, else its blocks."""
    if content is None or isinstance(content, str):
        return clean_text(content or "")
    blocks = list(_loose(content, results))
    if all(block["type"] == "text" for block in blocks):
        return "\n".join(block["text"] for block in blocks if block["text"].strip()).strip()
    return list(_trimmed(blocks))


def _media(block: Block) -> Block:
    """What tells an image or a document from another: media type and data, else where it is found."""
    source = block.get("source")
    if isinstance(source, dict) and isinstance(source.get("data"), str):
        return {"media_type": plain_value(source.get("media_type")), "data": source["data"]}
    return {"source": plain_value(source)}


def _opaque(value: object) -> Block:
    """Nonsense as a block, so that equal nonsense stays equal."""
    return {"type": "", "value": plain_value(value)}


def _cut(text: str) -> str:
    """Without reminders and the white space before each; LF for CRLF."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if _OPEN not in text:
        return text
    kept: list[str] = []
    at = 0
    while (begin := text.find(_OPEN, at)) >= 0 and (end := text.find(_CLOSE, begin)) >= 0:
        kept.append(text[at:begin].rstrip())
        at = end + len(_CLOSE)
    return "".join([*kept, text[at:]])


def _merged(messages: Iterable[Message]) -> list[Message]:
    """Neighbours of one role as one message."""
    merged: list[Message] = []
    for message in messages:
        if merged and merged[-1].role == message.role:
            merged[-1].newest = len(merged[-1].loose) + message.newest
            merged[-1].loose.extend(message.loose)
        else:
            merged.append(message)
    return merged


def _without_duplicates(messages: Iterable[Message]) -> Iterator[Message]:
    """Leave out messages that only repeat tool calls and results of the same request, and repeated blocks in one."""
    seen: set[tuple[str, str]] = set()
    for message in messages:
        ids = [_tool_key(block) for block in message.loose]
        tools = {i for i in ids if i}
        if tools and tools <= seen:
            continue
        if len(tools) != sum(i is not None for i in ids):
            message.loose, message.newest = list(_first_of_each(message.loose, ids)), 0
        seen |= tools
        yield message


def _first_of_each(blocks: list[Block], ids: list[tuple[str, str] | None]) -> Iterator[Block]:
    had: set[tuple[str, str]] = set()
    for block, tool in zip(blocks, ids, strict=True):
        if tool not in had:
            yield block
        if tool:
            had.add(tool)


def _tool_key(block: Block) -> tuple[str, str] | None:
    """What makes a tool block the same as another: whether it is call or result, and its id."""
    name = {"tool_use": "id", "tool_result": "tool_use_id"}.get(block["type"])
    found = block.get(name) if name else None
    return (block["type"], found) if isinstance(found, str) else None


def _joined(blocks: Iterable[Block]) -> Iterator[Block]:
    """Texts that touch as one text."""
    text: list[str] = []
    for block in blocks:
        if block["type"] == "text":
            text.append(block["text"])
            continue
        if text:
            yield {"type": "text", "text": "".join(text)}
            text = []
        yield block
    if text:
        yield {"type": "text", "text": "".join(text)}


def _trimmed(blocks: Iterable[Block]) -> Iterator[Block]:
    """Texts without outer white space; empty ones left out."""
    for block in blocks:
        if block["type"] != "text":
            yield block
        elif text := block["text"].strip():
            yield {"type": "text", "text": text}
