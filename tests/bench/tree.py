"""What the next exchange of a long conversation costs: a turn, a branch, a sub-agent, a retry, a late parent.

One exchange at a time, its request and its answer as batches of their own, hashing and storing its body included; the
history itself is short (a sliding window), so that only the tree grows.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from plait.common.events import RequestData
from plait.linker.processor import Linker
from tests.bench.growth import linker
from tests.exchange_events import Part, answered, asked, records, said

SHORT: Final = 20
LONG: Final = 2_000
_TIMES: Final = 15
Messages = list[dict[str, Any]]


class Conversation:
    """A long line of turns, each of which calls a tool and is known by its id."""

    def __init__(self, consumer: Linker) -> None:
        self._consumer = consumer
        self.turns = 0
        self.extra = 0

    async def grow(self, turns: int) -> None:
        """Up to so many turns, in large batches."""
        parts: list[Part] = []
        while self.turns < turns:
            parts += self.turn()
        for start in range(0, len(parts), 500):
            await self._consumer.process(records(*parts[start : start + 500]))

    def turn(self, back: int = 0) -> tuple[RequestData, Part]:
        """The next turn; `back`: one that goes on from an earlier turn instead."""
        at = self.turns + self.extra / 1000 + 1
        messages: Messages = [said("user", "Begin.")]
        if origin := self.turns - back:
            call = {"type": "tool_use", "id": f"toolu_{origin}", "name": "Bash", "input": {}}
            result = {"type": "tool_result", "tool_use_id": f"toolu_{origin}", "content": f"done {origin}"}
            messages += [
                said("assistant", [call]),
                said("user", [result, {"type": "text", "text": f"{back and self.extra}"}]),
            ]
        if back:
            self.extra += 1
        else:
            self.turns += 1
        request = asked(*messages, at=at)
        name, given = ("Agent", {"prompt": f"Look at {self.turns}."}) if self.turns % 10 == 5 else ("Bash", {})
        block = {"type": "tool_use", "id": f"toolu_{self.turns}", "name": name, "input": given}
        return request, answered(request, [block] if not back else "No.", lasted=0.0001)


async def _branch(consumer: Linker, conversation: Conversation) -> float:
    return await _timed(consumer, conversation.turn(back=3))


async def _next_turn(consumer: Linker, conversation: Conversation) -> float:
    return await _timed(consumer, conversation.turn())


async def _spawn(consumer: Linker, conversation: Conversation) -> float:
    while conversation.turns % 10 != 5:
        await _timed(consumer, conversation.turn())
    conversation.extra += 1
    at = conversation.turns + conversation.extra / 1000 + 1
    agent = [("x-claude-code-agent-id", f"a{conversation.turns:04}{conversation.extra:04}")]
    request = asked(said("user", f"Look at {conversation.turns}."), at=at, headers=agent)
    took = await _timed(consumer, [request, answered(request, "Seen.", lasted=0.0001)])
    await _timed(consumer, conversation.turn())
    return took


async def _retry(consumer: Linker, conversation: Conversation) -> float:
    request, _ = conversation.turn()
    await _timed(consumer, [request, answered(request, [], outcome="failed", lasted=0.0001)])
    conversation.turns -= 1
    conversation.extra += 1
    return await _timed(consumer, conversation.turn())


async def _late(consumer: Linker, conversation: Conversation) -> float:
    late, child = conversation.turn(), conversation.turn()
    await _timed(consumer, child)
    return await _timed(consumer, late)


DEEDS: Final[dict[str, Callable[[Linker, Conversation], Awaitable[float]]]] = {
    "next turn": _next_turn,
    "branch": _branch,
    "sub-agent": _spawn,
    "retry": _retry,
    "late parent": _late,
}


async def _timed(consumer: Linker, parts: Sequence[Part]) -> float:
    """Milliseconds for these, each a batch of its own."""
    began = time.perf_counter()
    for part in parts:
        await consumer.process(records(part))
    return (time.perf_counter() - began) * 1000


async def measure() -> dict[str, tuple[float, float]]:
    """Deed → median milliseconds with a short tree and with a long one."""
    found: dict[str, list[float]] = {}
    async with linker() as (consumer, connection):
        conversation = Conversation(consumer)
        for turns in (SHORT, LONG):
            await conversation.grow(turns)
            await connection.execute("ANALYZE")
            for name, deed in DEEDS.items():
                took = [await deed(consumer, conversation) for _ in range(_TIMES)]
                found.setdefault(name, []).append(statistics.median(took))
    return {name: (short, long) for name, (short, long) in found.items()}


def report(found: dict[str, tuple[float, float]]) -> list[str]:
    """A Markdown table."""
    lines = [f"| median ms | after {SHORT} turns | after {LONG:,} turns | ratio |", "|---|---|---|---|"]
    return [*lines, *(f"| {name} | {a:.1f} | {b:.1f} | **{b / a:.1f}** |" for name, (a, b) in found.items())]


if __name__ == "__main__":
    import asyncio

    print("\n".join(report(asyncio.run(measure()))))
