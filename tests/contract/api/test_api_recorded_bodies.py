"""Every recorded exchange comes back through the API as it was: JSON for JSON, streams byte for byte."""

from __future__ import annotations

from uuid import UUID

import asyncpg
import httpx2
import pytest

from plait.common.events import Piece, json_or_none
from plait.fakes.recordings import Recording, load, samples_folder
from tests import seeding

CUT = 777
"""Bytes of a piece: cuts events and characters."""


@pytest.fixture
async def kept(postgres_url: str) -> dict[UUID, Recording]:
    """All recordings by the id under which they were seeded."""
    connection = await asyncpg.connect(postgres_url)
    every = [one for scenario in load(samples_folder()).values() for one in scenario]
    found = {await store(connection, one): one for one in every}
    await connection.close()
    return found


async def store(connection: asyncpg.Connection, one: Recording) -> UUID:
    exchange = await seeding.add_exchange(connection, one.started - seeding.START.timestamp())
    await seeding.add_request_body(connection, exchange, one.body or b"", one.headers)
    if one.streamed:
        cuts = range(0, len(one.answer_body), CUT)
        pieces = [Piece(float(at), one.answer_body[at : at + CUT]) for at in cuts]
        await seeding.add_pieces(connection, exchange, 0, pieces)
    else:
        await seeding.add_answer_body(connection, exchange, one.answer_body, one.answer_headers)
    return exchange


async def test_they_come_back(client: httpx2.AsyncClient, kept: dict[UUID, Recording]) -> None:
    assert len(kept) > 100
    for exchange, one in kept.items():
        found = (await client.get(f"/api/requests/{exchange}")).json()
        assert found["requestBody"] == json_or_none(one.body or b""), one.name
        assert found["requestHeaders"] == [list(header) for header in one.headers], one.name
        if one.streamed:
            chunks = (await client.get(f"/api/requests/{exchange}/chunks")).json()["chunks"]
            assert "".join(chunk["data"] for chunk in chunks) == one.answer_body.decode(), one.name
            assert [chunk["index"] for chunk in chunks] == list(range(len(chunks))), one.name
        else:
            assert found["responseBody"] == json_or_none(one.answer_body), one.name


async def test_messages_are_kept_once(kept: dict[UUID, Recording], postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    size = await connection.fetchval("SELECT sum(length(data)) FROM blobs")
    await connection.close()
    sent = sum(len(one.body or b"") for one in kept.values())
    assert size < sent / 5
