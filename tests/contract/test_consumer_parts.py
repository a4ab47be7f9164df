"""Ledger, analyzer and notifier as parts of one process: they run, share a health port, report, and stop quickly."""

from __future__ import annotations

import asyncio
import re
import time
import urllib.error
import urllib.request

import pytest

from plait.analyzer import main as analyzer
from plait.ledger import main as ledger
from plait.notifier import main as notifier
from tests.contract.consuming import STOPPED_S, an_answer, ids, make_topics, send, settings_of
from tests.ports import free_port
from tests.servers import Broker

_SETTLED = re.compile(r'plait_consumer_records_total\{group="([^"]+)",topic="plait.responses"\} (\S+)')


def fetch(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


async def test_parts_of_one_process(broker: Broker, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port, settings = free_port(), settings_of(broker)
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.servers)
    monkeypatch.setenv("KAFKA_FLAVOR", broker.flavor)
    monkeypatch.setenv("METRICS_PORT", str(port))
    stop = asyncio.Event()
    parts = [asyncio.create_task(part.run(stop)) for part in (ledger, analyzer, notifier)]
    try:
        await make_topics(settings)
        async with asyncio.timeout(60):
            while (await asyncio.to_thread(fetch, port, "/health/ready"))[0] != 200:
                assert not any(part.done() for part in parts)
                await asyncio.sleep(0.05)
            before = await asyncio.to_thread(settled, port)
            await send(settings, map(an_answer, ids(16)))
            while not await asyncio.to_thread(gained, port, before, 16):
                await asyncio.sleep(0.05)
        status, _ = await asyncio.to_thread(fetch, port, "/nothing")
    finally:
        stop.set()
        began = time.monotonic()
        await asyncio.gather(*parts)
    assert time.monotonic() - began < STOPPED_S
    assert status == 404


def settled(port: int) -> dict[str, float]:
    """Answers that each group has settled in this process so far, as the metrics tell."""
    _, text = fetch(port, "/metrics")
    return {group: float(count) for group, count in _SETTLED.findall(text)}


def gained(port: int, before: dict[str, float], wanted: int) -> bool:
    """Whether exactly the groups that read answers have settled so many more."""
    more = {group: count - before.get(group, 0) for group, count in settled(port).items()}
    assert "plait.analyzer" not in more
    return more.get("plait.ledger") == more.get("plait.notifier") == wanted
