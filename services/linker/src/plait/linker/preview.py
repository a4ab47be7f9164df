"""What lists show of an exchange's body, read off its parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from plait.common.blobs import Blob
from plait.common.bodies import RequestParts
from plait.linker.domain.canonical import clean_text

LONGEST: Final = 200
"""Characters of a preview."""
_READ: Final = 20 * LONGEST
"""Characters of a text that are looked at for it."""
_LOOK_BACK: Final = 4
"""Messages before the last among which the tool call is sought that it answers."""
_TELLING: Final = ("description", "command", "file_path", "notebook_path", "path", "pattern", "query", "url", "skill")
"""Arguments that say what a call is about, the most telling first, where `_OWN` names none for the tool."""
_OWN: Final = {"Bash": "command", "Grep": "pattern", "Glob": "pattern"}
_PATHS: Final = frozenset({"file_path", "notebook_path", "path"})


def preview(parts: RequestParts) -> str | None:
    """One line: the last text of the last message, else the calls whose results it brings: each tool and its argument.

    Messages of role `system` that clients put after the prompt (their environment, their tools) are not what is asked.
    """
    messages = list(parts.messages)
    while len(messages) > 1 and _is_system(messages[-1]):
        messages.pop()
    if not messages:
        return None
    blocks = _blocks(messages[-1])
    texts = [b["text"] for b in blocks if b.get("type") == "text" and isinstance(b.get("text"), str)]
    lines = [line for text in texts if (line := _one_line(text))]
    called = _tools_answered(blocks, messages[-1 - _LOOK_BACK : -1])
    line = lines[-1] if lines else ", ".join(called)
    return (line if len(line) <= LONGEST else line[: LONGEST - 1] + "…") or None


def request_type(parts: RequestParts, kind: str) -> str | None:
    """The older vocabulary of linking.md ("Words"); None where the body is no messages request."""
    if kind == "quota":
        return "quota"
    if not parts.messages:
        return None
    return "query_evaluation" if _system_blocks(parts) <= 1 else "inference"


def _one_line(text: str) -> str:
    return " ".join(clean_text(text)[:_READ].replace("\0", "").split())


def _blocks(message: Blob) -> list[dict[str, Any]]:
    """A stored message's blocks; none if it does not look like a message."""
    value = msgspec.json.decode(message.data)
    content = value.get("content") if isinstance(value, dict) else None
    return [b for b in content if isinstance(b, dict)] if isinstance(content, list) else []


def _tools_answered(blocks: list[dict[str, Any]], before: Sequence[Blob]) -> list[str]:
    answered = [b.get("tool_use_id") for b in blocks if b.get("type") == "tool_result"]
    if not answered:
        return []
    called = {str(b.get("id")): _call(b) for m in before for b in _blocks(m) if b.get("type") == "tool_use"}
    return [called.get(str(one), "tool result") for one in answered]


def _call(block: dict[str, Any]) -> str:
    """A tool and what it was called with: `Bash make test`, `Read src/spool.py`; the tool alone if nothing tells."""
    name, given = str(block.get("name")), block.get("input")
    arguments = given if isinstance(given, dict) else {}
    named = (_OWN.get(name), *_TELLING)
    told = next((key for key in named if key and isinstance(arguments.get(key), str) and arguments[key].strip()), None)
    if told is None:
        return _one_line(name)
    argument = arguments[told]
    return _one_line(f"{name} {'/'.join(argument.rsplit('/', 2)[-2:]) if told in _PATHS else argument}")


def _system_blocks(parts: RequestParts) -> int:
    """Blocks of the system field and of messages whose role is system, together."""
    field = msgspec.json.decode(parts.system.data) if parts.system else []
    inside = [len(_blocks(m)) for m in parts.messages if _is_system(m)]
    return sum(inside) + (len(field) if isinstance(field, list) else 1)


def _is_system(message: Blob) -> bool:
    if b'"role":"system"' not in message.data:
        return False
    value = msgspec.json.decode(message.data)
    return isinstance(value, dict) and value.get("role") == "system"
