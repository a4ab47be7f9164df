"""Made-up clients that talk as real ones do, and know whom each of their requests follows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from msgspec import UNSET, Raw

from plait.common.events import RequestData, ResponseData
from plait.linker.domain.facts import Facts
from plait.linker.domain.request import request_facts, with_answer

Json = dict[str, Any]
Outcome = Literal["complete", "interrupted", "failed", "aborted", "rejected"]
BEGIN = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SUMMARY_TASK = "Your task is to create a detailed summary of the conversation so far, paying close attention."
CONTINUED = (
    "This session is being continued from a previous conversation that ran out of context. The summary follows.\n\n"
)


def user(*content: str | Json) -> Json:
    """A user message of texts and blocks."""
    return {"role": "user", "content": [text(c) if isinstance(c, str) else c for c in content]}


def assistant(*content: str | Json) -> Json:
    """An assistant message of texts and blocks."""
    return {"role": "assistant", "content": [text(c) if isinstance(c, str) else c for c in content]}


def text(value: str) -> Json:
    return {"type": "text", "text": value}


def call(tool: str, name: str = "Bash", **given: str) -> Json:
    return {"type": "tool_use", "id": tool, "name": name, "input": given}


def result(tool: str, content: Any = "ok") -> Json:
    return {"type": "tool_result", "tool_use_id": tool, "content": content}


def request_data(number: int, messages: Sequence[Json], **more: Any) -> RequestData:
    """A messages request. `number` gives its id and, unless `at` (seconds) is given, when it started."""
    headers = {"x-claude-code-session-id": more.pop("session", None), "x-claude-code-agent-id": more.pop("agent", None)}
    headers |= more.pop("headers", {})
    return RequestData(
        exchange_id=UUID(int=number),
        domain=more.pop("domain", "example.test"),
        thread="",
        started_at=BEGIN + timedelta(seconds=more.pop("at", number)),
        method=more.pop("method", "POST"),
        path=more.pop("path", "/v1/messages"),
        headers=[(name, value) for name, value in headers.items() if value],
        body=Raw(json.dumps({"model": "m", "messages": list(messages), **more}).encode()),
        body_size=0,
    )


def response_data(
    request: RequestData, *content: str | Json, outcome: Outcome = "complete", lasted: float = 0.5, **more: Any
) -> ResponseData:
    """Its answer; without content, and not complete, one that brought no message."""
    message = {
        "id": f"msg_{request.exchange_id.int}",
        "type": "message",
        **assistant(*content),
        "stop_reason": "end_turn",
    }
    return ResponseData(
        exchange_id=request.exchange_id,
        domain=request.domain,
        thread="",
        started_at=request.started_at,
        outcome=outcome,
        status=500 if outcome == "failed" else 200,
        headers=[],
        ended_at=request.started_at + timedelta(seconds=lasted),
        duration_ms=lasted * 1000,
        body=Raw(json.dumps(message | more).encode()) if content or outcome == "complete" else UNSET,
    )


def exchange(
    number: int, messages: Sequence[Json], *content: str | Json, outcome: Outcome = "complete", **more: Any
) -> Facts:
    """The facts of an exchange that has ended."""
    request = request_data(number, messages, **more)
    return with_answer(request_facts(request), response_data(request, *content, outcome=outcome))


def running(number: int, messages: Sequence[Json], **more: Any) -> Facts:
    """The facts of an exchange whose answer is not known."""
    return request_facts(request_data(number, messages, **more))


@dataclass(frozen=True)
class Truth:
    """What must be found of an exchange."""

    link: Literal["root", "next", "fork", "spawn", "retry", "compact", "after_compaction", "side"]
    parent: UUID | None = None
    """The attempt of a retry, the exchange that a side note serves, else the parent."""


@dataclass(frozen=True)
class Line:
    """A client's place in a conversation: what it would send before its next words, and whom that follows."""

    session: str | None
    agent: str | None = None
    history: tuple[Json, ...] = ()
    tip: UUID | None = None
    asked: tuple[Json, ...] = ()
    """What must be sent with the next words: results of the tools that were called."""
    later: tuple[Json, ...] = ()
    """What must be sent with the words after those: what agents in the background report."""
    forked: bool = False
    compacted: bool = False


@dataclass
class Traffic:
    """Exchanges in the order of time, with their truth."""

    facts: list[Facts] = field(default_factory=list)
    halves: list[Facts] = field(default_factory=list)
    """The same while running."""
    events: list[tuple[RequestData, ResponseData]] = field(default_factory=list)
    """What the facts were read off."""
    truth: dict[UUID, Truth] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    number: int = 0

    def start(self, session: str | None) -> None:
        self._turn(Line(session), "complete", "root")

    def turn(self, line: Line) -> None:
        self._turn(line, "complete")

    def tools(self, line: Line, count: int) -> None:
        """An answer that calls tools, whose results come in the order of completion."""
        calls = [call(f"toolu_{self.number}_{n}") for n in range(count)]
        self._turn(line, "complete", extra=calls, asked=[result(one["id"]) for one in reversed(calls)])

    def fork(self, line: Line) -> None:
        """Another session with the same history."""
        self._turn(replace(line, session=f"fork-{self.number}", forked=True), "complete")

    def retries(self, line: Line, failures: int) -> None:
        """The same request until it goes through."""
        prompt = self._words(line)
        messages = (*line.history, prompt)
        attempt = self._send(line, messages, outcome="failed", truth=self._next(line))
        for _ in range(failures - 1):
            attempt = self._send(line, messages, outcome="failed", truth=Truth("retry", attempt))
        answer = text(f"Answer {self.number}.")
        last = self._send(line, messages, answer, truth=Truth("retry", attempt))
        self._go_on(line, messages, [answer], last)

    def cut(self, line: Line, kept: bool) -> None:
        """An answer that was cut; the client goes on from the part it has, or says there was none."""
        prompt = self._words(line)
        messages = (*line.history, prompt)
        part = f"Answer {self.number}, a part of"
        number = self._send(line, messages, text(part), outcome="aborted", truth=self._next(line))
        said = part[:-3] if kept else "No response requested."
        self._go_on(line, messages, [text(said)], number)

    def spawn(self, line: Line, prompts: list[str]) -> None:
        """An answer that starts agents, each with a line of its own; their reports come back with the results."""
        calls = [call(f"toolu_{self.number}_{n}", "Agent", prompt=prompt) for n, prompt in enumerate(prompts)]
        agents = [f"a{self.number:04}{n:04}" for n in range(len(prompts))] if line.session else [None] * len(prompts)
        told = [f"done, agentId: {agent}" if agent else "done" for agent in agents]
        results = [result(one["id"], say) for one, say in zip(calls, told, strict=True)]
        self._turn(line, "complete", extra=calls, asked=results)
        parent = self.lines[-1].tip
        for prompt, agent in zip(prompts, agents, strict=True):
            child = Line(line.session, agent)
            answer = text(f"Answer {self.number}.")
            number = self._send(child, [user(prompt)], answer, truth=Truth("spawn", parent))
            self._go_on(child, (user(prompt),), [answer], number)

    def spawn_behind(self, line: Line, prompts: list[str]) -> None:
        """Agents in the background: the results come at once and name nobody, a notification one turn later does."""
        known = len(self.lines)
        self.spawn(line, prompts)
        spawning = self.lines[known]
        results = [block for block in spawning.asked if block["type"] == "tool_result"]
        launched = [result(one["tool_use_id"], "Async agent launched.") for one in results]
        told = [text(_notification(one["tool_use_id"], one["content"].rpartition(" ")[2])) for one in results]
        others = [block for block in spawning.asked if block["type"] != "tool_result"]
        later = tuple(told) if line.session else ()
        self.lines[known] = replace(spawning, asked=(*launched, *others), later=later)

    def compact_twice(self, line: Line) -> None:
        """A compaction, and another one right after it."""
        self.compact(line)
        self.compact(self.lines[-1])

    def compact(self, line: Line) -> None:
        """A summary, and the session going on from it."""
        words = [*line.asked, text(SUMMARY_TASK)] if line.asked else [text(SUMMARY_TASK)]
        messages = (*line.history, {"role": "user", "content": words})
        summary = f"The story of {self.number} so far."
        number = self._send(line, messages, text(f"<summary>{summary}</summary>"), truth=Truth("compact", line.tip))
        after = replace(
            line, history=(), tip=number, asked=(text(f"{CONTINUED}{summary}"),), later=(), forked=False, compacted=True
        )
        self._turn(after, "complete")

    def side(self, line: Line) -> None:
        """A suggestion: it has the history, but is none."""
        words = text("[SUGGESTION MODE: what may come next?]")
        messages = (*line.history, {"role": "user", "content": [*line.asked, words]})
        self._send(line, messages, text("Go on."), truth=Truth("side", line.tip))

    def _turn(
        self,
        line: Line,
        outcome: Outcome,
        link: Literal["root"] | None = None,
        extra: Sequence[Json] = (),
        asked: Sequence[Json] = (),
    ) -> None:
        messages = (*line.history, self._words(line))
        answer = [text(f"Answer {self.number}."), *extra]
        truth = Truth(link) if link else self._next(line)
        number = self._send(line, messages, *answer, outcome=outcome, truth=truth)
        self._go_on(line, messages, answer, number, [*asked, *line.later])

    def _words(self, line: Line) -> Json:
        return {"role": "user", "content": [*line.asked, text(f"Prompt {self.number}")]}

    def _next(self, line: Line) -> Truth:
        return Truth("fork" if line.forked else "after_compaction" if line.compacted else "next", line.tip)

    def _go_on(
        self, line: Line, messages: Sequence[Json], answer: Sequence[Json], tip: UUID, asked: Sequence[Json] = ()
    ) -> None:
        history = (*messages, {"role": "assistant", "content": list(answer)})
        self.lines.append(Line(line.session, line.agent, history, tip, tuple(asked)))

    def _send(
        self, line: Line, messages: Sequence[Json], *content: Json, truth: Truth, outcome: Outcome = "complete"
    ) -> UUID:
        self.number += 1
        noisy = [self._noise(message, last=n == len(messages) - 1) for n, message in enumerate(messages)]
        request = request_data(self.number, self._more_noise(noisy), session=line.session, agent=line.agent)
        self.halves.append(request_facts(request))
        thoughts = (
            [{"type": "thinking", "thinking": "Hm.", "signature": "s"}] if content and self.number % 4 == 0 else []
        )
        response = response_data(request, *thoughts, *content, outcome=outcome)
        self.facts.append(with_answer(self.halves[-1], response))
        self.events.append((request, response))
        self.truth[request.exchange_id] = truth
        return request.exchange_id

    def _noise(self, message: Json, last: bool) -> Json:
        """What clients change in what they sent before: `cache_control`, string or list, reminders."""
        blocks = [dict(block) for block in message["content"]]
        if last:
            blocks[-1]["cache_control"] = {"type": "ephemeral"}
        if message["role"] == "user" and self.number % 3 == 0:
            blocks.insert(0, text(f"<system-reminder>{self.number}</system-reminder>\n"))
        if len(blocks) == 1 and blocks[0]["type"] == "text" and not last:
            return {"role": message["role"], "content": blocks[0]["text"]}
        return {"role": message["role"], "content": blocks}

    def _more_noise(self, messages: list[Json]) -> list[Json]:
        """System entries anywhere, and tool messages that are sent twice."""
        if self.number % 7 == 0:
            return [*messages[:1], {"role": "system", "content": f"It is {self.number} o'clock."}, *messages[1:]]
        pair = next((n for n, message in enumerate(messages) if _calls(message) and n + 2 < len(messages)), None)
        if pair is None or self.number % 5:
            return messages
        return [*messages[: pair + 2], *messages[pair : pair + 2], *messages[pair + 2 :]]


def _calls(message: Json) -> bool:
    content = message["content"]
    return isinstance(content, list) and any(block["type"] == "tool_use" for block in content)


def _notification(tool: str, agent: str) -> str:
    return (
        f"<task-notification><task-id>{agent}</task-id><tool-use-id>{tool}</tool-use-id><status>completed</status>"
        "</task-notification>"
    )
