"""`/api/live` on a real broker: what happens is told once, in order, to who wants it, and goes on after a break."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests import servers
from tests.exchange_events import answered, asked, pieces, said
from tests.live_stage import Stage, staged


@pytest.fixture
async def stage(broker: servers.Broker) -> AsyncIterator[Stage]:
    async with staged(broker) as stage:
        yield stage


async def test_an_exchange_from_its_start_to_its_end(stage: Stage) -> None:
    one = asked(said("user", "a secret word"))
    async with stage.listen() as heard:
        assert heard.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (await heard.event()).name == "ready"
        await stage.send(one, pieces(one, "event: ping\n", "\n"), answered(one, "another secret"))
        events = await heard.events(3)
    assert [event.name for event in events] == ["exchange.started", "exchange.firstByte", "exchange.finished"]
    assert {event.data["requestId"] for event in events} == {str(one.exchange_id)}
    assert events[0].data["model"] == "claude-x"
    assert (events[2].data["outcome"], events[2].data["status"]) == ("complete", 200)
    assert "secret" not in str(events)
