"""What the gateway answers itself: Anthropic's error shape, an exchange id, and a cause that names what is wrong."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from uuid import UUID

import pytest

from plait.fakes.answers import Answer, json_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.gateway.relay.dialing import Dialer
from plait.gateway.spool.records import Ending, Request
from tests.contract.gateway.relaying import MEGA, Gateway, error_of, raw_call, relaying
from tests.ports import free_port

LIMIT = 32 * MEGA
NAMED = (("X-Request-ID", "theirs-7"),)


async def test_a_body_over_the_limit_is_refused_by_its_length(gateway: Gateway, claude: ScriptedClaude) -> None:
    received = await gateway.post(b"x" * (LIMIT + 1))
    assert received.status == 413
    assert error_of(received.body) == ("request_too_large", f"The request body is larger than {LIMIT} bytes.")
    assert claude.calls == []
    request, *_ = gateway.records(received.request_id)
    assert isinstance(request, Request)
    assert request.body == b""
    assert gateway.end(received.request_id).ending is Ending.REFUSED


async def test_a_body_over_the_limit_is_refused_while_it_is_counted(gateway: Gateway, claude: ScriptedClaude) -> None:
    head = b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%b\r\n" % (MEGA, b"x" * MEGA)
    answered, body = await raw_call(gateway.port, head + chunk * 33 + b"0\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 413")
    assert error_of(body)[0] == "request_too_large"
    assert claude.calls == []


async def test_a_client_that_sends_all_before_it_reads_can_read_the_413(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (LIMIT + MEGA))
    for _ in range(33):
        writer.write(b"x" * MEGA)
        await writer.drain()
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()


@pytest.mark.parametrize("host", [b"", b"Host: a/b\r\n", b"Host: a\r\nHost: b\r\n"], ids=["none", "malformed", "two"])
async def test_a_request_without_a_good_host_is_refused(gateway: Gateway, claude: ScriptedClaude, host: bytes) -> None:
    answered, body = await raw_call(
        gateway.port, b"POST /v1/messages HTTP/1.1\r\n" + host + b"Content-Length: 0\r\n\r\n"
    )
    assert answered.startswith(b"HTTP/1.1 400")
    assert b"x-request-id: " in answered
    assert error_of(body) == ("invalid_request_error", "The Host header is missing or malformed.")
    assert claude.calls == []


@pytest.mark.parametrize(
    "raw",
    [b"POST /v1/messages HTTP/1.1\r\nBad Header: x\r\n\r\n", "GET /v1/é HTTP/1.1\r\nHost: h\r\n\r\n".encode()],
    ids=["field name", "target"],
)
async def test_broken_http_is_refused_in_the_same_shape(gateway: Gateway, raw: bytes) -> None:
    answered, body = await raw_call(gateway.port, raw)
    assert answered.startswith(b"HTTP/1.1 400")
    assert b"x-request-id: " in answered
    assert error_of(body)[0] == "invalid_request_error"


async def test_an_unknown_path_is_ours_to_refuse(gateway: Gateway, claude: ScriptedClaude) -> None:
    received = await gateway.get("/v2/messages")
    assert received.status == 404
    assert error_of(received.body)[0] == "not_found_error"
    assert received.request_id
    assert claude.calls == []


async def test_claude_away_is_502_within_10_s_and_recorded(tmp_path: Path) -> None:
    async with relaying(f"http://127.0.0.1:{free_port()}", tmp_path) as gateway:
        received = await gateway.post(within=60)
        assert received.status == 502
        kind, message = error_of(received.body)
        assert kind == "api_error"
        assert message == "Claude cannot be reached: Connection refused."
        assert gateway.end(received.request_id).ending is Ending.NO_ANSWER


async def test_claude_back_within_the_connection_tries_is_not_noticed(tmp_path: Path) -> None:
    port = free_port()
    async with relaying(f"http://127.0.0.1:{port}", tmp_path) as gateway:
        waiting = asyncio.create_task(gateway.post())
        await asyncio.sleep(0.1)  # the first try fails
        async with ScriptedClaude(port) as claude:
            claude.rules.append(lambda _: json_answer({}))
            assert (await waiting).status == 200
            assert len(claude.calls) == 1


async def test_claude_that_closes_without_an_answer_is_502(tmp_path: Path) -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with relaying(f"http://127.0.0.1:{port}", tmp_path) as gateway:
        received = await gateway.post()
    assert received.status == 502
    assert error_of(received.body)[1].endswith("it closed the connection without an answer.")
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("name", ["a..example", f"{'a' * 64}.example"])
async def test_claude_whose_name_no_resolver_takes_is_502(tmp_path: Path, name: str) -> None:
    async with relaying(f"http://{name}", tmp_path) as gateway:
        received = await gateway.post(within=60)
        assert error_of(received.body) == ("api_error", "Claude cannot be reached: its name cannot be resolved.")
        assert gateway.end(received.request_id).ending is Ending.NO_ANSWER


async def test_claude_that_leaves_before_it_is_asked_is_502(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def dial_and_lose(dialer: Dialer, protocol: asyncio.Protocol) -> asyncio.Protocol:
        lost, tell = asyncio.Event(), protocol.connection_lost

        def tell_and_note(error: Exception | None) -> None:
            tell(error)
            lost.set()

        monkeypatch.setattr(protocol, "connection_lost", tell_and_note)
        await dial(dialer, protocol)
        await lost.wait()
        return protocol

    dial = Dialer.dial
    monkeypatch.setattr(Dialer, "dial", dial_and_lose)
    server = await asyncio.start_server(close, "127.0.0.1", 0)
    async with server, relaying(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", tmp_path) as gateway:
        received = await gateway.post(within=60)
        assert error_of(received.body)[1] == "Claude cannot be reached: it closed the connection without an answer."
        assert gateway.end(received.request_id).ending is Ending.NO_ANSWER


async def test_an_answer_that_does_not_begin_in_time_is_504(claude: ScriptedClaude, tmp_path: Path) -> None:
    claude.rules.append(lambda _: Answer(head_wait=30))
    async with relaying(claude.url, tmp_path, claude_api_timeout=0.2) as gateway:
        received = await gateway.post()
        assert received.status == 504
        assert error_of(received.body) == ("timeout_error", "Claude did not answer in time: no answer within 0.2 s.")
        assert gateway.end(received.request_id).ending is Ending.NO_ANSWER


async def test_an_answer_that_falls_silent_is_cut(claude: ScriptedClaude, tmp_path: Path) -> None:
    claude.rules.append(lambda _: stream_answer([b"data: 1\n\n"]).ending("hold"))
    async with relaying(claude.url, tmp_path, claude_idle_timeout=0.2) as gateway:
        received = await gateway.post()
        assert (received.status, received.body, received.whole) == (200, b"data: 1\n\n", False)
        assert gateway.end(received.request_id).message == "Claude sent nothing for 0.2 s"


async def test_the_api_gets_what_is_its_own(claude: ScriptedClaude, tmp_path: Path) -> None:
    async with ScriptedClaude() as api, relaying(claude.url, tmp_path, api_url=api.url) as gateway:
        api.rules.append(lambda _: json_answer({}, 403))
        for target in ("/api/requests?limit=1", "/token-stats", "/mcp"):
            received = await gateway.get(target, headers=[("Cookie", "c=1"), ("X-Dashboard-Key", "k")])
            assert received.status == 403
        assert [call.target for call in api.calls] == ["/api/requests?limit=1", "/token-stats", "/mcp"]
        assert api.calls[0].header("cookie") == "c=1"
        assert claude.calls == []
        assert b"contract.example.test" not in gateway.raw_spool()


async def test_one_refusal_of_the_api_has_one_id(claude: ScriptedClaude, tmp_path: Path) -> None:
    async with ScriptedClaude() as api, relaying(claude.url, tmp_path, api_url=api.url) as gateway:
        api.rules.append(lambda _: json_answer({"error": {"request_id": "theirs-7"}}, 404, NAMED))
        assert (await gateway.get("/api/requests/x")).request_id == "theirs-7"
        api.rules[:] = [lambda _: json_answer({}, 200)]
        without = await gateway.get("/api/requests")
        assert UUID(without.request_id or "").version == 7


async def test_claude_does_not_name_our_exchanges(claude: ScriptedClaude, tmp_path: Path) -> None:
    claude.rules.append(lambda _: json_answer({}, 200, NAMED))
    async with relaying(claude.url, tmp_path) as gateway:
        assert gateway.end((await gateway.post()).request_id).ending is Ending.WHOLE


async def test_what_the_gateway_lists_is_there(claude: ScriptedClaude, tmp_path: Path) -> None:
    async with relaying(claude.url, tmp_path) as gateway:
        listed = json.loads((await gateway.get("/")).body)["endpoints"]
    assert listed == ["/v1/*", "/t/<tag>/v1/*", "/api/*", "/health"]


@pytest.mark.parametrize("pause", [False, True], ids=["in one piece", "in many"])
async def test_a_head_over_64_kb_is_refused(gateway: Gateway, claude: ScriptedClaude, pause: bool) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nX-Long: " + b"x" * 70_000
    for at in range(0, len(head), 9_000 if pause else len(head)):
        writer.write(head[at : at + 9_000] if pause else head)
        await writer.drain()
    answered = await reader.read()
    writer.close()
    assert answered.startswith(b"HTTP/1.1 431")
    assert error_of(answered.partition(b"\r\n\r\n")[2])[1] == "Request line and headers are larger than 65536 bytes."
    assert claude.calls == []


@pytest.mark.parametrize("status", [0, 101, 199, 600, 999])
async def test_an_upstream_status_that_is_no_answer_is_a_502(tmp_path: Path, status: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %03d X\r\nContent-Length: 2\r\n\r\nok" % status)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, relaying(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", tmp_path / "s") as gateway:
        received = await gateway.get("/v1/models")
    assert received.status == 502
    assert error_of(received.body)[0] == "api_error"
