"""Messages as people read them: prose as prose, everything else in one line that unfolds.

Whatever a body holds is shown; a block of a type we do not know is shown as its JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from plait.dashboard.islands import tools
from plait.dashboard.islands.code import highlight
from plait.dashboard.islands.markdown import markdown
from plait.dashboard.islands.texts import clip, one_line
from plait.dashboard.islands.words import bytes_of

_REMINDER: Final = re.compile(r"<system-reminder>(.*?)</system-reminder>", re.DOTALL)
_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_LARGEST_PICTURE: Final = 2_000_000

NO_BODY: Final = Markup("")

Block = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """A piece of a message: prose, or one line (`name`, `headline`) that unfolds to `body`, or a picture."""

    kind: str
    """prose, reminder, thinking, call, result, failed, picture, chip or other."""
    body: Markup = NO_BODY
    name: str = ""
    headline: str = ""
    icon: str = "document"
    open: bool = False


@dataclass(frozen=True)
class Message:
    """One message of a request, or the answer."""

    index: int
    role: str
    """user, assistant, system, or tools where a user message brings nothing but results of tools."""
    parts: list[Part]


LABELS: Final = {"user": "User", "assistant": "Assistant", "tools": "Tool result", "system": "System"}


def read_messages(messages: Sequence[Any]) -> list[Message]:
    """The messages of a request body."""
    names = _tool_names(messages)
    return [_message(index, message, names) for index, message in enumerate(messages, start=1)]


def read_answer(body: Mapping[str, Any], index: int) -> Message:
    """The answer as the message that follows."""
    return Message(index, "assistant", list(_parts(_blocks(body.get("content")), {})))


def read_system(system: object, name: str = "System prompt") -> list[Part]:
    """The blocks of the system prompt, or of a message in its place, each folded under `name`."""
    return [_fold_text(name, str(block.get("text", ""))) for block in _blocks(system)]


def read_tools(offered: object) -> list[Part]:
    """The tools that the request offers, each with its description and schema folded."""
    return [_offered(tool) for tool in offered if isinstance(tool, dict)] if isinstance(offered, list) else []


def _message(index: int, message: Any, names: Mapping[str, str]) -> Message:
    if not isinstance(message, dict):
        return Message(index, "user", [_unknown({"value": message})])
    blocks = _blocks(message.get("content"))
    role = str(message.get("role", "user"))
    if role == "system":
        return Message(index, role, read_system(message.get("content"), "System message"))
    role = "tools" if role == "user" and _brings_results_only(blocks) else role
    return Message(index, role, list(_parts(blocks, names)))


def _brings_results_only(blocks: Sequence[Block]) -> bool:
    return any(map(_is_result, blocks)) and all(_is_result(b) or _is_reminder(b) for b in blocks)


def _blocks(content: Any) -> list[Block]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [b if isinstance(b, dict) else {"value": b} for b in content] if isinstance(content, list) else []


def _is_result(block: Block) -> bool:
    return str(block.get("type", "")).endswith("tool_result")


def _is_reminder(block: Block) -> bool:
    return block.get("type") == "text" and not _REMINDER.sub("", str(block.get("text", ""))).strip()


def _tool_names(messages: Sequence[Any]) -> dict[str, str]:
    blocks = [b for m in messages if isinstance(m, dict) for b in _blocks(m.get("content"))]
    return {str(b.get("id")): str(b.get("name", "")) for b in blocks if b.get("type") == "tool_use"}


def _parts(blocks: Iterable[Block], names: Mapping[str, str]) -> Iterator[Part]:
    for block in blocks:
        kind = str(block.get("type", ""))
        if kind == "text":
            yield from _text(str(block.get("text", "")))
        elif kind in {"tool_use", "server_tool_use", "mcp_tool_use"}:
            yield _call(block)
        elif _is_result(block):
            yield from _result(block, names)
        elif kind in _READERS:
            yield _READERS[kind](block)
        else:
            yield _unknown(block)


def _text(text: str) -> Iterator[Part]:
    """Prose, with the reminders that clients put into it folded away."""
    for turn, piece in enumerate(_REMINDER.split(text)):
        if not piece.strip():
            continue
        if turn % 2:
            yield Part("reminder", markdown(clip(piece.strip())), "System reminder", one_line(piece), "alert")
        else:
            yield Part("prose", markdown(clip(piece.strip())))


def _call(block: Block) -> Part:
    name, arguments = str(block.get("name", "tool")), block.get("input")
    shown = arguments if isinstance(arguments, dict) else {"input": arguments}
    if "partial_json" in block:
        shown = {"cut off": block["partial_json"]}
    icon = "subtask" if name in tools.AGENTS else "tool"
    return Part("call", tools.body(name, shown), name, tools.headline(name, shown), icon)


def _result(block: Block, names: Mapping[str, str]) -> Iterator[Part]:
    failed = bool(block.get("is_error"))
    content = block.get("content")
    blocks = _blocks(content) if isinstance(content, str | list) else [{"value": content}]
    text = "\n".join(_result_text(b) for b in blocks if b.get("type") != "image")
    name = names.get(str(block.get("tool_use_id")), "")
    label = f"{name} failed" if failed else f"{name} result" if name else "Result"
    lines = text.count("\n") + 1 if text else 0
    headline = f"{lines} lines · {one_line(text)}" if lines > 1 else one_line(text) or "empty"
    body = Markup('<pre class="plain">{}</pre>').format(clip(text))
    yield Part("failed" if failed else "result", body, label, headline, "cross" if failed else "check")
    yield from (_picture(b) for b in blocks if b.get("type") == "image")


def _result_text(block: Block) -> str:
    kind = block.get("type")
    if kind == "text":
        return str(block.get("text", ""))
    if kind == "web_search_result":
        return f"{block.get('title', '')} · {block.get('url', '')}"
    return json.dumps(block, ensure_ascii=False, indent=2)


def _picture(block: Block) -> Part:
    """A picture in the message itself, if it is one that browsers only draw; of one elsewhere the address."""
    source = block.get("source")
    source = source if isinstance(source, dict) else {}
    kind, data = str(source.get("media_type", "")), str(source.get("data", ""))
    drawable = source.get("type") == "base64" and kind in _PICTURES and len(data) < _LARGEST_PICTURE
    if drawable and _BASE64.fullmatch(data):
        drawn = Markup('<img class="picture" alt="picture in the message" src="data:{};base64,{}">').format(kind, data)
        return Part("picture", drawn, "Image", f"{kind} · {bytes_of(len(data) * 3 // 4)}", "image", open=True)
    where = source.get("url") or f"{kind or source.get('type', 'unknown')} · {bytes_of(len(data) * 3 // 4)}"
    return Part("chip", name="Image", headline=one_line(str(where)), icon="image")


def _document(block: Block) -> Part:
    source = block.get("source")
    source = source if isinstance(source, dict) else {}
    what = block.get("title") or source.get("url") or source.get("media_type") or source.get("type") or "document"
    return Part("chip", name="Document", headline=one_line(str(what)), icon="document")


def _thinking(block: Block) -> Part:
    text = str(block.get("thinking", ""))
    if not text.strip():
        return Part("chip", name="Thinking", headline="not shown by the provider", icon="thought")
    return Part("thinking", markdown(clip(text)), "Thinking", one_line(text), "thought")


def _redacted(block: Block) -> Part:
    size = bytes_of(len(str(block.get("data", ""))))
    return Part("chip", name="Thinking", headline=f"encrypted by the provider · {size}", icon="thought")


def _unknown(block: Block) -> Part:
    shown = json.dumps(block, ensure_ascii=False, indent=2)
    name = str(block.get("type", "unknown block"))
    body = Markup('<pre class="code">{}</pre>').format(highlight(clip(shown), "json"))
    return Part("other", body, name, one_line(shown))


_READERS: Final = {
    "image": _picture,
    "document": _document,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
}


def _fold_text(name: str, text: str) -> Part:
    return Part("reminder", markdown(clip(text)), name, one_line(text))


def _offered(tool: Mapping[str, Any]) -> Part:
    description = str(tool.get("description", tool.get("type", "")))
    schema = json.dumps(tool.get("input_schema", {}), ensure_ascii=False, indent=2)
    body = markdown(clip(description)) + Markup('<pre class="code">{}</pre>').format(highlight(clip(schema), "json"))
    return Part("call", body, str(tool.get("name", "tool")), one_line(description), "tool")
