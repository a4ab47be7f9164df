"""Made-up clients that talk as real ones do, and know whom each of their requests follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from uuid import UUID

from msgspec import structs

from plait.common.events import RequestData, ResponseData
from plait.linker.domain.answer import calls_in
from plait.linker.domain.canonical import answer_blocks
from plait.linker.domain.facts import Facts
from plait.linker.domain.offers import AWAITED_TOOLS
from plait.linker.domain.request import request_facts, with_answer
from tests.unit.linker_domain.clients import Json, Outcome, call, request_data, response_data, result, text

DOMAIN = "example.test"


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
    cut: bool = False
    """The last answer of the history is not all that came."""
    parent_agent: str | None = None
    old: bool = False
    """An older client: its session stands in the metadata, its agents have no id."""
    domain: str = DOMAIN

    @property
    def next(self) -> Truth:
        """What its next words are."""
        return Truth("fork" if self.forked else "after_compaction" if self.compacted else "next", self.tip)


@dataclass
class Traffic:
    """Exchanges in the order of time, with their truth."""

    facts: list[Facts] = field(default_factory=list)
    stages: list[list[Facts]] = field(default_factory=list)
    """The same while running: at first, and with each call of the answer that is known before its end."""
    events: list[tuple[RequestData, ResponseData]] = field(default_factory=list)
    """What the facts were read off."""
    truth: dict[UUID, Truth] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    first: dict[tuple[str, str | None], UUID] = field(default_factory=dict)
    """By domain and session: the first exchange that others can follow."""
    number: int = 0
    paused: float = 0.0
    """Seconds that the clock is ahead of one exchange a second."""

    def start(self, session: str | None, *, old: bool = False, domain: str = DOMAIN, **said: Any) -> None:
        """A conversation begins."""
        self.turn(Line(session, old=old, domain=domain), link=Truth("root"), **said)

    def turn(
        self,
        line: Line,
        *extra: Json,
        link: Truth | None = None,
        asked: Sequence[Json] = (),
        prompt: str = "",
        answered: str = "",
        **more: Any,
    ) -> UUID:
        """An exchange that ends well; `extra`: what its answer holds beside a text, `asked`: what that asks for."""
        messages = (*line.history, self.words(line, prompt))
        answer = [text(answered or f"Answer {self.number}."), *extra]
        number = self.send(line, messages, *answer, truth=link or line.next, **more)
        self.go_on(line, messages, answer, number, [*asked, *line.later])
        return number

    def tools(self, line: Line, count: int) -> None:
        """An answer that calls tools, whose results come in the order of completion."""
        calls = [call(f"toolu_{self.number}_{n}") for n in range(count)]
        self.turn(line, *calls, asked=[result(one["id"]) for one in reversed(calls)])

    def fork(self, line: Line) -> Line:
        """Another session with the same history."""
        return replace(line, session=f"fork-{self.number}", forked=True)

    def words(self, line: Line, prompt: str = "") -> Json:
        """The next user message: what must be sent, and something typed."""
        return {"role": "user", "content": [*line.asked, text(prompt or f"Prompt {self.number}")]}

    def go_on(
        self, line: Line, messages: Sequence[Json], answer: Sequence[Json], tip: UUID, asked: Sequence[Json] = ()
    ) -> None:
        """The client's place after an answer."""
        history = (*messages, {"role": "assistant", "content": list(answer)})
        after = replace(line, history=history, tip=tip, asked=tuple(asked), later=(), cut=False)
        self.lines.append(replace(after, forked=False, compacted=False))

    def send(
        self,
        line: Line,
        messages: Sequence[Json],
        *content: Json,
        truth: Truth,
        outcome: Outcome = "complete",
        lasted: float = 0.5,
        **more: Any,
    ) -> UUID:
        """One exchange; `more`: as `request_data` takes it."""
        self.number += 1
        more = _ids(line, more.pop("headers", {})) | more | {"at": more.get("at", self.number) + self.paused}
        noisy = [self._noise(message, last=n == len(messages) - 1) for n, message in enumerate(messages)]
        request = request_data(self.number, self._more_noise(noisy), **more)
        running = request_facts(request)
        thoughts = (
            [{"type": "thinking", "thinking": "Hm.", "signature": "s"}] if content and self.number % 4 == 0 else []
        )
        response = response_data(request, *thoughts, *content, outcome=outcome, lasted=lasted)
        self.stages.append(_stages(running, content))
        self.facts.append(with_answer(running, response))
        self.events.append((request, response))
        self.truth[request.exchange_id] = truth
        if self.facts[-1].candidate:
            self.first.setdefault((line.domain, line.session), request.exchange_id)
        return request.exchange_id

    def _noise(self, message: Json, last: bool) -> Json:
        """What clients change in what they sent before: `cache_control`, string or list, reminders, line ends."""
        blocks = [dict(block) for block in message["content"]]
        if last:
            blocks[-1]["cache_control"] = {"type": "ephemeral"}
        if message["role"] == "user" and self.number % 3 == 0:
            blocks.insert(0, text(f"<system-reminder>{self.number}</system-reminder>\n"))
        if message["role"] == "user" and self.number % 5 == 1:
            blocks = [_reminded(block, f"\r\n\n<system-reminder>{self.number}</system-reminder>") for block in blocks]
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


def _ids(line: Line, headers: dict[str, str]) -> dict[str, Any]:
    """What a request says of itself."""
    above = {"x-claude-code-parent-agent-id": line.parent_agent} if line.parent_agent else {}
    said: dict[str, Any] = {"domain": line.domain, "agent": line.agent, "headers": above | headers}
    if line.old and line.session:
        return said | {"metadata": {"user_id": f"user_0a1b_account__session_{line.session}"}}
    return said | {"session": line.session}


def _stages(running: Facts, content: Sequence[Json]) -> list[Facts]:
    awaited = [one for one in calls_in(answer_blocks(list(content))) if one.name in AWAITED_TOOLS]
    return [_known(running, awaited[:count]) for count in range(len(awaited) + 1)]


def _known(running: Facts, calls: Sequence[Any]) -> Facts:
    return running if not calls else structs.replace(running, so_far=tuple(calls))


def _reminded(block: Json, reminder: str) -> Json:
    """With a reminder glued to its text, or to that of a tool's result."""
    if block["type"] == "text" and not block["text"].startswith("<"):
        return block | {"text": block["text"] + reminder}
    if block["type"] == "tool_result" and isinstance(block["content"], str):
        return block | {"content": block["content"] + reminder}
    return block


def _calls(message: Json) -> bool:
    content = message["content"]
    return isinstance(content, list) and any(block["type"] == "tool_use" for block in content)
