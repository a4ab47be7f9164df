"""SDKs and curl through the gateway."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

import anthropic
import openai
import pytest
from anthropic import beta_tool
from anthropic.types import MessageParam

from plait.fakes import messages
from plait.fakes.ledger import Call
from tests.e2e.stage import Stage, assert_recorded, has_tool_result

MODEL = "claude-opus-5-5"


def user(words: str) -> MessageParam:
    return {"role": "user", "content": words}


def anthropic_client(stage: Stage) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=stage.url, api_key="sk-ant-fake", max_retries=0)


def echo(call: Call) -> dict[str, Any]:
    return messages.message(messages.text(f"After {len(call.json['messages'])} messages."))


async def test_anthropic_without_and_with_a_stream(stage: Stage) -> None:
    stage.answers(echo)
    history = [user("Tell me something, sdk")]
    async with anthropic_client(stage) as client:
        whole = await client.messages.create(model=MODEL, max_tokens=64, messages=history)
        history += [{"role": "assistant", "content": whole.content}, user("And more")]
        async with client.messages.stream(model=MODEL, max_tokens=64, messages=history) as stream:
            text = "".join([part async for part in stream.text_stream])
    assert whole.content[0].type == "text"
    assert (whole.content[0].text, text) == ("After 1 messages.", "After 3 messages.")
    pairs = await stage.exchanges()
    assert len(pairs) == 2
    first, second = records = await stage.records(pairs)
    assert_recorded(records, pairs)
    assert (second["parentRequestId"], second["linkKind"]) == (first["requestId"], "continue")
    assert second["responseBody"]["content"] == [{"type": "text", "text": "After 3 messages."}]


async def test_anthropic_tool_runner(stage: Stage) -> None:
    @beta_tool
    def add(a: int, b: int) -> str:
        """Add two numbers.

        Args:
            a: One.
            b: The other.
        """
        return str(a + b)

    def reply(call: Call) -> dict[str, Any]:
        if has_tool_result(call):
            return messages.message(messages.text("Five."))
        return messages.message(messages.tool_use("add", {"a": 2, "b": 3}))

    stage.answers(reply)

    def run(client: anthropic.Anthropic) -> list[str]:
        runner = client.beta.messages.tool_runner(
            model=MODEL, max_tokens=64, tools=[add], messages=[{"role": "user", "content": "Two and three?"}]
        )
        return [block.type for answer in runner for block in answer.content]

    with anthropic.Anthropic(base_url=stage.url, api_key="sk-ant-fake", max_retries=0) as client:
        assert await asyncio.to_thread(run, client) == ["tool_use", "text"]
    pairs = await stage.exchanges()
    assert len(pairs) == 2
    first, second = records = await stage.records(pairs)
    assert_recorded(records, pairs)
    assert second["parentRequestId"] == first["requestId"]


async def test_openai_gets_claudes_own_refusal(stage: Stage) -> None:
    client = openai.AsyncOpenAI(base_url=f"{stage.url}/v1", api_key="sk-fake", max_retries=0)
    async with client:
        with pytest.raises(openai.NotFoundError) as refused:
            await client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "Hi"}])
    [(_, call)] = await stage.exchanges()
    assert (call.path, call.answer.status) == ("/v1/chat/completions", 404)
    assert refused.value.body == {"type": "not_found_error", "message": "Not found"}


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is missing")
async def test_curl(stage: Stage) -> None:
    stage.answers(echo)
    body = (
        '{"model":"claude-opus-5-5","max_tokens":9, "stream" :true,"messages":[{"role":"user","content":"from curl"}]}'
    )
    headers = ("content-type: application/json", "x-api-key: sk-ant-fake", "anthropic-version: 2023-06-01")
    flags = [flag for line in headers for flag in ("-H", line)]
    process = await asyncio.create_subprocess_exec(
        "curl", "-sSN", *flags, "-d", body, f"{stage.url}/v1/messages", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    pairs = await stage.exchanges()
    [(one, call)] = pairs
    assert (one.sent, out) == (body.encode(), call.answer.body)
    [record] = records = await stage.records(pairs)
    assert_recorded(records, pairs)
    assert record["linkKind"] == "root"
