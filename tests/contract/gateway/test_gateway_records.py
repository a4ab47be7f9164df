"""What is kept of an exchange: everything but its secrets, and never at the cost of relaying."""

from __future__ import annotations

import json
from pathlib import Path

from plait.fakes.answers import json_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import call
from plait.fakes.http1 import Header
from plait.gateway.spool.records import Ending, Head, Request
from plait.gateway.spool.shipping import Status, write_status
from tests.contract.gateway.relaying import MEGA, Gateway, relaying
from tests.ports import free_port

SECRETS: list[Header] = [
    ("authorization", "Bearer canary-1"),
    ("x-api-key", "canary-2"),
    ("cookie", "canary-3"),
    ("proxy-authorization", "canary-4"),
    ("x-my-token", "canary-5"),
    ("X-Client-Secret", "canary-6"),
]


async def test_no_secret_reaches_the_spool(gateway: Gateway, claude: ScriptedClaude) -> None:
    claude.rules.append(lambda _: json_answer({}, headers=(("set-cookie", "canary-7"), ("x-plain", "kept"))))
    received = await gateway.post(target="/v1/messages?api_key=canary-8&beta=true", headers=SECRETS)
    assert b"canary" not in gateway.raw_spool()
    request, head, *_ = gateway.records(received.request_id)
    assert isinstance(request, Request)
    assert isinstance(head, Head)
    assert request.query.endswith("&beta=true")
    assert (b"x-plain", b"kept") in head.headers
    assert dict(claude.calls[0].headers)["x-api-key"] == "canary-2"


async def test_equal_secrets_have_equal_marks(gateway: Gateway) -> None:
    marks = []
    for key in ("one", "one", "two"):
        received = await gateway.post(headers=[("x-api-key", key)])
        request = gateway.records(received.request_id)[0]
        assert isinstance(request, Request)
        marks.append(dict(request.headers)[b"x-api-key"])
    assert marks[0] == marks[1] != marks[2]


async def test_a_request_is_recorded_as_it_was_received(gateway: Gateway) -> None:
    received = await gateway.post(b'{"a":1}', target="/t/blue/v1/messages?beta=true")
    request = gateway.records(received.request_id)[0]
    assert isinstance(request, Request)
    assert (request.domain, request.method, request.path, request.query, request.tag, request.body) == (
        "contract.example.test",
        "POST",
        "/v1/messages",
        "beta=true",
        "blue",
        b'{"a":1}',
    )
    assert request.client_address == "127.0.0.1"


async def test_a_full_spool_relays_on_and_says_so(claude: ScriptedClaude, tmp_path: Path) -> None:
    claude.rules.append(lambda _: json_answer({"ok": True}))
    async with relaying(claude.url, tmp_path, spool_max_bytes=MEGA) as gateway:
        for _ in range(3):
            assert (await gateway.post(b"x" * MEGA)).body == b'{"ok":true}'
        assert b"contract.example.test" not in gateway.raw_spool()
        health = await gateway.get("/health/ready")
        assert health.status == 200
        spool = json.loads(health.body)["checks"]["spool"]
        assert spool == {
            "status": "degraded",
            "message": "the spool is full: exchanges are relayed and not recorded",
        }


async def test_an_answer_that_found_no_room_is_never_called_whole(claude: ScriptedClaude, tmp_path: Path) -> None:
    claude.rules.append(lambda _: stream_answer([b"x" * MEGA] * 3))
    async with relaying(claude.url, tmp_path, spool_max_bytes=2 * MEGA) as gateway:
        received = await gateway.post()
        assert (len(received.body), received.whole) == (3 * MEGA, True)
        end = gateway.end(received.request_id)
        assert (end.ending, end.error_type) == (Ending.CAPTURE_LOST, "capture_lost")


async def test_metrics_are_on_a_port_of_their_own(claude: ScriptedClaude, tmp_path: Path) -> None:
    port = free_port()
    async with relaying(claude.url, tmp_path, metrics_port=port) as gateway:
        await gateway.post()
        told = (await call(port, "GET", "/metrics", [("Host", "h")])).body.decode()
        assert (await gateway.get("/metrics")).status == 404
    assert 'plait_gateway_exchanges_total{ending="whole",status="200"}' in told
    assert "plait_gateway_exchanges_in_flight 0.0" in told
    assert "plait_gateway_first_byte_seconds_count" in told


async def test_health_is_ready_whatever_is_behind_the_spool(gateway: Gateway) -> None:
    answers = {}
    for said, status in (
        ("no shipper", None),
        ("away", Status(2e9, broker_up=False)),
        ("up", Status(2e9, broker_up=True)),
    ):
        if status:
            write_status(gateway.spool, status)
        received = await gateway.get("/health/ready")
        assert received.status == 200
        answers[said] = json.loads(received.body)["status"]
    assert answers == {"no shipper": "degraded", "away": "degraded", "up": "ok"}
    for path in ("/health", "/health/live", "/health/liveliness", "/"):
        received = await gateway.get(path)
        assert (received.status, bool(received.request_id)) == (200, True)
        assert json.loads(received.body)["version"]
