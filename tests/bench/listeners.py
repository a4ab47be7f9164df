"""The live view: 200 listeners at 50 exchanges a second, each of some 40 KB and ten pieces. A listener that is told an
event less than were sent has missed it. The API runs in a process of its own; its processor time counts all that it
does for this: reading the topics, and sending to the listeners.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil

from plait.cli.embedded import broker as embedded
from plait.cli.program import free_port
from plait.common.events import encode
from plait.common.kafka import admin_client, ensure_topics, new_producer
from plait.common.settings import KafkaSettings
from plait.common.topics import CHUNKS, REQUESTS, RESPONSES
from tests import servers
from tests.exchange_events import Part, answered, asked, event_of, pieces, said

LISTENERS = 200
PER_SECOND = 50
SECONDS = 20
_KEY = "key-of-the-bench"
_EVENTS = 3
"""Of each exchange."""
_PATIENCE_S = 60
_TOPICS = {"RequestData": REQUESTS.name, "ChunkData": CHUNKS.name, "ResponseData": RESPONSES.name}


@dataclass
class Heard:
    """What came of a run."""

    sent: int
    """Events that every listener is to be told."""
    told: Counter[int]
    """Listeners by the events that they were told."""
    cores: float
    seconds: float


async def measure() -> Heard:
    """One run on the embedded broker."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plait-bench-")))
        broker_port, port = free_port(), free_port()
        stack.enter_context(servers.running(embedded.prepare(broker_port, env={}), folder / "broker.log"))
        settings = KafkaSettings(kafka_bootstrap_servers=embedded.servers(broker_port), kafka_flavor="embedded")
        async with admin_client(settings) as admin:
            await ensure_topics(admin, settings)
        api = await _started(settings, port)
        try:
            return await _heard(settings, port, psutil.Process(api.pid))
        finally:
            api.terminate()
            await api.wait()


async def _started(settings: KafkaSettings, port: int) -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "KAFKA_FLAVOR": settings.kafka_flavor,
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "DASHBOARD_API_KEY": _KEY,
        "PORT": str(port),
        "LOG_LEVEL": "error",
    }
    argv = (sys.executable, "-m", "plait.cli.main", "run", "api")
    api = await asyncio.create_subprocess_exec(*argv, env=environment, stdout=asyncio.subprocess.DEVNULL)
    async with asyncio.timeout(_PATIENCE_S):
        while api.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return api
    raise RuntimeError("the API has not started")


async def _heard(settings: KafkaSettings, port: int, api: psutil.Process) -> Heard:
    sent = PER_SECOND * SECONDS * _EVENTS
    ready = asyncio.Semaphore(0)
    listening = [asyncio.create_task(_listen(port, sent, ready)) for _ in range(LISTENERS)]
    async with asyncio.timeout(_PATIENCE_S):
        for _ in listening:
            await ready.acquire()
    before, began = api.cpu_times(), time.monotonic()
    await _send(settings)
    async with asyncio.timeout(_PATIENCE_S):
        told = await asyncio.gather(*listening)
    after, took = api.cpu_times(), time.monotonic() - began
    used = after.user + after.system - before.user - before.system
    return Heard(sent, Counter(told), used / took, took)


async def _listen(port: int, sent: int, ready: asyncio.Semaphore) -> int:
    """Events of exchanges that one listener was told: stops at as many as were sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/live HTTP/1.1\r\nHost: bench.test\r\nX-API-Key: %b\r\n\r\n" % _KEY.encode())
    told, rest = 0, b""
    while told < sent:
        piece = await reader.read(65536)
        if not piece:
            break
        text = rest + piece
        if b"event: ready" in text:
            ready.release()
        told += text.count(b"event: exchange.") - rest.count(b"event: exchange.")
        rest = text[-15:]
    writer.close()
    return told


async def _send(settings: KafkaSettings) -> None:
    """Exchanges at an even rate."""
    producer = new_producer(settings)
    await producer.start()
    began = time.monotonic()
    try:
        for number in range(PER_SECOND * SECONDS):
            await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
            one = asked(said("user", "x" * 40_000), session=f"session-{number % 40}")
            chunks = [pieces(one, "event: ping\ndata: {}\n\n" * 20, index=n) for n in range(10)]
            parts: list[Part] = [one, *chunks, answered(one, "y" * 2000)]
            for part in parts:
                event = event_of(part)
                topic = _TOPICS[type(part).__name__]
                await producer.send(topic, key=event.partitionkey.encode(), value=encode(event))
    finally:
        await producer.stop()


def report(heard: Heard) -> list[str]:
    """Markdown."""
    missed = sum(number * (heard.sent - told) for told, number in heard.told.items())
    return [
        "| listeners | exchanges a second | events to each | missed | cores of the API |",
        "|---|---|---|---|---|",
        f"| {LISTENERS} | {PER_SECOND} | {heard.sent} | **{missed}** | **{heard.cores:.2f}** |",
    ]
