"""The messages of a request and its answer, as people read them. `blocks` reads what is in them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from plait.dashboard.islands import tools
from plait.dashboard.islands.blocks import Block, Part, blocks_of, folded, is_reminder, is_result, parts_of
from plait.dashboard.islands.kept import Kept
from plait.dashboard.islands.markdown import markdown
from plait.dashboard.islands.pairs import NO_PAIRS, Pairs, pair
from plait.dashboard.islands.render import render
from plait.dashboard.islands.texts import clip, one_line

LABELS: Final = {"user": "User", "assistant": "Assistant", "tools": "Tool result", "system": "System"}
_KEPT: Final = Kept(48_000_000)
_COLOURED: Final = 40_000
"""Characters of JSON, from the end of a request, whose folded parts have colours: these take 4 µs for each."""


@dataclass(frozen=True)
class Message:
    """One message of a request, or the answer."""

    index: int
    """From 1, as its anchor `m<index>` has it."""
    role: str
    """user, assistant, system, or tools where a user message brings nothing but results of tools."""
    parts: list[Part]
    at: str = ""
    """Its place in the exchange, for `whole.find`."""

    @property
    def label(self) -> str:
        """Who says it, in a word."""
        return LABELS.get(self.role) or one_line(self.role)

    @property
    def tone(self) -> str:
        """How it is drawn: one of LABELS."""
        return self.role if self.role in LABELS else "system"


def messages_in(body: Any) -> list[Any]:
    """The messages that a request body holds; none where it is no request for one."""
    said = body.get("messages") if isinstance(body, dict) else None
    return said if isinstance(said, list) else []


class Said:
    """The messages of a request body, drawn as HTML as far as is wanted. What was drawn before is taken as it is.

    Only as many of the last have colours as are made in a moment; what is folded in those before is plain text.
    """

    def __init__(self, messages: Sequence[Any]) -> None:
        self._messages = messages
        self._pairs = pair(messages)
        self._plain = _plain(messages)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._messages)

    def draw(self, wanted: range | None = None) -> list[Markup]:
        """Those with these places, from 0; None: all."""
        places = range(len(self)) if wanted is None else wanted
        return [_draw(n + 1, self._messages[n], self._pairs, colours=n >= self._plain) for n in places]


def read_messages(messages: Sequence[Any]) -> list[Message]:
    """The messages of a request body."""
    pairs = pair(messages)
    return [_message(index, message, pairs) for index, message in enumerate(messages, start=1)]


def read_answer(body: Mapping[str, Any], index: int) -> Message:
    """The answer as the message that follows."""
    return Message(index, "assistant", parts_of(blocks_of(body.get("content")), NO_PAIRS, "answer.content"), "answer")


def read_system(system: object, name: str = "System prompt", at: str = "request.system") -> list[Part]:
    """The blocks of the system prompt, or of a message in its place, each folded under `name`."""
    return [folded(name, _text(block), f"{at}.{n}") for n, block in enumerate(blocks_of(system))]


def read_tools(offered: object) -> list[Part]:
    """The tools that the request offers, each with its description and schema folded."""
    return [_offered(tool) for tool in offered if isinstance(tool, dict)] if isinstance(offered, list) else []


def _plain(messages: Sequence[Any]) -> int:
    """How many of the first are drawn without colours."""
    left = _COLOURED
    for n in range(len(messages), 0, -1):
        left -= len(json.dumps(messages[n - 1]))
        if left < 0:
            return n
    return 0


def _draw(index: int, message: Any, pairs: Pairs, *, colours: bool) -> Markup:
    """What it looks like hangs on itself, its place, and what its calls and results belong to."""
    content = f"{index} {colours} {json.dumps(list(_paired(message, pairs)))} {json.dumps(message)}".encode()
    return _KEPT.get(content, lambda: render("message.html", message=_message(index, message, pairs, colours=colours)))


def _paired(message: Any, pairs: Pairs) -> Iterator[object]:
    for block in blocks_of(message.get("content")) if isinstance(message, dict) else []:
        call = pairs.call_of(block.get("tool_use_id"))
        yield pairs.result_of(block.get("id")), call.index, call.name, call.arguments.get("file_path")


def _message(index: int, message: Any, pairs: Pairs, *, colours: bool = True) -> Message:
    at = f"request.messages.{index - 1}"
    if not isinstance(message, dict):
        return Message(index, "user", parts_of([{"value": message}], pairs, at), at)
    blocks = blocks_of(message.get("content"))
    role = str(message.get("role", "user"))
    if role == "system":
        return Message(index, role, read_system(message.get("content"), "System message", f"{at}.content"), at)
    role = "tools" if role == "user" and _brings_results_only(blocks) else role
    return Message(index, role, parts_of(blocks, pairs, f"{at}.content", colours=colours), at)


def _brings_results_only(blocks: Sequence[Block]) -> bool:
    return any(map(is_result, blocks)) and all(is_result(b) or is_reminder(b) for b in blocks)


def _text(block: Block) -> str:
    text = block.get("text", "")
    return text if isinstance(text, str) else tools.as_json(text)


def _offered(tool: Mapping[str, Any]) -> Part:
    description = str(tool.get("description", tool.get("type", "")))
    schema = tools.coloured(tools.as_json(tool.get("input_schema", {})), "json")
    name = one_line(str(tool.get("name", "tool")))
    return Part("call", markdown(clip(description)) + schema, name, one_line(description), "tool")
