"""The models that requests asked for, which may be others than answered."""

from __future__ import annotations

import asyncpg

from plait.common.frames import frame_of
from plait.common.queries.asked import asked_models
from tests import scene, seeding


async def test_asked_for_is_what_the_body_names(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    await _frame(writer, s.root, {"model": "claude-opus-5-5", "max_tokens": 9})
    assert await asked_models(reader, [s.root, s.more]) == {s.root: "claude-opus-5-5"}
    await _frame(writer, s.root, {"model": 7})
    assert await asked_models(reader, [s.root]) == {}
    assert await asked_models(reader, []) == {}


async def _frame(db: asyncpg.Connection, exchange: object, settings: dict[str, object]) -> None:
    frame, _ = frame_of([("host", "a.test")], settings)
    await seeding.add_blobs(db, [frame])
    await db.execute("UPDATE exchange_requests SET frame = $1 WHERE id = $2", frame.hash, exchange)
