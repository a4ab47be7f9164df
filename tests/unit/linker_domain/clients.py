"""Short ways to say what a client sends and what it is answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
