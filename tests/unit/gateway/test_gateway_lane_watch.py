"""The lane's watch over who has been silent for too long."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from plait.gateway.relay.lane.lane import Lane
from plait.gateway.relay.lane.pool import Pool
from plait.gateway.relay.upstream import Times


class Exchange:
    """Fails when it is looked at for the first time."""

    def __init__(self) -> None:
        self.looks = 0
        self.seen_again = asyncio.Event()

    def watch(self, _times: Times) -> None:
        self.looks += 1
        if self.looks == 1:
            raise RuntimeError("not good")
        self.seen_again.set()

    def lose(self) -> None:
        pass


async def test_it_goes_on_whatever_one_exchange_does() -> None:
    times = Times(connect=1, first_byte=0.04, idle=0.04)
    nothing = cast("Any", None)
    lane = Lane(
        pool=Pool("Claude", nothing, times),
        dialer=nothing,
        access=nothing,
        spool=nothing,
        masker=nothing,
        log=nothing,
        max_request_bytes=1,
        times=times,
    )
    exchange = Exchange()
    lane.running.add(cast("Any", exchange))
    async with asyncio.timeout(60):
        await exchange.seen_again.wait()
    lane.close()
