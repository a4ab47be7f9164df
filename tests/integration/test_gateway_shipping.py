"""From the spool to a real broker: every exchange once and in order, whatever happens to broker or shipper."""

from __future__ import annotations

import asyncio
import errno
import time
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import pytest

from plait.common.events import ChunkEvent, RequestEvent, ResponseEvent
from plait.common.ids import new_exchange_id
from plait.common.kafka import admin_client, is_embedded
from plait.common.topics import REQUESTS
from plait.gateway.shipper.cargo import Cargo
from plait.gateway.shipper.publishing import Committed
from plait.gateway.spool import shipping
from plait.gateway.spool.frames import HEAD
from plait.gateway.spool.records import End, Ending, Head, Piece, Request
from plait.gateway.spool.segments import segment_numbers
from plait.gateway.spool.shipping import read_resume, read_status
from tests.integration.spooled import SSE, Reading, Spooled, until, until_async
from tests.servers import Broker

MEGA = 1 << 20


@pytest.fixture
def spooled(tmp_path: Path, broker: Broker) -> Spooled:
    return Spooled(tmp_path / "spool", broker)


async def test_a_request_is_there_before_its_answer_and_chunks_while_it_runs(spooled: Spooled) -> None:
    async with spooled.shipping(), Reading(spooled.settings, "plait.test") as reading:
        exchange_id = spooled.begin()
        spooled.append(exchange_id, Head(5.0, 200, SSE), Piece(10.0, b"data: 1\n\n"))
        await until_async(reading, lambda: bool(reading.of(exchange_id, ChunkEvent)))
        assert reading.of(exchange_id, RequestEvent)
        assert not reading.of(exchange_id, ResponseEvent)
        spooled.append(exchange_id, Piece(300.0, b"data: 2\n\n"), End(310.0, Ending.WHOLE))
        await reading.until_ended([exchange_id])
        pieces = [piece for chunk in reading.of(exchange_id, ChunkEvent) for piece in chunk.data.pieces]
        assert [(piece.offset_ms, piece.data) for piece in pieces] == [(10.0, b"data: 1\n\n"), (300.0, b"data: 2\n\n")]


async def test_a_body_of_32_mb_gets_through(spooled: Spooled) -> None:
    body = b'{"messages":"' + b"x" * (32 * MEGA - 15) + b'"}'
    async with spooled.shipping(), Reading(spooled.settings, "plait.test") as reading:
        as_json, as_bytes = spooled.exchange(body), spooled.exchange(b"\xff" * (32 * MEGA))
        await reading.until_ended([as_json, as_bytes])
        await until_async(reading, lambda: reading.of(as_json, RequestEvent) and reading.of(as_bytes, RequestEvent))
    assert bytes(reading.of(as_json, RequestEvent)[0].data.body) == body
    assert reading.of(as_bytes, RequestEvent)[0].data.body_base64 == b"\xff" * (32 * MEGA)


async def test_order_within_an_exchange_is_kept(spooled: Spooled) -> None:
    made = [spooled.begin() for _ in range(50)]
    for exchange_id in made:
        spooled.end(exchange_id, *(b"data: %d %b\n\n" % (n, b"x" * 6000) for n in range(9)))
    async with spooled.shipping(), Reading(spooled.settings, "plait.test") as reading:
        await reading.until_ended(made)
        await until_async(reading, lambda: all(count_pieces(reading, one) == 9 for one in made))
    for exchange_id in made:
        indexes = [chunk.data.index for chunk in reading.of(exchange_id, ChunkEvent)]
        assert indexes == sorted(set(indexes))
        assert len(reading.of(exchange_id, ResponseEvent)) == 1


def count_pieces(reading: Reading, exchange_id: UUID) -> int:
    return sum(len(chunk.data.pieces) for chunk in reading.of(exchange_id, ChunkEvent))


async def test_a_shipper_that_starts_again_ships_what_was_open_and_nothing_that_was_safe(spooled: Spooled) -> None:
    done = spooled.exchange()
    still_open = spooled.begin()
    async with AsyncExitStack() as stack:
        async with spooled.shipping():
            linker = await stack.enter_async_context(Reading(spooled.settings, "plait.linker"))
            ledger = await stack.enter_async_context(Reading(spooled.settings, "plait.ledger"))
            await linker.until_ended([done])
            await ledger.until_ended([done])
            await until_async(linker, lambda: bool(linker.of(still_open, RequestEvent)))
            await linker.commit()
            await ledger.commit()
            await until(lambda: read_resume(spooled.directory).offset > HEAD.size)
        spooled.end(still_open, b"data: 1\n\n")
        async with spooled.shipping():
            await linker.until_ended([still_open])
    assert len(linker.of(done, RequestEvent)) == 1
    assert len(linker.of(still_open, RequestEvent)) == 2, "the request goes out again: consumers are idempotent"
    assert len(linker.of(still_open, ResponseEvent)) == 1


async def test_an_exchange_that_makes_no_event_does_not_hold_up_the_others(spooled: Spooled) -> None:
    impossible = new_exchange_id()
    spooled.append(impossible, Request(1e20, "d.test", "POST", "/v1/messages", "", [], b""))
    spooled.end(impossible, b"data: 1\n\n")
    async with spooled.shipping(), Reading(spooled.settings, "plait.test") as reading:
        await reading.until_ended([spooled.exchange()])
    assert str(impossible) not in reading.events


async def test_segments_that_are_safe_are_deleted(spooled: Spooled) -> None:
    made = [spooled.exchange(b'"' + b"x" * MEGA + b'"') for _ in range(4)]
    newest = segment_numbers(spooled.directory)[-1]
    assert newest != segment_numbers(spooled.directory)[0]
    async with spooled.shipping(), Reading(spooled.settings, "plait.linker") as linker:
        async with Reading(spooled.settings, "plait.ledger") as ledger:
            await linker.until_ended(made)
            await ledger.until_ended(made)
            await until_async(linker, lambda: all(linker.of(one, RequestEvent) for one in made))
            await linker.commit()
            await ledger.commit()
        await until(lambda: segment_numbers(spooled.directory) == [newest])


async def test_on_a_full_disk_what_is_safe_is_deleted_before_anything_is_written(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the shipper would wait for the room that only it can make."""
    write, full = shipping._write, True

    def on_a_full_disk(path: Path, value: object) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, value)

    monkeypatch.setattr(shipping, "_write", on_a_full_disk)
    monkeypatch.setattr(Committed, "covers", lambda *_: True)
    sent = [spooled.exchange(b'{"pad": "%b"}' % (b"x" * MEGA)) for _ in range(4)]
    async with spooled.shipping(), Reading(spooled.settings, "test") as reading:
        await reading.until_ended(sent)
        async with asyncio.timeout(60):
            while len(segment_numbers(spooled.directory)) > 1:
                await asyncio.sleep(0.05)
            full = False
            while read_resume(spooled.directory).segment != segment_numbers(spooled.directory)[0]:
                await asyncio.sleep(0.05)


async def test_the_broker_away_at_the_start_is_waited_for(spooled: Spooled, broker: Broker) -> None:
    spooled.settings = spooled.settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:9"})
    exchange_id = spooled.exchange()
    async with spooled.shipping():
        await until(lambda: (status := read_status(spooled.directory)) is not None and not status.broker_up)
    spooled.settings = spooled.settings.model_copy(update={"kafka_bootstrap_servers": broker.servers})
    async with spooled.shipping(), Reading(spooled.settings, "plait.test") as reading:
        await reading.until_ended([exchange_id])


async def test_a_stop_under_steady_traffic_ends_with_a_last_check(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship_some = Cargo.ship_some

    async def and_there_is_more(cargo: Cargo) -> bool:
        spooled.exchange()
        return await ship_some(cargo)

    async with spooled.shipping():
        await until(lambda: read_status(spooled.directory) is not None)
        monkeypatch.setattr(Cargo, "ship_some", and_there_is_more)
        stopped_at = time.time()
    status = read_status(spooled.directory)
    assert status is not None
    assert status.broker_up, "its own haste is no outage"
    assert status.at > stopped_at, "what the consumers have is let go of"


async def test_a_broker_that_forgets_is_told_again_what_no_consumer_has_stored(spooled: Spooled) -> None:
    """The embedded broker loses everything on a restart; losing its topics looks the same to the shipper."""
    if not is_embedded(spooled.settings):
        pytest.skip("a real broker does not forget")
    stored, lost = spooled.exchange(), None
    async with spooled.shipping():
        async with Reading(spooled.settings, "plait.linker") as linker:
            async with Reading(spooled.settings, "plait.ledger") as ledger:
                await linker.until_ended([stored])
                await ledger.until_ended([stored])
                await until_async(linker, lambda: bool(linker.of(stored, RequestEvent)))
                await linker.commit()
                await ledger.commit()
            await until(lambda: read_resume(spooled.directory).offset > HEAD.size)
            lost = spooled.exchange()
            await linker.until_ended([lost])
        async with admin_client(spooled.settings) as admin:
            await admin.delete_topics([name for name in await admin.list_topics() if name.startswith("plait.")])
        async with Reading(spooled.settings, "plait.again") as again:
            await again.until_ended([lost])
            assert not again.of(stored, RequestEvent)
        async with admin_client(spooled.settings) as admin:
            topics = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    assert topics[REQUESTS.name] == REQUESTS.partitions
