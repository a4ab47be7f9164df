"""An exchange as its HTTP messages."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
import httpx2

from tests import scene
from tests.contract.api.conftest import Filled


async def test_recorded_streams_come_back_byte_for_byte(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    for scenario in ("tool_loop", "err_stream_cut_text", "sdk_raw", "err_529_twice"):
        for one in filled.history[scenario].values():
            answer = await recorded.get(f"/api/requests/{one.id}/raw?part=responseBody")
            if one.recording.streamed:
                assert answer.headers["plait-response-body"] == "as-received"
                assert answer.content == one.recording.answer_body, one.recording.name
            else:
                assert answer.headers["plait-response-body"] in ("rewritten", "as-received", "none")


async def test_both_messages(recorded: httpx2.AsyncClient, filled: Filled) -> None:
    one = filled.history["oneshot"][1]
    answer = await recorded.get(f"/api/requests/{one.id}/raw")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == f'attachment; filename="{one.id}.http"'
    assert answer.headers["plait-request-body"] == "rewritten"
    head, _, rest = answer.content.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/messages?beta=true HTTP/1.1\r\naccept: application/json\r\n")
    assert b"\r\n\r\nHTTP/1.1 200 OK\r\n" in rest
    assert rest.endswith(one.recording.answer_body)


ASKED = b"POST /v1/messages HTTP/1.1\r\nHost: a.test\r\nx-api-key: masked:0123456789abcdef\r\nX-Odd: na\xefve\r\n\r\n{"
ANSWERED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nset-cookie: a\r\nset-cookie: b\r\n\r\nevent: a\n\xe2"
PARTS = [
    ("request", ASKED),
    ("requestBody", b"{"),
    ("response", ANSWERED),
    ("responseBody", b"event: a\n\xe2\x9c\xa8\n\xff end"),
]


async def test_parts(client: httpx2.AsyncClient, whole: scene.Scene) -> None:
    for part, start in PARTS:
        content = (await client.get(f"/api/requests/{whole.root}/raw?part={part}")).content
        assert content.startswith(start), part
    for part in ("request", "response"):
        message = (await client.get(f"/api/requests/{whole.root}/raw?part={part}")).content
        body = (await client.get(f"/api/requests/{whole.root}/raw?part={part}Body")).content
        assert message.endswith(b"\r\n\r\n" + body)


async def test_a_body_that_is_no_json_comes_as_it_was(client: httpx2.AsyncClient, whole: scene.Scene) -> None:
    answer = await client.get(f"/api/requests/{whole.counting}/raw?part=requestBody")
    assert (answer.content, answer.headers["plait-request-body"]) == (b"no {json", "as-received")
    assert answer.headers["plait-response-body"] == "none"


async def test_a_running_exchange_has_no_answer(client: httpx2.AsyncClient, whole: scene.Scene) -> None:
    answer = await client.get(f"/api/requests/{whole.running}/raw?part=response")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_what_is_damaged_is_told(client: httpx2.AsyncClient, whole: scene.Scene, postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("UPDATE blobs SET data = 'x', encoding = 1")
    await connection.execute("UPDATE chunks SET data = 'x'")
    await connection.close()
    for way in ("", "/raw", "/chunks", f"/compare/{whole.more}"):
        answer = await client.get(f"/api/requests/{whole.root}{way}")
        assert answer.status_code == 410, way
        assert f"Exchange {whole.root} cannot be read: " in answer.json()["error"]["message"]
        assert "`plait doctor --deep`" in answer.json()["error"]["message"]


async def test_unknown(client: httpx2.AsyncClient, whole: scene.Scene) -> None:
    assert (await client.get(f"/api/requests/{uuid4()}/raw")).status_code == 404
    assert (await client.get(f"/api/requests/{whole.answer_only}/raw")).status_code == 404
    wrong = await client.get(f"/api/requests/{whole.root}/raw?part=all")
    assert (wrong.status_code, wrong.json()["error"]["message"].split(":")[0]) == (400, "part")
