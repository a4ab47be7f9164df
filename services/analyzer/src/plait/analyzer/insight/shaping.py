"""A branch as a text for a model: who said what in which exchange, tools in short, sub-agents in a line.

What clients put into messages themselves (reminders), the model's thinking and the system prompt are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from plait.analyzer.insight.shortening import Cleaner, one_text
from plait.common.queries.exchanges import ExchangeSummary
from plait.common.queries.insight import BranchRecord, SubTask
from plait.common.queries.transcript import Turn
from plait.common.texts import Said, role_of, said, said_in

_OPEN: Final = "<system-reminder>"
_CLOSE: Final = "</system-reminder>"
_AGENTS: Final = frozenset({"Task", "Agent", "Workflow"})
_FILES: Final = ("image", "document")
_TELLING: Final = ("description", "file_path", "path", "command", "pattern", "query", "url")
"""Arguments that say what a call is about; they come first."""
_WORTH_MORE: Final = 4
"""Times the usual length, of what a sub-agent is asked and brings back, and of failures."""


def shape(branch: BranchRecord, cleaner: Cleaner, most_of_tools: int, longest: int) -> list[str]:
    """Its messages in order, each with a heading that names its exchange.

    `most_of_tools`: characters of a call's input and of its result. `longest`: characters of a text; one that is longer
    would not fit, and looking through all of a text of many megabytes would hold everybody up.
    """
    return [message for message in _Shaper(branch, cleaner, most_of_tools, longest).messages() if message]


class _Shaper:
    """Remembers which call is which tool's, and what was said last."""

    def __init__(self, branch: BranchRecord, cleaner: Cleaner, most: int, longest: int) -> None:
        self._branch = branch
        self._cleaner = cleaner
        self._most = most
        self._longest = longest
        self._tools: dict[str, str] = {}
        self._answered = ""
        self._subtasks: dict[UUID, list[SubTask]] = {}
        for each in branch.subtasks:
            self._subtasks.setdefault(each.parent_request_id, []).append(each)

    def messages(self) -> Iterator[str]:
        for turn in self._branch.turns:
            yield from self._asked(turn)
            yield self._answer(turn)

    def _asked(self, turn: Turn) -> Iterator[str]:
        new = len(turn.messages) - _trailing_users(turn.messages)
        for place, message in enumerate(turn.messages):
            text = "" if role_of(message) == "system" else self._text(message)
            if text and not (role_of(message) == "assistant" and text == self._answered):
                who = _who(message)
                yield self._message(f"earlier, {who}" if place < new else who, turn.exchange, text)
        if turn.body is not None:
            yield self._message("request", turn.exchange, self._cleaner.short(one_text(turn.body), self._most))

    def _answer(self, turn: Turn) -> str:
        """The answer, how it ended if not well, and the sub-agents that it started."""
        one = turn.exchange
        self._answered = self._text(turn.answer) if _is_message(turn.answer) else ""
        lines = [self._answered] if self._answered else []
        if one.error:
            lines.append(self._cleaner.short(f"[{one.error.type}: {one.error.message}]", self._most))
        lines += [self._subtask(each) for each in self._subtasks.get(one.request_id, [])]
        return self._message("assistant", one, "\n".join(lines), _ending(one)) if lines or one.outcome else ""

    def _message(self, who: str, one: ExchangeSummary, text: str, ending: str = "") -> str:
        facts = (who, f"exchange {one.request_id}", f"{one.timestamp:%Y-%m-%d %H:%M:%S}", ending)
        return f"=== {self._cleaner.clean(' · '.join(fact for fact in facts if fact))}\n{text}".rstrip()

    def _text(self, message: Any) -> str:
        content = message.get("content") if isinstance(message, dict) else None
        blocks = content if isinstance(content, list) else [content] if isinstance(content, str) else None
        if blocks is None:
            return "\n".join(self._said(part) for part in said(message))
        return "\n".join(line for block in blocks if (line := self._block(block)))

    def _block(self, block: Any) -> str:
        if isinstance(block, dict) and isinstance(block.get("name"), str) and "input" in block:
            return self._call(block)
        if isinstance(block, dict) and "tool_use_id" in block:
            return self._result(block)
        return "\n".join(line for part in said_in([_named(block)]) if (line := self._said(part)))

    def _call(self, block: Mapping[str, Any]) -> str:
        name = block["name"]
        self._tools[str(block.get("id"))] = name
        given = block.get("partial_json") or _telling_first(block["input"])
        most = self._most * _WORTH_MORE if name in _AGENTS else self._most
        return f"→ {self._cleaner.short(name, self._most)}: {self._cleaner.short(given, most)}"

    def _result(self, block: Mapping[str, Any]) -> str:
        content = block.get("content")
        parts = said_in([_named(each) for each in content] if isinstance(content, list) else content)
        text = "\n".join(part.text for part in parts)
        name = self._tools.get(str(block["tool_use_id"]), "tool")
        failed = block.get("is_error") is True
        most = self._most * _WORTH_MORE if failed or name in _AGENTS else self._most
        label = f"← {self._cleaner.short(name, self._most)}{' failed' if failed else ''}"
        return f"{label}, {len(text):,} characters: {self._cleaner.short(text, most)}"

    def _said(self, part: Said) -> str:
        if part.sort == "text":
            return self._cleaner.short(_without_reminders(part.text), self._longest).strip()
        if part.sort == "thinking":
            return ""
        return f"[{self._cleaner.short(f'{part.label or part.sort}: {part.text}', self._most)}]"

    def _subtask(self, one: SubTask) -> str:
        failed = f", {one.failed_count} of them failed" if one.failed_count else ""
        return f"[sub-task {one.branch_id}: {one.request_count} exchanges{failed}, {one.total_tokens:,} tokens]"


def _who(message: Any) -> str:
    """A user's message that brings nothing but results is the tools'."""
    role = role_of(message)
    content = message.get("content") if isinstance(message, dict) else None
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    results = [block for block in blocks if "tool_use_id" in block]
    reminders = [block for block in blocks if not _without_reminders(str(block.get("text", "x"))).strip()]
    return "tools" if results and len(results) + len(reminders) == len(blocks) else role


def _named(block: Any) -> Any:
    """A picture or document as a text that says what it is: what is in it does not leave the house."""
    if not isinstance(block, dict) or block.get("type") not in _FILES:
        return block
    source = block.get("source")
    found = source if isinstance(source, dict) else {}
    size = f"{len(found['data']):,} characters" if isinstance(found.get("data"), str) else None
    facts = (block["type"], block.get("title"), found.get("media_type"), found.get("url"), size)
    return f"[{', '.join(fact for fact in facts if fact and isinstance(fact, str))}]"


def _trailing_users(messages: Iterable[Any]) -> int:
    """How many of the last messages are not the assistant's: they are new, those before were sent along."""
    count = 0
    for message in messages:
        count = 0 if role_of(message) == "assistant" else count + 1
    return count


def _is_message(answer: Any) -> bool:
    return isinstance(answer, dict) and "content" in answer


def _ending(one: ExchangeSummary) -> str:
    """The model, and how the exchange ended unless well."""
    ended = "still running" if one.outcome is None else "" if one.outcome == "complete" else one.outcome
    return " · ".join(fact for fact in (one.model or "", ended) if fact)


def _telling_first(given: Any) -> str:
    if not isinstance(given, dict):
        return one_text(given)
    names = [name for name in _TELLING if name in given]
    ordered = {name: given[name] for name in [*names, *(name for name in given if name not in names)]}
    return ", ".join(f"{name}={one_text(value)}" for name, value in ordered.items())


def _without_reminders(text: str) -> str:
    """The text without what the client, not the person, put into it."""
    kept: list[str] = []
    place = 0
    while (start := text.find(_OPEN, place)) >= 0 and (end := text.find(_CLOSE, start)) >= 0:
        kept.append(text[place:start])
        place = end + len(_CLOSE)
    return "".join((*kept, text[place:]))
