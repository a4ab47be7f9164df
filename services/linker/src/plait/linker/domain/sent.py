"""A request as sent, opened once: what the extraction of facts reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Raw, Struct

from plait.common.events import RequestData, ResponseData
from plait.common.lenient import Read, read_json
from plait.common.lenient import json_value as json_value  # for all that reads what was sent or answered
from plait.linker.domain.canonical import Message, canonical_messages, text_of


class Sent(Struct, frozen=True):
    """A request's parts; of a body that is no JSON object, `body` is empty."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By lower-case name; of several the last."""
    body: dict[str, Any]
    raw_messages: list[Any]
    """The messages as they were sent."""
    messages: list[Message]
    """Canonical."""
    system: list[str]
    """The texts of the system prompt."""
    tools: list[Any]
    last_text: str
    """The last text of the last message, if a user's; without reminders, trimmed."""
    newest: list[Any]
    """The messages after the last assistant message, as sent."""

    @property
    def newest_texts(self) -> Iterator[str]:
        """The texts of the newest user messages, reminders and all."""
        users = (m for m in self.newest if isinstance(m, dict) and m.get("role") == "user")
        return (text for message in users for text in text_of(message.get("content")))


def opened(data: RequestData, read: Read | None = None) -> Sent:
    """Open a request; `read`: its body, if it was read. Never raises."""
    value, _ = read or read_json(body_of(data))
    body = value if isinstance(value, dict) else {}
    raw = _listed(body, "messages")
    messages = canonical_messages(raw)
    texts = messages[-1].texts if messages and messages[-1].role == "user" else []
    return Sent(
        method=data.method,
        path=data.path,
        headers={name.lower(): content for name, content in data.headers},
        body=body,
        raw_messages=raw,
        messages=messages,
        system=text_of(body.get("system")),
        tools=_listed(body, "tools"),
        last_text=texts[-1] if texts else "",
        newest=_newest(raw),
    )


def _listed(body: dict[str, Any], name: str) -> list[Any]:
    found = body.get(name)
    return found if isinstance(found, list) else []


def _newest(messages: list[Any]) -> list[Any]:
    said = (i for i in range(len(messages) - 1, -1, -1) if _is_assistant(messages[i]))
    return messages[next(said, -1) + 1 :]


def _is_assistant(message: object) -> bool:
    return isinstance(message, dict) and message.get("role") == "assistant"


def body_of(data: RequestData | ResponseData) -> bytes:
    """The body of an event, strict JSON or not; b"" for none."""
    if isinstance(data.body, Raw):
        return bytes(data.body)
    return data.body_base64 if isinstance(data.body_base64, bytes) else b""
