"""Cards of the time line: what was asked and answered in a few lines, and the sub-tasks that an answer called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from plait.common.queries.exchanges import ExchangeSummary
from plait.common.queries.said import Said
from plait.common.reminders import without_reminders
from plait.dashboard.islands import tools
from plait.dashboard.islands.times import failures
from plait.dashboard.islands.tree import is_side

Block = Mapping[str, Any]

_LONGEST: Final = 700
"""Characters of a prompt or an answer on a card."""
_MOST_CALLS: Final = 8
MOST_STEPS: Final = 200
"""Steps of a sub-task that are told in place; all of them stand on its own time line."""


@dataclass(frozen=True)
class SubTask:
    """A sub-agent's branch, told below the exchange that called it."""

    branch: str
    first: ExchangeSummary
    steps: list[ExchangeSummary]
    inner: list[SubTask]
    """Branches that left it: sub-tasks of its own, and compactions."""

    @property
    def tokens(self) -> int:
        """All kinds, of its own steps."""
        return sum(one.total_tokens for one in self.steps)

    @property
    def failed(self) -> int:
        """Steps that did not end well."""
        return failures(self.steps)

    @property
    def running(self) -> bool:
        """Whether a step has not ended."""
        return any(one.outcome is None for one in self.steps)


@dataclass(frozen=True)
class Card:
    """One exchange."""

    exchange: ExchangeSummary
    branch: str
    person: bool
    """A person began it; else it brings results of tools, or is nobody's turn."""
    prompt: str
    errors: list[str]
    """The first lines of results that were errors."""
    answer: str
    calls: list[tuple[str, str]]
    """Tools that the answer called: name, and in a line what for."""
    more_calls: int
    subtasks: list[SubTask]


def card(exchange: ExchangeSummary, branch: str, person: bool, said: Said, subtasks: list[SubTask]) -> Card:
    """The card of one exchange."""
    asked, answered = _blocks(said.asked), _blocks(said.answered)
    calls = [(str(b.get("name", "tool")), _headline(b)) for b in answered if b.get("type") in _CALLS]
    prompt = _texts(asked) or exchange.preview or exchange.path
    return Card(
        exchange=exchange,
        branch=branch,
        person=person,
        prompt=_clip(prompt) if person or exchange.link_kind == "spawn" else exchange.preview or exchange.path,
        errors=[_result(b) for b in asked if b.get("type") == "tool_result" and b.get("is_error")],
        answer=_clip(_texts(answered)),
        calls=calls[:_MOST_CALLS],
        more_calls=max(len(calls) - _MOST_CALLS, 0),
        subtasks=subtasks,
    )


def sub_tasks(exchanges: Iterable[ExchangeSummary], branch_of: Mapping[UUID, str]) -> dict[UUID, list[SubTask]]:
    """Sub-tasks by the exchange whose answer called them; exchanges are given oldest first."""
    steps: dict[str, list[ExchangeSummary]] = {}
    for one in exchanges:
        if one.is_subtask and not is_side(one):
            steps.setdefault(branch_of[one.request_id], []).append(one)
    left: dict[UUID, list[str]] = {}
    for branch, own in steps.items():
        if own[0].parent_request_id is not None:
            left.setdefault(own[0].parent_request_id, []).append(branch)

    def told(branch: str) -> SubTask:
        inner = [told(one) for step in steps[branch] for one in left.get(step.request_id, ())]
        return SubTask(branch, steps[branch][0], steps[branch], inner)

    return {parent: [told(one) for one in branches] for parent, branches in left.items()}


_CALLS: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


def _blocks(message: Any) -> list[Block]:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [b for b in content if isinstance(b, dict)] if isinstance(content, list) else []


def _texts(blocks: Sequence[Block]) -> str:
    """What is said in them, without the reminders of clients."""
    return "\n\n".join(_said(blocks))


def _said(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        text = block.get("text") if block.get("type") == "text" else None
        if isinstance(text, str) and (kept := without_reminders(text).strip()):
            yield kept


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rstrip()}…"


def _headline(block: Block) -> str:
    given = block.get("input")
    return tools.headline(str(block.get("name", "")), given if isinstance(given, dict) else {"input": given})


def _result(block: Block) -> str:
    content = block.get("content")
    text = content if isinstance(content, str) else _texts(_blocks(block))
    return next((line.strip()[:300] for line in text.splitlines() if line.strip()), "The tool failed and said nothing.")
