"""A request as sent, opened once: what the extraction of facts reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from plait.common.events import RequestData
from plait.linker.domain.canonical import Message, canonical_messages, text_of


class Sent(Struct, frozen=True):
    """A request's parts; of a body that is no JSON object, `body` is empty."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By lower-case name; of several the last."""
    body: dict[str, Any]
    messages: list[Message]
    """Canonical."""

    @property
    def raw_messages(self) -> list[Any]:
        """The messages as they were sent."""
        found = self.body.get("messages")
        return found if isinstance(found, list) else []

    @property
    def system(self) -> list[str]:
        """The texts of the system prompt."""
        return text_of(self.body.get("system"))

    @property
    def tools(self) -> list[Any]:
        """The tools it offers."""
        found = self.body.get("tools")
        return found if isinstance(found, list) else []

    @property
    def last_text(self) -> str:
        """The last text of the last message, if a user's; without reminders, trimmed."""
        texts = self.messages[-1].texts if self.messages and self.messages[-1].role == "user" else []
        return texts[-1] if texts else ""

    @property
    def newest(self) -> list[Any]:
        """The messages after the last assistant message, as sent."""
        newest: list[Any] = []
        for message in reversed(self.raw_messages):
            if isinstance(message, dict) and message.get("role") == "assistant":
                break
            newest.append(message)
        return newest[::-1]

    @property
    def newest_texts(self) -> list[str]:
        """The texts of the newest user messages, reminders and all."""
        return [
            t for m in self.newest if isinstance(m, dict) and m.get("role") == "user" for t in text_of(m.get("content"))
        ]


def opened(data: RequestData) -> Sent:
    """Open a request. Never raises."""
    value = json_value(data.body)
    body = value if isinstance(value, dict) else {}
    headers = {name.lower(): content for name, content in data.headers}
    return Sent(data.method, data.path, headers, body, canonical_messages(body.get("messages")))


def json_value(raw: Raw | UnsetType) -> Any:
    """The value of a body, None without one.

    What the strict decoder refuses (lone surrogates, numbers out of range) the lenient one may take.
    """
    if raw is UNSET or isinstance(raw, UnsetType):
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        try:
            return json.loads(bytes(raw))
        except (ValueError, RecursionError):
            return None
