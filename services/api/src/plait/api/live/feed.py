"""Reads the topics for all who listen, for as long as the API runs."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from plait.api.live.broker import Polled, Topics, topics
from plait.api.live.hub import Hub
from plait.api.live.places import PLACES, Position
from plait.api.live.reading import Read, Record, in_order, read
from plait.api.live.tails import Tails
from plait.common.consumer.lenient import read_leniently
from plait.common.consumer.waits import Leave, Left, Pauses, nap, unless
from plait.common.errors import DependencyDown
from plait.common.kafka import is_embedded
from plait.common.lifeline import lifeline
from plait.common.settings import KafkaSettings

_log = structlog.get_logger()

_FLUSH_S: Final = 0.1
"""Events wait for so long at most, so that many of them are sent at once."""
_LONGEST_PAUSE_S: Final = 1.0


class Feed:
    """From the broker to the hub. Whatever happens to the broker, it goes on where it was."""

    def __init__(self, settings: KafkaSettings, hub: Hub, tails: Tails) -> None:
        self.settings = settings
        self._hub = hub
        self._tails = tails
        self.is_reading = False
        self._failed = False
        """Whether what came last could not be told: it is passed over, and who listens hears of a gap."""

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the topics from their present end until `stop` is set."""
        pauses = Pauses(_LONGEST_PAUSE_S)
        while not stop.is_set():
            try:
                await self._one_life(stop)
                pauses = Pauses(_LONGEST_PAUSE_S)
            except Left:
                continue
            except UnicodeDecodeError:
                read_leniently()
            except (KafkaError, OSError, DependencyDown) as error:
                _log.info("live view waits for the broker", reason=type(error).__name__)
                await pauses.wait(stop)
            except Exception:
                _log.exception("live view failed and begins anew")
                self._failed = True
                await pauses.wait(stop)
            finally:
                self.is_reading = False

    async def _one_life(self, stop: asyncio.Event) -> None:
        leave = Leave()
        stopping = asyncio.create_task(_pass_on(stop, leave))
        try:
            if is_embedded(self.settings):
                async with lifeline(self.settings, leave.set):
                    await self._follow(leave)
            else:
                await self._follow(leave)
        finally:
            stopping.cancel()

    async def _follow(self, leave: Leave) -> None:
        async with topics(self.settings) as found:
            start = await unless(leave, self._start(found))
            found.seek(start.offsets)
            flushing = asyncio.create_task(self._flush(leave))
            self.is_reading = True
            try:
                while not leave.is_set():
                    self._take(await unless(leave, found.poll()))
            finally:
                flushing.cancel()

    async def _start(self, found: Topics) -> Position:
        """Where to read on: after what was read last, if this is still the broker that had it; else from the end.

        What a broker has that began anew was sent since: it is told from the beginning.
        """
        before, self._failed = None if self._failed else self._hub.position, False
        if before is not None and await found.holds(before):
            return before
        start = Position((0,) * len(PLACES) if before else await found.ends(), life=secrets.randbits(32))
        self._hub.begin(start)
        return start

    def _take(self, polled: Polled) -> None:
        for found in in_order([[self._read(record) for record in records] for records in polled.values()]):
            self._hub.take(found)

    def _read(self, record: Record) -> Read:
        found = read(record)
        self._tails.take(record, found.seen)
        return found

    async def _flush(self, leave: Leave) -> None:
        while True:
            await nap(leave, _FLUSH_S)
            self._hub.flush()


async def _pass_on(stop: asyncio.Event, leave: Leave) -> None:
    await stop.wait()
    leave.set()
