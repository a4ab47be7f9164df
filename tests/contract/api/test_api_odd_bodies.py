"""Bodies that clients and models can send and decoders trip over: all of them can be read, everywhere."""

from __future__ import annotations

import os

import asyncpg
import httpx2
import msgspec

from tests import scene, seeding

LARGE = 1024 * 1024 * int(os.environ.get("PLAIT_LARGE_BODIES_MB", "1"))
"""Bytes of the largest; nightly 32 MB, which is all that the gateway lets through."""


def asking(content: str) -> bytes:
    """A request whose only message holds this JSON text."""
    return b'{"model":"m","messages":[{"role":"user","content":' + content.encode() + b"}]}"


DEEP = "[" * 100_000 + "]" * 100_000
BODIES = {
    "half a pair": asking('"half \\ud83d of a pair"'),
    "a key that is half a pair": asking('[{"type":"text","text":"a","\\udc00":1}]'),
    "NUL": asking('"a\\u0000b"'),
    "a huge number": asking("36893488147419103232"),
    "beyond all numbers": asking("1e999"),
    "no JSON constant": asking("NaN"),
    "deep": asking(DEEP),
    "deep, and no messages": DEEP.encode(),
    "just not too deep": asking("[" * 190 + "]" * 190),
    "large": asking('"' + "x" * (LARGE - 60) + '"'),
    "large, of line ends": asking('"' + "\\n" * (LARGE // 2 - 40) + '"'),
    "a thousand messages": msgspec.json.encode({"messages": [{"role": "user", "content": "a"}] * 1000}),
    "no UTF-8": b'{"messages":[{"role":"user","content":"\xff\xfe"}]}',
    "no JSON": b"\x00\x01<script>",
    "messages that are none": b'{"messages":[1,null,"x",[],{"role":7,"content":{"a":1}}],"system":7,"tools":"x"}',
    "doubled keys": b'{"messages":[{"role":"user","content":"a"}],"messages":[]}',
    "empty": b"",
}


async def read_everywhere(client: httpx2.AsyncClient, s: scene.Scene, url: str, body: bytes) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("DELETE FROM exchange_requests WHERE id = $1", s.more)
    await connection.execute("DELETE FROM exchange_responses WHERE id = $1", s.more)
    await seeding.add_request_body(connection, s.more, body)
    await seeding.add_answer_body(connection, s.more, body)
    await connection.close()
    for path in (
        f"/api/requests/{s.more}",
        f"/api/requests/{s.more}/raw",
        f"/api/requests/{s.root}/compare/{s.more}",
        f"/api/conversations/{s.told}/export?format=jsonl",
        f"/api/conversations/{s.told}/export?format=md",
        f"/api/conversations/{s.told}/export?format=html",
    ):
        answer = await client.get(path, headers={"Accept-Encoding": "identity"})
        assert answer.status_code == 200, (path, answer.text[:500])
        assert answer.content
        if answer.headers["content-type"] == "application/json":
            answer.json()


async def test_all_can_be_read(client: httpx2.AsyncClient, whole: scene.Scene, postgres_url: str) -> None:
    for name, body in BODIES.items():
        try:
            await read_everywhere(client, whole, postgres_url, body)
        except Exception as error:
            error.add_note(name)
            raise
