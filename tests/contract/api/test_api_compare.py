"""Two requests beside each other."""

from __future__ import annotations

import asyncpg
import httpx2
import msgspec

from tests import scene, seeding
from tests.contract.api.conftest import Filled


async def test_a_turn_and_the_next(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    turns = filled.history["tool_loop"]
    first, second = (msgspec.json.decode(turns[number].recording.body or b"") for number in (1, 2))
    found = (await recorded.get(f"/api/requests/{turns[1].id}/compare/{turns[2].id}")).json()
    more = len(second["messages"]) - len(first["messages"])
    assert found["messages"]["unchanged"] == len(first["messages"])
    assert [one["index"] for one in found["messages"]["added"]] == list(
        range(len(first["messages"]), len(second["messages"]))
    )
    assert [one["message"]["role"] for one in found["messages"]["added"]] == ["assistant", "user"][:more]
    assert (found["messages"]["removed"], found["messages"]["changed"], found["system"]) == ([], [], None)
    assert found["tools"] == {"added": [], "removed": [], "changed": []}
    assert found["settings"] == {}
    lines = found["diff"].split("\n")
    assert lines[:2] == [f"--- a/{turns[1].id}", f"+++ b/{turns[2].id}"]
    assert not [line for line in lines[2:] if line.startswith("-")]
    assert any(line.startswith("+[assistant, Read toolu_") for line in lines)


async def test_with_itself_nothing_differs(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    for one in (filled.history["fork"][3], filled.history["sdk_raw"][1]):
        found = (await recorded.get(f"/api/requests/{one.id}/compare/{one.id}")).json()
        assert (found["diff"], found["settings"], found["system"]) == ("", {}, None)
        assert not any(found["messages"][name] for name in ("added", "removed", "changed"))


OTHER = {
    "model": "claude-haiku",
    "max_tokens": 64,
    "system": "You are\nanother.",
    "tools": [{"name": "Read", "description": "reads more"}, {"name": "Write"}],
    "messages": [
        {"role": "user", "content": "Tell me of <b>silk</b>"},
        {"role": "assistant", "content": [{"type": "text", "text": "Once upon a time — ✨"}]},
        {"role": "assistant", "content": "And?"},
    ],
}


async def test_everything_that_can_differ(client: httpx2.AsyncClient, played: scene.Scene, postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    await seeding.add_request_body(connection, played.other, msgspec.json.encode(OTHER))
    await connection.close()
    found = (await client.get(f"/api/requests/{played.more}/compare/{played.other}")).json()
    assert found["messages"] == {
        "unchanged": 1,
        "added": [{"index": 2, "message": said("assistant", "And?")}],
        "removed": [{"index": 2, "message": said("user", "More")}],
        "changed": [
            {
                "before": {"index": 0, "message": said("user", scene.FIRST["content"])},
                "after": {"index": 0, "message": said("user", "Tell me of <b>silk</b>")},
            }
        ],
    }
    assert found["system"] == {
        "before": [{"type": "text", "text": "You are Claude Code."}],
        "after": "You are\nanother.",
    }
    assert found["tools"] == {"added": ["Write"], "removed": [], "changed": ["Read"]}
    assert found["settings"] == {
        "model": {"before": "claude-opus-5-5", "after": "claude-haiku"},
        "stream": {"before": True, "after": None},
    }
    assert found["diff"].split("\n")[2:] == DIFF


DIFF = [
    "@@ -1,22 +1,22 @@",
    " [max_tokens]",
    " 64",
    " [model]",
    "-claude-opus-5-5",
    "-[stream]",
    "-true",
    "+claude-haiku",
    " [tool Read]",
    " {",
    '-  "description": "reads",',
    '-  "input_schema": {',
    '-    "type": "object"',
    "-  },",
    '+  "description": "reads more",',
    '   "name": "Read"',
    " }",
    "+[tool Write]",
    "+{",
    '+  "name": "Write"',
    "+}",
    " [system]",
    "-You are Claude Code.",
    "+You are",
    "+another.",
    " [user]",
    "-Tell me a story of 100% wool_and\\linen",
    "+Tell me of <b>silk</b>",
    " [assistant]",
    " Once upon a time — ✨",
    "-[user]",
    "-More",
    "+[assistant]",
    "+And?",
]


def said(role: str, text: str) -> dict[str, object]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


async def test_bodies_that_are_no_list_of_messages(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    found = (await client.get(f"/api/requests/{played.counting}/compare/{played.root}")).json()
    assert found["settings"]["body"] == {"before": "no {json", "after": None}
    assert found["messages"]["added"] == [{"index": 0, "message": said("user", scene.FIRST["content"])}]
    assert (await client.get(f"/api/requests/{played.task}/compare/{played.task}")).json()["diff"] == ""


async def test_unknown_and_malformed(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    for pair, status, told in (
        (f"{played.root}/compare/{played.told}", 404, f"No request has the id {played.told}."),
        (f"{played.told}/compare/{played.root}", 404, f"No request has the id {played.told}."),
        (f"{played.root}/compare/x", 400, "b: must be a UUID, not 'x'"),
        (f"{played.root}/compare/{played.more}?full=1", 400, "full: no such parameter"),
    ):
        answer = await client.get(f"/api/requests/{pair}")
        assert (answer.status_code, answer.json()["error"]["message"]) == (status, told)
