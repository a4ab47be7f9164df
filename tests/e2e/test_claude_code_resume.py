"""`plait resume`: Claude Code itself goes on from any exchange, and Plait sees that it did."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from plait.common.session_file import NO_RESULT
from plait.fakes import messages
from plait.fakes.ledger import Call
from plait.fakes.recordings import load, samples_folder
from plait.linker.domain.canonical import canonical_messages
from tests.e2e.claude_code import prompt
from tests.e2e.stage import KEY, Record, Stage, has_tool_result

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
NEXT = "And what now?"
SAID = "I go on."
RECORDED = [
    "oneshot/1",
    "tool_loop/2",  # ends with a call
    "tool_loop/3",
    "tool_loop_sonnet45/8",  # reminders inside of results, thoughts
    "subagent_nested/3",
    "compact_manual/2",
    "compact_auto/5",  # stands on a summary
    "err_stream_cut_text/1",
    "fork/3",
]


def goes_on(call: Call) -> dict[str, Any]:
    return messages.message(messages.thinking("Hm."), messages.text(SAID))


async def recorded(stage: Stage, request_id: str) -> Record:
    """The record of an exchange that has ended and is linked."""
    until = time.monotonic() + 60
    async with httpx2.AsyncClient(base_url=stage.api, headers={"X-Dashboard-Key": KEY}) as client:
        while True:
            answer = await client.get(f"/api/requests/{request_id}")
            found: Record = answer.json()
            if answer.status_code == httpx2.codes.OK and found["outcome"] and found["conversationId"]:
                return found
            assert time.monotonic() < until, found
            await asyncio.sleep(0.1)


async def ask(stage: Stage, headers: Mapping[str, str], body: bytes) -> Record:
    """Send a request through the gateway, however its answer ends; its record."""
    async with httpx2.AsyncClient(timeout=60) as client:
        sending = client.stream("POST", f"{stage.url}/v1/messages", headers=dict(headers), content=body)
        async with sending as answer:
            with suppress(httpx2.RemoteProtocolError):  # an answer that was cut off when it was recorded
                await answer.aread()
    return await recorded(stage, answer.headers["x-request-id"])


def resume(stage: Stage, project: Path, request_id: str) -> str:
    """`plait resume`, which leaves the client to us; the new session."""
    argv = (str(Path(sys.executable).with_name("plait")), "resume", request_id, "--print", "--url", stage.api)
    env = {"HOME": str(project.parent / "home"), "DASHBOARD_API_KEY": KEY, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(argv, cwd=project, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("claude --resume ")
    return done.stdout.split()[-1]


async def go_on(stage: Stage, project: Path, before: Record) -> tuple[list[Any], list[Any], Record]:
    """What was said up to an exchange, what the client sends when it goes on from it, and the record of that."""
    stage.answers(goes_on)
    session = resume(stage, project, before["requestId"])
    result = await prompt(stage.url, project, NEXT, "--resume", session)
    assert (result["result"], result["session_id"]) == (SAID, session)
    seen = [one for one in await stage.tap.seen() if one.path == "/v1/messages" and NEXT.encode() in one.sent]
    after = await recorded(stage, seen[-1].request_id)
    answer = {"role": "assistant", "content": before["responseBody"]["content"]}
    said = canonical_messages([*before["requestBody"]["messages"], answer])
    sent = canonical_messages(json.loads(seen[-1].sent)["messages"])
    return [(m.role, m.blocks) for m in said], [(m.role, m.blocks) for m in sent], after


@pytest.mark.parametrize("name", RECORDED)
async def test_the_client_goes_on_from_what_was_recorded(stage: Stage, project: Path, name: str) -> None:
    scenario, number = name.split("/")
    one = next(found for found in load(samples_folder())[scenario] if found.number == int(number))
    assert one.body
    stage.claude.expect("/v1/messages", one.body, one.answer())
    before = await ask(stage, dict(one.headers), one.body)
    said, sent, after = await go_on(stage, project, before)
    assert sent[: len(said)] == said
    assert after["parentRequestId"] == before["requestId"]
    assert after["linkKind"] == "fork"
    assert after["conversationId"] == before["conversationId"]
    ends_with_call = before["responseBody"]["content"][-1]["type"] == "tool_use"
    assert len(sent) == len(said) + (3 if ends_with_call else 1)
    assert (NO_RESULT in json.dumps(sent)) is ends_with_call


async def test_images_go_with_it(stage: Stage, project: Path) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    shown = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    body = {"model": "claude-opus-5-5", "max_tokens": 64, "messages": [{"role": "user", "content": shown}]}
    stage.answers(goes_on)
    before = await ask(stage, {"content-type": "application/json"}, json.dumps(body).encode())
    said, sent, after = await go_on(stage, project, before)
    assert sent[: len(said)] == said
    assert after["parentRequestId"] == before["requestId"]


async def test_a_session_of_this_client_goes_on_elsewhere(stage: Stage, project: Path, tmp_path: Path) -> None:
    """From the middle of its tool loop's end, in another folder, while the first session stays as it is."""
    (project / "note.txt").write_text("It says plait.")
    look = messages.tool_use("Bash", {"command": "cat note.txt", "description": "Read the note"})

    def reply(call: Call) -> dict[str, Any]:
        return messages.message(messages.text("It says plait.")) if has_tool_result(call) else messages.message(look)

    stage.answers(reply)
    first = await prompt(stage.url, project, "What does note.txt say?")
    before = (await stage.records(await stage.exchanges()))[-1]
    stage.claude.rules.clear()
    (tmp_path / "elsewhere").mkdir()
    said, sent, after = await go_on(stage, tmp_path / "elsewhere", before)
    assert sent[:-1] == said
    assert after["parentRequestId"] == before["requestId"]
    assert after["sessionId"] != first["session_id"]
