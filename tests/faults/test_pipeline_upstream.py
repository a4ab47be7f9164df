"""Every way in which an upstream or a client can fail an answer, side by side, and what the record says of each."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from plait.fakes import messages
from tests.contract.gateway.raw_ends import Arrived, RawUpstream, Script
from tests.faults.pipeline import pipeline
from tests.servers import Broker

IDLE_SECONDS = 3
EVENTS = messages.events_of(messages.message(messages.text("héllo 🤖 " * 5)))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in EVENTS) + b"0\r\n\r\n"
STARTED = WHOLE[: WHOLE.index(b"content_block_delta")]
"""So far that a message has begun."""
REFUSED = b'HTTP/1.1 529 Overloaded\r\nContent-Length: 24\r\n\r\n{"type":"error","e":"x"}'


class Case(NamedTuple):
    """What the upstream does, what its client sees of it, and what the record calls it."""

    script: Script
    status: int
    whole: bool
    outcome: str


CASES = {
    "whole": Case(Script((HEAD + WHOLE,), "keep"), 200, True, "complete"),
    "a byte at a time": Case(
        Script((HEAD, *(bytes([byte]) for byte in WHOLE)), "keep", pause=0.002), 200, True, "complete"
    ),
    "junk behind it": Case(Script((HEAD + WHOLE + b"\x00junk",)), 200, True, "complete"),
    "another answer behind it": Case(Script((HEAD + WHOLE + REFUSED,), "keep"), 200, True, "complete"),
    "refused": Case(Script((REFUSED,), "keep"), 529, True, "failed"),
    "closed before the head": Case(Script(()), 502, True, "failed"),
    "reset before the head": Case(Script((), "reset"), 502, True, "failed"),
    "closed in the head": Case(Script((HEAD[:30],)), 502, True, "failed"),
    "silent before the head": Case(Script((), "hold"), 504, True, "failed"),
    "closed between chunks": Case(Script((HEAD + STARTED[: STARTED.rindex(b"\r\n") + 2],)), 200, False, "interrupted"),
    "closed in a chunk": Case(Script((HEAD + STARTED,)), 200, False, "interrupted"),
    "closed in a character": Case(Script((HEAD + WHOLE[: WHOLE.index("🤖".encode()) + 2],)), 200, False, "interrupted"),
    "reset in a chunk": Case(Script((HEAD + STARTED, b""), "reset", pause=0.2), 200, False, "interrupted"),
    "silent in a chunk": Case(Script((HEAD + STARTED,), "hold"), 200, False, "interrupted"),
    "a chunk without a size": Case(Script((HEAD + STARTED + b"\r\n",)), 200, False, "interrupted"),
    "closed within its length": Case(
        Script((b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99999\r\n\r\n" + EVENTS[0],)),
        200,
        False,
        "interrupted",
    ),
    "left by its client": Case(Script((HEAD + STARTED,), "hold"), 200, False, "aborted"),
}
LEAVING = list(CASES).index("left by its client")


def number_of(arrived: Arrived) -> int:
    return int(json.loads(arrived.body)["n"])


@pytest.mark.parametrize("byte_lane", ["on", "off"])
async def test_each_failure_is_passed_on_and_recorded_as_what_it_was(
    broker: Broker, postgres_url: str, tmp_path: Path, byte_lane: str
) -> None:
    times = {"CLAUDE_IDLE_TIMEOUT": str(IDLE_SECONDS), "CLAUDE_API_TIMEOUT": str(IDLE_SECONDS)}
    cases = list(CASES.values())
    async with RawUpstream() as upstream:
        upstream.rule = lambda arrived: cases[number_of(arrived)].script
        settings = {"BYTE_LANE": byte_lane, **times}
        async with pipeline(upstream.url, tmp_path, broker, postgres_url, settings) as plait:
            await plait.ask_all(number for number in range(len(cases)) if number != LEAVING)
            await plait.ask(LEAVING, leave_after=10)
            seen = {
                name: (r.status, r.whole) for name, (_, r) in zip(CASES, sorted(plait.received.items()), strict=True)
            }
            assert seen == {name: (case.status, case.whole) for name, case in CASES.items()}
            await plait.until_recorded(range(len(cases)))
            outcomes = await plait.outcomes()
            assert {name: outcomes[number] for number, name in enumerate(CASES)} == {
                name: case.outcome for name, case in CASES.items()
            }
            arrived = Counter(map(number_of, upstream.arrived))
            assert set(arrived.values()) == {1}, "asked again, though Claude may have done it"
            found = await plait.difference(arrived)
            failed = [number for number, case in enumerate(cases) if case.whole and case.outcome == "failed"]
            assert found.pop("whole, and recorded otherwise") == failed
            assert found == {}
        assert b"Traceback" not in plait.gateway.log
