"""`/api/live` on a real broker: what happens is told once, in order, to who wants it, and goes on after a break."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from plait.api.live.listener import Listener
from plait.api.live.news import Interest
from plait.api.live.reading import Read, Record, read
from plait.cli import leftovers
from plait.cli.embedded import broker as embedded_broker
from plait.common.access.doors import Doors
from plait.common.access.grants import Grant
from plait.common.access.key_file import KeyFile
from plait.common.access.keys import hash_of
from plait.common.events import Placed, encode
from plait.common.kafka import admin_client, ensure_topics, new_producer
from plait.common.settings import KafkaSettings
from tests import servers
from tests.exchange_events import answered, asked, event_of, pieces, said
from tests.live_stage import Event, Stage, changed, running, staged
from tests.ports import free_port

LIMITED = {"X-API-Key": "of b"}


@pytest.fixture
async def stage(broker: servers.Broker) -> AsyncIterator[Stage]:
    async with staged(broker) as stage:
        yield stage


def ids(events: list[Event]) -> list[str]:
    return [event.data["requestId"] for event in events]


async def test_an_exchange_from_its_start_to_its_end(stage: Stage) -> None:
    one = asked(said("user", "a secret word"))
    async with stage.listen() as heard:
        async with httpx2.AsyncClient(base_url=stage.address) as client:
            assert (await client.get("/health/ready")).json()["checks"]["live"]["status"] == "ok"
        assert heard.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (await heard.event()).name == "ready"
        await stage.send(one, pieces(one, "event: ping\n", "\n"), answered(one, "another secret"), changed())
        events = await heard.events(4)
    names = ["exchange.started", "exchange.firstByte", "exchange.finished", "conversation.updated"]
    assert sorted(event.name for event in events) == sorted(names)
    told = {event.name: event.data for event in events}
    assert {told[name]["requestId"] for name in names[:3]} == {str(one.exchange_id)}
    assert (told["exchange.started"]["model"], told["exchange.started"]["outcome"]) == ("claude-x", None)
    assert (told["exchange.finished"]["outcome"], told["exchange.finished"]["status"]) == ("complete", 200)
    assert told["conversation.updated"]["branchIds"] == ["main"]
    assert "secret" not in str(events)


async def test_who_comes_back_is_told_what_was_missed(stage: Stage, broker: servers.Broker) -> None:
    """By the same API, and by one that was started since; a broker that began anew is told of."""
    first, second, third = (asked(said("user", "x"), at=at, session=f"s{at}") for at in range(3))
    async with stage.listen() as heard:
        await heard.event()
        await stage.send(first)
        await heard.event()
    await stage.send(second)
    async with stage.listen(last_id=heard.last_id) as again:
        assert (await again.event()).data == {"resumed": True}
        assert ids([await again.event()]) == [str(second.exchange_id)]
    await stage.send(third)
    settings = KafkaSettings(kafka_bootstrap_servers=broker.servers, kafka_flavor=broker.flavor)
    async with running(settings) as (address, live, stop):
        restarted = Stage(address, live, stage.producer, stop)
        for since, missed in ((heard.last_id, [second, third]), (again.last_id, [third])):
            async with restarted.listen(last_id=since) as after:
                assert ids((await after.until("ready"))[:-1]) == [str(one.exchange_id) for one in missed]
        async with restarted.listen(last_id=heard.last_id) as after:
            await after.until("ready")
            await stage.send(answered(first, "x"))
            assert ids([await after.event()]) == [str(first.exchange_id)]
        async with restarted.listen(last_id="what is this") as lost:
            assert (await lost.event()).name == "reset"


async def test_only_what_is_asked_for_is_told(stage: Stage) -> None:
    wanted = asked(said("user", "x"), domain="b.test", session="mine")
    other = asked(said("user", "x"), domain="a.test", session="other")
    async with stage.listen("/api/live?domain=b.test&sessionId=mine&event=exchange.finished") as heard:
        await heard.event()
        await stage.send(other, wanted, answered(other, "x"), changed("b.test"), answered(wanted, "x"))
        event = await heard.event()
    assert (event.name, event.data["requestId"]) == ("exchange.finished", str(wanted.exchange_id))


async def test_a_conversation_is_followed(stage: Stage) -> None:
    """Its exchanges from the moment when it is known that they are its, and everything of them from then on."""
    one, other = asked(said("user", "x"), session="a"), asked(said("user", "x"), session="b")
    change = changed("a.test", Placed(one.exchange_id, "main", "inference"))
    async with stage.listen() as everything:
        await everything.event()
        async with stage.listen(f"/api/live?conversationId={change.data.conversation_id}&kind=inference") as heard:
            await heard.event()
            await stage.send(one, other)
            await everything.events(2)
            await stage.send(change)
            await everything.events(2)
            await stage.send(answered(other, "x"), answered(one, "x"))
            events = await heard.events(2)
    assert [event.name for event in events] == ["exchange.placed", "exchange.finished"]
    assert ids(events) == [str(one.exchange_id)] * 2
    assert events[0].data["model"] == "claude-x"
    assert events[1].data["conversationId"] == str(change.data.conversation_id)


async def test_what_cannot_be_told_is_told_of_and_ends_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    strange, next_one = asked(said("user", "x")), asked(said("user", "y"), session="next")

    def read_all_but_one(record: Record) -> Read:
        if str(strange.exchange_id).encode() in (record.value or b""):
            raise ZeroDivisionError
        return read(record)

    monkeypatch.setattr("plait.api.live.feed.read", read_all_but_one)
    async with stage.listen() as heard:
        await heard.event()
        await stage.send(strange)
        assert (await heard.event()).name == "reset"
        await stage.send(next_one)
        assert ids([await heard.event()]) == [str(next_one.exchange_id)]


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/api/live?event=nothing", "event: there is no event 'nothing'"),
        ("/api/live?kind=nothing", "kind: "),
        ("/api/live?conversationId=1", "conversationId: must be a UUID"),
        ("/api/live?domain=a&domain=b", "domain: given more than once"),
        ("/api/live?x=1", "x: no such parameter"),
        ("/api/requests/1/live", "id: must be a UUID"),
    ],
)
async def test_wrong_parameters_are_named(stage: Stage, path: str, word: str) -> None:
    async with stage.listen(path) as refused:
        assert refused.answer.status_code == 400
        assert word in refused.answer.json()["error"]["message"]


async def test_keys(broker: servers.Broker, tmp_path: Path) -> None:
    """Nothing without a key, nothing of other domains, and nothing more once the key is gone."""
    file = tmp_path / "keys.json"
    key = {"name": "b", "role": "viewer", "hash": hash_of(LIMITED["X-API-Key"]), "domains": ["b.test"]}
    file.write_text(json.dumps({"keys": [key]}))
    foreign, own = asked(said("user", "x")), asked(said("user", "x"), domain="b.test")
    async with staged(broker, Doors("key", file=KeyFile(file))) as stage:
        for path in ("/api/live", f"/api/requests/{own.exchange_id}/live"):
            async with httpx2.AsyncClient(base_url=stage.address) as client:
                assert (await client.get(path)).status_code == 401
                assert (await client.get(path, headers={"X-API-Key": "guess"})).status_code == 403
        async with stage.listen(key=LIMITED) as limited, stage.listen() as whole:
            start = (await limited.event()).id
            await whole.event()
            await stage.send(foreign, changed("a.test"), answered(foreign, "x"), own)
            assert str(foreign.exchange_id) in ids([e for e in await whole.events(4) if "requestId" in e.data])
            assert ids([await limited.event()]) == [str(own.exchange_id)]
            async with (
                stage.listen(key=LIMITED, last_id=start) as again,
                stage.listen("/api/live?domain=a.test", key=LIMITED, last_id=start) as asking,
            ):
                assert ids((await again.events(2))[1:]) == [str(own.exchange_id)]
                assert (await asking.event()).name == "ready"
                file.write_text(json.dumps({"keys": [{**key, "disabled": True}]}))
                for ending in (limited, again, asking):
                    closed = await ending.event()
                    assert (closed.name, closed.data["reason"]) == ("closed", "revoked")
                    assert await ending.has_ended()


async def test_it_ends_with_the_api(stage: Stage) -> None:
    async with stage.listen() as heard:
        await heard.event()
        stage.stop.set()
        closed = await heard.event()
        assert (closed.name, closed.data["reason"]) == ("closed", "shutdown")
        assert await heard.has_ended()


async def test_too_many_listeners_are_refused(stage: Stage) -> None:
    stage.live._most = 1
    async with stage.listen() as heard:
        await heard.event()
        async with stage.listen() as refused:
            assert (refused.answer.status_code, refused.answer.headers["retry-after"]) == (503, "30")
    async with asyncio.timeout(60):
        while stage.live.is_full:
            await asyncio.sleep(0.01)


async def test_who_does_not_read_is_let_go_and_stops_nobody(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is told to who reads it; of who does not, the API is soon rid."""
    monkeypatch.setattr("plait.api.live.sending._STALLED_S", 2)
    host, port = stage.address.removeprefix("http://").split(":")
    silent = socket.socket()
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    silent.connect((host, int(port)))
    silent.sendall(b"GET /api/live HTTP/1.1\r\nHost: x\r\nX-API-Key: key\r\n\r\n")
    async with asyncio.timeout(60), stage.listen() as heard:
        await heard.event()
        while len(stage.live._listeners) < 2:
            await asyncio.sleep(0.01)
        while len(stage.live._listeners) > 1:
            await _burst(stage, 500)
            assert len(set(ids(await heard.events(500)))) == 500
    silent.close()


async def _burst(stage: Stage, number: int) -> None:
    for n in range(number):
        event = event_of(asked(said("user", "x"), session=f"s{n % 8}", domain="a" * 2000))
        await stage.producer.send("plait.requests", key=event.partitionkey.encode(), value=encode(event))


async def test_a_slow_listener_is_told_that_it_was_let_go() -> None:
    listener = Listener(Grant("a", "viewer"), Interest(), most_bytes=10)
    frames = listener.frames(heartbeat_s=60)
    listener.offer(b"12345")
    assert await anext(frames) == b"12345"
    listener.offer(b"123456")
    listener.offer(b"123456")
    listener.offer(b"1")
    assert b"event: closed" in (last := await anext(frames))
    assert b'"reason":"slow"' in last
    assert [frame async for frame in frames] == []


async def test_a_broker_that_began_anew_is_told_of(servers_home: Path, kafka_servers: str | None) -> None:
    """What it has since then is told, and ids of before mean nothing to it."""
    if kafka_servers:
        pytest.skip("a real broker forgets nothing")
    port = free_port()
    program = embedded_broker.prepare(port, env={leftovers.MARK: str(servers_home)})
    old, new = asked(said("user", "x")), asked(said("user", "y"))
    settings = KafkaSettings(kafka_bootstrap_servers=embedded_broker.servers(port), kafka_flavor="embedded")
    async with AsyncExitStack() as stack:
        broker = servers.Broker(settings.kafka_bootstrap_servers, "embedded")
        with servers.running(program, servers_home / "forgetting.log"):
            stage = await stack.enter_async_context(staged(broker))
            heard = await stack.enter_async_context(stage.listen())
            await heard.event()
            await stage.send(old)
            before = (await heard.event()).id
            await stage.producer.stop()  # it would make topics of its own at the next broker
        with servers.running(program, servers_home / "forgetting.log"):
            async with admin_client(settings) as admin:
                await ensure_topics(admin, settings)
            producer = new_producer(settings)
            await producer.start()
            await Stage(stage.address, stage.live, producer, stage.stop).send(new)
            await producer.stop()
            events = await heard.events(2)
            assert events[0].name == "reset"
            assert ids(events[1:]) == [str(new.exchange_id)]
            again = await stack.enter_async_context(stage.listen(last_id=before))
            assert (await again.event()).name == "reset"
            await stack.aclose()
