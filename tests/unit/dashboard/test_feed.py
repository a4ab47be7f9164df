"""One subscription to the API's events for all open pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from plait.dashboard.front.live.events import Interest
from plait.dashboard.front.live.feed import Feed
from plait.dashboard.front.live.listeners import Listener
from tests.unit.dashboard.api_stand_in import StandIn

FINISHED = b'id: 7\nevent: exchange.finished\ndata: {"domain":"%b"}\n\n'


@pytest.fixture
async def api() -> StandIn:
    return StandIn()


@pytest.fixture
async def feed(api: StandIn) -> AsyncIterator[Feed]:
    stop = asyncio.Event()
    async with api.client() as client:
        followed = Feed(client, linger_s=0.01)
        running = asyncio.create_task(followed.run(stop))
        yield followed
        stop.set()
        await asyncio.wait_for(running, 60)


async def heard(listener: Listener, count: int = 1) -> bytes:
    """What it hears until so many events have come."""
    told = b""
    async with asyncio.timeout(60):
        async for frames in listener.frames():
            told += frames
            if told.count(b"event: ") >= count:
                break
    return told


async def test_the_api_is_asked_once_for_all_and_not_before_somebody_listens(api: StandIn, feed: Feed) -> None:
    await asyncio.sleep(0)
    assert api.asked == []
    listeners = [feed.join(Interest()) for _ in range(50)]
    await asyncio.wait_for(api.opened.wait(), 60)
    api.pieces.put_nowait(FINISHED % b"a")
    told = await asyncio.gather(*map(heard, listeners))
    assert all(b'data: {"domain":"a"}' in each for each in told)
    assert [request.url.path for request in api.asked] == ["/api/live"]
    assert api.asked[0].headers["x-dashboard-key"] == "the-dashboard-key"


async def test_each_hears_of_their_own_domains_alone(api: StandIn, feed: Feed) -> None:
    mine = feed.join(Interest(domains=frozenset({"mine"})))
    for name in (b"other", b"mine"):
        api.pieces.put_nowait(FINISHED % name)
    told = await heard(mine)
    assert b"mine" in told
    assert b"other" not in told


async def test_what_concerns_the_stream_is_not_passed_on_but_that_events_may_be_missing(
    api: StandIn, feed: Feed
) -> None:
    listener = feed.join(Interest())
    for name in (b"ready", b"closed", b"reset"):
        api.pieces.put_nowait(b"event: %b\ndata: {}\n\n" % name)
    told = await heard(listener)
    assert b"event: reset" in told
    assert b"ready" not in told
    assert b"closed" not in told


async def test_after_a_break_it_goes_on_where_it_was(api: StandIn, feed: Feed) -> None:
    listener = feed.join(Interest())
    api.pieces.put_nowait(FINISHED % b"a")
    await heard(listener)
    api.opened.clear()
    api.pieces.put_nowait(b"")
    await asyncio.wait_for(api.opened.wait(), 60)
    assert "last-event-id" not in api.asked[0].headers
    assert api.asked[1].headers["last-event-id"] == "7"


async def test_an_api_that_is_away_is_asked_again(api: StandIn, feed: Feed) -> None:
    api.away = True
    listener = feed.join(Interest())
    async with asyncio.timeout(60):
        while not api.asked:
            await asyncio.sleep(0.01)
    api.away = False
    api.pieces.put_nowait(FINISHED % b"a")
    assert b"exchange.finished" in await heard(listener)


async def test_without_listeners_the_subscription_ends(api: StandIn, feed: Feed) -> None:
    listener = feed.join(Interest())
    await asyncio.wait_for(api.opened.wait(), 60)
    feed.leave(listener)
    await asyncio.wait_for(api.closed.wait(), 60)
    assert api.open == 0


async def test_when_it_stops_everybody_is_told(api: StandIn) -> None:
    stop = asyncio.Event()
    async with api.client() as client:
        feed = Feed(client)
        running = asyncio.create_task(feed.run(stop))
        listener = feed.join(Interest())
        stop.set()
        assert b'{"reason":"shutdown"}' in await heard(listener)
        await asyncio.wait_for(running, 60)
