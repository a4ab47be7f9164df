"""What goes through comes out the same: bodies, targets, header fields and statuses, both ways."""

from __future__ import annotations

import asyncio
import gzip
from uuid import UUID

import pytest

from plait.fakes.answers import Answer, Piece, error_answer, json_answer, raw_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.http1 import Header
from tests.contract.gateway.relaying import MEGA, MESSAGES, Gateway, raw_call

ODD_JSON = (
    b'{"model" : "m",\n "max_tokens":1.0,"messages":[{"content":"caf\xc3\xa9 \\u00e9","role":"user"}],"zz":{"b":1e3}}'
)
ODD_EVENTS = [
    b'event: message_start\ndata: {"type":"message_start"}\n\n',
    b": a comment\n\n",
    b'event: ping\r\ndata: {"type": "ping"}\r\n\r\n',
    b"id: 7\nretry: 10\n\n",
    "data: héllo 🤖\n\n".encode(),
    b"event: zz_future\ndata: {}\n\n",
]


@pytest.mark.parametrize(
    "body",
    [ODD_JSON, b"", b"\xff\x00 not json \r\n\r\n", gzip.compress(ODD_JSON), b"x" * (32 * MEGA)],
    ids=["odd json", "empty", "binary", "gzip", "32 MB"],
)
async def test_a_request_body_arrives_byte_for_byte(gateway: Gateway, claude: ScriptedClaude, body: bytes) -> None:
    claude.rules.append(lambda _: json_answer({}))
    received = await gateway.post(body)
    assert received.status == 200
    assert [call.body for call in claude.calls] == [body]


async def test_a_chunked_request_arrives_whole(gateway: Gateway, claude: ScriptedClaude) -> None:
    chunks = b"5\r\nhello\r\n1;ext=1\r\n \r\n5\r\nworld\r\n0\r\n\r\n"
    head = b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    await raw_call(gateway.port, head + chunks)
    assert claude.calls[0].body == b"hello world"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/v1/messages?beta=true", "/v1/messages?beta=true"),
        ("/v1/files?x=%2F%3F&y=1&y=2&z", "/v1/files?x=%2F%3F&y=1&y=2&z"),
        ("/v1/a%20b//c/../d;e=f", "/v1/a%20b//c/../d;e=f"),
        ("/v1/caf%c3%A9?q='\"{}|", "/v1/caf%c3%A9?q='\"{}|"),
        ("/t/blue/v1/messages?beta=true", "/v1/messages?beta=true"),
    ],
)
async def test_a_target_passes_as_it_is(gateway: Gateway, claude: ScriptedClaude, target: str, expected: str) -> None:
    await gateway.get(target)
    assert [call.target for call in claude.calls] == [expected]


async def test_only_end_to_end_fields_pass_and_none_is_added(gateway: Gateway, claude: ScriptedClaude) -> None:
    passing: list[Header] = [
        ("anthropic-beta", "a,b"),
        ("X-Claude-Code-New", "v=1; w"),
        ("x-custom", "a"),
        ("X-Custom", "b"),
        ("authorization", "Bearer k"),
        ("x-api-key", "k"),
        ("anthropic-new", "é ü 🤖".encode().decode("latin-1")),
    ]
    stopped: list[Header] = [
        ("Connection", "x-named"),
        ("x-named", "1"),
        ("Cookie", "c=1"),
        ("TE", "trailers"),
        ("Proxy-Authorization", "Basic k"),
    ]
    await gateway.post(headers=[*passing, *stopped])
    lowered = [(name.lower(), value) for name, value in passing]
    port = claude.port
    assert sorted(claude.calls[0].headers) == sorted(
        [("Host", f"127.0.0.1:{port}"), ("Content-Length", "2"), *lowered]
    ), "nothing lost, nothing added"


SHAPES = {
    "json": json_answer({"a": "é" * 1000}),
    "1 MB json": json_answer({"a": "x" * MEGA}),
    "gzip": raw_answer(gzip.compress(ODD_JSON), "application/json", headers=(("content-encoding", "gzip"),)),
    "empty": raw_answer(b"", "text/plain"),
    "204": Answer(204),
    "events": stream_answer(ODD_EVENTS),
    "events, a byte at a time": stream_answer(ODD_EVENTS).cut_every(1),
    "events in 7 bytes": stream_answer(ODD_EVENTS).cut_every(7),
    "1 MB line": stream_answer([b"data: " + b"y" * MEGA + b"\n\n"]).cut_every(65536),
    "empty stream": stream_answer([]),
    "redirect": Answer(302, (("location", "/v1/elsewhere"),), (Piece(b"moved"),)),
}


@pytest.mark.parametrize("answer", SHAPES.values(), ids=SHAPES)
async def test_an_answer_arrives_byte_for_byte(gateway: Gateway, claude: ScriptedClaude, answer: Answer) -> None:
    claude.rules.append(lambda _: answer)
    received = await gateway.post()
    assert (received.status, received.body, received.whole) == (answer.status, answer.body, True)
    assert len(claude.calls) == 1
    assert set(answer.headers) <= set(received.headers)


async def test_answer_fields_all_come_back_and_the_exchange_id_with_them(
    gateway: Gateway, claude: ScriptedClaude
) -> None:
    fields: tuple[Header, ...] = (
        ("request-id", "req_1"),
        ("retry-after", "2"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-new", "é".encode().decode("latin-1")),
        ("x-long", "y" * 20_000),
    )
    claude.rules.append(lambda _: json_answer({}, headers=fields))
    received = await gateway.post()
    framing = [("content-type", "application/json"), ("content-length", "2")]
    expected = [*fields, *framing, ("x-request-id", received.request_id)]
    assert sorted(received.headers) == sorted(expected), "nothing lost, nothing added"
    assert UUID(received.request_id).version == 7


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 529])
async def test_a_refusal_of_claude_passes_unmodified_and_is_asked_once(
    gateway: Gateway, claude: ScriptedClaude, status: int
) -> None:
    answer = error_answer(status, "prompt is too long: 2 tokens > 1 maximum", headers=(("x-should-retry", "true"),))
    claude.rules.append(lambda _: answer)
    received = await gateway.post()
    assert (received.status, received.body, len(claude.calls)) == (status, answer.body, 1)
    assert ("x-should-retry", "true") in received.headers


@pytest.mark.parametrize("target", ["/", "/api/hello", MESSAGES])
async def test_head_has_its_length_and_no_body(gateway: Gateway, claude: ScriptedClaude, target: str) -> None:
    claude.rules.append(lambda _: json_answer({"a": 1}))
    head = f"HEAD {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode()
    answered, body = await raw_call(gateway.port, head)
    assert b"content-length: 7" in answered
    assert body == b""
    assert [call.method for call in claude.calls] == ["HEAD"]


async def test_one_connection_carries_many_exchanges(gateway: Gateway, claude: ScriptedClaude) -> None:
    claude.rules.append(lambda call: raw_answer(call.body, "text/plain"))
    one = b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n%b\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    for letter in (b"a", b"b", b"c"):
        writer.write(one % b"" + letter)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert await reader.readexactly(1) == letter
    writer.close()


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
async def test_an_offer_to_upgrade_is_passed_over_and_the_body_passes(
    gateway: Gateway, claude: ScriptedClaude, protocol: str
) -> None:
    """As Java's client offers h2c with its first request on a connection (RFC 9110, 7.8: a server may ignore it)."""
    body = b'{"model": "m", "messages": []}'
    offer = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", protocol), ("HTTP2-Settings", "AAMAAABk")]
    received = await gateway.post(body, headers=offer)
    assert received.status != 101
    assert [call.body for call in claude.calls] == [body]
    assert {"upgrade", "http2-settings"}.isdisjoint(name.lower() for name, _ in claude.calls[0].headers)


async def test_trailers_are_no_headers(gateway: Gateway, claude: ScriptedClaude) -> None:
    head = b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    trailers = b"authorization: Bearer from-trailer\r\nHost: evil\r\nx-trailer: 1\r\n"
    await raw_call(gateway.port, head + b"2\r\n{}\r\n0\r\n" + trailers + b"\r\n")
    assert [call.body for call in claude.calls] == [b"{}"]
    assert {"authorization", "x-trailer"}.isdisjoint(name.lower() for name, _ in claude.calls[0].headers)


async def test_a_head_may_come_byte_by_byte_and_after_empty_lines(gateway: Gateway, claude: ScriptedClaude) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    for byte in b"\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n":
        writer.write(bytes([byte]))
        await writer.drain()
    await reader.read()
    writer.close()
    assert [call.target for call in claude.calls] == ["/v1/models"]
