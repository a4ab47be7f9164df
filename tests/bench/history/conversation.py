"""A conversation as a stream of exchanges in time order: turns, side calls, retries, agents, branches, compactions."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import structs

from plait.common.ids import conversation_id
from tests.bench.history.line import Line
from tests.bench.history.people import SIDE_MODEL, Person, person
from tests.bench.history.schedule import Slot
from tests.bench.history.texts import Texts
from tests.bench.history.told import COMPLETE, Answered, Asked, Linked, Spent, Told

_OVERLOADED: Final = Answered(
    outcome="failed", status=529, lasted_ms=210.0, stop_reason=None, error=("overloaded_error", "Overloaded")
)
_LIMITED: Final = Answered(
    outcome="failed", status=429, lasted_ms=90.0, stop_reason=None, error=("rate_limit_error", "Too many requests")
)
_TURNS_BEFORE_COMPACTION: Final = 180
_AGENT_TYPES: Final = ("general-purpose", "Explore", "code-reviewer")


class Conversation:
    """Tells one; its randomness is its own, so that it is the same whoever else talks meanwhile."""

    def __init__(self, seed: int, slot: Slot, end: datetime) -> None:
        self._chance = random.Random(seed << 32 | slot.number)
        self._texts = Texts(self._chance)
        self._person: Person = person(self._chance)
        self._now, self._end, self._left = slot.start, end, slot.size
        self._size = slot.size
        self._id: UUID | None = None
        self._branches: set[str] = {"main"}
        self._tasks = 0

    def exchanges(self) -> Iterator[Told]:
        """All of them; exactly as many as were asked for."""
        main, origin = Line("main", "root"), None
        while self._left:
            yield from self._turn(main)
            if main.turns == 1 and self._left and not self._person.programmed:
                yield self._side(main, "auxiliary", "title")
            if main.turns == 4:
                origin = replace(main)
            if main.turns >= _TURNS_BEFORE_COMPACTION and not main.calls and self._left:
                main, origin = (yield from self._compaction(main)), None
            elif origin and not main.calls and self._chance.random() < 0.01:
                main, origin = self._branch(origin, main.depth > origin.depth), None

    def _turn(self, line: Line, *, kind: str = "inference", tool: str | None = None) -> Iterator[Told]:
        """A turn with what comes with it; it may take no, one or several exchanges of what is left."""
        chance = self._chance
        self._pause(6 if line.calls else 45)
        if chance.random() < 0.02 and line.parent_id and not self._person.programmed:
            yield self._side(line, "count_tokens", None)
        if not self._left:
            return
        asked = line.ask(self._texts, chance, self._person, kind)
        if chance.random() < 0.025:
            failed = self._tell(line, asked, chance.choice((_OVERLOADED, _LIMITED)), self._place(line))
            yield failed
            if not self._left:
                return
            self._pause(3)
            place = self._place(line, link_kind="retry", retry_of=failed.id)
            asked = _again(asked)
        else:
            place = self._place(line)
        if tool is None and kind == "inference" and self._left > 3 and chance.random() < 0.015:
            tool = "Agent"
        answered = line.answer(self._texts, chance, self._person, self._now, tool=tool)
        answered = _cut(chance, answered)
        told = self._tell(line, asked, answered, place)
        yield told
        line.went_on(told.id, answered, self._now)
        if tool == "Agent" and answered.outcome == COMPLETE:
            yield from self._task(told.id)

    def _task(self, caller: UUID) -> Iterator[Told]:
        """A sub-agent's turns, while its caller waits."""
        if self._person.programmed:
            return
        self._tasks += 1
        agent = f"a{self._chance.getrandbits(64):016x}"
        line = Line(
            self._named(f"subtask_{self._tasks}"), "spawn", caller, agent, self._chance.choice(_AGENT_TYPES), caller
        )
        for _ in range(self._chance.randint(2, 14)):
            if self._left:
                yield from self._turn(line, kind="subagent")

    def _compaction(self, line: Line) -> Generator[Told, None, Line]:
        """A summary is asked for, and the talk goes on from it with a short history."""
        self._pause(5)
        asked = line.ask(self._texts, self._chance, self._person, "compaction")
        answered = line.answer(self._texts, self._chance, self._person, self._now)
        answered = structs.replace(answered, calls=(), stop_reason="end_turn")
        told = self._tell(line, asked, answered, self._place(line, link_kind="compact"))
        yield told
        name = self._named(f"compact_{self._now:%H%M%S}")
        return Line(name, "after_compaction", told.id, last=self._now)

    def _branch(self, origin: Line, was_sent: bool) -> Line:
        """The main line goes on from an earlier turn."""
        name = self._named(f"branch_{self._now:%Y%m%d%H%M%S}")
        return replace(origin, branch=name, link_kind="branch", turns=origin.turns + 1, was_sent=was_sent)

    def _named(self, name: str) -> str:
        """A branch's name that nobody has yet."""
        found, number = name, 1
        while found in self._branches:
            number += 1
            found = f"{name}_{number}"
        self._branches.add(found)
        return found

    def _side(self, line: Line, kind: str, side_kind: str | None) -> Told:
        """A call beside the talk, which serves its newest exchange."""
        self._pause(0.3)
        aside = Line("", "", agent_id=line.agent_id, agent_type=line.agent_type)
        asked = structs.replace(
            aside.ask(self._texts, self._chance, self._person, kind), model=SIDE_MODEL, side_kind=side_kind,
            request_type="query_evaluation", path=_PATHS.get(kind, "/v1/messages"),
        )  # fmt: skip
        answered = Answered(lasted_ms=self._chance.uniform(150, 900))
        if side_kind:
            content = aside.answer(self._texts, self._chance, self._person, self._now).content
            answered = structs.replace(answered, content=content, spent=Spent(self._chance.randint(200, 900), 14))
        return self._tell(line, asked, answered, Linked(conversation_id=self._id, serves_id=line.parent_id))

    def _place(self, line: Line, *, link_kind: str | None = None, retry_of: UUID | None = None) -> Linked:
        return Linked(
            conversation_id=self._id, link_kind=link_kind or line.link_kind, branch=line.branch,
            parent_id=line.parent_id, retry_of=retry_of, task_id=line.task_id,
        )  # fmt: skip

    def _tell(self, line: Line, asked: Asked, answered: Answered, linked: Linked) -> Told:
        """One exchange begins now; the clock goes on to its end. The first one's id names the conversation."""
        at, self._left = self._now, self._left - 1
        number = _exchange_id(at, self._chance)
        if self._id is None:
            self._id = conversation_id(number)
            linked = structs.replace(linked, conversation_id=self._id)
        if self._left:
            answered = structs.replace(answered, lasted_ms=min(answered.lasted_ms, 1000 * self._share()))
        self._now = at + timedelta(milliseconds=answered.lasted_ms)
        ended = answered if self._now < self._end else None
        return Told(number, at, self._person, line.agent_id, line.agent_type, asked, ended, linked)

    def _pause(self, median_s: float) -> None:
        """Time passes: mostly about so much, at times a long break, and never so much that the end comes too early."""
        pause = median_s * self._chance.lognormvariate(0, 1)
        if self._chance.random() < 0.004:
            pause += 3600 * self._chance.uniform(0.2, 14)
        self._now += timedelta(seconds=min(pause, self._share()))

    def _share(self) -> float:
        """Seconds that may pass now, if all that is left to tell must begin before the end."""
        return (self._end - self._now).total_seconds() / (2 * self._left + 2)


_PATHS: Final = {"count_tokens": "/v1/messages/count_tokens"}


def _again(asked: Asked) -> Asked:
    """The same request once more: nothing in it is new."""
    return structs.replace(asked, blobs=(), links=())


def _cut(chance: random.Random, answered: Answered) -> Answered:
    """Now and then an answer breaks off, or its client leaves."""
    fate = chance.random()
    if fate >= 0.012 or answered.spent is None:
        return answered
    spent = structs.replace(answered.spent, output=max(1, answered.spent.output // 3))
    outcome = "interrupted" if fate < 0.005 else "aborted"
    error = ("overloaded_error", "Overloaded") if outcome == "interrupted" else None
    return structs.replace(answered, outcome=outcome, spent=spent, calls=(), stop_reason=None, error=error)


def _exchange_id(at: datetime, chance: random.Random) -> UUID:
    """A UUIDv7 of that moment, its chance not the process's."""
    millis = int(at.timestamp() * 1000)
    number = millis << 80 | 0x7 << 76 | chance.getrandbits(12) << 64 | 0x2 << 62 | chance.getrandbits(62)
    return UUID(int=number)
