"""Claude Code itself through the gateway: as many calls as turns, no byte changed, all recorded and linked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plait.fakes import messages
from plait.fakes.ledger import Call
from tests.e2e.claude_code import prompt
from tests.e2e.stage import Stage, assert_recorded, has_tool_result

AGENT = "x-claude-code-agent-id"


async def test_a_tool_loop(stage: Stage, project: Path) -> None:
    (project / "note.txt").write_text("It says plait.")
    look = messages.tool_use("Bash", {"command": "cat note.txt", "description": "Read the note"})

    def reply(call: Call) -> dict[str, Any]:
        if has_tool_result(call):
            return messages.message(messages.text("It says plait."))
        return messages.message(messages.thinking("A file."), messages.text("I look."), look)

    stage.answers(reply)
    result = await prompt(stage.url, project, "What does note.txt say?")
    assert (result["result"], result["num_turns"]) == ("It says plait.", 2)
    pairs = await stage.exchanges()
    assert len(pairs) == result["num_turns"]
    first, second = records = await stage.records(pairs)
    assert_recorded(records, pairs)
    assert (first["linkKind"], second["linkKind"]) == ("root", "continue")
    assert second["parentRequestId"] == first["requestId"]
    assert {record["sessionId"] for record in records} == {result["session_id"]}
    assert second["requestBody"]["messages"][-1]["content"][0]["content"].startswith("It says plait.")


async def test_a_sub_agent(stage: Stage, project: Path) -> None:
    arguments = {
        "description": "Count",
        "prompt": "Count to three and say the last number.",
        "subagent_type": "general-purpose",
        "run_in_background": False,
    }

    def reply(call: Call) -> dict[str, Any]:
        if call.header(AGENT):
            return messages.message(messages.text("Three."))
        if has_tool_result(call):
            return messages.message(messages.text("The agent says three."))
        return messages.message(messages.text("I ask an agent."), messages.tool_use("Agent", arguments))

    stage.answers(reply)
    result = await prompt(stage.url, project, "Let an agent count")
    assert result["result"] == "The agent says three."
    pairs = await stage.exchanges()
    assert [call.header(AGENT) is not None for _, call in pairs] == [False, True, False]
    asked, agent, told = records = await stage.records(pairs)
    assert_recorded(records, pairs)
    assert (agent["kind"], agent["linkKind"], agent["isSubtask"]) == ("subagent", "spawn", True)
    assert agent["parentTaskRequestId"] == agent["parentRequestId"] == asked["requestId"]
    assert agent["branchId"] == "subtask_1"
    assert (told["parentRequestId"], told["branchId"]) == (asked["requestId"], "main")


async def test_a_resumed_session(stage: Stage, project: Path) -> None:
    def reply(call: Call) -> dict[str, Any]:
        turns = sum(message["role"] == "assistant" for message in call.json["messages"])
        return messages.message(messages.text(f"Answer {turns + 1}."))

    stage.answers(reply)
    started = await prompt(stage.url, project, "Remember the word plait")
    resumed = await prompt(stage.url, project, "Which word?", "--resume", started["session_id"])
    assert (started["result"], resumed["result"]) == ("Answer 1.", "Answer 2.")
    pairs = await stage.exchanges()
    assert len(pairs) == started["num_turns"] + resumed["num_turns"] == 2
    before, after = records = await stage.records(pairs)
    assert_recorded(records, pairs)
    assert after["parentRequestId"] == before["requestId"]
    assert (before["branchId"], after["branchId"]) == ("main", "main")
