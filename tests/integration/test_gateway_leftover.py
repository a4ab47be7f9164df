"""Spools that are left over or large: shipped to their end, with what their gateway left open, beside what is new."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from plait.cli.main import app
from plait.common.events import ChunkEvent, RequestEvent, ResponseEvent
from plait.common.kafka import is_embedded
from plait.gateway.shipper.shipper import Shipper
from plait.gateway.spool.records import Head, Piece
from plait.gateway.spool.segments import SET_ASIDE, bytes_between, segment_numbers, segment_path, set_aside
from plait.gateway.spool.shipping import read_resume, read_status
from tests.integration.spooled import SSE, Reading, Spooled, until, until_async
from tests.servers import Broker


@pytest.fixture
def spooled(tmp_path: Path, broker: Broker) -> Spooled:
    return Spooled(tmp_path / "spool", broker)


async def test_new_exchanges_do_not_wait_for_a_backlog_and_each_keeps_its_order(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.gateway.shipper.cargo._BACKLOG_BYTES", 1)
    monkeypatch.setattr("plait.gateway.shipper.cargo._MOST_AT_ONCE", 2)
    open_since_then = spooled.begin()
    spooled.append(open_since_then, Head(5.0, 200, SSE), Piece(10.0, b"data: 0\n\n"))
    backlog = [spooled.exchange() for _ in range(300)]
    async with spooled.shipping():
        await until(lambda: read_status(spooled.directory) is not None)
        new = spooled.exchange()
        spooled.end(open_since_then, b"data: 1\n\n")
        async with Reading(spooled.settings, "plait.test") as reading:
            await reading.until_ended([*backlog, new, open_since_then])
            await until_async(reading, lambda: all(len(reading.events[str(one)]) >= 3 for one in [*backlog, new]))
    ended = [each for events in reading.arrived for each in events if isinstance(each, ResponseEvent)]
    place = [each.subject for each in ended].index(str(new))
    assert place < len(backlog), "some of the backlog came behind it"
    for one in [*backlog, new, open_since_then]:
        assert len(reading.of(one, RequestEvent)) == len(reading.of(one, ResponseEvent)) == 1
    pieces = [piece.data for chunk in reading.of(open_since_then, ChunkEvent) for piece in chunk.data.pieces]
    assert pieces == [b"data: 0\n\n", b"data: 1\n\n"]


async def test_an_ending_shipper_ships_all_once_the_gateway_is_gone(spooled: Spooled) -> None:
    settings = spooled.settings.model_copy(update={"shipper_drain_seconds": 60})
    stop = asyncio.Event()
    shipping = asyncio.create_task(Shipper(settings).run(stop))
    await until(lambda: read_status(spooled.directory) is not None)
    stop.set()
    late, left_open = spooled.exchange(), spooled.begin()
    assert not shipping.done()
    spooled.writer.close()
    await shipping
    async with Reading(settings, "plait.test") as reading:
        await reading.until_ended([late, left_open])
    assert reading.of(left_open, ResponseEvent)[0].data.outcome == "aborted"


def test_a_left_over_spool_is_shipped_by_hand(
    spooled: Spooled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the workers' spools in it, and what was open when the gateway was killed."""
    workers = [Spooled(tmp_path / "spool" / f"worker-{n}", spooled.broker) for n in (1, 2)]
    sent = [each.exchange() for each in (spooled, *workers)]
    left_open = workers[0].begin()
    for each in (spooled, *workers):
        each.writer.close()
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", spooled.broker.servers)
    monkeypatch.setenv("KAFKA_FLAVOR", spooled.broker.flavor)
    app(["spool", "ship", str(spooled.directory)], exit_on_error=False)
    told = "keep" if is_embedded(spooled.settings) else "is not needed any more"
    assert told in capsys.readouterr().out.replace("\n", " ")

    async def read() -> Reading:
        async with Reading(spooled.settings, "plait.test") as reading:
            await reading.until_ended([*sent, left_open])
        return reading

    reading = asyncio.run(read())
    assert reading.of(left_open, ResponseEvent)[0].data.outcome == "aborted"
    if not is_embedded(spooled.settings):
        for each in (spooled, *workers):
            assert bytes_between(each.directory, read_resume(each.directory)) == 0
        app(["spool", "ship", str(spooled.directory)], exit_on_error=False)
        assert "All of it was shipped before" in capsys.readouterr().out


def test_damage_in_what_is_shipped_by_hand_is_told(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spooled.exchange()
    spooled.writer.close()
    path = segment_path(spooled.directory, segment_numbers(spooled.directory)[0])
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", spooled.broker.servers)
    monkeypatch.setenv("KAFKA_FLAVOR", spooled.broker.flavor)
    assert app(["spool", "ship", str(spooled.directory)], exit_on_error=False) == 1
    assert "1 record could not be read" in capsys.readouterr().out


async def test_an_exchange_that_the_broker_finds_too_large_does_not_hold_up_the_others(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A topic that somebody else made may have a lower bound than ours."""
    if is_embedded(spooled.settings):
        pytest.skip("the embedded broker knows no bound")
    monkeypatch.setattr("plait.common.topics.Topic.config", {"max.message.bytes": "100000"})
    large, good = spooled.exchange(b'"' + os.urandom(150_000).hex().encode() + b'"'), spooled.exchange()
    async with spooled.shipping(), Reading(spooled.settings, "plait.test") as reading:
        await reading.until_ended([good])
        await until(lambda: len(segment_numbers(spooled.directory / SET_ASIDE)) == 1)
        assert not reading.of(large, RequestEvent)


async def test_what_was_set_aside_can_be_shipped_later(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("plait.gateway.shipper.leg.begin", _failing)
        async with spooled.shipping():
            refused = spooled.exchange()
            await until(lambda: set_aside(spooled.directory) == {refused.bytes})
            await until(lambda: read_status(spooled.directory) is not None)
    spooled.writer.close()
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", spooled.broker.servers)
    monkeypatch.setenv("KAFKA_FLAVOR", spooled.broker.flavor)
    await asyncio.to_thread(app, ["spool", "ship", str(spooled.directory / SET_ASIDE)], exit_on_error=False)
    async with Reading(spooled.settings, "plait.test") as reading:
        await reading.until_ended([refused])
    if not is_embedded(spooled.settings):
        assert not set_aside(spooled.directory)


def _failing(*_: object) -> None:
    raise RuntimeError("no event can be made of this")
