"""What a message says, as texts for people: its blocks one by one, whatever a client or a model put into them. Pure.

Takes messages as JSON values; nothing in them is trusted to have the shape that it should have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, Literal

from msgspec import Struct

Sort = Literal["text", "thinking", "call", "result", "image", "other"]
_IMAGES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""Media types that no viewer runs anything of."""
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")


class Said(Struct, frozen=True):
    """One thing in a message."""

    sort: Sort
    label: str
    """What it is in few words: the tool's name, the type of the block; empty for plain text."""
    text: str
    media_type: str = ""
    """Of an image."""
    data: str = ""
    """Of an image: base64, and nothing else."""


def role_of(message: Any) -> str:
    """Who said it."""
    role = message.get("role") if isinstance(message, dict) else None
    return role if isinstance(role, str) and role else "message"


def said(message: Any) -> list[Said]:
    """Everything in a message, in order."""
    if not isinstance(message, dict) or "content" not in message:
        return [] if message is None else [_other(message)]
    return list(said_in(message["content"]))


def said_in(content: Any) -> Iterator[Said]:
    """Everything in the content of a message, a tool's result or a system prompt: a text or a list of blocks."""
    if isinstance(content, str):
        yield Said("text", "", content)
    elif isinstance(content, list):
        for block in content:
            yield from _block(block)
    elif content is not None:
        yield _other(content)


def as_json(value: Any) -> str:
    """A JSON value, laid out; characters as they are."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _block(block: Any) -> Iterator[Said]:
    if isinstance(block, str):
        yield Said("text", "", block)
        return
    if not isinstance(block, dict):
        yield _other(block)
        return
    kind = block.get("type")
    if kind == "text" and isinstance(block.get("text"), str):
        yield Said("text", "", block["text"])
    elif kind == "thinking" and isinstance(block.get("thinking"), str):
        yield Said("thinking", "thinking", block["thinking"])
    elif kind == "image":
        yield _image(block)
    elif "tool_use_id" in block:
        yield from _result(block)
    elif isinstance(block.get("name"), str) and "input" in block:
        given = block.get("partial_json")  # what came of an input that was cut off (plait.common.folding)
        text = given if isinstance(given, str) else as_json(block["input"])
        yield Said("call", f"{block['name']} {block.get('id') or ''}".rstrip(), text)
    else:
        yield _other(block)


def _result(block: dict[str, Any]) -> Iterator[Said]:
    """A tool's result; images in it stand behind its texts."""
    parts = list(said_in(block.get("content")))
    wrong = "failed " if block.get("is_error") is True else ""
    text = "\n".join(part.text for part in parts if part.sort != "image")
    yield Said("result", f"{wrong}result of {block['tool_use_id']}", text)
    yield from (part for part in parts if part.sort == "image")


def _image(block: dict[str, Any]) -> Said:
    source = block.get("source")
    found = source if isinstance(source, dict) else {}
    media_type, data = found.get("media_type"), found.get("data")
    if media_type not in _IMAGES or not isinstance(data, str) or not _BASE64.fullmatch(data):
        return _other(block)
    return Said("image", f"image, {media_type}", f"{len(data) * 3 // 4:,} bytes", media_type, data)


def _other(value: Any) -> Said:
    kind = value.get("type") if isinstance(value, dict) else None
    return Said("other", kind if isinstance(kind, str) else "", as_json(value))
