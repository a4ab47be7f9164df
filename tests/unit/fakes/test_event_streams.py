"""Streams are right when Anthropic's own SDK reads from them the message that they were made of."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest

from plait.fakes import messages
from plait.fakes.answers import stream_answer
from plait.fakes.claude import ScriptedClaude

CITATION = {
    "type": "char_location",
    "cited_text": "x",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 1,
    "file_id": None,
}
WHOLE = [
    messages.message(messages.text("Grüße, " * 20)),
    messages.message(messages.text("")),
    messages.message(messages.thinking("Let me see. " * 9), messages.text("So."), counts=messages.usage(7, 9)),
    messages.message(
        messages.text("I call."), messages.tool_use("Bash", {"command": "ls -la", "deep": [1, {"ü": None}]})
    ),
    messages.message(messages.tool_use("Nothing", {})),
    messages.message(messages.text("cited") | {"citations": [CITATION]}),
    messages.message(
        messages.text("cut"), stop_reason="max_tokens", counts=messages.usage(1, 2, cache_read_input_tokens=3)
    ),
]


@pytest.mark.parametrize("whole", WHOLE, ids=lambda whole: "+".join(block["type"] for block in whole["content"]))
@pytest.mark.parametrize("size", [5, 4096])
async def test_the_sdk_reads_what_was_written(whole: dict[str, Any], size: int) -> None:
    async with ScriptedClaude() as claude:
        claude.rules.append(lambda _: stream_answer(messages.events_of(whole)).cut_every(size))
        read = await asyncio.to_thread(_read, claude.url)
    assert read["content"] == whole["content"]
    assert (read["id"], read["stop_reason"]) == (whole["id"], whole["stop_reason"])
    assert {name: read["usage"][name] for name in whole["usage"]} == whole["usage"]


def _read(url: str) -> dict[str, Any]:
    with anthropic.Anthropic(base_url=url, api_key="sk-ant-fake", max_retries=0) as client:
        asked: list[anthropic.types.MessageParam] = [{"role": "user", "content": "Hello"}]
        with client.messages.stream(model="claude-opus-5-5", max_tokens=9, messages=asked) as stream:
            return stream.get_final_message().model_dump(exclude_unset=True, warnings=False)


def test_equal_calls_of_a_tool_can_be_told_apart() -> None:
    first, second = (messages.tool_use("Bash", {}, seed=seed) for seed in "12")
    assert first["id"] != second["id"]
    assert messages.tool_use("Bash", {}, seed="1") == first
