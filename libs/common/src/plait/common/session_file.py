"""Session files of Claude Code: a conversation as the client finds it on disk and goes on with it.

One JSON record a line, each pointing at the one before. The client puts its own reminders, environment and tools in
again, so what of them stands in a recorded request is left out, and so are cache marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from plait.common.reminders import without_reminders

CLIENT_VERSION: Final = "2.1.329"
"""Of the client whose format this is."""
NO_RESULT: Final = "[Tool call interrupted: the conversation goes on from here, and what the tool gave is not known]"
"""The result of a call that ends the file: a client drops calls without any."""
_USAGE: Final = {"input_tokens": 0, "output_tokens": 0}
_APART: Final = timedelta(milliseconds=1)

Record = dict[str, Any]
Message = Mapping[str, Any]


def records(
    messages: Sequence[Any], answer: Any, *, model: str | None, session_id: UUID, folder: str, began: datetime
) -> Iterator[Record]:
    """The records of a session that ends with an answer.

    `messages` are a request's, `answer` is the message that answered it, as far as it came; None, or anything else
    that is no message, leaves the session at the prompt. `folder`: where the client is to go on.
    """
    parent: str | None = None
    for number, message in enumerate(_told(messages, answer, model, session_id)):
        name = str(uuid5(session_id, str(number)))
        yield {
            "parentUuid": parent,
            "isSidechain": False,
            "userType": "external",
            "cwd": folder,
            "sessionId": str(session_id),
            "version": CLIENT_VERSION,
            "type": message["role"],
            "message": message,
            "uuid": name,
            "timestamp": _moment(began + number * _APART),
        }
        parent = name


def _told(messages: Sequence[Any], answer: Any, model: str | None, session_id: UUID) -> Iterator[Record]:
    for number, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role == "user" and (content := _content(message.get("content"))):
            yield {"role": "user", "content": content}
        elif role == "assistant" and (blocks := _blocks(message.get("content"))):
            yield _assistant({}, blocks, f"msg_{uuid5(session_id, f'message {number}').hex[:24]}", model)
    blocks = _blocks(answer.get("content")) if isinstance(answer, dict) and answer.get("role") == "assistant" else []
    if blocks:
        yield _assistant(answer, blocks, f"msg_{uuid5(session_id, 'answer').hex[:24]}", model)
    if calls := [block.get("id") for block in blocks if block.get("type") == "tool_use"]:
        yield {"role": "user", "content": [_unknown(call) for call in calls]}


def _assistant(message: Message, blocks: list[Record], name: str, model: str | None) -> Record:
    """As the API gives one; of those that a request sends again only the content is known."""
    calls = blocks[-1].get("type") == "tool_use"
    return {
        "id": message.get("id") or name,
        "type": "message",
        "role": "assistant",
        "model": message.get("model") or model or "",
        "content": blocks,
        "stop_reason": message.get("stop_reason") or ("tool_use" if calls else "end_turn"),
        "stop_sequence": message.get("stop_sequence"),
        "usage": message.get("usage") or _USAGE,
    }


def _unknown(call: Any) -> Record:
    return {"type": "tool_result", "tool_use_id": call, "content": NO_RESULT, "is_error": True}


def _content(content: Any) -> str | list[Record]:
    """What a user's message says, empty if that is nothing but reminders."""
    return without_reminders(content) if isinstance(content, str) else _blocks(content)


def _blocks(content: Any) -> list[Record]:
    """The blocks that can be sent again: those that broke off (calls, thoughts without signature) cannot."""
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    whole = (_block(block) for block in content) if isinstance(content, list) else iter(())
    return [block for block in whole if block]


def _block(block: Any) -> Record | None:
    if not isinstance(block, dict):
        return None
    kept = {key: value for key, value in block.items() if key != "cache_control"}
    kind = kept.get("type")
    if kind == "text" and isinstance(kept.get("text"), str):
        kept["text"] = without_reminders(kept["text"])
        return kept if kept["text"].strip() else None
    if kind == "tool_result" and isinstance(kept.get("content"), (str, list)):
        kept["content"] = _content(kept["content"])
    broken = "partial_json" in kept or (kind == "thinking" and not kept.get("signature"))
    return None if broken else kept


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
