"""`/api/requests/{id}/live`: what is stored of an answer, then its pieces as they come, each once and in order."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from plait.common.access.doors import Doors
from plait.common.access.key_file import KeyFile
from plait.common.access.keys import hash_of
from plait.common.events import ChunkData, Piece, RequestData
from plait.common.ids import new_exchange_id
from tests import scene, seeding, servers
from tests.exchange_events import answered, asked, pieces, said
from tests.live_stage import Event, Stage, staged

STOP = 'event: message_stop\ndata: {"type":"message_stop"}\n\n'


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def stage(broker: servers.Broker, postgres_url: str) -> AsyncIterator[Stage]:
    async with staged(broker, url=postgres_url) as stage:
        yield stage


def told(events: list[Event]) -> list[tuple[int, str]]:
    return [(event.data["index"], event.data["data"]) for event in events if event.name == "piece"]


async def running(db: asyncpg.Connection, stored: int) -> RequestData:
    """A request that is stored, with so many pieces of its answer."""
    one = asked(said("user", "x"))
    await seeding.add_exchange(db, running=True, id=one.exchange_id, started_at=one.started_at)
    if stored:
        await seeding.add_pieces(db, one.exchange_id, 0, [Piece(float(n), f"{n},".encode()) for n in range(stored)])
    return one


async def test_of_one_that_ended_everything_and_the_end(stage: Stage, db: asyncpg.Connection) -> None:
    played = await scene.play(db)
    async with stage.listen(f"/api/requests/{played.root}/live") as heard:
        events = await heard.until("end")
        assert await heard.has_ended()
    assert told(events) == [(0, "event: a\n"), (1, "✨\n"), (2, "� end")]
    assert events[-1].data["outcome"] == "complete"
    async with stage.listen(f"/api/requests/{played.root}/live", last_id="1") as later:
        assert told(await later.until("end")) == [(2, "� end")]
    async with stage.listen(f"/api/requests/{played.failed}/live") as failed:
        (end,) = await failed.until("end")
        assert (end.data["outcome"], end.data["status"]) == ("failed", 529)


async def test_a_running_one_from_its_first_piece_to_its_last(stage: Stage, db: asyncpg.Connection) -> None:
    """What is stored and what comes overlap, and a character lies across them."""
    one = await running(db, 2)
    star = "✨".encode()
    async with stage.listen(f"/api/requests/{one.exchange_id}/live") as heard:
        assert told(await heard.events(2)) == [(0, "0,"), (1, "1,")]
        parts = [Piece(1.0, b"1,"), Piece(2.0, star[:1]), Piece(3.0, star[1:])]
        chunk = ChunkData(
            exchange_id=one.exchange_id,
            domain=one.domain,
            thread=one.thread,
            started_at=one.started_at,
            index=1,
            pieces=parts,
        )
        await stage.send(chunk)
        assert told(await heard.events(2)) == [(2, ""), (3, "✨")]
        await stage.send(pieces(one, STOP, index=4), answered(one, "x"))
        events = await heard.until("end")
    assert told(events) == [(4, STOP)]
    assert (events[-1].data["outcome"], events[-1].data["requestId"]) == ("complete", str(one.exchange_id))


async def test_pieces_that_come_out_of_order_are_told_in_order(stage: Stage, db: asyncpg.Connection) -> None:
    """Those between what is stored and what comes are looked for in the record; the end may come before the last."""
    one = await running(db, 1)
    async with stage.listen(f"/api/requests/{one.exchange_id}/live") as heard:
        assert told([await heard.event()]) == [(0, "0,")]
        await stage.send(answered(one, "x"), pieces(one, "3,", STOP, index=3))
        await seeding.add_pieces(db, one.exchange_id, 1, [Piece(1.0, b"1,"), Piece(2.0, b"2,")])
        events = await heard.until("end")
    assert told(events) == [(1, "1,"), (2, "2,"), (3, "3,"), (4, STOP)]


async def test_one_that_only_the_broker_knows_yet(stage: Stage) -> None:
    one = asked(said("user", "x"))
    async with stage.listen() as all_events:
        await all_events.event()
        await stage.send(one)
        await all_events.event()
        async with stage.listen(f"/api/requests/{one.exchange_id}/live") as heard:
            await stage.send(pieces(one, "a", STOP), answered(one, "x"))
            assert told(await heard.until("end")) == [(0, "a"), (1, STOP)]


async def test_a_watcher_whose_key_has_ended_is_let_go(
    broker: servers.Broker, postgres_url: str, db: asyncpg.Connection, tmp_path: Path
) -> None:
    key = {"name": "guest", "role": "viewer", "hash": hash_of("guest")}
    (file := tmp_path / "keys.json").write_text(json.dumps({"keys": [key]}))
    one = await running(db, 1)
    async with staged(broker, Doors("key", file=KeyFile(file)), postgres_url) as stage:
        path = f"/api/requests/{one.exchange_id}/live"
        async with stage.listen(path, key={"X-API-Key": "guest"}) as guest, stage.listen(path) as other:
            assert told([await guest.event(), await other.event()]) == [(0, "0,")] * 2
            file.write_text(json.dumps({"keys": [{**key, "disabled": True}]}))
            closed = await guest.event()
            assert (closed.name, closed.data["reason"]) == ("closed", "revoked")
            assert await guest.has_ended()
            await stage.send(pieces(one, STOP, index=1), answered(one, "x"))
            assert told(await other.until("end")) == [(1, STOP)]


async def test_who_watches_is_counted_with_who_listens(stage: Stage, db: asyncpg.Connection) -> None:
    one = await running(db, 1)
    stage.live._most = 1
    async with stage.listen(path := f"/api/requests/{one.exchange_id}/live") as heard:
        await heard.event()
        for another in (path, "/api/live"):
            async with stage.listen(another) as refused:
                assert refused.answer.status_code == 503
        await stage.send(pieces(one, STOP, index=1), answered(one, "x"))
        await heard.until("end")
        assert await heard.has_ended()
    assert not stage.live.is_full


@pytest.mark.parametrize("sought", [new_exchange_id(0), UUID(int=0)])
async def test_an_unknown_one(stage: Stage, sought: UUID) -> None:
    async with stage.listen(f"/api/requests/{sought}/live") as refused:
        assert refused.answer.status_code == 404
