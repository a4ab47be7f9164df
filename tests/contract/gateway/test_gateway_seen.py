"""What operators see of the gateway: a line per exchange, and figures that agree with what happened."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from plait.common import logs
from plait.fakes.answers import error_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import call
from tests.contract.gateway.credential_files import KEYS, UPSTREAM, write
from tests.contract.gateway.relaying import raw_call, relaying
from tests.ports import free_port

EVENTS = [b"data: %d\n\n" % n for n in range(5)]
CANARY = "canary-secret"


@pytest.fixture
def stderr() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("info", service="gateway", stream=stream)
    yield stream
    root.handlers[:], level = before
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(stream: io.StringIO, event: str = "exchange") -> list[dict[str, Any]]:
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in found if line["event"] == event]


async def figures(port: int) -> dict[tuple[str, str], float]:
    """Every sample of `/metrics` by its name and its labels' values."""
    told = (await call(port, "GET", "/metrics", [("Host", "h")])).body.decode()
    families = text_string_to_metric_families(told)
    samples = [sample for family in families for sample in family.samples if sample.name.startswith("plait_")]
    return {(each.name, " ".join(each.labels[key] for key in sorted(each.labels))): each.value for each in samples}


async def test_a_stop_leaves_a_line_of_every_exchange(
    claude: ScriptedClaude, tmp_path: Path, stderr: io.StringIO
) -> None:
    claude.rules.append(lambda _: stream_answer(EVENTS))
    async with relaying(claude.url, tmp_path) as gateway:
        target = f"/t/blue/v1/messages?beta=true&api_key={CANARY}"
        received = await gateway.post(CANARY.encode(), target=target, headers=[("x-api-key", CANARY)])
    (line,) = lines(stderr)
    for timed in ("time", "first_byte_ms", "duration_ms"):
        assert line.pop(timed)
    assert line == {
        "level": "info", "event": "exchange", "service": "gateway", "exchange_id": received.request_id,
        "domain": "contract.example.test", "key": None, "method": "POST", "path": "/v1/messages", "status": 200,
        "ending": "whole", "bytes_in": len(CANARY), "bytes_out": len(received.body),
    }  # fmt: skip
    assert CANARY not in stderr.getvalue()


async def test_each_attempt_and_each_ending_has_its_line(
    claude: ScriptedClaude, tmp_path: Path, stderr: io.StringIO
) -> None:
    answers = [
        error_answer(529, "Overloaded", headers=(("retry-after", "0"),)),
        stream_answer(EVENTS).ending("cut", after=2),
    ]
    claude.rules.append(lambda _: answers.pop(0))
    async with relaying(claude.url, tmp_path, upstream_retries=1, max_request_bytes=10) as gateway:
        await gateway.post()
        await gateway.post(b"x" * 11)
    seen = [(line["status"], line["ending"]) for line in lines(stderr)]
    assert seen == [(529, "whole"), (200, "upstream_cut"), (413, "refused")]
    assert len({line["exchange_id"] for line in lines(stderr)}) == 3


async def test_each_refusal_has_its_line(claude: ScriptedClaude, tmp_path: Path, stderr: io.StringIO) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    write(folder, "contract.example.test", UPSTREAM | KEYS)
    api = f"http://127.0.0.1:{free_port()}"
    async with relaying(
        claude.url, tmp_path / "spool", credentials_dir=folder, api_url=api, max_request_bytes=10
    ) as gateway:
        wrong, good = ("x-api-key", CANARY), ("x-api-key", "good-key")
        answers = [
            await gateway.post(target=f"/t/blue/v1/messages?key={CANARY}", headers=[wrong]),
            await gateway.get("/v2/" + "x" * 1000, headers=[good]),
            await gateway.get("/api/conversations", headers=[good]),
            await gateway.post(b"x" * 11, headers=[good]),
        ]
        broken, _ = await raw_call(gateway.port, b"GET /v1/messages HTTP/1.1\r\nBad Header: x\r\n\r\n")
    told = lines(stderr, "refusal")
    assert [line["exchange_id"] for line in told[:-1]] == [answer.request_id for answer in answers]
    assert told[-1]["exchange_id"].encode() in broken
    asked = [(line["status"], line["reason"], line["domain"], line["method"], line["path"]) for line in told]
    assert asked == [
        (401, "wrong_key", "contract.example.test", "POST", "/v1/messages"),
        (404, "unknown_path", "contract.example.test", "GET", "/v2/" + "x" * 251),
        (502, "unreachable", "contract.example.test", "GET", "/api/conversations"),
        (413, "too_large", "contract.example.test", "POST", "/v1/messages"),
        (400, "broken_http", None, None, None),
    ]
    assert CANARY not in stderr.getvalue()


async def test_claude_away_has_its_line(tmp_path: Path, stderr: io.StringIO) -> None:
    async with relaying(f"http://127.0.0.1:{free_port()}", tmp_path) as gateway:
        received = await gateway.post()
    (line,) = lines(stderr, "refusal")
    assert (line["exchange_id"], line["status"], line["reason"]) == (received.request_id, 502, "unreachable")


async def test_it_can_be_turned_off(claude: ScriptedClaude, tmp_path: Path, stderr: io.StringIO) -> None:
    async with relaying(claude.url, tmp_path, access_log=False) as gateway:
        await gateway.post()
    assert lines(stderr) == []


async def test_health_is_told_on_the_port_of_the_figures_too(claude: ScriptedClaude, tmp_path: Path) -> None:
    port = free_port()
    async with relaying(claude.url, tmp_path, metrics_port=port):
        received = await call(port, "GET", "/health/ready", [("Host", "h")])
    assert json.loads(received.body)["checks"].keys() == {"spool", "shipper", "credentials"}


async def test_the_figures_agree_with_what_happened(claude: ScriptedClaude, tmp_path: Path) -> None:
    gate = asyncio.Event()
    claude.rules.append(lambda _: stream_answer(EVENTS).gated(gate, 3))
    port = free_port()
    async with relaying(claude.url, tmp_path, metrics_port=port) as gateway:
        before = await figures(port)
        running = asyncio.create_task(gateway.post(b"12345"))
        await claude.call(0)
        during = await figures(port)
        gate.set()
        received = await running
        await gateway.get("/v2/nothing")
        after = await figures(port)

    def grew(name: str, labels: str = "") -> float:
        return after.get((name, labels), 0) - before.get((name, labels), 0)

    in_flight = "plait_gateway_exchanges_in_flight"
    assert during[in_flight, ""] - before[in_flight, ""] == 1
    assert after[in_flight, ""] == before[in_flight, ""]
    assert grew("plait_gateway_exchanges_total", "whole 200") == 1
    assert grew("plait_gateway_bytes_total", "in") == 5
    assert grew("plait_gateway_bytes_total", "out") == len(received.body)
    assert grew("plait_gateway_first_byte_seconds_count") == 1
    assert grew("plait_gateway_refusals_total", "unknown_path") == 1
    assert grew("plait_gateway_overhead_seconds_count", "request") == 1
    assert grew("plait_gateway_overhead_seconds_count", "answer") == 1
