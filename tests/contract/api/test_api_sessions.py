"""`/api/requests/{id}/session`: what was said up to an exchange, as a file with which Claude Code goes on."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx2

from plait.linker.domain.canonical import canonical_messages
from plait.linker.domain.sent import json_value
from tests.contract.api.conftest import Filled
from tests.recorded_history import Recorded


def said(messages: list[Any]) -> list[tuple[str, list[Any]]]:
    return [(one.role, one.blocks) for one in canonical_messages(messages)]


def asking(filled: Filled) -> list[tuple[Recorded, dict[str, Any]]]:
    """Recorded exchanges whose request holds messages, all of them."""
    bodies = [(one, json_value(one.recording.body or b"")) for s in filled.history.values() for one in s.values()]
    whole = [(one, body) for one, body in bodies if isinstance(body, dict) and body.get("messages")]
    return [(one, body) for one, body in whole if (body.get("thread") or {}).get("type") != "continue"]


async def file_of(client: httpx2.AsyncClient, request_id: object, **given: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/api/requests/{request_id}/session", params=given)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.content.split(b"\n")[:-1]]  # texts may hold other line ends


async def test_every_recorded_exchange_has_its_session(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    found = asking(filled)
    assert len(found) > 100
    for one, body in found:
        lines = await file_of(recorded, one.id)
        answer = (await recorded.get(f"/api/requests/{one.id}")).json()["responseBody"]
        told = [answer] if isinstance(answer, dict) and answer.get("role") == "assistant" else []
        before = said([*body["messages"], *told])
        assert said([line["message"] for line in lines])[: len(before)] == before, one.recording.name
        assert [line["parentUuid"] for line in lines] == [None, *(line["uuid"] for line in lines[:-1])]


async def test_name_and_folder_are_those_asked_for(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    one, name = filled.history["fork"][3].id, str(uuid4())
    lines = await file_of(recorded, one, sessionId=name, cwd="/home/me")
    assert {(line["sessionId"], line["cwd"]) for line in lines} == {(name, "/home/me")}
    usual = await file_of(recorded, one)
    assert usual == await file_of(recorded, one)
    assert {line["cwd"] for line in usual} == {"/"}


async def test_a_thread_is_told_from_its_beginning(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    threads = [
        (one, body)
        for one in filled.history["sdk_raw"].values()
        if isinstance(body := json_value(one.recording.body or b""), dict)
        and (body.get("thread") or {}).get("type") == "continue"
    ]
    assert threads
    for one, body in threads:
        told = (await recorded.get(f"/api/requests/{one.id}")).json()
        before = await file_of(recorded, told["parentRequestId"])
        lines = await file_of(recorded, one.id)
        first = said([line["message"] for line in before if line["type"] == "assistant"])
        assert len(lines) > len(body["messages"]) + 1
        assert first[0] in said([line["message"] for line in lines])


async def test_what_is_no_conversation_is_refused(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    probe = next(
        one for s in filled.history.values() for one in s.values() if one.recording.truth["role"] in ("models", "probe")
    )
    answer = await recorded.get(f"/api/requests/{probe.id}/session")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "id: no conversation: this request sent no messages"
    assert (await recorded.get(f"/api/requests/{uuid4()}/session")).status_code == 404
    assert (await recorded.get(f"/api/requests/{probe.id}/session?cwd=")).status_code == 400
