"""Conversations as files."""

from __future__ import annotations

import gzip
import json
from html.parser import HTMLParser
from typing import Any

import asyncpg
import httpx2
import msgspec
import pytest

from plait.common.exchange_file.line import decode
from plait.common.ids import conversation_id
from tests import scene, seeding
from tests.contract.api.conftest import Filled

SCRIPT = "</pre></textarea><script>alert(1)</script><img src=x onerror=alert(2)>"
PIXEL = "iVBORw0KGgo="
HOSTILE = {
    "model": f"m{SCRIPT}",
    "system": SCRIPT,
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": SCRIPT},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/svg+xml", "data": PIXEL}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": '"' + SCRIPT}},
                {"type": SCRIPT, "id": SCRIPT},
            ],
        },
        {"role": SCRIPT, "content": [{"type": "tool_use", "id": SCRIPT, "name": SCRIPT, "input": {SCRIPT: SCRIPT}}]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": SCRIPT, "content": f"```\n{SCRIPT}\n````"}],
        },
    ],
}


async def file(client: httpx2.AsyncClient, conversation: object, form: str) -> str:
    answer = await client.get(f"/api/conversations/{conversation}/export?format={form}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].endswith(f'.{form}"')
    return answer.text


@pytest.mark.parametrize("scenario", ["fork", "subagent_nested", "compact_auto", "err_529_twice", "interactive_start"])
async def test_lines(recorded: httpx2.AsyncClient, filled: Filled, scenario: str) -> None:
    found = await whole(recorded, filled, scenario)
    lines = [decode(line.encode()) for line in (await file(recorded, found["conversationId"], "jsonl")).splitlines()]
    assert [str(line.id) for line in lines] == [one["requestId"] for one in found["requests"]]
    recordings = {one.id: one.recording for one in filled.history[scenario].values()}
    for line in lines:
        assert isinstance(line.request.body, msgspec.Raw)
        assert line.response is not None
        recording = recordings[line.id]  # type: ignore[index]
        assert json.loads(bytes(line.request.body)) == json.loads(recording.body or b"")
        if recording.streamed:
            assert line.response.stream == recording.answer_body


@pytest.mark.parametrize(
    ("form", "said", "heading", "escape"),
    [("md", "> Please read the README.\n", "## ", "\\_"), ("html", ">Please read the README.</pre>", '">', "_")],
)
async def test_each_message_once(
    recorded: httpx2.AsyncClient, filled: Filled, form: str, said: str, heading: str, escape: str
) -> None:
    found = await whole(recorded, filled, "fork")
    text = await file(recorded, found["conversationId"], form)
    assert text.count(said) == 1
    assert all(f"{heading}{name.replace('_', escape)}" in text for name in BRANCHES)
    for one in found["requests"]:
        assert one["requestId"] in text


BRANCHES = ("main", "branch_20261121083737", "branch_20261121083738", "branch_20261121083739")


async def test_markdown(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    lines = (await file(client, played.told, "md")).split("\n")
    assert lines[0] == "# A 100% story"
    assert "- Cost: $0.3750" in lines
    start = lines.index(f"### {played.root}")
    assert lines[start : start + 15] == [
        f"### {played.root}",
        "",
        "2026-11-21 12:00:00 UTC · inference · root · claude-opus-5-5 · complete · 37 tokens · 1.5 s",
        "",
        "**system**",
        "",
        "> You are Claude Code.",
        "",
        "**user**",
        "",
        f"> {scene.FIRST['content']}",
        "",
        "**answer**",
        "",
        "> Once upon a time — ✨",
    ]
    start = lines.index(f"### {played.more}")
    assert lines[start + 4 : start + 7] == ["**user**", "", "> More"]
    assert "## side calls" in lines


class Tags(HTMLParser):
    """What a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_scripts_stay_text(client: httpx2.AsyncClient, played: scene.Scene, postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    await seeding.add_request_body(connection, played.task, msgspec.json.encode(HOSTILE))
    await seeding.add_answer_body(connection, played.task, json.dumps({"error": SCRIPT}).encode())
    await seeding.add_answer_body(connection, played.failed, SCRIPT.encode())
    await connection.execute("UPDATE conversations SET title = $1, account_id = $1", SCRIPT)
    await connection.execute(
        "UPDATE exchanges SET model = $1, error_type = $1, error_message = $1, side_kind = $1", SCRIPT
    )
    await connection.close()
    answer = await client.get(f"/api/conversations/{played.told}/export?format=html")
    page = Tags()
    page.feed(answer.text)
    assert {tag for tag, _ in page.seen}.isdisjoint({"script", "textarea", "iframe", "link", "object", "form", "base"})
    assert not [attrs for _, attrs in page.seen for name in attrs if name.startswith("on")]
    images = [attrs for tag, attrs in page.seen if tag == "img"]
    assert images == [{"alt": "9 bytes", "src": f"data:image/png;base64,{PIXEL}"}]
    assert page.text.count(SCRIPT) > 10
    assert answer.headers["content-security-policy"] == policy_of(page)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    markdown = await file(client, played.told, "md")
    assert f"`````\n```\n{SCRIPT}\n````\n`````\n" in markdown


def policy_of(page: Tags) -> str | None:
    return next(a["content"] for t, a in page.seen if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")


async def test_files_are_compressed_for_who_can_read_that(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    found = await whole(recorded, filled, "fork")
    path = f"/api/conversations/{found['conversationId']}/export"
    plain = await recorded.get(path, headers={"Accept-Encoding": "identity"})
    async with recorded.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as packed:
        raw = b"".join([piece async for piece in packed.aiter_raw()])
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 3


async def test_an_older_id_and_no_id(client: httpx2.AsyncClient, played: scene.Scene) -> None:
    older = conversation_id(played.task)
    assert await file(client, older, "html") == await file(client, played.told, "html")
    assert (await client.get(f"/api/conversations/{played.root}/export")).status_code == 404
    wrong = await client.get(f"/api/conversations/{played.told}/export?format=pdf")
    assert (wrong.status_code, wrong.json()["error"]["message"].split(":")[0]) == (400, "format")


async def whole(client: httpx2.AsyncClient, filled: Filled, scenario: str) -> dict[str, Any]:
    root = next(one for one in filled.history[scenario].values() if one.recording.truth["link"] == "root")
    found: dict[str, Any] = (await client.get(f"/api/conversations/{conversation_id(root.id)}")).json()
    return found
