"""What every test of real clients plays on: a running Plait, a scripted Claude behind it, a tap before it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from plait.fakes import messages
from plait.fakes.answers import Answer, json_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.http1 import HOP_BY_HOP
from plait.fakes.ledger import Call
from tests.e2e.tap import Seen, Tap

KEY = "e2e-dashboard-key"
Record = dict[str, Any]
_RECORDED_SECONDS = 60.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Stage:
    """`url` is what clients take for Claude."""

    claude: ScriptedClaude
    tap: Tap
    api: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.tap.port}"

    def answers(self, reply: Callable[[Call], dict[str, Any]]) -> None:
        """Answer each message request with the message that `reply` gives, streamed when it asks for a stream."""

        def rule(call: Call) -> Answer | None:
            if call.method != "POST" or call.path != "/v1/messages":
                return None
            whole = reply(call)
            return stream_answer(messages.events_of(whole)) if call.json.get("stream") else json_answer(whole)

        self.claude.rules.append(rule)

    async def exchanges(self) -> list[tuple[Seen, Call]]:
        """What the client saw of each call beside what Claude saw, in the order in which Claude got them.

        Asserts that there are as many on both sides and that no byte was changed.
        """
        seen = await self.tap.seen()
        calls = self.claude.calls
        assert len(seen) == len(calls), [one.request.start for one in seen]
        left = list(seen)
        pairs = []
        for call in calls:
            same = next((one for one in left if one.sent == call.body and one.path == call.path), None)
            assert same, f"Claude got a body that no client sent: {call.method} {call.target}"
            left.remove(same)
            pairs.append((same, call))
        for one, call in pairs:
            _assert_untouched(one, call)
        return pairs

    async def records(self, pairs: list[tuple[Seen, Call]]) -> list[Record]:
        """The API's records of these exchanges, once all have ended and are linked."""
        headers = {"X-Dashboard-Key": KEY}
        async with httpx2.AsyncClient(base_url=self.api, headers=headers) as client:
            return [await _record(client, one.request_id) for one, _ in pairs]


def _assert_untouched(one: Seen, call: Call) -> None:
    assert one.answer.start.split()[1] == str(call.answer.status)
    assert one.received == (b"" if call.method == "HEAD" else call.answer.body)
    for name, value in one.request.headers:
        if name.lower() not in HOP_BY_HOP | {"host", "content-length"}:
            assert call.header(name) == value, name
    for name, value in call.answer.headers:
        assert one.answer.header(name) == value, name


async def _record(client: httpx2.AsyncClient, request_id: str) -> Record:
    until = time.monotonic() + _RECORDED_SECONDS
    while True:
        answer = await client.get(f"/api/requests/{request_id}")
        found: Record = answer.json()
        if answer.status_code == httpx2.codes.OK and found["outcome"] and found["conversationId"]:
            return found
        assert time.monotonic() < until, f"not recorded and linked: {request_id}: {answer.status_code} {found}"
        await asyncio.sleep(_POLL_SECONDS)


def assert_recorded(records: list[Record], pairs: list[tuple[Seen, Call]]) -> None:
    """Each record holds what was said, and all belong to one conversation."""
    for record, (_, call) in zip(records, pairs, strict=True):
        assert record["requestBody"] == call.json
        assert record["outcome"] == "complete"
        assert record["outputTokens"] > 0
    assert len({record["conversationId"] for record in records}) == 1


def has_tool_result(call: Call) -> bool:
    """Whether a tool has been called in the conversation so far."""
    contents = [message["content"] for message in call.json["messages"]]
    return any(block.get("type") == "tool_result" for each in contents if isinstance(each, list) for block in each)
