"""A line of turns: the messages so far, what they weigh, and what the next turn says and is answered."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from plait.common.blobs import Blob, Link, hash_of, json_blob
from tests.bench.history.people import Person
from tests.bench.history.texts import Texts
from tests.bench.history.told import COMPLETE, Answered, Asked, Call, Result, Spent

_BEGINNING: Final = 14_000
"""Tokens of system prompt and tools."""
_BYTES_A_TOKEN: Final = 4
_TOOLS: Final = ("Bash", "Read", "Edit", "Grep", "Glob", "Write", "TodoWrite", "WebSearch", "MultiEdit", "WebFetch")
_OFTEN: Final = (30, 26, 18, 9, 5, 5, 3, 2, 1, 1)
_FAILS: Final = {"Bash": 0.08, "Edit": 0.06, "Read": 0.02}
_LIFETIME_S: Final = {"5m": 300, "1h": 3600}


@dataclass
class Line:
    """A branch as it grows."""

    branch: str
    link_kind: str
    """How its next exchange is linked."""
    parent_id: UUID | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    task_id: UUID | None = None
    head: bytes | None = None
    depth: int = 0
    waiting: Blob | None = None
    """The last answer, which the next request sends as a message."""
    was_sent: bool = False
    """Whether another branch has sent it already."""
    calls: tuple[Call, ...] = ()
    """What it called."""
    cached: int = 0
    """Tokens of the prompt that the cache holds."""
    tokens: int = _BEGINNING
    last: datetime | None = None
    """When its last answer ended."""
    turns: int = 0

    def ask(self, texts: Texts, chance: random.Random, person: Person, kind: str) -> Asked:
        """The next request: the answer before, and results of its calls or a new prompt."""
        results = tuple(Result(call, chance.random() < _FAILS.get(call.name, 0.005)) for call in self.calls)
        prompt = "" if results else texts.prompt()
        content = [_result(one, texts) for one in results] or [{"type": "text", "text": prompt}]
        news = [*([self.waiting] if self.waiting else []), json_blob({"content": content, "role": "user"})]
        links = self._chained(news)[int(self.was_sent) :]
        self.was_sent = False
        self.tokens += sum(len(blob.data) for blob in news) // _BYTES_A_TOKEN
        preview = prompt[:200] or ", ".join(one.call.name for one in results)
        return Asked(
            kind=kind, model=person.model, preview=preview, head=self.head, depth=self.depth, blobs=tuple(news),
            links=tuple(links), results=results,
        )  # fmt: skip

    def _chained(self, news: list[Blob]) -> list[Link]:
        links = []
        for blob in news:
            link = Link(hash_of((self.head or b"") + blob.hash), self.head, blob.hash, self.depth + 1)
            links.append(link)
            self.head, self.depth = link.hash, link.depth
        return links

    def answer(
        self, texts: Texts, chance: random.Random, person: Person, at: datetime, *, tool: str | None = None
    ) -> Answered:
        """Its whole answer; `tool`: what it must call."""
        names = [tool] if tool else _called(chance, person)
        calls = tuple(Call(f"toolu_{chance.getrandbits(96):024x}", name) for name in names)
        said = texts.answer()
        blocks = [{"type": "text", "text": said}, *(_use(call, chance) for call in calls)]
        content = json_blob({"content": blocks, "role": "assistant"})
        spent = self._spent(chance, person, at, len(content.data) // _BYTES_A_TOKEN + 1, "WebSearch" in names)
        lasted = 900 + 22 * spent.output * chance.uniform(0.6, 1.8)
        return Answered(
            lasted_ms=round(lasted, 1), content=content, calls=calls, spent=spent,
            stop_reason="tool_use" if calls else "end_turn",
        )  # fmt: skip

    def went_on(self, number: UUID, answered: Answered, ended: datetime) -> None:
        """The exchange was answered: the next one follows it."""
        self.parent_id, self.last = number, ended
        self.link_kind = "continue" if answered.outcome == COMPLETE else "interrupted"
        self.waiting, self.calls = answered.content, answered.calls
        self.tokens += answered.spent.output if answered.spent else 0
        self.turns += 1

    def _spent(self, chance: random.Random, person: Person, at: datetime, output: int, searches: bool) -> Spent:
        if not person.caches:
            return Spent(self.tokens - _BEGINNING + 40, output)
        warm = self.last is not None and (at - self.last).total_seconds() < _LIFETIME_S[person.lifetime]
        read = self.cached if warm else 0
        written = self.tokens - read
        self.cached = self.tokens
        hour = person.lifetime == "1h"
        return Spent(chance.randint(3, 60), output, read, 0 if hour else written, written if hour else 0, int(searches))


def _called(chance: random.Random, person: Person) -> list[str]:
    if person.programmed or chance.random() < 0.3:
        return []
    return chance.choices(_TOOLS, _OFTEN, k=1 if chance.random() < 0.85 else 2)


def _use(call: Call, chance: random.Random) -> dict[str, object]:
    named = {"file_path": f"/home/dana/shop/module_{chance.randrange(400)}.py"}
    edits = {"old_string": "a\nb\n" * chance.randint(0, 4), "new_string": "c\nd\n" * chance.randint(0, 9)}
    given: dict[str, object] = {**named, **edits} if call.name == "Edit" else dict(named)
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": given}


def _result(result: Result, texts: Texts) -> dict[str, object]:
    block: dict[str, object] = {"type": "tool_result", "tool_use_id": result.call.id, "content": texts.result()}
    return {**block, "is_error": True} if result.is_error else block
