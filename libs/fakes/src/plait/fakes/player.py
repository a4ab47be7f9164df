"""Plays recorded exchanges through a gateway as their clients did, and checks every byte on both sides of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plait.fakes.claude import Expected, ScriptedClaude
from plait.fakes.client import Received, call
from plait.fakes.http1 import Header
from plait.fakes.ledger import Call
from plait.fakes.recordings import Recording

_ARRIVAL_SECONDS = 2.0
"""How long an exchange waits until one that overlaps it has reached Claude: longer means that it never will."""


@dataclass(frozen=True)
class Played:
    """One exchange after it was played: `findings` name what a transparent gateway would not have done."""

    recording: Recording
    domain: str
    received: Received
    findings: tuple[str, ...]

    @property
    def request_id(self) -> str | None:
        """Under which the record is found."""
        return self.received.request_id


@dataclass(frozen=True)
class _Begun:
    recording: Recording
    expected: Expected
    task: asyncio.Task[Played]
    at: float


def domain_of(scenario: str) -> str:
    """The host name that a scenario's client calls."""
    return f"{scenario.replace('_', '-')}.example.test"


class Player:
    """Sends recordings to the gateway on `host`:`port`, behind which `claude` answers.

    Within a scenario an exchange starts when every answer that was complete at its time has come, and when those it
    overlapped have reached Claude. `width` scenarios run at a time. `speed` 1 keeps the recorded pauses, 10 takes a
    tenth of them, None leaves them out. After `within` seconds an exchange is given up. `on_played` hears of each
    exchange as it ends.
    """

    def __init__(
        self,
        port: int,
        claude: ScriptedClaude,
        *,
        width: int = 6,
        speed: float | None = None,
        within: float = 60.0,
        host: str = "127.0.0.1",
        domain: Callable[[str], str] = domain_of,
        on_played: Callable[[Played], None] | None = None,
    ) -> None:
        self._port = port
        self._claude = claude
        self._gate = asyncio.Semaphore(width)
        self._speed = speed
        self._within = within
        self._host = host
        self._domain = domain
        self._on_played = on_played or (lambda _: None)

    async def play(self, scenarios: Mapping[str, Sequence[Recording]]) -> list[Played]:
        """All scenarios; the result keeps their order."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._scenario(recordings)) for recordings in scenarios.values()]
        return [played for task in tasks for played in task.result()]

    async def _scenario(self, recordings: Sequence[Recording]) -> list[Played]:
        async with self._gate, asyncio.TaskGroup() as group:
            begun: list[_Begun] = []
            for recording in recordings:
                await self._until_due(recording, begun)
                expected = self._claude.expect(recording.target, recording.body, recording.answer(self._speed))
                task = group.create_task(self._one(recording, expected))
                begun.append(_Begun(recording, expected, task, time.monotonic()))
        return [one.task.result() for one in begun]

    async def _until_due(self, recording: Recording, begun: list[_Begun]) -> None:
        if not begun:
            return
        over = [one for one in begun if one.recording.ended <= recording.started]
        if over:
            await asyncio.wait([one.task for one in over])
        newest = begun[-1]
        if newest not in over:
            first: set[asyncio.Future[Any]] = {newest.expected.call, newest.task}
            await asyncio.wait(first, timeout=_ARRIVAL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if self._speed:
            last = max(over, key=lambda one: one.recording.ended, default=None)
            recorded = last.recording.ended if last else newest.recording.started
            since = last.task.result().received.ended if last else newest.at
            await asyncio.sleep(since + (recording.started - recorded) / self._speed - time.monotonic())

    async def _one(self, recording: Recording, expected: Expected) -> Played:
        domain = self._domain(recording.scenario)
        leaves = recording.outcome == "client_disconnected"
        received = await call(
            self._port,
            recording.method,
            recording.target,
            [("host", domain), *recording.headers],
            recording.body,
            leave_after=len(recording.answer_body) if leaves else None,
            within=self._within,
            host=self._host,
        )
        arrived = expected.call.result() if expected.call.done() else None
        played = Played(recording, domain, received, tuple(_findings(recording, received, arrived)))
        self._on_played(played)
        return played


def _findings(recording: Recording, received: Received, arrived: Call | None) -> list[str]:
    if arrived is None:
        return [
            f"never reached Claude with these bytes; the client saw {received.status} {received.error or ''}".strip()
        ]
    found = []
    if arrived.body != (recording.body or b""):
        found.append("the request's body was changed")
    found += [f"request header lost or changed: {name}" for name in _lost(recording.headers, arrived.headers)]
    if received.status != recording.status:
        found.append(f"status {recording.status} became {received.status}")
    if received.body != recording.answer_body:
        found.append(f"the answer's body was changed ({len(recording.answer_body)} → {len(received.body)} bytes)")
    found += [f"answer header lost or changed: {name}" for name in _lost(recording.answer_headers, received.headers)]
    if received.request_id is None:
        found.append("the answer has no X-Request-ID")
    return [*found, *_wrong_end(recording, received)]


def _wrong_end(recording: Recording, received: Received) -> list[str]:
    if recording.outcome == "cut_by_server":
        return ["a cut answer was ended as if it were whole"] if received.whole else []
    if recording.outcome == "client_disconnected" or received.whole:
        return []
    return [f"the answer is not whole: {received.error}"]


def _lost(sent: Sequence[Header], got: Sequence[Header]) -> list[str]:
    """Names of header lines that did not all arrive with their values, each as often as it was sent."""
    left = Counter((name.lower(), value) for name, value in sent)
    left.subtract((name.lower(), value) for name, value in got)
    return sorted({name for (name, _), count in left.items() if count > 0})
